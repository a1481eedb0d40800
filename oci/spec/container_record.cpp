// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/container_record.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "oci/spec/json.h"

namespace bailiff::oci {
namespace {

// An annotation-rich pod has a few hundred KiB of facts.
constexpr std::size_t kMaxContainerRecordBytes = 4 << 20;
constexpr const char* kWhat = "the container record";

Json facts_json(const ContainerFacts& facts) {
  Json values = Json::object();
  for (const auto& [name, value] : facts.values) {
    values[name] = std::visit([](const auto& it) { return Json(it); }, value);
  }
  return Json{{"values", std::move(values)},
              {"id", facts.id},
              {"name", facts.name},
              {"type", facts.type},
              {"image", facts.image},
              {"pod", facts.pod},
              {"pod_uid", facts.pod_uid},
              {"namespace", facts.namespace_name},
              {"labels", facts.labels},
              {"pod_labels", facts.pod_labels},
              {"untold", facts.untold},
              {"sandbox", facts.sandbox},
              {"pod_identity_trusted", facts.pod_identity_trusted}};
}

Result<FactValue> fact_value(const FieldReader& values, const std::string& name,
                             const Json& json) {
  if (json.is_boolean()) return FactValue(json.get<bool>());
  if (json.is_number_integer()) {
    ASSIGN_OR_RETURN(const auto number, values.integer(name));
    return FactValue(*number);
  }
  if (json.is_string()) return FactValue(json.get<std::string>());
  if (json.is_array()) {
    ASSIGN_OR_RETURN(auto strings, values.strings(name));
    return FactValue(std::move(strings));
  }
  return values.wrong(values.path_of(name),
                      "expected a boolean, an integer, a string or strings");
}

// Reads a member into `to`, which keeps its value when the member is absent.
Status read(const FieldReader& from, std::string_view key, std::string& to) {
  ASSIGN_OR_RETURN(auto value, from.string(key));
  if (value) to = *std::move(value);
  return Ok{};
}

Status read(const FieldReader& from, std::string_view key, bool& to) {
  ASSIGN_OR_RETURN(const auto value, from.boolean(key));
  to = value.value_or(to);
  return Ok{};
}

template <typename Integer>
Status read_integer(const FieldReader& from, std::string_view key,
                    Integer& to) {
  ASSIGN_OR_RETURN(const auto value, from.integer(key));
  if (!value) return Ok{};
  if (std::is_unsigned_v<Integer> && *value < 0) {
    return from.wrong(from.path_of(key), "expected a number from 0 up");
  }
  to = static_cast<Integer>(*value);
  return Ok{};
}

Result<ContainerFacts> read_facts(const FieldReader& from, const Json& json) {
  ContainerFacts facts;
  RETURN_IF_ERROR(read(from, "id", facts.id));
  RETURN_IF_ERROR(read(from, "name", facts.name));
  RETURN_IF_ERROR(read(from, "type", facts.type));
  RETURN_IF_ERROR(read(from, "image", facts.image));
  RETURN_IF_ERROR(read(from, "pod", facts.pod));
  RETURN_IF_ERROR(read(from, "pod_uid", facts.pod_uid));
  RETURN_IF_ERROR(read(from, "namespace", facts.namespace_name));
  RETURN_IF_ERROR(read(from, "sandbox", facts.sandbox));
  RETURN_IF_ERROR(
      read(from, "pod_identity_trusted", facts.pod_identity_trusted));
  ASSIGN_OR_RETURN(facts.labels, from.string_map("labels"));
  ASSIGN_OR_RETURN(facts.pod_labels, from.string_map("pod_labels"));
  ASSIGN_OR_RETURN(facts.untold, from.strings("untold"));
  ASSIGN_OR_RETURN(const auto values, from.object("values"));
  if (!values) return facts;
  for (const auto& [name, value] : json.at("values").items()) {
    ASSIGN_OR_RETURN(FactValue fact, fact_value(*values, name, value));
    facts.values.emplace(name, std::move(fact));
  }
  return facts;
}

}  // namespace

bool add_programs(ContainerRecord& record,
                  const std::vector<Digest>& programs) {
  bool added = false;
  for (const Digest& digest : programs) {
    const std::string hex = digest.hex();
    if (std::find(record.programs.begin(), record.programs.end(), hex) !=
        record.programs.end()) {
      continue;
    }
    record.programs.push_back(hex);
    added = true;
  }
  return added;
}

std::string to_json(const ContainerRecord& record) {
  const Json json{{"event", record.event},
                  {"id", record.id},
                  {"time_ns", record.time_ns},
                  {"pid", record.pid},
                  {"bundle", record.bundle},
                  {"runtime", record.runtime},
                  {"runtime_root", record.runtime_root},
                  {"cgroup_path", record.cgroup_path},
                  {"cgroup_id", record.cgroup_id},
                  {"netns", record.netns},
                  {"policy", record.policy},
                  {"programs", record.programs},
                  {"args", record.args},
                  {"uid", record.uid},
                  {"gid", record.gid},
                  {"degraded", record.degraded},
                  {"facts", facts_json(record.facts)}};
  // A path may be any bytes; what is not UTF-8 must not cost the record.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ContainerRecord> parse_container_record(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   parse_json(text, kWhat, kMaxContainerRecordBytes));
  ASSIGN_OR_RETURN(const FieldReader from, FieldReader::open(json, kWhat));
  ContainerRecord record;
  RETURN_IF_ERROR(read(from, "event", record.event));
  if (record.event != "start" && record.event != "adopt" &&
      record.event != "stop") {
    return from.wrong("event", "expected 'start' or 'stop'");
  }
  RETURN_IF_ERROR(read(from, "id", record.id));
  if (record.id.empty()) return from.wrong("id", "expected a container id");
  RETURN_IF_ERROR(read_integer(from, "time_ns", record.time_ns));
  RETURN_IF_ERROR(read_integer(from, "pid", record.pid));
  RETURN_IF_ERROR(read(from, "bundle", record.bundle));
  RETURN_IF_ERROR(read(from, "runtime", record.runtime));
  RETURN_IF_ERROR(read(from, "runtime_root", record.runtime_root));
  RETURN_IF_ERROR(read(from, "cgroup_path", record.cgroup_path));
  RETURN_IF_ERROR(read_integer(from, "cgroup_id", record.cgroup_id));
  RETURN_IF_ERROR(read_integer(from, "netns", record.netns));
  RETURN_IF_ERROR(read(from, "policy", record.policy));
  ASSIGN_OR_RETURN(record.programs, from.strings("programs"));
  ASSIGN_OR_RETURN(record.args, from.strings("args"));
  RETURN_IF_ERROR(read_integer(from, "uid", record.uid));
  RETURN_IF_ERROR(read_integer(from, "gid", record.gid));
  RETURN_IF_ERROR(read(from, "degraded", record.degraded));
  ASSIGN_OR_RETURN(const auto facts, from.object("facts"));
  if (facts) {
    ASSIGN_OR_RETURN(record.facts, read_facts(*facts, json.at("facts")));
  }
  return record;
}

}  // namespace bailiff::oci
