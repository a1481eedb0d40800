// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace bailiff::sidecar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRepeat{10};

struct Repeated {
  Clock::time_point next;
  std::uint64_t left_out = 0;
};

}  // namespace

void start_log() {
  auto logger = spdlog::stderr_logger_mt("bailiffd");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v",
                      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
}

void log_info(const std::string& line) { spdlog::info("{}", line); }
void log_warning(const std::string& line) { spdlog::warn("{}", line); }
void log_error(const std::string& line) { spdlog::error("{}", line); }

void log_repeated(std::string_view kind, const std::string& line) {
  static std::mutex mutex;
  // One entry for each call site's kind: a handful.
  static std::map<std::string, Repeated, std::less<>> kinds;
  std::uint64_t left_out = 0;
  {
    const std::lock_guard lock(mutex);
    Repeated& repeated = kinds.try_emplace(std::string(kind)).first->second;
    const Clock::time_point now = Clock::now();
    if (now < repeated.next) {
      ++repeated.left_out;
      return;
    }
    repeated.next = now + kRepeat;
    left_out = std::exchange(repeated.left_out, 0);
  }
  if (left_out == 0) {
    log_warning(line);
  } else {
    log_warning(line + " left_out=" + std::to_string(left_out));
  }
}

}  // namespace bailiff::sidecar
