// SPDX-License-Identifier: Apache-2.0
// tests/unit/sidecar/notify/held_process.h
// A process whose mkdirat() calls are held, as those of a container are.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "oci/sys/unique_fd.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {

class HeldProcess {
 public:
  // To be made while there is one thread.
  HeldProcess() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    UniqueFd theirs(pair[1]);
    ours_ = UniqueFd(pair[0]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ours_ = {};
      run(theirs.get());
    }
    Result<Message> message = receive_message(ours_.get(), 1);
    EXPECT_TRUE(message && message->fd);
    if (message) listener_ = std::move(message->fd);
  }
  ~HeldProcess() { end(); }
  HeldProcess(const HeldProcess&) = delete;
  HeldProcess& operator=(const HeldProcess&) = delete;

  int listener() const { return listener_.get(); }

  // Makes so many calls at once; each needs an answer.
  void call(std::uint8_t count) {
    ASSERT_EQ(::send(ours_.get(), &count, 1, 0), 1);
  }
  // What one of them came to: its error, or 0.
  int result() {
    std::uint8_t error = 0xff;
    EXPECT_EQ(::recv(ours_.get(), &error, 1, 0), 1);
    return error;
  }
  int call_one() {
    call(1);
    return result();
  }

  // Returns when so many are held, received or not.
  void wait_held(std::size_t count) const {
    const std::string tasks = "/proc/" + std::to_string(pid_) + "/task";
    for (std::size_t held = 0; held != count; ::sched_yield()) {
      held = 0;
      for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::string where;
        std::ifstream(task.path() / "wchan") >> where;
        if (where.starts_with("seccomp_do_user_notification")) ++held;
      }
    }
  }
  // Whether one is held that nobody has received.
  bool one_waits() const {
    pollfd polled{listener_.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
  }

  void end() {
    listener_ = {};
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  static int filter() {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof code / sizeof *code, code};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER,
                                      &program));
  }

  // A name that is there, so that a call that goes on makes nothing.
  static void* caller(void* socket) {
    std::uint8_t error = 0;
    if (::syscall(SYS_mkdirat, AT_FDCWD, "/", 0700) != 0) {
      error = static_cast<std::uint8_t>(errno);
    }
    ::send(*static_cast<int*>(socket), &error, 1, 0);
    return nullptr;
  }

  [[noreturn]] static void run(int socket) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    {
      // Its end is to be seen by whoever has it, so not kept here.
      const UniqueFd listener(filter());
      if (!send_message(socket, "l", listener.get())) ::_exit(1);
    }
    std::uint8_t count = 0;
    while (::recv(socket, &count, 1, 0) == 1) {
      for (; count > 0; --count) {
        pthread_t thread{};
        if (::pthread_create(&thread, nullptr, caller, &socket) != 0) {
          ::_exit(1);
        }
        ::pthread_detach(thread);
      }
    }
    ::_exit(0);
  }

  UniqueFd ours_;
  UniqueFd listener_;
  pid_t pid_ = -1;
};

}  // namespace bailiff::sidecar
