// SPDX-License-Identifier: Apache-2.0
// tests/unit/oci/sys/scratch.h
// Folders, cgroups and processes that a test has to itself.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "oci/sys/cgroup.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Files in a folder, to see that none is left behind.
inline std::size_t count_files(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// A child that waits until it is killed; reaped at the end of the test.
class WaitingChild {
 public:
  WaitingChild() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  WaitingChild(const WaitingChild&) = delete;
  WaitingChild& operator=(const WaitingChild&) = delete;
  ~WaitingChild() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      reap();
    }
  }

  pid_t pid() const { return pid_; }
  // Waits for its end; the signal it died of.
  int reap() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

// A cgroup of our own below the cgroup2 mount.
class ScratchCgroup {
 public:
  explicit ScratchCgroup(const std::string& name) {
    mount_ = *CgroupMount::find();
    relative_ = "/bailiff-test-" + name + "-" + std::to_string(::getpid());
    std::filesystem::create_directory(path());
  }
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;
  ~ScratchCgroup() {
    write_file(path() + "/cgroup.kill", "1");
    const Result<Cgroup> cgroup = open();
    if (cgroup) {
      static_cast<void>(cgroup->wait_empty(soon()));
    }
    ::rmdir((path() + "/inner").c_str());
    ::rmdir(path().c_str());
  }

  static Deadline soon() {
    return std::chrono::steady_clock::now() + std::chrono::seconds(10);
  }

  const CgroupMount& mount() const { return mount_; }
  const std::string& relative() const { return relative_; }
  std::string path() const { return mount_.path + relative_; }
  Result<Cgroup> open() const { return Cgroup::open(mount_, relative_); }
  void add(pid_t pid, const std::string& below = "") const {
    write_file(path() + below + "/cgroup.procs", std::to_string(pid));
  }

 private:
  CgroupMount mount_;
  std::string relative_;
};

}  // namespace bailiff
