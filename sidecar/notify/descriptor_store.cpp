// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/descriptor_store.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/pidfd.h"
#include "oci/sys/unix_socket.h"
#include "sidecar/notify/keeper.h"
#include "sidecar/notify/systemd.h"

namespace bailiff::sidecar {
namespace {

constexpr mode_t kSocketMode = 0600;

class NoStore final : public DescriptorStore {
 public:
  Status keep(const std::string& /*name*/, int /*fd*/) override { return Ok{}; }
  std::vector<std::string> refused() override { return {}; }
  int events() const override { return -1; }
  void give_up() override {}
  Status renew() override { return Ok{}; }
};

class SystemdStore final : public DescriptorStore {
 public:
  Status keep(const std::string& name, int fd) override {
    return give_systemd(name, fd);
  }
  // It drops what is too much without a word.
  std::vector<std::string> refused() override { return {}; }
  std::size_t most() const override { return systemd_room(); }
  int events() const override { return -1; }
  void give_up() override {}
  Status renew() override { return Ok{}; }
};

struct Connected {
  UniqueFd socket;
  std::optional<Pidfd> child;  // the keeper, where this process started it
};

// What becomes 0 or 1 of another process is neither here: one must not take the
// other's place, and dup2(2) onto itself leaves a descriptor close-on-exec.
Result<UniqueFd> above_standard(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd above(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!above) return errno_error("duplicate a descriptor");
  return above;
}

// A process of its own, in a session of its own, with nothing of ours open but
// what it is given.
Result<Connected> start_keeper(const std::string& run_dir,
                               const std::string& program) {
  ASSIGN_OR_RETURN(UniqueFd made, listen_unix(keeper_socket(run_dir),
                                              kSocketMode, SOCK_SEQPACKET));
  ASSIGN_OR_RETURN(const UniqueFd listening, above_standard(std::move(made)));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return errno_error("make a pair of sockets");
  }
  UniqueFd ours(pair[0]);
  ASSIGN_OR_RETURN(const UniqueFd theirs, above_standard(UniqueFd(pair[1])));
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&files, listening.get(), kKeeperListening);
  ::posix_spawn_file_actions_adddup2(&files, theirs.get(), kKeeperClient);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_RDWR,
                                     0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::array<std::string, 3> words = {"bailiff-keeper", "--keeper", run_dir};
  std::array<char*, 4> args = {words[0].data(), words[1].data(),
                               words[2].data(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &files, &attributes,
                                   args.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    return errno_error("start the keeper of descriptors", failed);
  }
  ASSIGN_OR_RETURN(Pidfd child, Pidfd::open(pid));
  return Connected{std::move(ours), std::move(child)};
}

// Of what a keeper did not do.
Error keeper_error(Error error) {
  if (error.sys_errno == EAGAIN) {
    error.message = "the keeper of descriptors does not answer";
  }
  return error;
}

Result<std::vector<NamedDescriptor>> kept_by(const UniqueFd& keeper) {
  if (const Status asked = send_message(keeper.get(), "all", -1); !asked) {
    return keeper_error(asked.error());
  }
  std::vector<NamedDescriptor> kept;
  for (;;) {
    Result<Message> message = receive_message(keeper.get(), kMaxKeptName);
    if (!message) return keeper_error(message.error());
    if (message->text == ".") return kept;
    if (message->text.empty()) {
      return Error{Code::kIo, "the keeper of descriptors has ended"};
    }
    kept.push_back({std::move(message->text), std::move(message->fd)});
  }
}

class KeeperStore final : public DescriptorStore {
 public:
  KeeperStore(std::string run_dir, std::string program,
              std::chrono::milliseconds limit)
      : run_dir_(std::move(run_dir)),
        program_(std::move(program)),
        limit_(limit) {}

  // What it has kept.
  Result<std::vector<NamedDescriptor>> connect() {
    if (Result<UniqueFd> known =
            connect_to(keeper_socket(run_dir_), SOCK_SEQPACKET, limit_)) {
      Result<std::vector<NamedDescriptor>> kept = kept_by(*known);
      if (kept) {
        keeper_ = {*std::move(known), std::nullopt};
        return kept;
      }
      // Nobody else gets what it has.
      if (kept.error().sys_errno == EAGAIN) return kept;
      // It was about to end.
    }
    ASSIGN_OR_RETURN(keeper_, start_keeper(run_dir_, program_));
    // It begins, which may take as long as it takes.
    return kept_by(keeper_.socket);
  }

  Status keep(const std::string& name, int fd) override {
    if (name.size() > kMaxKeptName) {
      return invalid_argument("the name '" + name +
                              "' is too long for the keeper");
    }
    const Status sent =
        send_message(keeper_.socket.get(), "keep " + name, fd, MSG_DONTWAIT);
    return sent ? sent : Status(keeper_error(sent.error()));
  }

  std::vector<std::string> refused() override {
    std::vector<std::string> names;
    for (;;) {
      const Result<Message> message =
          receive_message(keeper_.socket.get(),
                          kKeeperFull.size() + kMaxKeptName, MSG_DONTWAIT);
      if (!message || message->text.empty()) return names;
      if (message->text.starts_with(kKeeperFull)) {
        names.push_back(message->text.substr(kKeeperFull.size()));
      }
    }
  }

  int events() const override { return keeper_.socket.get(); }

  void give_up() override { ::shutdown(keeper_.socket.get(), SHUT_RDWR); }

  Status renew() override {
    if (keeper_.child) {
      // It has ended, or does not serve this process any more.
      static_cast<void>(keeper_.child->send_signal(SIGKILL));
      siginfo_t ended{};
      ::waitid(P_PIDFD, static_cast<id_t>(keeper_.child->fd()), &ended,
               WEXITED);
    }
    keeper_ = {};
    // One that was there before this process may still listen, and never
    // answer: what it has, this process has as well.
    const std::string path = keeper_socket(run_dir_);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return errno_error("remove '" + path + "'");
    }
    ASSIGN_OR_RETURN(keeper_, start_keeper(run_dir_, program_));
    return Ok{};
  }

 private:
  const std::string run_dir_;
  const std::string program_;
  const std::chrono::milliseconds limit_;
  Connected keeper_;
};

}  // namespace

Result<OpenedStore> open_store(const std::string& run_dir,
                               const std::string& program,
                               std::chrono::milliseconds limit) {
  OpenedStore opened;
  if (systemd_room() != 0) {
    opened.kept = kept_by_systemd();
    opened.store = std::make_unique<SystemdStore>();
    return opened;
  }
  if (program.empty()) {
    opened.store = std::make_unique<NoStore>();
    return opened;
  }
  auto keeper = std::make_unique<KeeperStore>(run_dir, program, limit);
  ASSIGN_OR_RETURN(opened.kept, keeper->connect());
  opened.store = std::move(keeper);
  return opened;
}

}  // namespace bailiff::sidecar
