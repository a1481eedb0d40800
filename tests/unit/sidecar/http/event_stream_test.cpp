// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/event_stream.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace bailiff::sidecar {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

constexpr char kText[] =
    ": hello\n\nid: 1\ndata: {\"a\":1}\n\nid:2\r\nevent: x\r\ndata:{}\r\n\r\n"
    ": still here\n\ndata: a\ndata: b\n\nid: 9\ndata: unfinished";
const Events kEvents = {{"1", "{\"a\":1}"}, {"2", "{}"}, {"2", "a\nb"}};

TEST(EventStreamReader, ReadsWhateverThePieces) {
  const std::string text = kText;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    EventStreamReader reader;
    Events events;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(reader.feed(text.substr(at, piece),
                              [&](std::string_view id, std::string_view json) {
                                events.emplace_back(id, json);
                                return true;
                              }));
    }
    EXPECT_EQ(events, kEvents) << piece;
  }
}

TEST(EventStreamReader, StopsWhenNoMoreIsWanted) {
  EventStreamReader reader;
  int seen = 0;
  EXPECT_FALSE(reader.feed(
      kText, [&](std::string_view, std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST(EventStreamReader, StopsAtALineThatNeverEnds) {
  EventStreamReader reader;
  const auto ignore = [](std::string_view, std::string_view) { return true; };
  EXPECT_FALSE(reader.feed(std::string(kMaxEventLine + 1, 'x'), ignore));
}

}  // namespace
}  // namespace bailiff::sidecar
