// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/manager_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

constexpr std::string_view kPodmanBundles = "/overlay-containers/";
constexpr std::string_view kContainerdBundles =
    "/io.containerd.runtime.v2.task/";
// What is kept of what a program says.
constexpr std::size_t kMaxSaid = 512;
constexpr std::array kFolders = {"/usr/local/sbin", "/usr/local/bin",
                                 "/usr/sbin",       "/usr/bin",
                                 "/sbin",           "/bin"};

// The program in a folder only root may change.
std::string find_program(const std::string& name) {
  for (const char* folder : kFolders) {
    std::string path = std::string(folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0 && check_trusted(path)) return path;
  }
  return "";
}

// What managers call containers; nothing of it can be taken for an option.
bool is_id(const std::string& id) {
  return !id.empty() && id.front() != '-' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

ManagerAddress manager_of(const oci::ContainerRecord& record) {
  const std::string& bundle = record.bundle;
  // CRI-O's bundles are in /run; podman's end in userdata, as CRI-O's do.
  if (bundle.find(kPodmanBundles) != std::string::npos &&
      bundle.ends_with("/" + record.id + "/userdata")) {
    return {.kind = record.facts.type == "cri-o" ? ManagerKind::kNone
                                                 : ManagerKind::kPodman};
  }
  const std::size_t at = bundle.find(kContainerdBundles);
  if (at == std::string::npos) return {};
  const std::string rest = bundle.substr(at + kContainerdBundles.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos) return {};
  ManagerAddress manager{.kind = ManagerKind::kContainerd,
                         .name_space = rest.substr(0, slash)};
  if (manager.name_space == "moby") manager.kind = ManagerKind::kDocker;
  // Of k3s and its like too.
  const std::string socket = bundle.substr(0, at) + "/containerd.sock";
  struct stat found {};
  if (::stat(socket.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
    manager.address = socket;
  }
  return manager;
}

std::vector<std::string> manager_command(const ManagerAddress& manager,
                                         ManagerVerb verb,
                                         const std::string& id,
                                         std::int64_t grace_seconds) {
  if (!is_id(id)) return {};
  const auto engine = [&](const char* program,
                          const char* time) -> std::vector<std::string> {
    switch (verb) {
      case ManagerVerb::kPause:
        return {program, "pause", id};
      case ManagerVerb::kResume:
        return {program, "unpause", id};
      case ManagerVerb::kStop:
        return {program, "stop", time, std::to_string(grace_seconds), id};
    }
    return {};
  };
  switch (manager.kind) {
    case ManagerKind::kNone:
      return {};
    case ManagerKind::kPodman:
      return engine("podman", "--time");
    case ManagerKind::kDocker:
      return engine("docker", "--time");
    case ManagerKind::kContainerd:
      break;
  }
  if (verb == ManagerVerb::kStop || !is_id(manager.name_space)) return {};
  std::vector<std::string> command = {"ctr", "--namespace", manager.name_space};
  if (!manager.address.empty()) {
    command.insert(command.end(), {"--address", manager.address});
  }
  command.insert(
      command.end(),
      {"tasks", verb == ManagerVerb::kPause ? "pause" : "resume", id});
  return command;
}

ManagerCall::~ManagerCall() {
  if (pid_ < 0) return;
  // A zombie until it is waited for, so the number is still its own.
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

ManagerCall::ManagerCall(ManagerCall&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      process_(std::move(other.process_)),
      said_(std::move(other.said_)) {}

ManagerCall& ManagerCall::operator=(ManagerCall&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(process_, other.process_);
  std::swap(said_, other.said_);
  return *this;
}

Status ManagerCall::wait(std::chrono::steady_clock::time_point deadline) {
  pollfd event{.fd = process_.get(), .events = POLLIN, .revents = 0};
  bool late = false;
  while (::poll(&event, 1, poll_timeout(deadline)) <= 0) {
    if (std::chrono::steady_clock::now() < deadline) continue;
    late = true;
    ::kill(pid_, SIGKILL);
    break;
  }
  int status = 0;
  if (::waitpid(std::exchange(pid_, -1), &status, 0) < 0) {
    return errno_error("wait for a manager's program");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Ok{};
  if (late) return Error{Code::kIo, "the manager did not answer in time"};
  // What it has started may hold the other end.
  std::array<char, kMaxSaid> said{};
  const ssize_t size = ::read(said_.get(), said.data(), said.size());
  std::string text(said.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return Error{Code::kIo, "the manager refused: " + text};
}

bool CommandManagers::has(const oci::ContainerRecord& record,
                          ManagerVerb verb) {
  return !manager_command(manager_of(record), verb, record.id, 0).empty();
}

Result<ManagerCall> CommandManagers::start(const oci::ContainerRecord& record,
                                           ManagerVerb verb,
                                           std::int64_t grace_seconds) {
  std::vector<std::string> command =
      manager_command(manager_of(record), verb, record.id, grace_seconds);
  if (command.empty()) {
    return Error{Code::kUnsupported, "the manager has no such call"};
  }
  const std::string program = find_program(command.front());
  if (program.empty()) {
    return Error{Code::kNotFound,
                 "there is no program '" + command.front() + "'"};
  }
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) return errno_error("pipe");
  UniqueFd reader(pipe[0]);
  const UniqueFd writer(pipe[1]);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, writer.get(), 1);
  ::posix_spawn_file_actions_adddup2(&files, writer.get(), 2);
  ::posix_spawnattr_init(&how);
  // This service blocks the signals it reads, and ignores SIGPIPE.
  sigset_t none;
  sigset_t defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&how, &none);
  ::posix_spawnattr_setsigdefault(&how, &defaults);
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  const int err = ::posix_spawn(&pid, program.c_str(), &files, &how,
                                arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&how);
  if (err != 0) return errno_error("start '" + program + "'", err);
  // Our child: its number is its own until it is waited for.
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return errno_error("pidfd_open");
  }
  return ManagerCall(pid, std::move(process), std::move(reader));
}

}  // namespace bailiff::sidecar
