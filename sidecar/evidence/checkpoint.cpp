// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/checkpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "oci/spec/state.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

// criu looks for ip, iptables and tar.
constexpr char kPath[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// Of a log, from its end.
constexpr std::uint64_t kMaxTail = std::uint64_t{64} * 1024;
constexpr std::size_t kMaxReason = 400;
// What was killed needs no longer, but in the kernel's hands.
constexpr std::chrono::seconds kDying{1};

// The end of a file that is there; "": it is not.
std::string tail_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat file {};
  if (!fd || ::fstat(fd.get(), &file) != 0) return "";
  const auto size = static_cast<std::uint64_t>(file.st_size);
  std::string text(std::min(size, kMaxTail), '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(),
                              static_cast<off_t>(size - text.size()));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// The last line that holds `word`; "": there is none.
std::string last_line(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = text.find_last_not_of('\n');
    if (end == std::string_view::npos) break;
    text = text.substr(0, end + 1);
    const std::size_t before = text.rfind('\n');
    const std::string_view line =
        before == std::string_view::npos ? text : text.substr(before + 1);
    if (line.find(word) != std::string_view::npos) {
      return std::string(line.substr(0, kMaxReason));
    }
    if (before == std::string_view::npos) break;
    text = text.substr(0, before);
  }
  return "";
}

// Of "RssAnon:     1234 kB", in bytes.
std::uint64_t kilobytes(std::string_view status, std::string_view key) {
  const std::size_t at = status.find(key);
  if (at == std::string_view::npos) return 0;
  const std::size_t begin = status.find_first_of("0123456789", at);
  std::uint64_t value = 0;
  if (begin != std::string_view::npos) {
    std::from_chars(status.data() + begin, status.data() + status.size(),
                    value);
  }
  return value * 1024;
}

}  // namespace

Result<std::vector<std::string>> checkpoint_command(
    const oci::ContainerRecord& record, const std::string& folder) {
  if (record.runtime.empty()) {
    return Error{Code::kUnsupported,
                 "nobody told which runtime runs the container, as it was not "
                 "started by bailiff-runc"};
  }
  RETURN_IF_ERROR(check_trusted(record.runtime));
  RETURN_IF_ERROR(oci::check_container_id(record.id));
  std::vector<std::string> command = {record.runtime};
  if (!record.runtime_root.empty()) {
    command.insert(command.end(), {"--root", record.runtime_root});
  }
  // Whatever it has is taken as it is: it is to be looked at, and whether it
  // can be restored is another matter.
  command.insert(command.end(),
                 {"checkpoint", "--leave-running", "--image-path", folder,
                  "--work-path", folder, "--tcp-established", "--ext-unix-sk",
                  "--shell-job", "--file-locks", record.id});
  return command;
}

std::uint64_t memory_of(const std::vector<ProcessState>& processes) {
  std::uint64_t bytes = 0;
  for (const ProcessState& process : processes) {
    for (const char* key : {"\nRssAnon:", "\nRssShmem:", "\nVmSwap:"}) {
      bytes += kilobytes(process.status, key);
    }
  }
  return bytes;
}

