// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/runtime.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::oci {
namespace {

struct FreeMemory {
  void operator()(char* memory) const { ::free(memory); }
};

bool is_this_program(const std::string& path) {
  struct stat theirs = {};
  struct stat ours = {};
  return ::stat(path.c_str(), &theirs) == 0 &&
         ::stat("/proc/self/exe", &ours) == 0 && theirs.st_dev == ours.st_dev &&
         theirs.st_ino == ours.st_ino;
}

bool is_executable_file(const std::string& path) {
  struct stat file = {};
  return ::stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
         (file.st_mode & 0111) != 0;
}

}  // namespace

const std::vector<std::string>& runtime_folders() {
  static const std::vector<std::string> kFolders = {
      "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
      "/usr/bin",        "/sbin",          "/bin"};
  return kFolders;
}

Result<std::string> find_runtime(const std::string& configured,
                                 const std::vector<std::string>& folders) {
  if (!configured.empty()) {
    if (is_this_program(configured)) {
      return invalid_argument("the runtime '" + configured +
                              "' is bailiff-runc itself: set 'runtime' to "
                              "the real one");
    }
    RETURN_IF_ERROR(check_trusted(configured));
    if (!is_executable_file(configured)) {
      return invalid_argument("the runtime '" + configured +
                              "' is not an executable file");
    }
    return configured;
  }
  for (const char* name : {"/runc", "/crun"}) {
    for (const std::string& folder : folders) {
      const std::string path = folder + name;
      if (!is_executable_file(path) || is_this_program(path)) continue;
      // The first one is meant; falling back to another because this one was
      // tampered with would hide it.
      RETURN_IF_ERROR(check_trusted(path));
      return path;
    }
  }
  return Error{Code::kNotFound,
               "neither runc nor crun is installed: install one, or set "
               "'runtime' in bailiff.yaml"};
}

bool runs_hooks_on_restore(const std::string& runtime) {
  const std::unique_ptr<char, FreeMemory> real(
      ::realpath(runtime.c_str(), nullptr));
  const std::string path = real ? real.get() : runtime;
  return path.substr(path.rfind('/') + 1).starts_with("runc");
}

Error execute(const std::string& runtime,
              const std::vector<std::string>& args) {
  std::vector<char*> argv;
  argv.reserve(args.size() + 2);
  // execve() takes its strings as not const for old C; it does not write.
  argv.push_back(const_cast<char*>(runtime.c_str()));
  for (const std::string& arg : args) {
    argv.push_back(const_cast<char*>(arg.c_str()));
  }
  argv.push_back(nullptr);
  ::execve(runtime.c_str(), argv.data(), environ);
  return errno_error("execute '" + runtime + "'");
}

}  // namespace bailiff::oci
