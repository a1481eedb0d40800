// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/child.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "oci/sys/errno_error.h"
#include "oci/sys/unique_fd.h"

namespace bailiff {
namespace {

constexpr std::size_t kMaxOutput = 1 << 20;

// A file without a name: nobody waits for its other end.
Result<UniqueFd> stream(const std::string& text) {
  UniqueFd fd(::memfd_create("bailiff-child", MFD_CLOEXEC));
  if (!fd) return errno_error("memfd_create");
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote =
        ::pwrite(fd.get(), text.data() + done, text.size() - done,
                 static_cast<off_t>(done));
    if (wrote < 0) return errno_error("write the input of a program");
    done += static_cast<std::size_t>(wrote);
  }
  return fd;
}

Result<std::string> text_in(const UniqueFd& fd) {
  std::string text(kMaxOutput, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::pread(fd.get(), text.data() + size,
                                text.size() - size, static_cast<off_t>(size));
    if (got < 0) return errno_error("read what a program printed");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<ChildResult> run_child(const std::vector<std::string>& args,
                              const std::string& input, Deadline deadline) {
  std::array<UniqueFd, 3> streams;
  ASSIGN_OR_RETURN(streams[0], stream(input));
  ASSIGN_OR_RETURN(streams[1], stream(""));
  ASSIGN_OR_RETURN(streams[2], stream(""));
  std::vector<std::string> words = args;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string path =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
      "/sbin:/bin";
  char* const env[] = {path.data(), nullptr};

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) {
    ::posix_spawn_file_actions_adddup2(
        &actions, streams[static_cast<std::size_t>(i)].get(), i);
  }
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed =
      ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), env);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return errno_error("run '" + args[0] + "'", failed);

  // Its number stays its own until waitpid() below.
  bool late = true;
  if (auto process = Pidfd::open(pid)) {
    const auto ended = process->wait_exit(deadline);
    late = !ended || !*ended;
    if (late) (void)process->send_signal(SIGKILL);
  } else {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) {
    return Error{Code::kIo, "'" + args[0] + "' took too long, and was killed"};
  }
  ChildResult result;
  result.exit =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ASSIGN_OR_RETURN(result.out, text_in(streams[1]));
  ASSIGN_OR_RETURN(result.err, text_in(streams[2]));
  return result;
}

}  // namespace bailiff
