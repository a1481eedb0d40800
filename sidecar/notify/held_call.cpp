// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/held_call.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "hook/kernel/call_numbers.h"
#include "oci/sys/files.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/ingest/process_facts.h"
#include "sidecar/notify/call_memory.h"

namespace bailiff::sidecar {
namespace {

constexpr int kNone = -1;

// The number of i386's socketcall(2).
constexpr int kSocketCall = 102;
#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#endif
constexpr std::uint64_t kSocketTypeMask = 0xf;

// Which arguments are what, as places from 0.
struct Pointers {
  bailiff_call call;
  int folder = kNone;  // what `path` is relative to; none: the working folder
  int path = kNone;
  int folder2 = kNone;
  int path2 = kNone;
  int text = kNone;
  int descriptor = kNone;
};

constexpr Pointers kPointers[] = {
    {.call = BAILIFF_CALL_OPEN, .path = 0},
    {.call = BAILIFF_CALL_OPENAT, .folder = 0, .path = 1},
    {.call = BAILIFF_CALL_OPENAT2, .folder = 0, .path = 1},
    {.call = BAILIFF_CALL_CREAT, .path = 0},
    {.call = BAILIFF_CALL_RENAME, .path = 0, .path2 = 1},
    {.call = BAILIFF_CALL_RENAMEAT,
     .folder = 0,
     .path = 1,
     .folder2 = 2,
     .path2 = 3},
    {.call = BAILIFF_CALL_RENAMEAT2,
     .folder = 0,
     .path = 1,
     .folder2 = 2,
     .path2 = 3},
    {.call = BAILIFF_CALL_UNLINK, .path = 0},
    {.call = BAILIFF_CALL_UNLINKAT, .folder = 0, .path = 1},
    {.call = BAILIFF_CALL_RMDIR, .path = 0},
    {.call = BAILIFF_CALL_MKDIR, .path = 0},
    {.call = BAILIFF_CALL_MKDIRAT, .folder = 0, .path = 1},
    {.call = BAILIFF_CALL_CHMOD, .path = 0},
    {.call = BAILIFF_CALL_FCHMOD, .descriptor = 0},
    {.call = BAILIFF_CALL_FCHMODAT, .folder = 0, .path = 1},
    {.call = BAILIFF_CALL_LINK, .path = 0, .path2 = 1},
    {.call = BAILIFF_CALL_LINKAT,
     .folder = 0,
     .path = 1,
     .folder2 = 2,
     .path2 = 3},
    {.call = BAILIFF_CALL_SYMLINK, .path = 1, .text = 0},
    {.call = BAILIFF_CALL_SYMLINKAT, .folder = 1, .path = 2, .text = 0},
    {.call = BAILIFF_CALL_SETNS, .descriptor = 0},
    {.call = BAILIFF_CALL_INIT_MODULE, .text = 2},
    {.call = BAILIFF_CALL_FINIT_MODULE, .text = 1, .descriptor = 0},
    {.call = BAILIFF_CALL_MEMFD_CREATE, .text = 0},
    {.call = BAILIFF_CALL_MOUNT, .path = 1, .text = 0},
};

std::string proc(std::uint32_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::optional<std::string> link_of(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

// The folder a path of the call is relative to.
std::optional<std::string> base_of(std::uint32_t tid, const seccomp_data& data,
                                   int folder) {
  const auto fd =
      folder == kNone ? AT_FDCWD : static_cast<std::int32_t>(data.args[folder]);
  std::optional<std::string> base =
      link_of(fd == AT_FDCWD ? proc(tid, "cwd")
                             : proc(tid, "fd/" + std::to_string(fd)));
  // Of one that is too long for the kernel to tell nothing is known: it has
  // lost its beginning, and all else.
  if (!base && errno == ENAMETOOLONG) base = "...";
  return base;
}

Status read_path(std::uint32_t tid, const seccomp_data& data, int place,
                 int folder, std::optional<std::string>& path,
                 std::optional<std::string>& base) {
  if (place == kNone) return Ok{};
  ASSIGN_OR_RETURN(path, read_text(static_cast<pid_t>(tid), data.args[place],
                                   BAILIFF_MAX_PATH_BYTES));
  if (!path->starts_with('/')) base = base_of(tid, data, folder);
  return Ok{};
}

// The descriptor the call is given.  Without asking a file system that may be
// the caller's own.
void read_descriptor(std::uint32_t tid, std::uint64_t argument,
                     ObservedEvent& event) {
  const auto fd = static_cast<std::int32_t>(argument);
  event.descriptor.number = fd;
  const std::string path = proc(tid, "fd/" + std::to_string(fd));
  event.file = link_of(path);
  if (!event.file) event.descriptor.number = -1;
  struct statx file {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
              STATX_TYPE | STATX_INO, &file) == 0) {
    event.descriptor.mode = file.stx_mode;
    event.descriptor.inode = file.stx_ino;
  }
}

std::uint64_t number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The words of a line of /proc/PID/status.
std::vector<std::string_view> line_of(std::string_view status,
                                      const std::string& name) {
  std::vector<std::string_view> words;
  const std::string start = "\n" + name + ":";
  const std::size_t at = status.find(start);
  if (at == status.npos) return words;
  status.remove_prefix(at + start.size());
  status = status.substr(0, status.find('\n'));
  while (true) {
    const std::size_t begin = status.find_first_not_of(" \t");
    if (begin == status.npos) return words;
    status.remove_prefix(begin);
    const std::string_view word = status.substr(0, status.find_first_of(" \t"));
    words.push_back(word);
    status.remove_prefix(word.size());
  }
}

std::uint32_t first(const std::vector<std::string_view>& words) {
  return words.empty() ? 0 : static_cast<std::uint32_t>(number(words.front()));
}
std::uint32_t last(const std::vector<std::string_view>& words) {
  return words.empty() ? 0 : static_cast<std::uint32_t>(number(words.back()));
}

constexpr std::size_t kMaxStatusBytes = 8192;

// What the observer would tell of the process.
void read_ids(std::uint32_t tid, ObservedEvent& event) {
  event.tid = tid;
  if (const auto comm = read_bounded(proc(tid, "comm"), 64)) {
    event.comm = comm->substr(0, comm->find('\n'));
  }
  if (const auto text = read_bounded(proc(tid, "status"), kMaxStatusBytes)) {
    bailiff_process& ids = event.process;
    event.tgid = first(line_of(*text, "Tgid"));
    event.uid = first(line_of(*text, "Uid"));
    event.gid = first(line_of(*text, "Gid"));
    ids.ppid = first(line_of(*text, "PPid"));
    ids.vpid = last(line_of(*text, "NStgid"));
    ids.vtid = last(line_of(*text, "NSpid"));
    ids.pgid = first(line_of(*text, "NSpgid"));
    ids.vpgid = last(line_of(*text, "NSpgid"));
    ids.sid = first(line_of(*text, "NSsid"));
    const auto set = [&](const char* name) {
      const auto words = line_of(*text, name);
      return words.empty() ? 0 : number(words.front(), 16);
    };
    ids.inheritable = set("CapInh");
    ids.permitted = set("CapPrm");
    ids.effective = set("CapEff");
  }
  event.process.loginuid = std::numeric_limits<std::uint32_t>::max();
  if (const auto uid = read_bounded(proc(tid, "loginuid"), 32)) {
    event.process.loginuid = static_cast<std::uint32_t>(number(*uid));
  }
  const ProcessFacts facts =
      read_process(static_cast<pid_t>(event.tgid),
                   std::numeric_limits<std::uint64_t>::max());
  event.process.start_ns = facts.start_ns.value_or(0);
  event.process.tty = static_cast<std::uint32_t>(facts.tty.value_or(0));
}

bool is_of_process(FieldId id) {
  switch (field(id).cls) {
    case FieldClass::kProcess:
    case FieldClass::kUser:
    case FieldClass::kGroup:
      return true;
    case FieldClass::kEvent:
    case FieldClass::kSyscall:
    case FieldClass::kDescriptor:
    case FieldClass::kPath:
    case FieldClass::kPoll:
    case FieldClass::kUtility:
    case FieldClass::kContainer:
    case FieldClass::kKubernetes:
      return false;
  }
  return false;
}

}  // namespace

bailiff_call call_by_number(const seccomp_notif& held) {
  const seccomp_data& data = held.data;
  const bool compat = data.arch == AUDIT_ARCH_I386;
  if (compat && data.nr == kSocketCall) return BAILIFF_CALL_SOCKET;
  const hook::CallNumbers& numbers =
      compat ? hook::compat_calls() : hook::native_calls();
  const int number = compat ? data.nr : data.nr & ~BAILIFF_X32_CALL;
  if ((!compat && data.arch != kNativeArch) || number < 0 ||
      number >= BAILIFF_MAX_CALL_NUMBER) {
    return BAILIFF_CALL_COUNT;
  }
  const std::uint8_t call = numbers[static_cast<std::size_t>(number)];
  return call == BAILIFF_NOT_OBSERVED ? BAILIFF_CALL_COUNT
                                      : static_cast<bailiff_call>(call);
}

Result<std::optional<ObservedEvent>> call_of(const seccomp_notif& held) {
  const seccomp_data& data = held.data;
  ObservedEvent event;
  event.kind = ObservedEvent::Kind::kCall;
  event.tid = event.tgid = held.pid;
  std::copy(std::begin(data.args), std::end(data.args),
            std::begin(event.arguments));
  const bool compat = data.arch == AUDIT_ARCH_I386;
  if (compat && data.nr == kSocketCall) {
    if (static_cast<std::uint32_t>(data.args[0]) != SYS_SOCKET) {
      return std::optional<ObservedEvent>();
    }
    std::uint32_t arguments[3] = {};
    RETURN_IF_ERROR(read_bytes(static_cast<pid_t>(held.pid),
                               static_cast<std::uint32_t>(data.args[1]),
                               arguments, sizeof arguments));
    std::copy(std::begin(arguments), std::end(arguments),
              std::begin(event.arguments));
    event.call = BAILIFF_CALL_SOCKET;
    return std::optional(std::move(event));
  }
  const bailiff_call call = call_by_number(held);
  // Somebody wanted it held, so it is not let go on as if nobody had.
  if (call == BAILIFF_CALL_COUNT) {
    return Error{Code::kUnsupported, "a held call that is not known, number " +
                                         std::to_string(data.nr) +
                                         " of architecture " +
                                         std::to_string(data.arch)};
  }
  event.call = call;
  return std::optional(std::move(event));
}

Result<HeldFields> HeldFields::read(const seccomp_notif& held,
                                    ObservedEvent event,
                                    const Facts& container) {
  const std::uint32_t tid = held.pid;
  const seccomp_data& data = held.data;
  event.monotonic_ns = monotonic_ns();
  for (const Pointers& each : kPointers) {
    if (each.call != event.call) continue;
    RETURN_IF_ERROR(
        read_path(tid, data, each.path, each.folder, event.path, event.base));
    RETURN_IF_ERROR(read_path(tid, data, each.path2, each.folder2, event.path2,
                              event.base2));
    // mount(2) takes no source as well.
    if (each.text != kNone && data.args[each.text] != 0) {
      ASSIGN_OR_RETURN(event.text,
                       read_text(static_cast<pid_t>(tid), data.args[each.text],
                                 BAILIFF_MAX_PATH_BYTES));
    }
    if (each.descriptor != kNone) {
      read_descriptor(tid, data.args[each.descriptor], event);
    }
  }
  if (event.call == BAILIFF_CALL_OPENAT2) {
    RETURN_IF_ERROR(
        read_bytes(static_cast<pid_t>(tid), data.args[2], event.more,
                   std::min<std::uint64_t>(data.args[3], sizeof event.more)));
  }
  if (event.call == BAILIFF_CALL_SOCKET) {
    event.descriptor.mode = S_IFSOCK;
    event.descriptor.family = static_cast<std::uint16_t>(event.arguments[0]);
    event.descriptor.type =
        static_cast<std::uint16_t>(event.arguments[1] & kSocketTypeMask);
    event.descriptor.protocol = static_cast<std::uint8_t>(event.arguments[2]);
  }
  Observed observed;
  observed.descriptor = describe_descriptor(event);
  observed.event = std::move(event);
  observed.clocks = ClockOffsets::now();
  Process nobody;
  nobody.program = std::make_shared<RunningProgram>();
  observed.lineage.self = std::make_shared<Process>(std::move(nobody));
  return HeldFields(tid, std::move(observed), container);
}

Observed HeldFields::observed() const {
  if (!process_read_) read_process();
  return observed_;
}

void HeldFields::read_process() const {
  process_read_ = true;
  read_ids(tid_, observed_.event);
  // Known anew for each call: since its last one the caller may have started
  // another program.
  ProcessTable table;
  observed_.lineage = table.take(observed_.event);
}

void HeldFields::view(FieldId field, std::string_view argument,
                      Views& views) const {
  if (!process_read_ && is_of_process(field)) read_process();
  ObservedFields(observed_, container_).view(field, argument, views);
}

}  // namespace bailiff::sidecar
