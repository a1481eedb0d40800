// SPDX-License-Identifier: Apache-2.0
// sidecar/http/event_stream.h
#pragma once

#include <string>
#include <string_view>

#include "sidecar/http/client.h"

namespace bailiff::sidecar {

// Longest line of an event stream; an alert is far below.
inline constexpr std::size_t kMaxEventLine = 4 << 20;

// Takes a stream of server-sent events (WHATWG HTML, 9.2) apart, in whatever
// pieces it comes.  Knows `id` and `data`; other fields and comments are
// passed over.
class EventStreamReader {
 public:
  // False when `event` returned false, or a line is longer than kMaxEventLine.
  bool feed(std::string_view bytes, const HttpClient::OnEvent& event);

 private:
  bool take_line(std::string_view line, const HttpClient::OnEvent& event);

  std::string line_;
  std::string id_;
  std::string json_;
};

}  // namespace bailiff::sidecar
