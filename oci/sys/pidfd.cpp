// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/pidfd.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff {
namespace {

// proc(5): /proc/PID/stat counts its fields from 1.
constexpr int kStatParent = 4;
constexpr int kStatStartTime = 22;
constexpr std::size_t kMaxStatBytes = 4096;

}  // namespace

Result<Pidfd> Pidfd::open(pid_t pid) {
  if (pid <= 0) {
    return invalid_argument("'" + std::to_string(pid) +
                            "' is not a process id");
  }
  // pidfds are close-on-exec by themselves.
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return errno_error("pidfd_open " + std::to_string(pid));
  return Pidfd(std::move(fd), pid);
}

Status Pidfd::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0) {
    return errno_error("send signal " + std::to_string(signal) +
                       " to process " + std::to_string(pid_));
  }
  return Ok{};
}

bool Pidfd::alive() const {
  pollfd wait = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 0) == 0;
}

Result<bool> Pidfd::wait_exit(Deadline deadline) const {
  for (;;) {
    pollfd wait = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, poll_timeout(deadline));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) {
      return errno_error("wait for process " + std::to_string(pid_));
    }
    if (std::chrono::steady_clock::now() >= deadline) return !alive();
  }
}

Result<std::uint64_t> Pidfd::stat_field(int index) const {
  const std::string path = "/proc/" + std::to_string(pid_) + "/stat";
  ASSIGN_OR_RETURN(const std::string text, read_bounded(path, kMaxStatBytes));
  if (!alive()) {
    return Error{Code::kNotFound,
                 "process " + std::to_string(pid_) + " has ended"};
  }
  // The name (field 2) may hold spaces and parentheses; the last ')' ends it.
  std::string_view rest = text;
  const std::size_t end_of_name = rest.rfind(')');
  if (end_of_name == std::string_view::npos) {
    return invalid_argument("'" + path + "' has no process name");
  }
  rest.remove_prefix(end_of_name + 1);
  for (int field = 2; field < index; ++field) {
    const std::size_t space = rest.find(' ', 1);
    if (field + 1 == index) {
      rest =
          rest.substr(1, space == std::string_view::npos ? space : space - 1);
    } else if (space == std::string_view::npos) {
      return invalid_argument("'" + path + "' has too few fields");
    } else {
      rest.remove_prefix(space);
    }
  }
  std::uint64_t value = 0;
  const auto parsed =
      std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (parsed.ec != std::errc()) {
    return invalid_argument("'" + path + "': field " + std::to_string(index) +
                            " is not a number");
  }
  return value;
}

Result<std::uint64_t> Pidfd::start_time() const {
  return stat_field(kStatStartTime);
}

Result<pid_t> Pidfd::parent() const {
  ASSIGN_OR_RETURN(const std::uint64_t parent, stat_field(kStatParent));
  return static_cast<pid_t>(parent);
}

}  // namespace bailiff
