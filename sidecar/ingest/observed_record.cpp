// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/observed_record.h"

#include <string.h>

#include <algorithm>
#include <string_view>

#include "rules/abi/task.h"

namespace bailiff::sidecar {
namespace {

Error malformed(const std::string& why) {
  return Error{Code::kInvalidArgument, "observed record: " + why};
}

template <typename T>
std::optional<T> head_of(std::span<const std::byte> bytes) {
  T head{};
  if (bytes.size() < sizeof head) return std::nullopt;
  ::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Up to the first NUL.
std::string first_text(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  return std::string(text.substr(0, text.find('\0')));
}

std::vector<std::string> all_texts(std::span<const std::byte> bytes) {
  std::vector<std::string> texts;
  std::string_view rest = text_of(bytes);
  while (!rest.empty()) {
    const std::string_view text = rest.substr(0, rest.find('\0'));
    texts.emplace_back(text);
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
  }
  return texts;
}

// The path whose names these are, the last first.  One of as many as fit has
// lost its beginning, and so does not begin with '/'.
std::string path_of_walk(std::span<const std::byte> bytes) {
  std::vector<std::string> names = all_texts(bytes);
  std::reverse(names.begin(), names.end());
  std::string path;
  const bool whole =
      names.size() < BAILIFF_MAX_WALK && bytes.size() < BAILIFF_MAX_WALK_BYTES;
  for (const std::string& name : names) {
    if (whole || !path.empty()) path += '/';
    path += name;
  }
  return path.empty() ? "/" : path;
}

std::vector<Ancestor> ancestors_of(std::span<const std::byte> bytes) {
  std::vector<Ancestor> ancestors;
  while (const auto one = head_of<bailiff_ancestor>(bytes)) {
    ancestors.push_back(
        {.pid = one->pid,
         .vpid = one->vpid,
         .start_ns = one->start_ns,
         .comm =
             std::string(one->comm, ::strnlen(one->comm, sizeof one->comm))});
    bytes = bytes.subspan(sizeof *one);
  }
  return ancestors;
}

std::vector<ObservedEvent::Decided> decisions_of(
    std::span<const std::byte> bytes) {
  std::vector<ObservedEvent::Decided> decided;
  while (const auto one = head_of<bailiff_task_hit>(bytes)) {
    decided.push_back({.rule = one->rule,
                       .open = (one->flags & BAILIFF_EVENT_CANDIDATE) != 0});
    bytes = bytes.subspan(sizeof *one);
  }
  return decided;
}

void take_part(ObservedEvent& event, std::uint16_t part,
               std::span<const std::byte> bytes) {
  switch (static_cast<bailiff_part>(part)) {
    case BAILIFF_PART_ARGUMENTS:
      event.args = all_texts(bytes);
      return;
    case BAILIFF_PART_ENVIRONMENT:
      event.environment = all_texts(bytes);
      return;
    case BAILIFF_PART_EXECUTABLE:
      event.executable = path_of_walk(bytes);
      return;
    case BAILIFF_PART_DIRECTORY:
      event.directory = path_of_walk(bytes);
      return;
    case BAILIFF_PART_ANCESTORS:
      event.ancestors = ancestors_of(bytes);
      return;
    case BAILIFF_PART_PATH:
      event.path = first_text(bytes);
      return;
    case BAILIFF_PART_PATH2:
      event.path2 = first_text(bytes);
      return;
    case BAILIFF_PART_BASE:
      event.base = path_of_walk(bytes);
      return;
    case BAILIFF_PART_BASE2:
      event.base2 = path_of_walk(bytes);
      return;
    case BAILIFF_PART_TEXT:
      event.text = first_text(bytes);
      return;
    case BAILIFF_PART_FILE:
      event.file = path_of_walk(bytes);
      return;
    case BAILIFF_PART_DATA:
      event.data = std::string(text_of(bytes));
      return;
    case BAILIFF_PART_RULES:
      event.decided = decisions_of(bytes);
      return;
  }
  // A part of a later version.
}

Status take_parts(ObservedEvent& event, std::span<const std::byte> bytes) {
  while (const auto part = head_of<bailiff_part_header>(bytes)) {
    bytes = bytes.subspan(sizeof *part);
    if (part->bytes > bytes.size()) {
      return malformed("a part of '" + std::to_string(part->bytes) +
                       "' bytes in '" + std::to_string(bytes.size()) + "'");
    }
    take_part(event, part->part, bytes.first(part->bytes));
    bytes = bytes.subspan(part->bytes);
  }
  return Ok{};
}

void take_common(ObservedEvent& event, const bailiff_observed_event& common) {
  const bailiff_event& header = common.header;
  event.monotonic_ns = header.time_ns;
  event.cgroup_id = header.cgroup_id;
  event.policy_id = header.policy_id;
  event.tgid = header.tgid;
  event.tid = header.tid;
  event.uid = header.uid;
  event.gid = header.gid;
  event.comm.assign(header.comm, ::strnlen(header.comm, sizeof header.comm));
  event.process = common.process;
}

Result<std::size_t> take_exec(ObservedEvent& event,
                              std::span<const std::byte> record) {
  const auto exec = head_of<bailiff_exec_event>(record);
  if (!exec) return malformed("an exec that is cut");
  event.program = exec->program;
  event.call = exec->program.call == BAILIFF_CALL_EXECVEAT
                   ? BAILIFF_CALL_EXECVEAT
                   : BAILIFF_CALL_EXECVE;
  return sizeof *exec;
}

Result<std::size_t> take_call(ObservedEvent& event,
                              std::span<const std::byte> record) {
  const auto call = head_of<bailiff_call_event>(record);
  if (!call) return malformed("a call that is cut");
  if (call->call >= BAILIFF_CALL_COUNT) {
    return malformed("call '" + std::to_string(call->call) + "'");
  }
  event.call = static_cast<bailiff_call>(call->call);
  event.result = call->result;
  std::copy(std::begin(call->arguments), std::end(call->arguments),
            std::begin(event.arguments));
  std::copy(std::begin(call->more), std::end(call->more),
            std::begin(event.more));
  event.descriptor = call->descriptor;
  return sizeof *call;
}

}  // namespace

bool is_observed_record(std::span<const std::byte> record) {
  const auto header = head_of<bailiff_event>(record);
  return header && header->kind >= BAILIFF_EVENT_FORK;
}

Result<ObservedEvent> parse_observed(std::span<const std::byte> record) {
  const auto common = head_of<bailiff_observed_event>(record);
  if (!common) {
    return malformed("'" + std::to_string(record.size()) + "' bytes");
  }
  const bailiff_event& header = common->header;
  if (header.size > record.size() || header.size < sizeof *common) {
    return malformed("size '" + std::to_string(header.size) + "' of '" +
                     std::to_string(record.size()) + "'");
  }
  record = record.first(header.size);
  ObservedEvent event;
  take_common(event, *common);
  Result<std::size_t> fixed = sizeof *common;
  switch (static_cast<bailiff_observe_kind>(header.kind)) {
    case BAILIFF_EVENT_FORK:
      event.kind = ObservedEvent::Kind::kFork;
      break;
    case BAILIFF_EVENT_EXIT:
      event.kind = ObservedEvent::Kind::kExit;
      break;
    case BAILIFF_EVENT_EXEC:
      event.kind = ObservedEvent::Kind::kExec;
      fixed = take_exec(event, record);
      break;
    case BAILIFF_EVENT_CALL:
      event.kind = ObservedEvent::Kind::kCall;
      fixed = take_call(event, record);
      break;
  }
  if (!fixed) return fixed.error();
  if (event.kind == ObservedEvent::Kind::kCall &&
      header.kind != BAILIFF_EVENT_CALL) {
    return Error{Code::kUnsupported,
                 "observed record: kind '" + std::to_string(header.kind) + "'"};
  }
  event.killed = event.kind == ObservedEvent::Kind::kExec &&
                 header.verdict == BAILIFF_VERDICT_DENIED;
  RETURN_IF_ERROR(take_parts(event, record.subspan(*fixed)));
  // A memfd is in no folder.
  if ((event.program.flags & BAILIFF_PROGRAM_MEMFD) != 0 && event.executable &&
      event.executable->starts_with('/')) {
    event.executable->erase(0, 1);
  }
  return event;
}

}  // namespace bailiff::sidecar
