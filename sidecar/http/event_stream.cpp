// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/event_stream.h"

namespace bailiff::sidecar {

bool EventStreamReader::feed(std::string_view bytes,
                             const HttpClient::OnEvent& event) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kMaxEventLine) return false;
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    std::string line;
    line.swap(line_);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!take_line(line, event)) return false;
  }
  return true;
}

bool EventStreamReader::take_line(std::string_view line,
                                  const HttpClient::OnEvent& event) {
  if (line.empty()) {  // the event is complete
    if (json_.empty()) return true;
    std::string json;
    json.swap(json_);
    return event(id_, json);
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return true;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "id") id_ = value;
  if (name == "data") {
    if (!json_.empty()) json_ += '\n';
    json_ += value;
  }
  return true;
}

}  // namespace bailiff::sidecar
