// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/call_text.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/memfd.h>
#include <linux/module.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

#include "oci/spec/capabilities.h"

namespace bailiff::oci {
namespace {

struct Name {
  std::uint64_t value;
  std::string_view name;
};
#define BAILIFF_NAME(value) \
  { static_cast<std::uint64_t>(value), #value }

void add(std::string& text, std::string_view name, char between = '|') {
  if (!text.empty()) text += between;
  text += name;
}

std::string flags_of(std::uint64_t flags, std::span<const Name> names) {
  std::string text;
  for (const Name& each : names) {
    if (each.value != 0 && (flags & each.value) == each.value) {
      add(text, each.name);
    }
  }
  return text;
}

std::string name_of(std::uint64_t value, std::span<const Name> names) {
  for (const Name& each : names) {
    if (each.value == value) return std::string(each.name);
  }
  return "";
}

std::vector<std::uint64_t> values_of(std::span<const Name> names) {
  std::vector<std::uint64_t> values;
  values.reserve(names.size());
  for (const Name& each : names) values.push_back(each.value);
  std::sort(values.begin(), values.end());
  return values;
}

constexpr Name kOpen[] = {{00100000, "O_LARGEFILE"}, BAILIFF_NAME(O_DIRECTORY),
                          BAILIFF_NAME(O_DIRECT),    BAILIFF_NAME(O_TRUNC),
                          BAILIFF_NAME(O_NONBLOCK),  BAILIFF_NAME(O_EXCL),
                          BAILIFF_NAME(O_DSYNC),     BAILIFF_NAME(O_APPEND),
                          BAILIFF_NAME(O_CREAT)};
constexpr Name kMode[] = {
    BAILIFF_NAME(S_IXOTH), BAILIFF_NAME(S_IWOTH), BAILIFF_NAME(S_IROTH),
    BAILIFF_NAME(S_IXGRP), BAILIFF_NAME(S_IWGRP), BAILIFF_NAME(S_IRGRP),
    BAILIFF_NAME(S_IXUSR), BAILIFF_NAME(S_IWUSR), BAILIFF_NAME(S_IRUSR),
    BAILIFF_NAME(S_ISVTX), BAILIFF_NAME(S_ISGID), BAILIFF_NAME(S_ISUID)};
constexpr Name kClone[] = {
    BAILIFF_NAME(CLONE_FILES),    BAILIFF_NAME(CLONE_FS),
    BAILIFF_NAME(CLONE_NEWIPC),   BAILIFF_NAME(CLONE_NEWNET),
    BAILIFF_NAME(CLONE_NEWNS),    BAILIFF_NAME(CLONE_NEWPID),
    BAILIFF_NAME(CLONE_NEWUTS),   BAILIFF_NAME(CLONE_SIGHAND),
    BAILIFF_NAME(CLONE_SYSVSEM),  BAILIFF_NAME(CLONE_THREAD),
    BAILIFF_NAME(CLONE_VM),       BAILIFF_NAME(CLONE_NEWUSER),
    BAILIFF_NAME(CLONE_NEWCGROUP)};
// As Falco has them, without what the kernel puts before.
constexpr Name kMount[] = {{MS_RDONLY, "RDONLY"},
                           {MS_NOSUID, "NOSUID"},
                           {MS_NODEV, "NODEV"},
                           {MS_NOEXEC, "NOEXEC"},
                           {MS_SYNCHRONOUS, "SYNCHRONOUS"},
                           {MS_REMOUNT, "REMOUNT"},
                           {MS_MANDLOCK, "MANDLOCK"},
                           {MS_DIRSYNC, "DIRSYNC"},
                           {MS_NOATIME, "NOATIME"},
                           {MS_NODIRATIME, "NODIRATIME"},
                           {MS_BIND, "BIND"},
                           {MS_MOVE, "MOVE"},
                           {MS_REC, "REC"},
                           {MS_SILENT, "SILENT"},
                           {MS_UNBINDABLE, "UNBINDABLE"},
                           {MS_PRIVATE, "PRIVATE"},
                           {MS_SLAVE, "SLAVE"},
                           {MS_SHARED, "SHARED"},
                           {MS_RELATIME, "RELATIME"},
                           {MS_STRICTATIME, "STRICTATIME"}};
constexpr Name kDomains[] = {
    BAILIFF_NAME(AF_UNSPEC),    BAILIFF_NAME(AF_UNIX),
    BAILIFF_NAME(AF_INET),      BAILIFF_NAME(AF_AX25),
    BAILIFF_NAME(AF_IPX),       BAILIFF_NAME(AF_APPLETALK),
    BAILIFF_NAME(AF_NETROM),    BAILIFF_NAME(AF_BRIDGE),
    BAILIFF_NAME(AF_ATMPVC),    BAILIFF_NAME(AF_X25),
    BAILIFF_NAME(AF_INET6),     BAILIFF_NAME(AF_ROSE),
    BAILIFF_NAME(AF_KEY),       BAILIFF_NAME(AF_NETLINK),
    BAILIFF_NAME(AF_PACKET),    BAILIFF_NAME(AF_RDS),
    BAILIFF_NAME(AF_PPPOX),     BAILIFF_NAME(AF_LLC),
    BAILIFF_NAME(AF_CAN),       BAILIFF_NAME(AF_TIPC),
    BAILIFF_NAME(AF_BLUETOOTH), BAILIFF_NAME(AF_RXRPC),
    BAILIFF_NAME(AF_ALG),       BAILIFF_NAME(AF_NFC),
    BAILIFF_NAME(AF_VSOCK),     BAILIFF_NAME(AF_XDP)};
constexpr Name kPtrace[] = {
    BAILIFF_NAME(PTRACE_TRACEME),        BAILIFF_NAME(PTRACE_PEEKTEXT),
    BAILIFF_NAME(PTRACE_PEEKDATA),       {PTRACE_PEEKUSER, "PTRACE_PEEKUSR"},
    BAILIFF_NAME(PTRACE_POKETEXT),       BAILIFF_NAME(PTRACE_POKEDATA),
    {PTRACE_POKEUSER, "PTRACE_POKEUSR"}, BAILIFF_NAME(PTRACE_CONT),
    BAILIFF_NAME(PTRACE_KILL),           BAILIFF_NAME(PTRACE_SINGLESTEP),
    BAILIFF_NAME(PTRACE_GETREGS),        BAILIFF_NAME(PTRACE_SETREGS),
    BAILIFF_NAME(PTRACE_GETFPREGS),      BAILIFF_NAME(PTRACE_SETFPREGS),
    BAILIFF_NAME(PTRACE_ATTACH),         BAILIFF_NAME(PTRACE_DETACH),
    BAILIFF_NAME(PTRACE_SYSCALL),        BAILIFF_NAME(PTRACE_SETOPTIONS),
    BAILIFF_NAME(PTRACE_GETEVENTMSG),    BAILIFF_NAME(PTRACE_GETSIGINFO),
    BAILIFF_NAME(PTRACE_SETSIGINFO),     BAILIFF_NAME(PTRACE_GETREGSET),
    BAILIFF_NAME(PTRACE_SETREGSET),      BAILIFF_NAME(PTRACE_SEIZE),
    BAILIFF_NAME(PTRACE_INTERRUPT),      BAILIFF_NAME(PTRACE_LISTEN),
    BAILIFF_NAME(PTRACE_PEEKSIGINFO),    BAILIFF_NAME(PTRACE_GETSIGMASK),
    BAILIFF_NAME(PTRACE_SETSIGMASK)};
constexpr Name kBpf[] = {BAILIFF_NAME(BPF_MAP_CREATE),
                         BAILIFF_NAME(BPF_MAP_LOOKUP_ELEM),
                         BAILIFF_NAME(BPF_MAP_UPDATE_ELEM),
                         BAILIFF_NAME(BPF_MAP_DELETE_ELEM),
                         BAILIFF_NAME(BPF_MAP_GET_NEXT_KEY),
                         BAILIFF_NAME(BPF_PROG_LOAD),
                         BAILIFF_NAME(BPF_OBJ_PIN),
                         BAILIFF_NAME(BPF_OBJ_GET),
                         BAILIFF_NAME(BPF_PROG_ATTACH),
                         BAILIFF_NAME(BPF_PROG_DETACH),
                         BAILIFF_NAME(BPF_PROG_TEST_RUN),
                         BAILIFF_NAME(BPF_PROG_GET_NEXT_ID),
                         BAILIFF_NAME(BPF_MAP_GET_NEXT_ID),
                         BAILIFF_NAME(BPF_PROG_GET_FD_BY_ID),
                         BAILIFF_NAME(BPF_MAP_GET_FD_BY_ID),
                         BAILIFF_NAME(BPF_OBJ_GET_INFO_BY_FD),
                         BAILIFF_NAME(BPF_PROG_QUERY),
                         BAILIFF_NAME(BPF_RAW_TRACEPOINT_OPEN),
                         BAILIFF_NAME(BPF_BTF_LOAD),
                         BAILIFF_NAME(BPF_BTF_GET_FD_BY_ID),
                         BAILIFF_NAME(BPF_TASK_FD_QUERY),
                         BAILIFF_NAME(BPF_MAP_LOOKUP_AND_DELETE_ELEM),
                         BAILIFF_NAME(BPF_MAP_FREEZE),
                         BAILIFF_NAME(BPF_BTF_GET_NEXT_ID),
                         BAILIFF_NAME(BPF_MAP_LOOKUP_BATCH),
                         BAILIFF_NAME(BPF_MAP_LOOKUP_AND_DELETE_BATCH),
                         BAILIFF_NAME(BPF_MAP_UPDATE_BATCH),
                         BAILIFF_NAME(BPF_MAP_DELETE_BATCH),
                         BAILIFF_NAME(BPF_LINK_CREATE),
                         BAILIFF_NAME(BPF_LINK_UPDATE),
                         BAILIFF_NAME(BPF_LINK_GET_FD_BY_ID),
                         BAILIFF_NAME(BPF_LINK_GET_NEXT_ID),
                         BAILIFF_NAME(BPF_ENABLE_STATS),
                         BAILIFF_NAME(BPF_ITER_CREATE),
                         BAILIFF_NAME(BPF_LINK_DETACH),
                         BAILIFF_NAME(BPF_PROG_BIND_MAP)};

}  // namespace

std::string errno_name(std::int64_t error) {
  const char* name = ::strerrorname_np(static_cast<int>(error));
  return name != nullptr ? name : std::to_string(error);
}

std::string open_flags(std::uint64_t flags, bool created) {
  std::string text = flags_of(flags, kOpen);
  if ((flags & O_SYNC) == O_SYNC) add(text, "O_SYNC");
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      add(text, "O_RDONLY");
      break;
    case O_WRONLY:
      add(text, "O_WRONLY");
      break;
    default:
      add(text, "O_RDWR");
  }
  if ((flags & O_CLOEXEC) != 0) add(text, "O_CLOEXEC");
  if ((flags & O_TMPFILE) == O_TMPFILE) add(text, "O_TMPFILE");
  if (created) add(text, "O_F_CREATED");
  return text;
}

std::string mode_flags(std::uint64_t mode) { return flags_of(mode, kMode); }
std::string clone_flags(std::uint64_t flags) { return flags_of(flags, kClone); }
std::string mount_flags(std::uint64_t flags) { return flags_of(flags, kMount); }

std::string unlink_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {BAILIFF_NAME(AT_REMOVEDIR)};
  return flags_of(flags, kNames);
}

