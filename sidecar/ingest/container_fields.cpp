// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/container_fields.h"

#include <string>

#include "rules/abi/event.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/ingest/field_text.h"
#include "sidecar/ingest/user_names.h"

namespace bailiff::sidecar {
namespace {

// The name the kernel gives the process once it runs: the last part of the
// path, cut.
std::string name_of(const std::string& program) {
  return program.substr(program.rfind('/') + 1)
      .substr(0, BAILIFF_EVENT_COMM_LEN - 1);
}

}  // namespace

void ContainerEventFields::view(FieldId field, std::string_view argument,
                                Views& views) const {
  using enum FieldId;
  const std::vector<std::string>& args = record_.args;
  switch (field) {
    case kEvtNum:
      return views.add(static_cast<std::int64_t>(number_));
    case kEvtTime:
      return views.keep(format_clock(record_.time_ns));
    case kEvtType:
      return views.add("container");
    case kEvtDir:
      return views.add("<");
    case kProcName:
      if (!args.empty()) views.keep(name_of(args.front()));
      return;
    case kProcPid:
      return views.add(record_.pid);
    case kProcExe:
      if (!args.empty()) views.add(args.front());
      return;
    case kProcArgs:
      return views.keep(join_arguments(args));
    case kProcCmdline:
      if (!args.empty()) {
        views.keep(command_line(name_of(args.front()), args));
      }
      return;
    case kUserUid:
      return views.add(record_.uid);
    case kUserName:
      return views.keep(user_name(record_.uid));
    case kUserLoginuid:
      return views.add(std::int64_t{-1});  // nobody logs in to a new container
    case kGroupGid:
      return views.add(record_.gid);
    default:
      // Of the container, or what this event does not tell: the unit test goes
      // by the table.
      return view_container_field(container_, field, argument, views);
  }
}

}  // namespace bailiff::sidecar
