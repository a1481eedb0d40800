// SPDX-License-Identifier: Apache-2.0
#include "oci/sys/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/process.h"

namespace bailiff {
namespace {

constexpr std::size_t kMaxMountinfoBytes = 16 << 20;
constexpr std::size_t kMaxProcCgroupBytes = 1 << 20;
// PID_MAX_LIMIT (4194304) numbers of up to 7 digits and a line end.
constexpr std::size_t kMaxProcsBytes = 32 << 20;
constexpr std::size_t kMaxEventsBytes = 4096;
// Cgroups below a container's that are looked at; deeper nesting is refused
// where it matters and killed by cgroup.kill, which needs no walk.
constexpr int kMaxNesting = 64;
// A sweep starts over while it still finds processes; each round meets only
// those that a not yet frozen process forked during the one before.
constexpr int kMaxSweeps = 100;
// Longest chain of parents that is followed.
constexpr int kMaxAncestors = 1024;
// FILEID_KERNFS of the kernel's exportfs.h: the handle is the 64-bit id.
constexpr int kFileIdKernfs = 0xfe;

struct FileHandle {
  file_handle header;
  std::uint64_t id;
};
static_assert(offsetof(FileHandle, id) == sizeof(file_handle));

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// mountinfo writes space, tab, line end and backslash as \ooo.
std::string decode_octal(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i] + 4, value, 8).ptr ==
            &text[i] + 4) {
      decoded += static_cast<char>(value);
      i += 3;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

bool is_cgroup2(const std::string& path) {
  struct statfs fs = {};
  return ::statfs(path.c_str(), &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

std::string join(const std::string& mount, const std::string& relative) {
  return relative == "/" ? mount : mount + relative;
}

// The value of `key` in a "key value" file; absent keys are nullopt.
std::optional<bool> flag_in(std::string_view text, std::string_view key) {
  for (std::string_view line : split(text, '\n')) {
    if (line.starts_with(key) && line.size() == key.size() + 2 &&
        line[key.size()] == ' ') {
      return line.back() == '1';
    }
  }
  return std::nullopt;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Appends the processes of the cgroup `folder` and of those below it.
Status collect(int folder, const std::string& path, int depth,
               std::vector<pid_t>& found) {
  if (depth > kMaxNesting) {
    return Error{Code::kExhausted, "'" + path + "' is nested deeper than " +
                                       std::to_string(kMaxNesting) +
                                       " cgroups"};
  }
  UniqueFd procs(::openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC));
  if (!procs) {
    if (errno == ENOENT) return Ok{};  // the cgroup was removed: nobody in it
    return errno_error("open '" + path + "/cgroup.procs'");
  }
  Result<std::string> text =
      read_bounded(procs.get(), path + "/cgroup.procs", kMaxProcsBytes);
  // Of a threaded cgroup (EOPNOTSUPP) the one above lists the processes.
  if (!text && text.error().sys_errno != ENODEV &&
      text.error().sys_errno != EOPNOTSUPP) {
    return std::move(text).error();
  }
  if (text) {
    for (std::string_view line : split(*text, '\n')) {
      pid_t pid = 0;
      std::from_chars(line.data(), line.data() + line.size(), pid);
      found.push_back(pid);
    }
  }
  // A second description: the offset of a directory belongs to it.
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) {
    if (errno == ENOENT) return Ok{};
    return errno_error("open '" + path + "'");
  }
  std::unique_ptr<DIR, CloseFolder> entries(::fdopendir(again));
  if (!entries) {
    ::close(again);
    return errno_error("list '" + path + "'");
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    UniqueFd child(::openat(folder, entry->d_name,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!child) continue;  // removed meanwhile
    RETURN_IF_ERROR(
        collect(child.get(), path + "/" + entry->d_name, depth + 1, found));
  }
  return Ok{};
}

bool is_at_or_below(std::string_view path, std::string_view above) {
  if (above == "/") return true;
  return path.starts_with(above) &&
         (path.size() == above.size() || path[above.size()] == '/');
}

// nullopt when `pid` ended while it was looked at.
std::optional<bool> descends_from(pid_t pid, pid_t ancestor) {
  for (int step = 0; step < kMaxAncestors; ++step) {
    if (pid == ancestor) return true;
    if (pid <= 1) return false;
    const Result<Pidfd> process = Pidfd::open(pid);
    if (!process) return std::nullopt;
    const Result<pid_t> parent = process->parent();
    if (!parent) return std::nullopt;
    pid = *parent;
  }
  return false;
}

// One line of mountinfo, as it is written there:
// ID PARENT DEV ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS
struct MountLine {
  std::string_view id, parent, root, point, options, type, super_options;
};

std::vector<MountLine> mount_lines(std::string_view mountinfo) {
  std::vector<MountLine> mounts;
  for (std::string_view line : split(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 2) continue;
    mounts.push_back({.id = fields[0],
                      .parent = fields[1],
                      .root = fields[3],
                      .point = fields[4],
                      .options = fields[5],
                      .type = dash[1],
                      .super_options = fields.back()});
  }
  return mounts;
}

bool has_option(std::string_view options, std::string_view option) {
  const std::vector<std::string_view> all = split(options, ',');
  return std::find(all.begin(), all.end(), option) != all.end();
}

}  // namespace

Result<CgroupMount> CgroupMount::find() {
  ASSIGN_OR_RETURN(const std::string text,
                   read_bounded("/proc/self/mountinfo", kMaxMountinfoBytes));
  CgroupMount mount;
  bool standard = false;
  for (const MountLine& line : mount_lines(text)) {
    if (line.type == "cgroup") mount.hybrid = true;
    // A bind mount of a part cannot be joined with /proc/PID/cgroup.
    if (line.type != "cgroup2" || line.root != "/" || standard) continue;
    std::string path = decode_octal(line.point);
    if (!is_cgroup2(path)) continue;  // another mount hides it
    standard = path == "/sys/fs/cgroup" || path == "/sys/fs/cgroup/unified";
    if (standard || mount.path.empty()) mount.path = std::move(path);
  }
  if (mount.path.empty()) {
    return Error{Code::kUnsupported,
                 "no cgroup2 is mounted: boot with "
                 "'systemd.unified_cgroup_hierarchy=1', or mount cgroup2 at "
                 "'/sys/fs/cgroup/unified'"};
  }
  // A pure version 2 tree mounted over a hybrid one leaves the hidden version 1
  // mounts in the list.
  if (mount.path == "/sys/fs/cgroup") mount.hybrid = false;
  return mount;
}

std::vector<WayOut> ways_out(std::string_view mountinfo,
                             const std::string& root, const std::string& own) {
  const std::vector<MountLine> mounts = mount_lines(mountinfo);
  std::vector<WayOut> ways;
  for (const MountLine& line : mounts) {
    if (line.type != "cgroup2" || has_option(line.super_options, "ro")) {
      continue;
    }
    std::string point = decode_octal(line.point);
    std::string cgroup = decode_octal(line.root);
    if (!is_at_or_below(point, root) || is_at_or_below(cgroup, own)) continue;
    const bool hidden = std::any_of(
        mounts.begin(), mounts.end(), [&line](const MountLine& other) {
          return other.parent == line.id && other.point == line.point &&
                 other.id != line.id;
        });
    if (hidden) continue;
    if (root != "/") point.erase(0, root.size());
    ways.push_back({.point = point.empty() ? "/" : std::move(point),
                    .cgroup = std::move(cgroup),
                    .writable = has_option(line.options, "rw"),
                    .bordered = has_option(line.super_options, "nsdelegate")});
  }
  return ways;
}

Result<std::vector<WayOut>> find_ways_out(pid_t pid, const std::string& root,
                                          const std::string& own) {
  ASSIGN_OR_RETURN(const std::string text,
                   read_bounded("/proc/" + std::to_string(pid) + "/mountinfo",
                                kMaxMountinfoBytes));
  std::vector<WayOut> ways = ways_out(text, root, own);
  // As the process sees it, which is before it has changed its root when the
  // container is created.
  const std::string seen_from =
      "/proc/" + std::to_string(pid) + "/root" + (root == "/" ? "" : root);
  std::erase_if(ways, [&seen_from](const WayOut& way) {
    // Something else lies over a folder above it.
    struct statfs fs = {};
    return ::statfs((seen_from + way.point).c_str(), &fs) == 0 &&
           fs.f_type != CGROUP2_SUPER_MAGIC;
  });
  return ways;
}

Result<std::string> unified_path(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  ASSIGN_OR_RETURN(const std::string text,
                   read_bounded(file, kMaxProcCgroupBytes));
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with("0::")) continue;
    line.remove_prefix(3);
    if (line.ends_with(" (deleted)")) {
      return Error{Code::kNotFound, "the cgroup '" + std::string(line) +
                                        "' of process " + std::to_string(pid) +
                                        " is gone"};
    }
    // "/../x": outside our cgroup namespace, so not below our mount.
    if (!line.starts_with('/') ||
        (std::string(line) + "/").find("/../") != std::string::npos) {
      return Error{Code::kUnsupported, "the cgroup '" + std::string(line) +
                                           "' of process " +
                                           std::to_string(pid) +
                                           " is outside this cgroup namespace"};
    }
    return std::string(line);
  }
  return Error{Code::kUnsupported,
               "process " + std::to_string(pid) +
                   " is in no unified cgroup: this host has version 1 only"};
}

