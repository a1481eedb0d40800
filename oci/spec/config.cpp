// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/config.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "oci/spec/capabilities.h"
#include "oci/spec/json.h"
#include "oci/sys/errno_error.h"

namespace bailiff::oci {
namespace {

bool contains(const std::vector<std::string>& strings, std::string_view text) {
  return std::find(strings.begin(), strings.end(), text) != strings.end();
}

Status read_process(const FieldReader& process, ContainerConfig& config) {
  ASSIGN_OR_RETURN(config.args, process.strings("args"));
  ASSIGN_OR_RETURN(auto cwd, process.string("cwd"));
  config.cwd = std::move(cwd).value_or("");
  ASSIGN_OR_RETURN(const auto terminal, process.boolean("terminal"));
  config.terminal = terminal.value_or(false);
  ASSIGN_OR_RETURN(const auto sealed, process.boolean("noNewPrivileges"));
  config.no_new_privileges = sealed.value_or(false);
  ASSIGN_OR_RETURN(const auto user, process.object("user"));
  if (user) {
    ASSIGN_OR_RETURN(const auto uid, user->integer("uid"));
    config.uid = uid.value_or(0);
    ASSIGN_OR_RETURN(const auto gid, user->integer("gid"));
    config.gid = gid.value_or(0);
  }
  ASSIGN_OR_RETURN(const auto sets, process.object("capabilities"));
  if (sets) {
    ASSIGN_OR_RETURN(config.bounding_capabilities, sets->strings("bounding"));
  }
  return Ok{};
}

Status read_linux(const FieldReader& settings, ContainerConfig& config) {
  ASSIGN_OR_RETURN(auto cgroups_path, settings.string("cgroupsPath"));
  config.cgroups_path = std::move(cgroups_path).value_or("");
  ASSIGN_OR_RETURN(config.masked_paths, settings.strings("maskedPaths"));
  ASSIGN_OR_RETURN(config.readonly_paths, settings.strings("readonlyPaths"));
  ASSIGN_OR_RETURN(const auto namespaces, settings.objects("namespaces"));
  for (const FieldReader& entry : namespaces) {
    ASSIGN_OR_RETURN(auto type, entry.string("type"));
    ASSIGN_OR_RETURN(auto path, entry.string("path"));
    config.namespaces.push_back(
        {std::move(type).value_or(""), std::move(path).value_or("")});
  }
  ASSIGN_OR_RETURN(const auto seccomp, settings.object("seccomp"));
  if (seccomp) {
    ASSIGN_OR_RETURN(const auto action, seccomp->string("defaultAction"));
    ASSIGN_OR_RETURN(const auto syscalls, seccomp->objects("syscalls"));
    config.has_seccomp =
        !syscalls.empty() || action.value_or("") != "SCMP_ACT_ALLOW";
  }
  return Ok{};
}

Status read_mounts(const FieldReader& top, ContainerConfig& config) {
  ASSIGN_OR_RETURN(const auto mounts, top.objects("mounts"));
  for (const FieldReader& entry : mounts) {
    Mount mount;
    ASSIGN_OR_RETURN(auto destination, entry.string("destination"));
    mount.destination = std::move(destination).value_or("");
    ASSIGN_OR_RETURN(auto type, entry.string("type"));
    mount.type = std::move(type).value_or("");
    ASSIGN_OR_RETURN(auto source, entry.string("source"));
    mount.source = std::move(source).value_or("");
    ASSIGN_OR_RETURN(mount.options, entry.strings("options"));
    config.mounts.push_back(std::move(mount));
  }
  return Ok{};
}

// The key as Go's encoding/json compares it: ASCII without case, and the two
// letters outside ASCII that fold to 's' and 'k'.
std::string folded(std::string_view key) {
  std::string lower;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key.substr(i, 2) == "\u017f") {
      lower += 's';
      i += 1;
    } else if (key.substr(i, 3) == "\u212a") {
      lower += 'k';
      i += 2;
    } else {
      const char c = key[i];
      lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return lower;
}

Status refuse_twins(const Json& object, const std::string& name,
                    const std::string& path,
                    std::initializer_list<std::string_view> exact) {
  for (const auto& [key, value] : *object.get_ptr<const Json::object_t*>()) {
    for (std::string_view expected : exact) {
      if (key != expected && folded(key) == folded(expected)) {
        return invalid_argument(name + ": field '" + path + key +
                                "' would be read as '" + std::string(expected) +
                                "' by some runtimes: rename or remove it");
      }
    }
  }
  return Ok{};
}

std::string stage_path(HookStage stage) {
  return "hooks." + std::string(to_string(stage));
}

}  // namespace

bool Mount::has_option(std::string_view option) const {
  return contains(options, option);
}

bool Mount::is_bind() const {
  return type == "bind" || has_option("bind") || has_option("rbind");
}

bool ContainerConfig::looks_privileged() const {
  return !has_seccomp && masked_paths.empty() && readonly_paths.empty() &&
         std::all_of(kCapabilities.begin(),
                     kCapabilities.begin() + kOldCapabilities,
                     [this](std::string_view capability) {
                       return contains(bounding_capabilities, capability);
                     });
}

const Namespace* ContainerConfig::find_namespace(std::string_view type) const {
  const auto found = std::find_if(
      namespaces.begin(), namespaces.end(),
      [type](const Namespace& entry) { return entry.type == type; });
  return found == namespaces.end() ? nullptr : &*found;
}

Result<ContainerConfig> parse_config(std::string_view text,
                                     const std::string& name) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text, name, kMaxConfigBytes));
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(json, name));
  ContainerConfig config;
  ASSIGN_OR_RETURN(config.annotations, top.string_map("annotations"));
  ASSIGN_OR_RETURN(auto hostname, top.string("hostname"));
  config.hostname = std::move(hostname).value_or("");
  ASSIGN_OR_RETURN(const auto process, top.object("process"));
  if (process) RETURN_IF_ERROR(read_process(*process, config));
  ASSIGN_OR_RETURN(const auto root, top.object("root"));
  if (root) {
    ASSIGN_OR_RETURN(auto path, root->string("path"));
    config.root_path = std::move(path).value_or("");
    ASSIGN_OR_RETURN(const auto readonly, root->boolean("readonly"));
    config.root_readonly = readonly.value_or(false);
  }
  RETURN_IF_ERROR(read_mounts(top, config));
  ASSIGN_OR_RETURN(const auto settings, top.object("linux"));
  if (settings) RETURN_IF_ERROR(read_linux(*settings, config));
  return config;
}

