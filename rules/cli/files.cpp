// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

namespace bailiff::cli {
namespace {

struct FileCloser {
  // write_file() closes what it wrote itself, to see the error.
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

Error failure(const std::string& what, int error) {
  return {.code = error == ENOENT   ? Code::kNotFound
                  : error == EACCES ? Code::kPermission
                                    : Code::kIo,
          .message = what + ": " +
                     std::error_code(error, std::generic_category()).message(),
          .sys_errno = error};
}

// Removes the file while armed.
class Unlinker {
 public:
  [[nodiscard]] explicit Unlinker(std::string path) : path_(std::move(path)) {}
  Unlinker(const Unlinker&) = delete;
  Unlinker& operator=(const Unlinker&) = delete;
  ~Unlinker() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void disarm() { path_.clear(); }

 private:
  std::string path_;
};

// The rename is only durable once the folder is.
Status sync_folder(const std::filesystem::path& folder) {
  const std::string name = folder.empty() ? "." : folder.string();
  const int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failure("open '" + name + "'", errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) return failure("sync '" + name + "'", error);
  return Ok{};
}

}  // namespace

Result<std::vector<std::string>> rule_paths(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    return std::vector<std::string>{path};
  }
  std::vector<std::string> paths;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    const std::filesystem::path extension = entry->path().extension();
    if (extension == ".yaml" || extension == ".yml") {
      paths.push_back(entry->path().string());
    }
  }
  if (error) return failure("read folder '" + path + "'", error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const File file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) return failure("open '" + path + "'", errno);
  std::string text;
  std::array<char, 65536> buffer;
  while (true) {
    const std::size_t count =
        std::fread(buffer.data(), 1, buffer.size(), file.get());
    text.append(buffer.data(), count);
    if (text.size() > limit) {
      return Error{.code = Code::kExhausted,
                   .message = "'" + path + "' is larger than " +
                              std::to_string(limit) + " bytes"};
    }
    if (count < buffer.size()) break;
  }
  if (std::ferror(file.get()) != 0) {
    return failure("read '" + path + "'", errno);
  }
  return text;
}

Status write_file(const std::string& path, std::string_view bytes) {
  std::error_code error;
  const std::filesystem::file_status status =
      std::filesystem::status(path, error);
  if (std::filesystem::exists(status) &&
      !std::filesystem::is_regular_file(status)) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "'" + path + "' is not a regular file"};
  }
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return failure("create '" + temporary + "'", errno);
  Unlinker unlinker(temporary);
  File file(::fdopen(fd, "w"));
  if (file == nullptr) {
    const int cause = errno;
    ::close(fd);
    return failure("open '" + temporary + "'", cause);
  }
  const bool written =
      std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
      std::fflush(file.get()) == 0 && ::fchmod(fd, 0644) == 0 &&
      ::fsync(fd) == 0;
  if (!written) return failure("write '" + temporary + "'", errno);
  if (std::fclose(file.release()) != 0) {
    return failure("close '" + temporary + "'", errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return failure("rename '" + temporary + "' to '" + path + "'", errno);
  }
  unlinker.disarm();
  return sync_folder(std::filesystem::path(path).parent_path());
}

}  // namespace bailiff::cli
