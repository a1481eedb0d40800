// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/refusing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "tests/kernel/loaded.h"

namespace bailiff::test {

CompiledPolicy refusing(const std::vector<std::string>& conditions,
                        bool block) {
  std::string rules;
  std::string names;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    rules += "- rule: r" + std::to_string(i) +
             "\n  desc: d\n  condition: >\n    " + conditions[i] +
             "\n  output: o\n  priority: WARNING\n";
    names += (i == 0 ? "r" : ", r") + std::to_string(i);
  }
  return loaded(std::move(rules),
                "policies:\n  - name: p\n    rules: [" + names +
                    "]\n    block: " + (block ? "true" : "false") + "\n");
}

int status_in(int cgroup, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int procs = ::openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs < 0 || ::write(procs, "0", 1) != 1) ::_exit(99);
    body();
    ::_exit(98);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 99);
  return status;
}

}  // namespace bailiff::test