std::string_view to_string(HookStage stage) {
  switch (stage) {
    case HookStage::kCreateRuntime:
      return "createRuntime";
    case HookStage::kPoststop:
      return "poststop";
  }
  return "";
}

struct ConfigDocument::Tree {
  Json json;

  // Member `key` of `object`, made when absent or null.
  static Json& make(Json& object, const std::string& key, Json empty) {
    Json& member = object[key];
    if (member.is_null()) member = std::move(empty);
    return member;
  }

  // The array of a stage, nullptr when there is none.
  Json* stage(HookStage which) {
    const auto hooks = json.find("hooks");
    if (hooks == json.end() || !hooks->is_object()) return nullptr;
    const auto found = hooks->find(std::string(to_string(which)));
    if (found == hooks->end() || !found->is_array()) return nullptr;
    return &*found;
  }
};

ConfigDocument::ConfigDocument(std::unique_ptr<Tree> tree, std::string name)
    : tree_(std::move(tree)), name_(std::move(name)) {}
ConfigDocument::ConfigDocument(ConfigDocument&&) noexcept = default;
ConfigDocument& ConfigDocument::operator=(ConfigDocument&&) noexcept = default;
ConfigDocument::~ConfigDocument() = default;

Result<ConfigDocument> ConfigDocument::parse(std::string_view text,
                                             const std::string& name) {
  auto tree = std::make_unique<Tree>();
  ASSIGN_OR_RETURN(tree->json, parse_json(text, name, kMaxConfigBytes));
  ASSIGN_OR_RETURN(const FieldReader top, FieldReader::open(tree->json, name));
  RETURN_IF_ERROR(refuse_twins(tree->json, name, "", {"hooks", "annotations"}));
  // Types are checked once, here; the other functions rely on them.
  RETURN_IF_ERROR(top.string_map("annotations"));
  ASSIGN_OR_RETURN(const auto hooks, top.object("hooks"));
  if (hooks) {
    RETURN_IF_ERROR(refuse_twins(tree->json["hooks"], name, "hooks.",
                                 {to_string(HookStage::kCreateRuntime),
                                  to_string(HookStage::kPoststop)}));
  }
  ConfigDocument document(std::move(tree), name);
  for (HookStage stage : {HookStage::kCreateRuntime, HookStage::kPoststop}) {
    RETURN_IF_ERROR(document.hooks(stage));
  }
  return document;
}