Result<Cgroup> Cgroup::from_fd(UniqueFd fd, std::string path,
                               std::string relative) {
  if (struct statfs fs = {};
      ::fstatfs(fd.get(), &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
    return invalid_argument("'" + path + "' is not on a cgroup2 file system");
  }
  FileHandle handle = {};
  handle.header.handle_bytes = sizeof(handle.id);
  int mount_id = 0;
  if (::name_to_handle_at(fd.get(), "", &handle.header, &mount_id,
                          AT_EMPTY_PATH) == 0) {
    return Cgroup(std::move(fd), handle.id, std::move(path),
                  std::move(relative));
  }
  // Sandboxes that forbid the call still tell the inode number, which is the
  // same id on 64-bit kernels.
  struct stat folder = {};
  if (::fstat(fd.get(), &folder) != 0) {
    return errno_error("check '" + path + "'");
  }
  return Cgroup(std::move(fd), folder.st_ino, std::move(path),
                std::move(relative));
}

Result<Cgroup> Cgroup::open(const CgroupMount& mount,
                            const std::string& relative) {
  if (!relative.starts_with('/') ||
      (relative + "/").find("/../") != std::string::npos) {
    return invalid_argument("'" + relative +
                            "' is not a path in the cgroup hierarchy");
  }
  std::string path = join(mount.path, relative);
  // BPF_LINK_CREATE refuses O_PATH descriptors.
  UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error("open cgroup '" + path + "'");
  return from_fd(std::move(fd), std::move(path), relative);
}

Result<Cgroup> Cgroup::of_process(const CgroupMount& mount, pid_t pid) {
  ASSIGN_OR_RETURN(const std::string relative, unified_path(pid));
  return open(mount, relative);
}

Result<Cgroup> Cgroup::of_process(pid_t pid) {
  ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
  return of_process(mount, pid);
}

Result<Cgroup> Cgroup::open_by_id(const CgroupMount& mount, std::uint64_t id) {
  UniqueFd root(::open(mount.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return errno_error("open '" + mount.path + "'");
  FileHandle handle = {};
  handle.header.handle_bytes = sizeof(handle.id);
  handle.header.handle_type = kFileIdKernfs;
  handle.id = id;
  UniqueFd fd(::open_by_handle_at(root.get(), &handle.header,
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    const std::string what = "open cgroup " + std::to_string(id);
    return errno_error(what, errno == ESTALE ? ENOENT : errno);
  }
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  char target[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), target, sizeof(target));
  if (length < 0) return errno_error("read link '" + link + "'");
  std::string path(target, static_cast<std::size_t>(length));
  if (path.ends_with(" (deleted)")) {
    return Error{Code::kNotFound, "cgroup " + std::to_string(id) + " is gone"};
  }
  if (!is_at_or_below(path, mount.path)) {
    return Error{Code::kNotFound, "cgroup " + std::to_string(id) +
                                      " is not below '" + mount.path + "'"};
  }
  std::string relative = path.substr(mount.path.size());
  if (relative.empty()) relative = "/";
  return from_fd(std::move(fd), std::move(path), std::move(relative));
}

Result<UniqueFd> Cgroup::open_file(const char* name, int flags) const {
  UniqueFd fd(::openat(fd_.get(), name, flags | O_CLOEXEC));
  if (!fd) return errno_error("open '" + path_ + "/" + name + "'");
  return fd;
}

Status Cgroup::write_file(const char* name, std::string_view value) const {
  ASSIGN_OR_RETURN(const UniqueFd fd, open_file(name, O_WRONLY));
  return write_all(fd.get(), path_ + "/" + name, value);
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> found;
  RETURN_IF_ERROR(collect(fd_.get(), path_, 0, found));
  return found;
}

std::set<std::uint64_t> Cgroup::ids() const {
  std::set<std::uint64_t> found = {id_};
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(path_, error), end;
       !error && entry != end; entry.increment(error)) {
    struct stat folder {};
    if (!entry->is_directory(error)) continue;
    // The inode of a cgroup2 folder is the cgroup's id (kernfs, 64 bits).
    if (::stat(entry->path().c_str(), &folder) == 0) {
      found.insert(folder.st_ino);
    }
  }
  return found;
}

Status Cgroup::admit(const Pidfd& process) const {
  const std::string pid = std::to_string(process.pid());
  Status moved = write_file("cgroup.procs", pid);
  if (moved || moved.error().sys_errno != EBUSY) return moved;
  constexpr char kBelow[] = "bailiff-returned";
  if (::mkdirat(fd_.get(), kBelow, 0755) != 0 && errno != EEXIST) {
    return errno_error("make cgroup '" + path_ + "/" + kBelow + "'");
  }
  return write_file((std::string(kBelow) + "/cgroup.procs").c_str(), pid);
}

Status Cgroup::kill() const {
  Status killed = write_file("cgroup.kill", "1");
  if (killed || killed.error().sys_errno != ENOENT) return killed;
  return kill_by_sweep();
}

Status Cgroup::kill_by_sweep() const {
  // Frozen processes of version 2 die of SIGKILL without a thaw; the freeze
  // only stops them from forking ahead of the sweep.
  RETURN_IF_ERROR(freeze());
  Status swept = Ok{};
  for (int round = 0; round < kMaxSweeps; ++round) {
    Result<std::vector<pid_t>> found = processes();
    if (!found) {
      swept = std::move(found).error();
      break;
    }
    if (found->empty()) break;
    for (pid_t pid : *found) {
      const Result<Pidfd> process = Pidfd::open(pid);
      if (!process) continue;  // it has ended
      // Asked after the pidfd was opened, so about this process: its number
      // may have come from one that ended.
      const Result<std::string> where = unified_path(pid);
      if (!where || !is_at_or_below(*where, relative_)) continue;
      Status sent = process->send_signal(SIGKILL);
      if (!sent && sent.error().code != Code::kNotFound) swept = sent;
    }
    // A process that was killed is listed until it has exited.
    const Deadline soon =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
    const Result<bool> empty = wait_empty(soon);
    if (empty && *empty) break;
  }
  Status thawed = thaw();
  return swept ? thawed : swept;
}

Result<bool> Cgroup::populated() const {
  ASSIGN_OR_RETURN(const bool empty,
                   wait_event("populated", false, Deadline::min()));
  return !empty;
}

Result<bool> Cgroup::wait_empty(Deadline deadline) const {
  return wait_event("populated", false, deadline);
}

Result<bool> Cgroup::frozen() const {
  return wait_event("frozen", true, Deadline::min());
}

Result<bool> Cgroup::wait_frozen(Deadline deadline) const {
  return wait_event("frozen", true, deadline);
}

// The kernel wakes poll() with POLLPRI on each change after the last read, so
// nothing is missed between the read and the wait.
Result<bool> Cgroup::wait_event(std::string_view key, bool value,
                                Deadline deadline) const {
  const std::string name = path_ + "/cgroup.events";
  const bool when_gone = key == "populated" && !value;
  Result<UniqueFd> events = open_file("cgroup.events", O_RDONLY);
  if (!events) {
    if (events.error().sys_errno == ENOENT) return when_gone;
    return std::move(events).error();
  }
  for (;;) {
    if (::lseek(events->get(), 0, SEEK_SET) != 0) {
      return errno_error("rewind '" + name + "'");
    }
    Result<std::string> text =
        read_bounded(events->get(), name, kMaxEventsBytes);
    if (!text) {
      // The cgroup was removed, which only an empty one can be.
      if (text.error().sys_errno == ENODEV) return when_gone;
      return std::move(text).error();
    }
    const std::optional<bool> now = flag_in(*text, key);
    if (!now) {
      return Error{Code::kUnsupported,
                   "'" + name + "' has no '" + std::string(key) + "'"};
    }
    if (*now == value) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pollfd wait = {.fd = events->get(), .events = POLLPRI, .revents = 0};
    if (::poll(&wait, 1, poll_timeout(deadline)) < 0 && errno != EINTR) {
      return errno_error("wait for '" + name + "'");
    }
  }
}

Status Cgroup::freeze() const { return write_file("cgroup.freeze", "1"); }

Status Cgroup::thaw() const {
  Status written = write_file("cgroup.freeze", "0");
  // Gone since: nothing is frozen in it.
  if (!written && (written.error().sys_errno == ENOENT ||
                   written.error().sys_errno == ENODEV)) {
    return Ok{};
  }
  return written;
}

namespace {

enum class Stage : std::uint8_t { kCreated, kRunning };

// Whether `pid` or a process above it is in the pid namespace of `first`, which
// is not ours: that one has every process of the host.
bool is_below_pid_namespace(pid_t pid, pid_t first) {
  const auto is_ours = shares_namespace(first, "pid");
  if (!is_ours || *is_ours) return false;
  for (int step = 0; step < kMaxAncestors && pid > 1; ++step) {
    const auto same = same_namespace(pid, first, "pid");
    if (same && *same) return true;
    const Result<Pidfd> process = Pidfd::open(pid);
    const Result<pid_t> parent = process ? process->parent() : Result<pid_t>(0);
    pid = parent ? *parent : 0;
  }
  return false;
}

Status verify_cgroup(const Cgroup& cgroup, pid_t pid, const std::string& own,
                     Stage stage) {
  const std::string& path = cgroup.relative_path();
  const auto refuse = [&path](const std::string& reason) {
    return Error{Code::kInvalidArgument,
                 "cgroup '" + path + "' is not the container's own: " + reason};
  };
  if (path == "/") {
    return refuse("it is the root; the runtime made no unified cgroup for it");
  }
  if (is_at_or_below(own, path)) {
    return refuse("this process is in it too, at '" + own +
                  "'; was the container started without cgroups?");
  }
  ASSIGN_OR_RETURN(const std::vector<pid_t> processes, cgroup.processes());
  if (std::find(processes.begin(), processes.end(), pid) == processes.end()) {
    return refuse("process " + std::to_string(pid) + " is not in it");
  }
  for (const pid_t other : processes) {
    const std::optional<bool> ours = descends_from(other, pid);
    if (ours.value_or(true)) continue;  // nullopt: it has ended
    if (stage == Stage::kRunning && is_below_pid_namespace(other, pid)) {
      continue;
    }
    return refuse("process " + std::to_string(other) + " is in it and does " +
                  "not descend from process " + std::to_string(pid));
  }
  return Ok{};
}

}  // namespace

Status verify_container_cgroup(const Cgroup& cgroup, pid_t pid,
                               const std::string& own) {
  return verify_cgroup(cgroup, pid, own, Stage::kCreated);
}

Status verify_running_cgroup(const Cgroup& cgroup, pid_t pid,
                             const std::string& own) {
  return verify_cgroup(cgroup, pid, own, Stage::kRunning);
}

}  // namespace bailiff
