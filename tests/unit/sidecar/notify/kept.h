// SPDX-License-Identifier: Apache-2.0
// tests/unit/sidecar/notify/kept.h
// What a test gives away to be kept, and the keepers it starts.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {

// Run with --keeper it is one, as bailiffd is: see keeper_test.cpp.
inline constexpr char kThisProgram[] = "/proc/self/exe";

// Stands for a listener: it hangs up when `other` is closed.
struct Kept {
  Kept() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fd = UniqueFd(pair[0]);
    other = UniqueFd(pair[1]);
  }
  UniqueFd fd;
  UniqueFd other;
};

inline bool same(int one, int other) {
  struct stat a {};
  struct stat b {};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

inline std::vector<std::string> names(const std::vector<NamedDescriptor>& all) {
  std::vector<std::string> names;
  for (const NamedDescriptor& each : all) names.push_back(each.name);
  return names;
}

// Keepers are children of the test, whoever of its children started them.
inline void adopt_keepers() { ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

// Returns when every child has ended.
inline void wait_children() {
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
}

inline std::vector<pid_t> children() {
  std::vector<pid_t> all;
  // Each is a child of the thread that started it.
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream list(task.path() / "children");
    for (pid_t pid = 0; list >> pid;) all.push_back(pid);
  }
  return all;
}

// Those of them that are keepers by now, or were.
inline std::vector<pid_t> keepers() {
  std::vector<pid_t> all = children();
  std::erase_if(all, [](pid_t pid) {
    std::string name;
    std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> name;
    return name != "bailiff-keeper";
  });
  return all;
}

// What `does` returns as the exit code of a process of its own.
template <typename Does>
int in_process(Does does) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(does());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace bailiff::sidecar
