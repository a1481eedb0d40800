// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "rules/abi/task.h"
#include "sidecar/ingest/observed_record.h"

namespace bailiff::sidecar {
namespace {

template <typename T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Result<ObservedEvent> parsed(std::uint8_t verdict, std::string parts) {
  bailiff_exec_event event{};
  event.common.header.kind = BAILIFF_EVENT_EXEC;
  event.common.header.verdict = verdict;
  event.common.header.size =
      static_cast<std::uint32_t>(sizeof event + parts.size());
  std::string bytes;
  append(bytes, event);
  bytes += parts;
  return parse_observed(std::as_bytes(std::span(bytes)));
}

std::string part_of(const std::vector<bailiff_task_hit>& hits) {
  std::string bytes;
  append(bytes,
         bailiff_part_header{.part = BAILIFF_PART_RULES,
                             .bytes = static_cast<std::uint16_t>(
                                 hits.size() * sizeof(bailiff_task_hit))});
  for (const bailiff_task_hit& hit : hits) append(bytes, hit);
  return bytes;
}

TEST(Decided, NothingWasWhereTheRecordSaysNothing) {
  const auto event = parsed(BAILIFF_VERDICT_ALLOWED, "");
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->decided);
  EXPECT_FALSE(event->killed);
}

TEST(Decided, NoRuleHoldsWhereItHasNone) {
  const auto event = parsed(BAILIFF_VERDICT_ALLOWED, part_of({}));
  ASSERT_TRUE(event && event->decided);
  EXPECT_TRUE(event->decided->empty());
}

TEST(Decided, TellsWhatHoldsFromWhatIsOpen) {
  const auto event =
      parsed(BAILIFF_VERDICT_DENIED,
             part_of({{.rule = 7, .flags = 0},
                      {.rule = 9, .flags = BAILIFF_EVENT_CANDIDATE}}));
  ASSERT_TRUE(event && event->decided);
  EXPECT_TRUE(event->killed);
  ASSERT_EQ(event->decided->size(), 2U);
  EXPECT_EQ(event->decided->at(0).rule, 7U);
  EXPECT_FALSE(event->decided->at(0).open);
  EXPECT_TRUE(event->decided->at(1).open);
}

}  // namespace
}  // namespace bailiff::sidecar