Result<CheckpointRun> CheckpointRun::prepare(
    const std::vector<std::string>& command, const std::string& folder) {
  const std::string path = folder + "/" + kRuntimeLog;
  const UniqueFd log(::open(
      path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return errno_error("make '" + path + "'");
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return errno_error("open '/dev/null'");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe");
  const UniqueFd waiting(ends[0]);
  UniqueFd gate(ends[1]);
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string variable = kPath;
  char* const environment[] = {variable.data(), nullptr};
  sigset_t none;
  ::sigemptyset(&none);

  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork");
  if (pid == 0) {
    // Other threads may have held any lock: system calls only.
    ::close(ends[1]);
    ::setsid();
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    char byte = 0;
    if (::dup2(null.get(), 0) < 0 || ::dup2(log.get(), 1) < 0 ||
        ::dup2(log.get(), 2) < 0 || ::chdir("/") != 0 ||
        ::read(ends[0], &byte, 1) != 1) {
      ::_exit(126);
    }
    ::execve(argv.front(), argv.data(), environment);
    ::_exit(127);
  }
  // Our child: its number is its own until it is waited for.
  const auto give_up = [&](Error error) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  };
  Result<Pidfd> process = Pidfd::open(pid);
  if (!process) return give_up(std::move(process).error());
  const Result<std::uint64_t> ticks = process->start_time();
  if (!ticks) return give_up(ticks.error());
  return CheckpointRun({pid, *ticks}, *std::move(process), std::move(gate));
}

CheckpointRun::CheckpointRun(CheckpointRun&& other) noexcept
    : started_(std::exchange(other.started_, {})),
      process_(std::move(other.process_)),
      gate_(std::move(other.gate_)) {}

CheckpointRun::~CheckpointRun() {
  if (started_.pid <= 0) return;
  end();
  static_cast<void>(reap());
}

void CheckpointRun::go() {
  // One that was killed meanwhile reads it no more.
  const char byte = 1;
  static_cast<void>(!::write(gate_.get(), &byte, 1));
  gate_ = UniqueFd();
}

void CheckpointRun::end() const {
  // Zero would be our own process group.
  if (started_.pid <= 0) return;
  ::kill(started_.pid, SIGKILL);
  ::kill(-started_.pid, SIGKILL);
}

bool CheckpointRun::wait_ended(Deadline deadline) const {
  const Result<bool> ended = process_.wait_exit(deadline);
  return ended && *ended;
}

int CheckpointRun::reap() {
  int status = 0;
  while (::waitpid(started_.pid, &status, 0) < 0 && errno == EINTR) {
  }
  // No process is given the number of a session that has some.  Where we are
  // the first process of a pid namespace, what it leaves is ours to wait for.
  const Deadline until = std::chrono::steady_clock::now() + kDying;
  while (::kill(-started_.pid, 0) == 0 &&
         std::chrono::steady_clock::now() < until) {
    ::kill(-started_.pid, SIGKILL);
    if (::waitpid(-started_.pid, nullptr, WNOHANG) <= 0) ::poll(nullptr, 0, 1);
  }
  started_ = {};
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void end_checkpoint(const StartedProcess& process) {
  const Result<Pidfd> known = Pidfd::open(process.pid);
  if (!known) return;
  const Result<std::uint64_t> ticks = known->start_time();
  if (!ticks || *ticks != process.ticks) return;
  // Itself too: one that has just begun has no session yet.
  static_cast<void>(known->send_signal(SIGKILL));
  ::kill(-process.pid, SIGKILL);
  static_cast<void>(
      known->wait_exit(std::chrono::steady_clock::now() + kDying));
}

std::vector<std::string> checkpoint_files(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const opened = ::opendir(folder.c_str());
  if (opened == nullptr) return names;
  while (const dirent* entry = ::readdir(opened)) {
    struct stat file {};
    if (::fstatat(::dirfd(opened), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) ==
            0 &&
        S_ISREG(file.st_mode)) {
      names.emplace_back(entry->d_name);
    }
  }
  ::closedir(opened);
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t checkpoint_bytes(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const std::string& name : checkpoint_files(folder)) {
    struct stat file {};
    if (::lstat((folder + "/" + name).c_str(), &file) == 0) {
      bytes += static_cast<std::uint64_t>(file.st_size);
    }
  }
  return bytes;
}

std::string checkpoint_failure(const std::string& runtime, int exit,
                               const std::string& folder) {
  std::string reason =
      "'" + runtime + " checkpoint' ended with " + std::to_string(exit);
  const std::string said = last_line(tail_of(folder + "/" + kRuntimeLog), "");
  if (!said.empty()) reason += ": " + said;
  const std::string criu = last_line(tail_of(folder + "/" + kCriuLog), "Error");
  if (!criu.empty()) reason += "; criu: " + criu;
  return reason;
}

}  // namespace bailiff::sidecar
