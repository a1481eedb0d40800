// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"

namespace bailiff::sidecar {
namespace {

constexpr std::size_t kMaxStatus = std::size_t{16} * 1024;
constexpr std::array kNamespaces = {"cgroup", "ipc",  "mnt",  "net",
                                    "pid",    "time", "user", "uts"};
constexpr std::array kSocketTables = {"tcp",  "tcp6",    "udp",   "udp6",
                                      "raw",  "raw6",    "unix",  "packet",
                                      "icmp", "netlink", "route", "arp"};

struct Text {
  std::string bytes;
  bool whole = true;
};

// Up to `most` bytes of a file of /proc.
Result<Text> read_text(int folder, const char* name, std::size_t most) {
  const UniqueFd fd(
      ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return errno_error("open");
  Text text;
  std::size_t length = 0;
  for (;;) {
    if (length == text.bytes.size()) {
      text.bytes.resize(std::min(
          most + 1, std::max<std::size_t>(4096, 2 * text.bytes.size())));
    }
    const ssize_t got = ::read(fd.get(), text.bytes.data() + length,
                               text.bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read");
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
    if (length > most) {
      length = most;
      text.whole = false;
      break;
    }
  }
  text.bytes.resize(length);
  return text;
}

std::string read_link(int folder, const char* name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(folder, name, target.data(), target.size());
  if (size <= 0) return "";
  return {target.data(), static_cast<std::size_t>(size)};
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// "mnt:[4026531841]"
std::uint64_t namespace_of(const std::string& link) {
  const std::size_t open = link.find('[');
  if (open == std::string::npos) return 0;
  return number<std::uint64_t>(std::string_view(link).substr(open + 1))
      .value_or(0);
}

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;
Folder open_folder(int at, const char* name) {
  UniqueFd fd(
      ::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return {nullptr, &::closedir};
  DIR* const folder = ::fdopendir(fd.get());
  if (folder != nullptr) static_cast<void>(fd.release());
  return {folder, &::closedir};
}

struct Identity {
  std::uint64_t device = 0, inode = 0;
};

// Without asking whoever serves the file system: with AT_STATX_DONT_SYNC, FUSE
// and network file systems answer from what the kernel knows (statx(2)).
Result<Identity> identity_of(int fd) {
  struct statx file {};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &file) !=
      0) {
    return errno_error("stat");
  }
  return Identity{makedev(file.stx_dev_major, file.stx_dev_minor),
                  file.stx_ino};
}

// All memfds are on one mount of the kernel's own, which is in no table.
std::optional<std::uint64_t> device_of_memfds() {
  const UniqueFd fd(::memfd_create("bailiff-device", MFD_CLOEXEC));
  if (!fd) return std::nullopt;
  const Result<Identity> file = identity_of(fd.get());
  if (!file) return std::nullopt;
  return file->device;
}

// "0::/a/b" of /proc/PID/cgroup.
bool is_in(std::string_view cgroup_file, const std::string& relative) {
  const std::size_t line =
      cgroup_file.starts_with("0::") ? 0 : cgroup_file.find("\n0::");
  if (line == std::string_view::npos) return false;
  std::string_view path = cgroup_file.substr(line + (line == 0 ? 3 : 4));
  path = path.substr(0, path.find('\n'));
  return path.starts_with(relative) &&
         (path.size() == relative.size() || path[relative.size()] == '/');
}

class ProcessReader {
 public:
  ProcessReader(const Cgroup& cgroup, const Pace& pace, MissingList& missing)
      : cgroup_(cgroup), pace_(pace), missing_(missing) {}

  CollectedProcesses read() && {
    const Result<std::vector<pid_t>> pids = cgroup_.processes();
    if (!pids) {
      missing_.add("processes", pace_.reason(pids.error().message));
      return std::move(state_);
    }
    if (pids->empty()) {
      missing_.add("processes", pace_.reason("there is no process"));
    }
    std::size_t index = 0;
    for (const pid_t pid : *pids) {
      if (state_.processes.size() >= kMaxCapturedProcesses || pace_.is_over()) {
        missing_.add("processes",
                     std::to_string(pids->size() - index) +
                         (pace_.is_over() ? " more were not read in time"
                                          : " more than are kept"));
        break;
      }
      ++index;
      if (pid > 0) process(pid);
    }
    return std::move(state_);
  }

 private:
  void lost(const std::string& member, const Error& error) {
    missing_.add(member, pace_.reason(error.message));
  }

  // The text, with what is cut off told of.
  std::string text(int folder, const char* name, std::size_t most,
                   const std::string& member) {
    Result<Text> read = read_text(folder, name, most);
    if (!read) {
      lost(member, read.error());
      return "";
    }
    if (!read->whole) {
      missing_.add(member, "only its first " + std::to_string(most) + " bytes");
    }
    bytes_ += read->bytes.size();
    if (bytes_ > kMaxTextBytes) {
      missing_.add(member, "the capture has " + std::to_string(kMaxTextBytes) +
                               " bytes of text already");
      return "";
    }
    return std::move(read->bytes);
  }

  void process(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid);
    const std::string name = "proc/" + std::to_string(pid);
    // An open folder of /proc stays that of the process it was opened for:
    // once that is gone, everything below it is ESRCH.
    const UniqueFd folder(
        ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return lost(name, errno_error("open"));
    const int at = folder.get();
    ProcessState process;
    process.pid = pid;
    Result<Text> cgroup = read_text(at, "cgroup", kMaxStatus);
    if (!cgroup) return lost(name, cgroup.error());
    // Its number may have come from one that ended.
    if (!is_in(cgroup->bytes, cgroup_.relative_path())) return;
    process.cgroup = std::move(cgroup->bytes);
    process.status = text(at, "status", kMaxStatus, name + "/status");
    process.stat = text(at, "stat", kMaxStatus, name + "/stat");
    for (const char* kind : kNamespaces) {
      const std::string link =
          read_link(at, ("ns/" + std::string(kind)).c_str());
      if (!link.empty()) process.namespaces[kind] = namespace_of(link);
    }
    process.executable = read_link(at, "exe");
    process.directory = read_link(at, "cwd");
    process.root = read_link(at, "root");
    tables(at, process);
    program(at, process);
    files(at, process, name);
    // Last: what these need of the process's memory may be long in coming.
    process.maps = text(at, "maps", kMaxMaps, name + "/maps");
    process.arguments = memory(at, "cmdline", name + "/cmdline");
    process.environment = memory(at, "environ", name + "/environ");
    state_.processes.push_back(std::move(process));
  }

  std::optional<std::string> memory(int at, const char* file,
                                    const std::string& member) {
    Result<Text> read = read_text(at, file, kMaxArguments);
    if (!read) {
      lost(member, read.error());
      return std::nullopt;
    }
    if (!read->whole) {
      missing_.add(
          member, "only its first " + std::to_string(kMaxArguments) + " bytes");
    }
    return std::move(read->bytes);
  }

  // Mounts and sockets of its namespaces, unless another process told them.
  void tables(int at, const ProcessState& process) {
    if (const auto mnt = process.namespaces.find("mnt");
        mnt != process.namespaces.end() &&
        state_.mounts.find(mnt->second) == state_.mounts.end()) {
      state_.mounts[mnt->second] = text(
          at, "mountinfo", kMaxTable, "mounts/" + std::to_string(mnt->second));
    }
    const auto net = process.namespaces.find("net");
    if (net == process.namespaces.end() ||
        state_.sockets.find(net->second) != state_.sockets.end()) {
      return;
    }
    auto& tables = state_.sockets[net->second];
    for (const char* name : kSocketTables) {
      const std::string file = std::string("net/") + name;
      // A table is missing where the kernel has no such protocol.
      if (::faccessat(at, file.c_str(), F_OK, 0) != 0) continue;
      tables[name] = text(at, file.c_str(), kMaxTable,
                          "net/" + std::to_string(net->second) + "/" + name);
    }
  }

  void program(int at, ProcessState& process) {
    if (process.executable.empty()) return;  // a kernel thread, or gone
    // Jumps to the file itself, without a look-up in any file system.
    UniqueFd fd(::openat(at, "exe", O_PATH | O_CLOEXEC));
    const std::string member = "proc/" + std::to_string(process.pid) + "/exe";
    if (!fd) return lost(member, errno_error("open"));
    const auto mounts = state_.mounts.find(process.namespaces["mnt"]);
    const std::optional<std::string> file_system =
        mounts == state_.mounts.end()
            ? std::nullopt
            : file_system_of(mounts->second, mount_of(fd.get()));
    if (file_system && file_system->starts_with("fuse")) {
      missing_.add(member, "it is on a file system of type '" + *file_system +
                               "', which whoever serves it can hold up");
      return;
    }
    const Result<Identity> file = identity_of(fd.get());
    if (!file) return lost(member, file.error());
    // A mount of another namespace, or of none, may be FUSE's as well.
    if (!file_system && file->device != memfds_) {
      missing_.add(member,
                   "it is on a mount that is not in the process's table, and "
                   "whoever serves that can hold it up");
      return;
    }
    const auto known = std::find_if(
        state_.programs.begin(), state_.programs.end(),
        [&](const Program& program) {
          return program.device == file->device && program.inode == file->inode;
        });
    process.program = static_cast<int>(known - state_.programs.begin());
    if (known != state_.programs.end()) return;
    std::optional<HeldFile> held;
    if (state_.programs.size() < kMaxPrograms) {
      held = HeldFile::hold(std::move(fd));
    }
    if (!held) {
      process.program = -1;
      missing_.add(member, "too many files are held already");
      return;
    }
    state_.programs.push_back({.path = process.executable,
                               .file_system = file_system.value_or(""),
                               .file = *std::move(held),
                               .device = file->device,
                               .inode = file->inode});
  }

  // The id of the mount a descriptor is of (proc(5), "fdinfo"); 0: unknown.
  static std::uint64_t mount_of(int fd) {
    const std::string path = "/proc/self/fdinfo/" + std::to_string(fd);
    const Result<Text> told = read_text(AT_FDCWD, path.c_str(), 4096);
    if (!told) return 0;
    const std::string_view text = told->bytes;
    const std::size_t at = text.find("mnt_id:");
    if (at == std::string_view::npos) return 0;
    const std::size_t value = text.find_first_not_of(" \t", at + 7);
    if (value == std::string_view::npos) return 0;
    return number<std::uint64_t>(text.substr(value)).value_or(0);
  }

  void files(int at, ProcessState& process, const std::string& name) {
    const Folder folder = open_folder(at, "fd");
    if (!folder) return lost(name + "/fd", errno_error("open"));
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::optional<int> fd = number<int>(entry->d_name);
      if (!fd) continue;  // "." and ".."
      if (process.files.size() >= kMaxDescriptors) {
        missing_.add(name + "/fd", "only " + std::to_string(kMaxDescriptors) +
                                       " descriptors");
        return;
      }
      process.files.push_back(
          {*fd, read_link(::dirfd(folder.get()), entry->d_name)});
    }
  }

  const Cgroup& cgroup_;
  const Pace& pace_;
  MissingList& missing_;
  CollectedProcesses state_;
  const std::optional<std::uint64_t> memfds_ = device_of_memfds();
  std::size_t bytes_ = 0;
};

}  // namespace

std::optional<std::string> file_system_of(const std::string& mountinfo,
                                          std::uint64_t mount_id) {
  // ID PARENT DEV ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS, with
  // blanks in names spelled as octal numbers.
  std::string_view rest = mountinfo;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (number<std::uint64_t>(line) != mount_id) continue;
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) return std::nullopt;
    const std::string_view type = line.substr(dash + 3);
    const std::size_t end = type.find(' ');
    if (end == std::string_view::npos) return std::nullopt;  // cut off
    return std::string(type.substr(0, end));
  }
  return std::nullopt;
}

CollectedProcesses read_processes(const Cgroup& cgroup, const Pace& pace,
                                  MissingList& missing) {
  return ProcessReader(cgroup, pace, missing).read();
}

}  // namespace bailiff::sidecar
