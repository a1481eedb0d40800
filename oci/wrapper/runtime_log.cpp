// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/runtime_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"

namespace bailiff::oci {
namespace {

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warning";
  }
  return "error";
}

// A string literal of JSON, which is one of logfmt too.  Bytes that are no
// ASCII text are escaped one by one, so that any message makes a valid line.
std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[7];
      ::snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string now() {
  const time_t seconds = ::time(nullptr);
  tm parts = {};
  char text[32];
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      ::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return "1970-01-01T00:00:00Z";
  }
  return text;
}

}  // namespace

std::string log_line(LogLevel level, std::string_view message,
                     std::string_view time, bool json) {
  const std::string level_text(to_string(level));
  if (json) {
    return "{\"level\":\"" + level_text + "\",\"msg\":" + literal(message) +
           ",\"time\":" + literal(time) + "}\n";
  }
  return "time=" + literal(time) + " level=" + level_text +
         " msg=" + literal(message) + "\n";
}

void append_to_log(const LogOptions& log, LogLevel level,
                   std::string_view message) {
  std::string path = log.file;
  // crun's --log may say what it is; of these only a file can be appended to.
  constexpr std::string_view kFile = "file:";
  if (path.starts_with(kFile)) path.erase(0, kFile.size());
  if (path.empty() || path.starts_with("journald:") ||
      path.starts_with("syslog:")) {
    return;
  }
  // As runc opens it; O_NONBLOCK so that a FIFO without reader cannot hold us.
  const UniqueFd fd(::open(
      path.c_str(),
      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644));
  if (!fd) return;
  // Failing open: the same message goes to standard error.
  static_cast<void>(
      write_all(fd.get(), path, log_line(level, message, now(), log.json)));
}

}  // namespace bailiff::oci
