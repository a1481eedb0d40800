// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/call_parameters.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>

#include "oci/spec/call_text.h"
#include "rules/fields/event_type.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/field_text.h"
#include "sidecar/ingest/user_names.h"

namespace bailiff::sidecar {
namespace {

using oci::bpf_command;
using oci::capabilities;
using oci::clone_flags;
using oci::errno_name;
using oci::link_flags;
using oci::memfd_flags;
using oci::mode_flags;
using oci::module_flags;
using oci::mount_flags;
using oci::octal;
using oci::open_flags;
using oci::ptrace_request;
using oci::rename_flags;
using oci::resolve_flags;
using oci::socket_domain;
using oci::unlink_flags;
using oci::userfaultfd_flags;

// What a parameter is, as far as it is to be written.
enum class Form {
  kNumber,  // signed, 32 bits
  kWide,    // unsigned, 64 bits
  kFd,
  kFolder,  // the descriptor of a folder
  kPath,
  kPath2,
  kText,
  kOpenFlags,
  kMode,       // of a file to be made: octal
  kModeFlags,  // by name
  kRename,
  kUnlink,
  kLink,
  kClone,
  kMount,
  kMemfd,
  kUserfault,
  kModule,
  kDomain,
  kRequest,
  kBpf,
  kUid,
};

struct Argument {
  bailiff_call call;
  std::string_view name;
  std::uint8_t place;  // of the system call's argument, from 0
  Form form;
};

constexpr Argument kArguments[] = {
    {BAILIFF_CALL_OPEN, "name", 0, Form::kPath},
    {BAILIFF_CALL_OPEN, "flags", 1, Form::kOpenFlags},
    {BAILIFF_CALL_OPEN, "mode", 2, Form::kMode},
    {BAILIFF_CALL_OPENAT, "dirfd", 0, Form::kFolder},
    {BAILIFF_CALL_OPENAT, "name", 1, Form::kPath},
    {BAILIFF_CALL_OPENAT, "flags", 2, Form::kOpenFlags},
    {BAILIFF_CALL_OPENAT, "mode", 3, Form::kMode},
    {BAILIFF_CALL_OPENAT2, "dirfd", 0, Form::kFolder},
    {BAILIFF_CALL_OPENAT2, "name", 1, Form::kPath},
    {BAILIFF_CALL_CREAT, "name", 0, Form::kPath},
    {BAILIFF_CALL_CREAT, "mode", 1, Form::kMode},
    {BAILIFF_CALL_RENAME, "oldpath", 0, Form::kPath},
    {BAILIFF_CALL_RENAME, "newpath", 1, Form::kPath2},
    {BAILIFF_CALL_RENAMEAT, "olddirfd", 0, Form::kFolder},
    {BAILIFF_CALL_RENAMEAT, "oldpath", 1, Form::kPath},
    {BAILIFF_CALL_RENAMEAT, "newdirfd", 2, Form::kFolder},
    {BAILIFF_CALL_RENAMEAT, "newpath", 3, Form::kPath2},
    {BAILIFF_CALL_RENAMEAT2, "olddirfd", 0, Form::kFolder},
    {BAILIFF_CALL_RENAMEAT2, "oldpath", 1, Form::kPath},
    {BAILIFF_CALL_RENAMEAT2, "newdirfd", 2, Form::kFolder},
    {BAILIFF_CALL_RENAMEAT2, "newpath", 3, Form::kPath2},
    {BAILIFF_CALL_RENAMEAT2, "flags", 4, Form::kRename},
    {BAILIFF_CALL_UNLINK, "path", 0, Form::kPath},
    {BAILIFF_CALL_UNLINKAT, "dirfd", 0, Form::kFolder},
    {BAILIFF_CALL_UNLINKAT, "name", 1, Form::kPath},
    {BAILIFF_CALL_UNLINKAT, "flags", 2, Form::kUnlink},
    {BAILIFF_CALL_RMDIR, "path", 0, Form::kPath},
    {BAILIFF_CALL_MKDIR, "path", 0, Form::kPath},
    {BAILIFF_CALL_MKDIR, "mode", 1, Form::kMode},
    {BAILIFF_CALL_MKDIRAT, "dirfd", 0, Form::kFolder},
    {BAILIFF_CALL_MKDIRAT, "path", 1, Form::kPath},
    {BAILIFF_CALL_MKDIRAT, "mode", 2, Form::kMode},
    {BAILIFF_CALL_CHMOD, "filename", 0, Form::kPath},
    {BAILIFF_CALL_CHMOD, "mode", 1, Form::kModeFlags},
    {BAILIFF_CALL_FCHMOD, "fd", 0, Form::kFd},
    {BAILIFF_CALL_FCHMOD, "mode", 1, Form::kModeFlags},
    {BAILIFF_CALL_FCHMODAT, "dirfd", 0, Form::kFolder},
    {BAILIFF_CALL_FCHMODAT, "filename", 1, Form::kPath},
    {BAILIFF_CALL_FCHMODAT, "mode", 2, Form::kModeFlags},
    {BAILIFF_CALL_LINK, "oldpath", 0, Form::kPath},
    {BAILIFF_CALL_LINK, "newpath", 1, Form::kPath2},
    {BAILIFF_CALL_LINKAT, "olddir", 0, Form::kFolder},
    {BAILIFF_CALL_LINKAT, "oldpath", 1, Form::kPath},
    {BAILIFF_CALL_LINKAT, "newdir", 2, Form::kFolder},
    {BAILIFF_CALL_LINKAT, "newpath", 3, Form::kPath2},
    {BAILIFF_CALL_LINKAT, "flags", 4, Form::kLink},
    {BAILIFF_CALL_SYMLINK, "target", 0, Form::kText},
    {BAILIFF_CALL_SYMLINK, "linkpath", 1, Form::kPath},
    {BAILIFF_CALL_SYMLINKAT, "target", 0, Form::kText},
    {BAILIFF_CALL_SYMLINKAT, "linkdirfd", 1, Form::kFolder},
    {BAILIFF_CALL_SYMLINKAT, "linkpath", 2, Form::kPath},
    {BAILIFF_CALL_DUP, "oldfd", 0, Form::kNumber},
    {BAILIFF_CALL_DUP2, "oldfd", 0, Form::kNumber},
    {BAILIFF_CALL_DUP2, "newfd", 1, Form::kNumber},
    {BAILIFF_CALL_DUP3, "oldfd", 0, Form::kNumber},
    {BAILIFF_CALL_DUP3, "newfd", 1, Form::kNumber},
    {BAILIFF_CALL_DUP3, "flags", 2, Form::kOpenFlags},
    {BAILIFF_CALL_SOCKET, "domain", 0, Form::kDomain},
    {BAILIFF_CALL_SOCKET, "type", 1, Form::kNumber},
    {BAILIFF_CALL_SOCKET, "proto", 2, Form::kNumber},
    {BAILIFF_CALL_CONNECT, "fd", 0, Form::kFd},
    {BAILIFF_CALL_SENDTO, "fd", 0, Form::kFd},
    {BAILIFF_CALL_SENDTO, "size", 2, Form::kWide},
    {BAILIFF_CALL_SENDMSG, "fd", 0, Form::kFd},
    {BAILIFF_CALL_RECVFROM, "fd", 0, Form::kFd},
    {BAILIFF_CALL_RECVFROM, "size", 2, Form::kWide},
    {BAILIFF_CALL_RECVMSG, "fd", 0, Form::kFd},
    {BAILIFF_CALL_ACCEPT4, "flags", 3, Form::kNumber},
    {BAILIFF_CALL_LISTEN, "fd", 0, Form::kFd},
    {BAILIFF_CALL_LISTEN, "backlog", 1, Form::kNumber},
    {BAILIFF_CALL_PTRACE, "request", 0, Form::kRequest},
    {BAILIFF_CALL_PTRACE, "pid", 1, Form::kNumber},
    {BAILIFF_CALL_SETNS, "fd", 0, Form::kFd},
    {BAILIFF_CALL_SETNS, "nstype", 1, Form::kClone},
    {BAILIFF_CALL_UNSHARE, "flags", 0, Form::kClone},
    {BAILIFF_CALL_SETUID, "uid", 0, Form::kUid},
    {BAILIFF_CALL_BPF, "cmd", 0, Form::kBpf},
    {BAILIFF_CALL_USERFAULTFD, "flags", 0, Form::kUserfault},
    {BAILIFF_CALL_INIT_MODULE, "length", 1, Form::kWide},
    {BAILIFF_CALL_INIT_MODULE, "uargs", 2, Form::kText},
    {BAILIFF_CALL_FINIT_MODULE, "fd", 0, Form::kFd},
    {BAILIFF_CALL_FINIT_MODULE, "uargs", 1, Form::kText},
    {BAILIFF_CALL_FINIT_MODULE, "flags", 2, Form::kModule},
    {BAILIFF_CALL_MEMFD_CREATE, "name", 0, Form::kText},
    {BAILIFF_CALL_MEMFD_CREATE, "flags", 1, Form::kMemfd},
    {BAILIFF_CALL_BIND, "fd", 0, Form::kFd},
    {BAILIFF_CALL_MOUNT, "dev", 0, Form::kText},
    {BAILIFF_CALL_MOUNT, "dir", 1, Form::kPath},
    {BAILIFF_CALL_MOUNT, "flags", 3, Form::kMount},
};

// In Falco's order.
std::string program_flags(std::uint32_t flags) {
  static constexpr struct {
    std::uint32_t flag;
    std::string_view name;
  } kNames[] = {{BAILIFF_PROGRAM_WRITABLE, "EXE_WRITABLE"},
                {BAILIFF_PROGRAM_UPPER, "EXE_UPPER_LAYER"},
                {BAILIFF_PROGRAM_MEMFD, "EXE_FROM_MEMFD"},
                {BAILIFF_PROGRAM_LOWER, "EXE_LOWER_LAYER"}};
  std::string text;
  for (const auto& each : kNames) {
    if ((flags & each.flag) == 0) continue;
    if (!text.empty()) text += '|';
    text += each.name;
  }
  return text;
}

const EventType& type_of(const ObservedEvent& event) {
  return all_event_types()[*find_event_type(event_type_of(event.call))];
}

std::optional<Parameter> known(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return Parameter{*text, ""};
}

std::optional<Parameter> path(const std::optional<std::string>& given,
                              const std::optional<std::string>& base) {
  if (!given) return std::nullopt;
  const std::string whole = absolute_path(*given, base);
  return Parameter{*given, whole == *given ? "" : whole};
}

template <typename T>
Parameter number(T value) {
  return {std::to_string(value), ""};
}

template <typename T>
Parameter named(T value, std::string name) {
  return {std::to_string(value), std::move(name)};
}

// Of openat2, which has them in memory.
std::optional<Parameter> how(const ObservedEvent& event,
                             std::string_view name) {
  if (name == "flags") {
    return named(event.more[0],
                 open_flags(event.more[0], event.descriptor.created != 0));
  }
  if (name == "mode") return Parameter{octal(event.more[1]), ""};
  if (name == "resolve") {
    return named(event.more[2], resolve_flags(event.more[2]));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Parameter> CallParameters::find(
    std::string_view name_or_place) const {
  const auto parameters = type_of(event_).parameters;
  const std::string_view name = parameter_name(event_.call, name_or_place);
  if (!is_told(event_.call, name)) return std::nullopt;
  for (const EventParameter& each : parameters) {
    if (each.name == name) return of_call(name);
  }
  return std::nullopt;
}

std::optional<std::string> CallParameters::text(
    std::string_view name_or_place) const {
  const std::optional<Parameter> found = find(name_or_place);
  if (!found) return std::nullopt;
  return found->resolved.empty() ? found->raw : found->resolved;
}

std::string CallParameters::all() const {
  std::string text;
  for (const EventParameter& each : type_of(event_).parameters) {
    const std::optional<Parameter> found = find(each.name);
    if (!found) continue;
    text += each.name;
    text += '=';
    text += found->raw;
    if (!found->resolved.empty()) text += '(' + found->resolved + ')';
    text += ' ';
  }
  return text;
}

Parameter CallParameters::result() const {
  if (event_.result >= 0) return number(event_.result);
  return named(event_.result, errno_name(-event_.result));
}

Parameter CallParameters::descriptor(std::int64_t fd) const {
  if (!descriptor_ || descriptor_->typechar.empty()) return number(fd);
  return named(
      fd, "<" + std::string(descriptor_->typechar) + ">" + descriptor_->name);
}

std::optional<Parameter> CallParameters::of_program(
    std::string_view name) const {
  const bailiff_process& ids = event_.process;
  const RunningProgram& program = *process_.program;
  if (name == "exe") {
    if (!program.args || program.args->empty()) return std::nullopt;
    return Parameter{program.args->front(), ""};
  }
  if (name == "args") {
    if (!program.args) return std::nullopt;
    return Parameter{join_arguments(*program.args), ""};
  }
  if (name == "env") {
    if (!program.environment) return std::nullopt;
    std::string joined;
    for (const std::string& each : *program.environment) {
      if (!joined.empty()) joined += ' ';
      joined += each;
    }
    return Parameter{std::move(joined), ""};
  }
  if (name == "tid") return number(event_.tid);
  if (name == "pid") return number(event_.tgid);
  if (name == "ptid") return number(ids.ppid);
  if (name == "cwd") return known(process_.directory);
  if (name == "comm") return Parameter{event_.comm, ""};
  if (name == "tty") return number(ids.tty);
  if (name == "vpgid") return number(ids.vpgid);
  if (name == "pgid") return number(ids.pgid);
  if (name == "loginuid") {
    return number(static_cast<std::int32_t>(ids.loginuid));
  }
  if (name == "cap_inheritable") {
    return named(ids.inheritable, capabilities(ids.inheritable));
  }
  if (name == "cap_permitted") {
    return named(ids.permitted, capabilities(ids.permitted));
  }
  if (name == "cap_effective") {
    return named(ids.effective, capabilities(ids.effective));
  }
  if (name == "uid") return named(event_.uid, user_name(event_.uid));
  if (name == "gid") return number(event_.gid);
  if (name == "trusted_exepath") return known(program.executable);
  if (name == "filename") return path(event_.path, event_.base);
  if (!program.file) return std::nullopt;
  if (name == "exe_ino") return number(program.file->inode);
  if (name == "flags") {
    return named(program.file->flags, program_flags(program.file->flags));
  }
  if (name == "exe_ino_ctime") return number(program.file->changed_ns);
  if (name == "exe_ino_mtime") return number(program.file->modified_ns);
  return std::nullopt;
}

bool hides_path(const ObservedEvent& event) {
  if (event.kind != ObservedEvent::Kind::kCall) return false;
  switch (event.result) {
    // It may not have come to that: there is no such memory, seccomp or a
    // capability stood before it, or something else was wrong.
    case -EFAULT:
    case -EPERM:
    case -ENOSYS:
    case -EINVAL:
    case -EBADF:
    case -E2BIG:
      return false;
    default:
      break;
  }
  return std::any_of(std::begin(kArguments), std::end(kArguments),
                     [&](const Argument& each) {
                       if (each.call != event.call) return false;
                       // What was opened has a name all the same.
                       if (each.form == Form::kPath)
                         return !event.path && !event.file;
                       return each.form == Form::kPath2 && !event.path2;
                     });
}

std::optional<Parameter> CallParameters::of_call(std::string_view name) const {
  if (name == "res") return result();
  if (event_.call <= BAILIFF_CALL_EXECVEAT) return of_program(name);
  for (const Argument& each : kArguments) {
    if (each.call != event_.call || each.name != name) continue;
    const std::uint64_t value = event_.arguments[each.place];
    const auto small = static_cast<std::int32_t>(value);
    const std::uint64_t low = static_cast<std::uint32_t>(value);
    switch (each.form) {
      case Form::kNumber:
        return number(small);
      case Form::kWide:
        return number(value);
      case Form::kFd:
        return descriptor(small);
      case Form::kFolder:
        return named(small, small == AT_FDCWD ? "AT_FDCWD" : "");
      case Form::kPath:
        return path(event_.path, event_.base);
      case Form::kPath2:
        return path(event_.path2, event_.base2);
      case Form::kText:
        return known(event_.text);
      case Form::kOpenFlags:
        return named(low, open_flags(low, event_.descriptor.created != 0));
      case Form::kMode:
        return Parameter{octal(low), ""};
      case Form::kModeFlags:
        return Parameter{octal(low), mode_flags(low)};
      case Form::kRename:
        return named(low, rename_flags(low));
      case Form::kUnlink:
        return named(low, unlink_flags(low));
      case Form::kLink:
        return named(low, link_flags(low));
      case Form::kClone:
        return named(low, clone_flags(low));
      case Form::kMount:
        return named(low, mount_flags(low));
      case Form::kMemfd:
        return named(low, memfd_flags(low));
      case Form::kUserfault:
        return named(low, userfaultfd_flags(low));
      case Form::kModule:
        return named(low, module_flags(low));
      case Form::kDomain:
        return named(low, socket_domain(low));
      case Form::kRequest:
        return named(low, ptrace_request(low));
      case Form::kBpf:
        return named(low, bpf_command(low));
      case Form::kUid: {
        const std::string user = user_name(small);
        return named(low, user == "<NA>" ? "" : user);
      }
    }
  }
  if (name == "fd") {
    return event_.result < 0 ? result() : descriptor(event_.result);
  }
  if (event_.call == BAILIFF_CALL_OPENAT2) {
    if (auto found = how(event_, name)) return found;
  }
  if (name == "flags" && event_.call == BAILIFF_CALL_SOCKET) {
    // In the same argument as the type (socket(2)).
    constexpr std::uint64_t kFlags = O_CLOEXEC | O_NONBLOCK;
    return number(event_.arguments[1] & kFlags);
  }
  const bailiff_descriptor& told = event_.descriptor;
  if (name == "dev") return number(told.device);
  if (name == "ino") return number(told.inode);
  if (name == "size") return number(event_.result);
  if (name == "data") return known(event_.data);
  if (name == "tuple" && descriptor_) {
    return Parameter{descriptor_->name, ""};
  }
  if (name == "addr" && descriptor_ && descriptor_->given) {
    return Parameter{to_string(*descriptor_->given), ""};
  }
  if (name == "addr" && descriptor_ && descriptor_->remote) {
    return Parameter{to_string(*descriptor_->remote), ""};
  }
  if (name == "addr" && event_.text) return known(event_.text);
  return std::nullopt;
}

}  // namespace bailiff::sidecar