std::string rename_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {
      {1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};
  return flags_of(flags, kNames);
}

std::string link_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {BAILIFF_NAME(AT_SYMLINK_FOLLOW),
                                    BAILIFF_NAME(AT_EMPTY_PATH)};
  return flags_of(flags, kNames);
}

std::string memfd_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {BAILIFF_NAME(MFD_CLOEXEC),
                                    BAILIFF_NAME(MFD_ALLOW_SEALING),
                                    BAILIFF_NAME(MFD_HUGETLB)};
  return flags_of(flags, kNames);
}

std::string userfaultfd_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {BAILIFF_NAME(O_CLOEXEC),
                                    BAILIFF_NAME(O_NONBLOCK),
                                    BAILIFF_NAME(UFFD_USER_MODE_ONLY)};
  return flags_of(flags, kNames);
}

std::string module_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {
      BAILIFF_NAME(MODULE_INIT_IGNORE_MODVERSIONS),
      BAILIFF_NAME(MODULE_INIT_IGNORE_VERMAGIC),
      BAILIFF_NAME(MODULE_INIT_COMPRESSED_FILE)};
  return flags_of(flags, kNames);
}

std::string resolve_flags(std::uint64_t flags) {
  static constexpr Name kNames[] = {
      BAILIFF_NAME(RESOLVE_BENEATH),       BAILIFF_NAME(RESOLVE_IN_ROOT),
      BAILIFF_NAME(RESOLVE_NO_MAGICLINKS), BAILIFF_NAME(RESOLVE_NO_SYMLINKS),
      BAILIFF_NAME(RESOLVE_NO_XDEV),       BAILIFF_NAME(RESOLVE_CACHED)};
  return flags_of(flags, kNames);
}

std::string octal(std::uint64_t mode) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "0%llo",
                                 static_cast<unsigned long long>(mode));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string socket_domain(std::uint64_t domain) {
  return name_of(domain, kDomains);
}
std::string ptrace_request(std::uint64_t request) {
  return name_of(request, kPtrace);
}
std::string bpf_command(std::uint64_t command) {
  return name_of(command, kBpf);
}

std::vector<std::uint64_t> socket_domains() { return values_of(kDomains); }
std::vector<std::uint64_t> ptrace_requests() { return values_of(kPtrace); }
std::vector<std::uint64_t> bpf_commands() { return values_of(kBpf); }
std::vector<std::uint64_t> clone_flag_bits() { return values_of(kClone); }

std::string capabilities(std::uint64_t set) {
  std::string text;
  for (std::size_t i = 0; i < oci::kCapabilities.size(); ++i) {
    if ((set >> i & 1) != 0) add(text, oci::kCapabilities[i], ' ');
  }
  return text;
}

#undef BAILIFF_NAME

}  // namespace bailiff::oci
