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

std::vector<Value> ContainerEventFields::extract(
    FieldId field, std::string_view /*argument*/) const {
  using enum FieldId;
  switch (field) {
    case kEvtNum:
      return {static_cast<std::int64_t>(number_)};
    case kEvtTime:
      return {format_clock(record_.time_ns)};
    case kEvtType:
      return {std::string("container")};
    case kEvtDir:
      return {std::string("<")};
    case kProcName:
      if (record_.args.empty()) return {};
      return {name_of(record_.args.front())};
    case kProcPid:
      return {record_.pid};
    case kProcExe:
      if (record_.args.empty()) return {};
      return {record_.args.front()};
    case kProcArgs:
      return {join_arguments(record_.args)};
    case kProcCmdline:
      if (record_.args.empty()) return {};
      return {command_line(name_of(record_.args.front()), record_.args)};
    case kUserUid:
      return {record_.uid};
    case kUserName:
      return {user_name(record_.uid)};
    case kUserLoginuid:
      return {std::int64_t{-1}};  // nobody logs in to a new container
    case kGroupGid:
      return {record_.gid};
    default:
      // Of the container, or what this event does not tell: the unit test goes
      // by the table.
      return container_field(container_, field);
  }
}

}  // namespace bailiff::sidecar