Result<std::map<std::string, std::string>> ConfigDocument::annotations() const {
  ASSIGN_OR_RETURN(const FieldReader top,
                   FieldReader::open(tree_->json, name_));
  return top.string_map("annotations");
}

Status ConfigDocument::set_annotation(const std::string& key,
                                      const std::string& value) {
  Tree::make(tree_->json, "annotations", Json::object())[key] = value;
  return Ok{};
}

Result<bool> ConfigDocument::remove_annotation(std::string_view key) {
  const auto annotations = tree_->json.find("annotations");
  if (annotations == tree_->json.end() || !annotations->is_object()) {
    return false;
  }
  return annotations->erase(std::string(key)) > 0;
}

Result<std::vector<HookEntry>> ConfigDocument::hooks(HookStage stage) const {
  std::vector<HookEntry> entries;
  ASSIGN_OR_RETURN(const FieldReader top,
                   FieldReader::open(tree_->json, name_));
  ASSIGN_OR_RETURN(const auto stages, top.object("hooks"));
  if (!stages) return entries;
  ASSIGN_OR_RETURN(const auto readers, stages->objects(to_string(stage)));
  for (const FieldReader& reader : readers) {
    HookEntry entry;
    ASSIGN_OR_RETURN(auto path, reader.string("path"));
    entry.path = std::move(path).value_or("");
    ASSIGN_OR_RETURN(entry.args, reader.strings("args"));
    ASSIGN_OR_RETURN(entry.env, reader.strings("env"));
    ASSIGN_OR_RETURN(const auto timeout, reader.integer("timeout"));
    if (timeout && *timeout > 0 &&
        *timeout <= std::numeric_limits<std::uint32_t>::max()) {
      entry.timeout_seconds = static_cast<std::uint32_t>(*timeout);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Status ConfigDocument::insert_hook(HookStage stage, std::size_t index,
                                   const HookEntry& hook) {
  Json entry = Json::object();
  entry["path"] = hook.path;
  if (!hook.args.empty()) entry["args"] = hook.args;
  if (!hook.env.empty()) entry["env"] = hook.env;
  if (hook.timeout_seconds > 0) entry["timeout"] = hook.timeout_seconds;
  Json& hooks = Tree::make(tree_->json, "hooks", Json::object());
  Json& array = Tree::make(hooks, std::string(to_string(stage)), Json::array());
  if (index > array.size()) {
    return invalid_argument(name_ + ": field '" + stage_path(stage) +
                            "' has no place " + std::to_string(index));
  }
  array.insert(array.begin() + static_cast<std::ptrdiff_t>(index),
               std::move(entry));
  return Ok{};
}

Status ConfigDocument::remove_hook(HookStage stage, std::size_t index) {
  Json* array = tree_->stage(stage);
  if (array == nullptr || index >= array->size()) {
    return invalid_argument(name_ + ": field '" + stage_path(stage) +
                            "' has no entry " + std::to_string(index));
  }
  array->erase(index);
  return Ok{};
}

Result<std::string> ConfigDocument::text() const {
  return write_json(tree_->json);
}

}  // namespace bailiff::oci
