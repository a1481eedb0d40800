// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/descriptor_store.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "oci/sys/errno_error.h"
#include "sidecar/notify/keeper.h"

extern char** environ;

namespace bailiff::sidecar {
namespace {

// How long a keeper that was started may take to listen.
constexpr std::chrono::seconds kStartLimit{20};
constexpr std::chrono::milliseconds kStartPoll{5};

Result<UniqueFd> connect_to(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return invalid_argument("the path '" + path + "' is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // systemd's may be in the abstract namespace.
  if (path.starts_with('@')) address.sun_path[0] = '\0';
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                             (path.starts_with('@') ? 0 : 1));
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return errno_error("connect to '" + path + "'");
  }
  return fd;
}

class NoStore final : public DescriptorStore {
 public:
  Status keep(const std::string& /*name*/, int /*fd*/) override { return Ok{}; }
};

// sd_notify(3).
class SystemdStore final : public DescriptorStore {
 public:
  explicit SystemdStore(UniqueFd socket) : socket_(std::move(socket)) {}

  Status keep(const std::string& name, int fd) override {
    return send_message(socket_.get(), "FDSTORE=1\nFDNAME=" + name, fd);
  }

 private:
  UniqueFd socket_;
};

// sd_listen_fds_with_names(3).
std::vector<NamedDescriptor> passed_by_systemd() {
  constexpr int kFirst = 3;
  std::vector<NamedDescriptor> passed;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const char* names = std::getenv("LISTEN_FDNAMES");
  if (pid == nullptr || count == nullptr || names == nullptr ||
      std::to_string(::getpid()) != pid) {
    return passed;
  }
  int descriptors = 0;
  std::from_chars(count, count + std::strlen(count), descriptors);
  std::string_view rest = names;
  for (int i = 0; i < descriptors; ++i) {
    const std::string_view name = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    UniqueFd fd(kFirst + i);
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    passed.push_back({std::string(name), std::move(fd)});
  }
  return passed;
}

class KeeperStore final : public DescriptorStore {
 public:
  explicit KeeperStore(UniqueFd socket) : socket_(std::move(socket)) {}

  Status keep(const std::string& name, int fd) override {
    return send_message(socket_.get(), "keep " + name, fd);
  }

  Result<std::vector<NamedDescriptor>> all() {
    RETURN_IF_ERROR(send_message(socket_.get(), "all", -1));
    std::vector<NamedDescriptor> kept;
    for (;;) {
      ASSIGN_OR_RETURN(Message message,
                       receive_message(socket_.get(), kMaxKeptName));
      if (message.text == ".") return kept;
      if (message.text.empty()) {
        return Error{Code::kIo, "the keeper of descriptors has ended"};
      }
      kept.push_back({std::move(message.text), std::move(message.fd)});
    }
  }

 private:
  UniqueFd socket_;
};

// A process of its own, in a session of its own, with nothing of ours open.
Status start_keeper(const std::string& run_dir, const std::string& program) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  for (int fd = 0; fd <= 2; ++fd) {
    ::posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  }
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::array<std::string, 3> words = {"bailiff-keeper", "--keeper", run_dir};
  std::array<char*, 4> args = {words[0].data(), words[1].data(),
                               words[2].data(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &files, &attributes,
                                   args.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    return errno_error("start the keeper of descriptors", failed);
  return Ok{};
}

Result<UniqueFd> connect_to_keeper(const std::string& run_dir,
                                   const std::string& program) {
  const std::string path = keeper_socket(run_dir);
  Result<UniqueFd> known = connect_to(path, SOCK_SEQPACKET);
  if (known) return known;
  RETURN_IF_ERROR(start_keeper(run_dir, program));
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  for (;;) {
    Result<UniqueFd> started = connect_to(path, SOCK_SEQPACKET);
    if (started || std::chrono::steady_clock::now() > deadline) return started;
    std::this_thread::sleep_for(kStartPoll);
  }
}

}  // namespace

Result<OpenedStore> open_store(const std::string& run_dir,
                               const std::string& program) {
  OpenedStore opened;
  if (const char* socket = std::getenv("NOTIFY_SOCKET"); socket != nullptr) {
    ASSIGN_OR_RETURN(UniqueFd fd, connect_to(socket, SOCK_DGRAM));
    opened.kept = passed_by_systemd();
    opened.store = std::make_unique<SystemdStore>(std::move(fd));
    return opened;
  }
  if (program.empty()) {
    opened.store = std::make_unique<NoStore>();
    return opened;
  }
  ASSIGN_OR_RETURN(UniqueFd fd, connect_to_keeper(run_dir, program));
  auto keeper = std::make_unique<KeeperStore>(std::move(fd));
  ASSIGN_OR_RETURN(opened.kept, keeper->all());
  opened.store = std::move(keeper);
  return opened;
}

}  // namespace bailiff::sidecar
