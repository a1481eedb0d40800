// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/manager_record.h"

#include <utility>
#include <vector>

#include "oci/spec/json.h"

namespace bailiff::oci {
namespace {

// The metadata of a container is a JSON text in a JSON string.
constexpr std::size_t kMaxMetadataBytes = 1 << 20;
constexpr const char* kDockerRoot = "/var/lib/docker";

Error no_record(const std::string& name, const std::string& id) {
  return Error{Code::kNotFound, name + " has no container '" + id + "'"};
}

Result<ManagerRecord> parse_storage(const Json& json, const std::string& id,
                                    const std::string& name) {
  // The top is an array: read as the one member of an object.
  Json wrapped = Json::object();
  wrapped["containers"] = json;
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(wrapped, name));
  ASSIGN_OR_RETURN(const auto entries, top.objects("containers"));
  for (const FieldReader& entry : entries) {
    ASSIGN_OR_RETURN(const auto entry_id, entry.string("id"));
    if (entry_id != id) continue;
    ManagerRecord record;
    ASSIGN_OR_RETURN(const auto names, entry.strings("names"));
    if (!names.empty()) record.name = names.front();
    ASSIGN_OR_RETURN(auto image_id, entry.string("image"));
    record.image_id = std::move(image_id).value_or("");
    ASSIGN_OR_RETURN(const auto metadata, entry.string("metadata"));
    if (!metadata || metadata->empty()) return record;
    const std::string what = name + ": the metadata of '" + id + "'";
    ASSIGN_OR_RETURN(const Json inner,
                     parse_json(*metadata, what, kMaxMetadataBytes));
    ASSIGN_OR_RETURN(const FieldReader fields, FieldReader::open(inner, what));
    ASSIGN_OR_RETURN(auto image, fields.string("image-name"));
    record.image = std::move(image).value_or("");
    ASSIGN_OR_RETURN(auto given, fields.string("name"));
    if (given && !given->empty()) record.name = *std::move(given);
    return record;
  }
  return no_record(name, id);
}

Result<ManagerRecord> parse_docker(const Json& json, const std::string& id,
                                   const std::string& name) {
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(json, name));
  ASSIGN_OR_RETURN(const auto entry_id, top.string("ID"));
  if (entry_id != id) return no_record(name, id);
  ManagerRecord record;
  ASSIGN_OR_RETURN(auto given, top.string("Name"));
  record.name = std::move(given).value_or("");
  if (record.name.starts_with('/')) record.name.erase(0, 1);
  ASSIGN_OR_RETURN(auto image_id, top.string("Image"));
  record.image_id = std::move(image_id).value_or("");
  ASSIGN_OR_RETURN(const auto config, top.object("Config"));
  if (config) {
    ASSIGN_OR_RETURN(auto image, config->string("Image"));
    record.image = std::move(image).value_or("");
    ASSIGN_OR_RETURN(record.labels, config->string_map("Labels"));
  }
  return record;
}

std::string docker_root(std::string root_path) {
  // devicemapper's have a folder more.
  constexpr std::string_view kMounted = "/rootfs";
  if (root_path.ends_with(kMounted)) {
    root_path.resize(root_path.size() - kMounted.size());
  }
  for (int folder = 0; folder < 3; ++folder) {
    const std::size_t slash = root_path.rfind('/');
    if (slash == std::string::npos || slash == 0) return kDockerRoot;
    root_path.resize(slash);
  }
  return root_path;
}

}  // namespace

std::optional<RecordPlace> record_place(const std::string& bundle,
                                        const std::string& id,
                                        const std::string& root_path) {
  const std::string storage = "/" + id + "/userdata";
  if (bundle.ends_with("-containers" + storage)) {
    return RecordPlace{
        bundle.substr(0, bundle.size() - storage.size()) + "/containers.json",
        RecordFormat::kContainersStorage};
  }
  if (bundle.ends_with("/io.containerd.runtime.v2.task/moby/" + id)) {
    return RecordPlace{
        docker_root(root_path) + "/containers/" + id + "/config.v2.json",
        RecordFormat::kDocker};
  }
  return std::nullopt;
}

Result<ManagerRecord> parse_record(RecordFormat format, std::string_view text,
                                   const std::string& id,
                                   const std::string& name) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text, name, kMaxRecordBytes));
  switch (format) {
    case RecordFormat::kContainersStorage:
      return parse_storage(json, id, name);
    case RecordFormat::kDocker:
      return parse_docker(json, id, name);
  }
  return no_record(name, id);
}

}  // namespace bailiff::oci
