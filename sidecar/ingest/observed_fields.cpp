// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/observed_fields.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "oci/spec/call_text.h"
#include "rules/fields/reference.h"
#include "rules/lower/observed.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/ingest/call_parameters.h"
#include "sidecar/ingest/field_text.h"
#include "sidecar/ingest/user_names.h"

namespace bailiff::sidecar {
namespace {

using oci::capabilities;
using oci::errno_name;

using enum FieldId;

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

template <typename T>
void add_if_known(const std::optional<T>& value, Views& views) {
  if (value) views.add(*value);
}

// proc.exe: the first argument.
const std::string* exe_of(const Process& process) {
  const auto& args = process.program->args;
  return args && !args->empty() ? &args->front() : nullptr;
}

void add_exe(const Process& process, Views& views) {
  if (const std::string* exe = exe_of(process)) views.add(*exe);
}

void add_command_line(const Process& process, Views& views) {
  const auto& args = process.program->args;
  if (args) views.keep(command_line(process.comm, *args));
}

// What a field of ancestors says of one of them.
void add_of_ancestor(FieldId field, const Process& process, Views& views) {
  switch (field) {
    case kProcAname:
      return views.add(process.comm);
    case kProcAexe:
      return add_exe(process, views);
    case kProcAexepath:
      return add_if_known(process.program->executable, views);
    case kProcAcmdline:
      return add_command_line(process, views);
    case kProcApid:
      return views.add(number(process.pid));
    default:
      return;
  }
}

struct OpenRequest {
  std::uint64_t flags = 0;
  std::uint64_t mode = 0;
};

// What open and its like were asked for.
std::optional<OpenRequest> open_request(const ObservedEvent& event) {
  switch (event.call) {
    case BAILIFF_CALL_OPEN:
      return OpenRequest{event.arguments[1], event.arguments[2]};
    case BAILIFF_CALL_OPENAT:
      return OpenRequest{event.arguments[2], event.arguments[3]};
    case BAILIFF_CALL_OPENAT2:
      return OpenRequest{event.more[0], event.more[1]};
    case BAILIFF_CALL_CREAT:
      return OpenRequest{O_CREAT | O_WRONLY | O_TRUNC, event.arguments[1]};
    default:
      return std::nullopt;
  }
}

bool is_creat(const ObservedEvent& event) {
  return event.call == BAILIFF_CALL_CREAT;
}

}  // namespace

std::uint64_t ObservedFields::realtime_ns() const {
  return event_.monotonic_ns +
         static_cast<std::uint64_t>(observed_.clocks.realtime_ns);
}

std::uint64_t ObservedFields::from_boottime(std::uint64_t boottime_ns) const {
  return boottime_ns + static_cast<std::uint64_t>(observed_.clocks.realtime_ns -
                                                  observed_.clocks.boottime_ns);
}

void ObservedFields::view(FieldId field, std::string_view argument,
                          Views& views) const {
  // The unit test goes by the table: each field it says is told is told by one
  // of these.
  if (view_event(field, argument, views) ||
      view_process(field, argument, views) || view_parent(field, views) ||
      view_ancestors(field, argument, views) ||
      view_program_file(field, views) || view_user(field, views) ||
      view_descriptor(field, views) || view_container(field, views)) {
    return;
  }
  view_container_field(container_, field, argument, views);
}

// Each of these is true when the field is one of its own.

bool ObservedFields::view_event(FieldId field, std::string_view argument,
                                Views& views) const {
  const auto parameters = [this] {
    return CallParameters(event_, self(), observed_.descriptor);
  };
  const std::optional<OpenRequest> open = open_request(event_);
  const auto accesses = [&](std::uint64_t access) {
    const std::uint64_t mode = open->flags & O_ACCMODE;
    return mode == access || mode == O_RDWR;
  };
  switch (field) {
    case kEvtNum:
      views.add(number(observed_.number));
      return true;
    case kEvtTime:
      views.keep(format_clock(realtime_ns()));
      return true;
    case kEvtType:
    case kSyscallType:
      views.add(event_type_of(event_.call));
      return true;
    case kEvtDir:
      views.add("<");
      return true;
    case kEvtCount:
      views.add(std::int64_t{1});
      return true;
    case kEvtArgs:
    case kEvtInfo:
      views.keep(parameters().all());
      return true;
    case kEvtArg:
      if (auto text = parameters().text(argument)) {
        views.keep(*std::move(text));
      }
      return true;
    case kEvtBuffer:
      add_if_known(event_.data, views);
      return true;
    case kEvtRes:
      views.keep(event_.result < 0 ? errno_name(-event_.result) : "SUCCESS");
      return true;
    case kEvtRawres:
      views.add(event_.result);
      return true;
    case kEvtFailed:
      views.add(event_.result < 0);
      return true;
    case kEvtIsOpenRead:
      if (open) views.add(!is_creat(event_) && accesses(O_RDONLY));
      return true;
    case kEvtIsOpenWrite:
      if (open) views.add(accesses(O_WRONLY));
      return true;
    case kEvtIsOpenExec: {
      constexpr std::uint64_t kExecute = S_IXUSR | S_IXGRP | S_IXOTH;
      if (open) {
        const bool makes = (open->flags & O_CREAT) != 0 ||
                           (open->flags & O_TMPFILE) == O_TMPFILE;
        views.add(makes && (open->mode & kExecute) != 0);
      }
      return true;
    }
    case kEvtIsOpenCreate:
      if (open) views.add(event_.descriptor.created != 0);
      return true;
    default:
      return false;
  }
}

bool ObservedFields::view_process(FieldId field, std::string_view argument,
                                  Views& views) const {
  const bailiff_process& ids = event_.process;
  const Process& process = self();
  const auto& args = process.program->args;
  const auto& environment = process.program->environment;
  switch (field) {
    case kProcName:
      views.add(event_.comm);
      return true;
    case kProcExe:
      add_exe(process, views);
      return true;
    case kProcExepath:
      add_if_known(process.program->executable, views);
      return true;
    case kProcArgs:
      if (!args) return true;
      if (argument.empty()) {
        views.keep(join_arguments(*args));
      } else if (const auto index = index_of(argument);
                 index && *index + 1 < args->size()) {
        views.add((*args)[*index + 1]);
      }
      return true;
    case kProcCmdline:
      if (args) views.keep(command_line(event_.comm, *args));
      return true;
    case kProcExeline:
      if (const std::string* exe = exe_of(process)) {
        views.keep(command_line(*exe, *args));
      }
      return true;
    case kProcCmdnargs:
      if (args) {
        views.add(number(args->empty() ? 0 : args->size() - 1));
      }
      return true;
    case kProcEnv: {
      if (!environment) return true;
      std::string joined;
      const std::string key = std::string(argument) + "=";
      for (const std::string& each : *environment) {
        if (!argument.empty()) {
          if (!each.starts_with(key)) continue;
          views.add(std::string_view(each).substr(key.size()));
          return true;
        }
        if (!joined.empty()) joined += ' ';
        joined += each;
      }
      if (argument.empty()) views.keep(std::move(joined));
      return true;
    }
    case kProcCwd:
      // With a slash at its end, as Falco has it.
      if (process.directory) {
        const std::string& directory = *process.directory;
        views.keep(directory.ends_with('/') ? directory : directory + "/");
      }
      return true;
    case kProcTty:
      views.add(number(ids.tty));
      return true;
    case kProcPid:
      views.add(number(event_.tgid));
      return true;
    case kProcVpid:
      views.add(number(ids.vpid));
      return true;
    case kProcSid:
      views.add(number(ids.sid));
      return true;
    case kProcSname:
      if (observed_.lineage.session) {
        views.add(observed_.lineage.session->comm);
      }
      return true;
    case kProcVpgid:
      views.add(number(ids.vpgid));
      return true;
    case kProcPgid:
      views.add(number(ids.pgid));
      return true;
    case kProcIsSidLeader:
      views.add(ids.sid == event_.tgid);
      return true;
    case kProcIsVpgidLeader:
      views.add(ids.vpgid == ids.vpid);
      return true;
    case kProcIsPgidLeader:
      views.add(ids.pgid == event_.tgid);
      return true;
    case kProcDuration:
      views.add(number(event_.monotonic_ns) + observed_.clocks.boottime_ns -
                number(ids.start_ns));
      return true;
    case kProcPidTs:
      views.add(number(from_boottime(ids.start_ns)));
      return true;
    case kThreadTid:
      views.add(number(event_.tid));
      return true;
    case kThreadVtid:
      views.add(number(ids.vtid));
      return true;
    case kThreadIsmain:
      views.add(event_.tid == event_.tgid);
      return true;
    case kThreadCapPermitted:
      views.keep(capabilities(ids.permitted));
      return true;
    case kThreadCapInheritable:
      views.keep(capabilities(ids.inheritable));
      return true;
    case kThreadCapEffective:
      views.keep(capabilities(ids.effective));
      return true;
    default:
      return false;
  }
}

bool ObservedFields::view_parent(FieldId field, Views& views) const {
  switch (field) {
    case kProcPpid:
      views.add(number(event_.process.ppid));
      return true;
    case kProcPname:
    case kProcPexe:
    case kProcPexepath:
    case kProcPcmdline:
    case kProcPvpid:
    case kProcPpidTs:
    case kProcPpidDuration:
      break;
    default:
      return false;
  }
  const std::vector<ProcessPtr>& above = observed_.lineage.above;
  if (above.empty()) return true;
  const Process& parent = *above.front();
  switch (field) {
    case kProcPname:
      views.add(parent.comm);
      break;
    case kProcPexe:
      add_exe(parent, views);
      break;
    case kProcPexepath:
      add_if_known(parent.program->executable, views);
      break;
    case kProcPcmdline:
      add_command_line(parent, views);
      break;
    case kProcPvpid:
      views.add(number(parent.vpid));
      break;
    case kProcPpidTs:
      views.add(number(from_boottime(parent.start_ns)));
      break;
    default:
      views.add(number(event_.monotonic_ns) + observed_.clocks.boottime_ns -
                number(parent.start_ns));
      break;
  }
  return true;
}

bool ObservedFields::view_ancestors(FieldId field, std::string_view argument,
                                    Views& views) const {
  switch (field) {
    case kProcAname:
    case kProcAexe:
    case kProcAexepath:
    case kProcAcmdline:
    case kProcApid:
      break;
    default:
      return false;
  }
  const std::vector<ProcessPtr>& above = observed_.lineage.above;
  if (argument.empty()) {
    for (const ProcessPtr& each : above) add_of_ancestor(field, *each, views);
    return true;
  }
  const std::optional<std::size_t> index = index_of(argument);
  if (!index) return true;
  if (*index == 0) {
    add_of_ancestor(field, self(), views);
  } else if (*index <= above.size()) {
    add_of_ancestor(field, *above[*index - 1], views);
  }
  return true;
}

bool ObservedFields::view_program_file(FieldId field, Views& views) const {
  const auto& file = self().program->file;
  const auto add = [&](const ValueView& value) {
    if (file) views.add(value);
    return true;
  };
  const bailiff_program told = file.value_or(bailiff_program{});
  switch (field) {
    case kProcIsExeWritable:
      return add((told.flags & BAILIFF_PROGRAM_WRITABLE) != 0);
    case kProcIsExeUpperLayer:
      return add((told.flags & BAILIFF_PROGRAM_UPPER) != 0);
    case kProcIsExeLowerLayer:
      return add((told.flags & BAILIFF_PROGRAM_LOWER) != 0);
    case kProcIsExeFromMemfd:
      return add((told.flags & BAILIFF_PROGRAM_MEMFD) != 0);
    case kProcExeIno:
      return add(number(told.inode));
    case kProcExeInoCtime:
      return add(number(told.changed_ns));
    case kProcExeInoMtime:
      return add(number(told.modified_ns));
    case kProcExeInoCtimeDurationProcStart: {
      const std::uint64_t start = from_boottime(event_.process.start_ns);
      if (told.changed_ns != 0 && start > told.changed_ns) {
        views.add(number(start - told.changed_ns));
      }
      return true;
    }
    default:
      return false;
  }
}

bool ObservedFields::view_user(FieldId field, Views& views) const {
  const auto login = static_cast<std::int32_t>(event_.process.loginuid);
  switch (field) {
    case kUserUid:
      views.add(number(event_.uid));
      return true;
    case kUserName:
      views.keep(user_name(event_.uid));
      return true;
    case kUserLoginuid:
      views.add(std::int64_t{login});
      return true;
    case kUserLoginname:
      views.keep(user_name(login));
      return true;
    case kGroupGid:
      views.add(number(event_.gid));
      return true;
    case kGroupName:
      views.keep(group_name(event_.gid));
      return true;
    default:
      return false;
  }
}

bool ObservedFields::view_descriptor(FieldId field, Views& views) const {
  if (bailiff::field(field).cls != FieldClass::kDescriptor) return false;
  if (!observed_.descriptor) return true;
  const Descriptor& fd = *observed_.descriptor;
  const std::size_t slash = fd.name.rfind('/');
  const bool is_path = fd.typechar == "f" || fd.typechar == "d";
  switch (field) {
    case kFdNum:
      views.add(fd.number);
      return true;
    case kFdType:
      if (!fd.type.empty()) views.add(fd.type);
      return true;
    case kFdTypechar:
      if (!fd.typechar.empty()) views.add(fd.typechar);
      return true;
    case kFdName:
      if (!fd.typechar.empty()) views.add(fd.name);
      return true;
    case kFdNameraw:
      add_if_known(fd.name_raw, views);
      return true;
    case kFdDirectory:
      if (is_path && slash != fd.name.npos) {
        views.keep(slash == 0 ? "/" : fd.name.substr(0, slash));
      }
      return true;
    case kFdFilename:
      if (is_path && slash != fd.name.npos) {
        views.add(std::string_view(fd.name).substr(slash + 1));
      }
      return true;
    case kFdIno:
      if (fd.inode != 0) views.add(number(fd.inode));
      return true;
    case kFdL4proto:
      if (!fd.typechar.empty()) {
        views.add(fd.is_ip() ? fd.l4proto : std::string_view("<NA>"));
      }
      return true;
    case kFdSockfamily:
      if (fd.is_ip()) views.add("ip");
      if (fd.typechar == "u") views.add("unix");
      return true;
    case kFdIsServer:
      if (fd.is_ip()) views.add(fd.is_server);
      return true;
    case kFdConnected:
      if (fd.is_ip()) views.add(fd.connected);
      return true;
    case kFdNameChanged:
      views.add(observed_.name_changed);
      return true;
    case kFdCipName:
      for (const std::string& name : observed_.client_names) views.add(name);
      return true;
    default:
      // One that nobody tells, if it is not of an end.
      view_end(field, fd, views);
      return true;
  }
}

bool ObservedFields::view_container(FieldId field, Views& views) const {
  switch (field) {
    case kContainerStartTs:
      if (observed_.container_start_ns != 0) {
        views.add(number(observed_.container_start_ns));
      }
      return true;
    case kContainerDuration:
      if (observed_.container_start_ns != 0) {
        const std::uint64_t start = observed_.container_start_ns;
        views.add(number(std::max(realtime_ns(), start) - start));
      }
      return true;
    default:
      return false;
  }
}

}  // namespace bailiff::sidecar
