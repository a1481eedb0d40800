// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <sstream>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"

namespace bailiff {
namespace {

constexpr std::size_t kMaxUidMapBytes = std::size_t{64} * 1024;
// One line of a uid_map that maps every id to itself: the initial namespace.
constexpr std::uint64_t kAllIds = 4294967295;
// The most favoured of the ordinary ones.
constexpr int kNice = -20;

}  // namespace

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    // SIGKILL, SIGSTOP and the two of the C library are refused: nothing to
    // reset there.
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Status isolate_process() {
  if (::syscall(SYS_close_range, 3, ~0U, 0) != 0) {
    return errno_error("close_range");
  }
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is given out, which is `fd`; the three standard
    // streams are kept across exec.
    if (::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) {
      return errno_error("open '/dev/null'");
    }
  }
  reset_signals();
  ::umask(077);
  if (::chdir("/") != 0) return errno_error("change folder to '/'");
  return Ok{};
}

Status raise_descriptor_limit(int descriptors) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("getrlimit");
  const rlim_t most =
      std::min(limit.rlim_max, static_cast<rlim_t>(descriptors));
  if (limit.rlim_cur >= most) return Ok{};
  limit.rlim_cur = most;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("setrlimit");
  return Ok{};
}

Status reserve_descriptors(int descriptors) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("getrlimit");
  const rlim_t most =
      std::min(limit.rlim_cur, static_cast<rlim_t>(descriptors));
  const UniqueFd any(::open("/", O_PATH | O_CLOEXEC));
  if (!any) return errno_error("open '/'");
  // The table has room up to the highest number that was ever given out.
  const UniqueFd highest(
      ::fcntl(any.get(), F_DUPFD_CLOEXEC, static_cast<int>(most) - 1));
  if (!highest) return errno_error("grow the descriptor table");
  return Ok{};
}

void prefer_this_thread() {
  // The lowest real-time priority goes before every ordinary task, and the
  // kernel leaves those 5 % of a processor whatever this thread does (sched(7),
  // "Limiting the CPU usage"); where it is not granted, the nice value, which
  // on Linux each thread has of its own, is next best.  Without the right to
  // either the thread is only later, so a failure is ignored.
  const sched_param lowest{.sched_priority = 1};
  if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0) {
    static_cast<void>(
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice));
  }
}

bool is_host_root() {
  if (::geteuid() != 0) return false;
  const Result<std::string> map =
      read_bounded("/proc/self/uid_map", kMaxUidMapBytes);
  // Without /proc there is no telling; "not root" is the answer that makes the
  // caller refuse.
  if (!map) return false;
  std::istringstream line(*map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  line >> inside >> outside >> count;
  return line && inside == 0 && outside == 0 && count == kAllIds;
}

namespace {

// `process` is a folder of /proc.
Result<struct stat> namespace_of(const std::string& process,
                                 const std::string& kind) {
  const std::string path = "/proc/" + process + "/ns/" + kind;
  struct stat found = {};
  if (::stat(path.c_str(), &found) == 0) return found;
  return errno_error("check '" + path + "'");
}

Result<bool> same_namespace(const std::string& one, const std::string& other,
                            const std::string& kind) {
  ASSIGN_OR_RETURN(const struct stat first, namespace_of(one, kind));
  ASSIGN_OR_RETURN(const struct stat second, namespace_of(other, kind));
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

Result<bool> shares_namespace(pid_t pid, const std::string& kind) {
  return same_namespace(std::to_string(pid), "self", kind);
}

Result<bool> same_namespace(pid_t one, pid_t other, const std::string& kind) {
  return same_namespace(std::to_string(one), std::to_string(other), kind);
}

Status keep_only_descriptor(int fd) {
  if (::unshare(CLONE_FILES) != 0) return errno_error("unshare descriptors");
  const auto kept = static_cast<unsigned>(fd);
  if ((fd > 0 && ::close_range(0, kept - 1, 0) != 0) ||
      ::close_range(kept + 1, ~0U, 0) != 0) {
    return errno_error("close descriptors");
  }
  return Ok{};
}

}  // namespace bailiff
