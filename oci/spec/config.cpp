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

// The member of linux.seccomp that tells it was extended: an object of the
// policy's digest and what was there before, null for nothing.  Whoever can
// write it can write the profile itself.
constexpr char kExtended[] = "dev.bailiff.extended";
constexpr char kPolicy[] = "policy";
constexpr char kOriginal[] = "original";

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

// What neither refuses nor kills lets through: ALLOW, LOG, NOTIFY and TRACE.
bool refuses(std::string_view action) {
  return action == kActErrno || action.starts_with("SCMP_ACT_KILL") ||
         action == "SCMP_ACT_TRAP";
}

Result<bool> lets_through(std::string_view call, std::string_view otherwise,
                          const std::vector<FieldReader>& syscalls) {
  bool named = false;
  for (const FieldReader& entry : syscalls) {
    ASSIGN_OR_RETURN(const auto names, entry.strings("names"));
    if (!contains(names, call)) continue;
    ASSIGN_OR_RETURN(const auto action, entry.string("action"));
    if (!refuses(action.value_or(""))) return true;
    // Under a condition, the rest is what is done otherwise.
    ASSIGN_OR_RETURN(const auto arguments, entry.objects("args"));
    named = named || arguments.empty();
  }
  return !named && !refuses(otherwise);
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
  ASSIGN_OR_RETURN(auto seccomp, settings.object("seccomp"));
  if (seccomp) {
    ASSIGN_OR_RETURN(const auto extended, seccomp->object(kExtended));
    if (extended) {
      ASSIGN_OR_RETURN(auto policy, extended->string(kPolicy));
      config.seccomp_policy = std::move(policy).value_or("");
      ASSIGN_OR_RETURN(seccomp, extended->object(kOriginal));
    }
  }
  if (seccomp) {
    ASSIGN_OR_RETURN(const auto action, seccomp->string("defaultAction"));
    ASSIGN_OR_RETURN(const auto syscalls, seccomp->objects("syscalls"));
    config.has_seccomp = !syscalls.empty() || action.value_or("") != kActAllow;
    ASSIGN_OR_RETURN(config.may_clone3,
                     lets_through("clone3", action.value_or(""), syscalls));
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

namespace {

Result<SeccompRule> read_rule(const FieldReader& reader, std::size_t place) {
  SeccompRule rule;
  rule.source = place;
  ASSIGN_OR_RETURN(rule.names, reader.strings("names"));
  ASSIGN_OR_RETURN(auto action, reader.string("action"));
  rule.action = std::move(action).value_or("");
  ASSIGN_OR_RETURN(rule.errno_value, reader.integer("errnoRet"));
  ASSIGN_OR_RETURN(const auto args, reader.objects("args"));
  for (const FieldReader& arg : args) {
    SeccompArgument argument;
    ASSIGN_OR_RETURN(const auto index, arg.natural("index"));
    ASSIGN_OR_RETURN(const auto value, arg.natural("value"));
    ASSIGN_OR_RETURN(const auto value_two, arg.natural("valueTwo"));
    ASSIGN_OR_RETURN(auto op, arg.string("op"));
    argument.index = index.value_or(0);
    argument.value = value.value_or(0);
    argument.value_two = value_two.value_or(0);
    argument.op = std::move(op).value_or("");
    rule.args.push_back(std::move(argument));
  }
  return rule;
}

Json to_json(const SeccompArgument& argument) {
  Json json = Json::object();
  json["index"] = argument.index;
  json["value"] = argument.value;
  if (argument.op == kOpMaskedEqual) json["valueTwo"] = argument.value_two;
  json["op"] = argument.op;
  return json;
}

// The entry `rule` was made of, changed to what it says now.
Json to_json(const SeccompRule& rule, const Json* before,
             const SeccompRule* was) {
  if (was != nullptr && *was == rule) return *before;
  Json json = before != nullptr ? *before : Json::object();
  json["names"] = rule.names;
  json["action"] = rule.action;
  if (rule.errno_value) {
    json["errnoRet"] = *rule.errno_value;
  } else {
    json.erase("errnoRet");
  }
  if (was != nullptr && was->args == rule.args) return json;
  if (rule.args.empty()) {
    json.erase("args");
    return json;
  }
  Json& args = json["args"] = Json::array();
  for (const SeccompArgument& argument : rule.args) {
    args.push_back(to_json(argument));
  }
  return json;
}

// Go takes keys without case.
Status refuse_seccomp_twins(const Json& seccomp, const std::string& name) {
  RETURN_IF_ERROR(refuse_twins(
      seccomp, name, "linux.seccomp.",
      {"defaultAction", "architectures", "listenerPath", "listenerMetadata",
       "syscalls", "defaultErrnoRet", "flags"}));
  const auto rules = seccomp.find("syscalls");
  if (rules == seccomp.end() || !rules->is_array()) return Ok{};
  for (const Json& rule : *rules) {
    if (!rule.is_object()) continue;
    RETURN_IF_ERROR(refuse_twins(rule, name, "linux.seccomp.syscalls[].",
                                 {"names", "action", "args", "errnoRet"}));
    const auto args = rule.find("args");
    if (args == rule.end() || !args->is_array()) continue;
    for (const Json& arg : *args) {
      if (!arg.is_object()) continue;
      RETURN_IF_ERROR(refuse_twins(arg, name, "linux.seccomp.syscalls[].args.",
                                   {"index", "value", "valueTwo", "op"}));
    }
  }
  return Ok{};
}

}  // namespace

Result<std::optional<SeccompProfile>> ConfigDocument::seccomp() const {
  RETURN_IF_ERROR(refuse_twins(tree_->json, name_, "", {"linux"}));
  ASSIGN_OR_RETURN(const FieldReader top,
                   FieldReader::open(tree_->json, name_));
  ASSIGN_OR_RETURN(const auto settings, top.object("linux"));
  if (!settings) return std::optional<SeccompProfile>();
  RETURN_IF_ERROR(
      refuse_twins(tree_->json["linux"], name_, "linux.", {"seccomp"}));
  ASSIGN_OR_RETURN(const auto reader, settings->object("seccomp"));
  if (!reader) return std::optional<SeccompProfile>();
  RETURN_IF_ERROR(refuse_seccomp_twins(tree_->json["linux"]["seccomp"], name_));
  SeccompProfile profile;
  ASSIGN_OR_RETURN(auto action, reader->string("defaultAction"));
  profile.default_action = std::move(action).value_or("");
  ASSIGN_OR_RETURN(profile.architectures, reader->strings("architectures"));
  ASSIGN_OR_RETURN(auto path, reader->string("listenerPath"));
  profile.listener_path = std::move(path).value_or("");
  ASSIGN_OR_RETURN(auto metadata, reader->string("listenerMetadata"));
  profile.listener_metadata = std::move(metadata).value_or("");
  ASSIGN_OR_RETURN(const auto rules, reader->objects("syscalls"));
  for (const FieldReader& rule : rules) {
    ASSIGN_OR_RETURN(SeccompRule read, read_rule(rule, profile.rules.size()));
    profile.rules.push_back(std::move(read));
  }
  return std::optional(std::move(profile));
}

Status ConfigDocument::extend_seccomp(const SeccompProfile& profile,
                                      const std::string& policy) {
  ASSIGN_OR_RETURN(const std::optional<SeccompProfile> before, seccomp());
  Json& settings = Tree::make(tree_->json, "linux", Json::object());
  const Json original = before ? settings["seccomp"] : Json();
  Json extended = before ? original : Json::object();
  extended["defaultAction"] = profile.default_action;
  if (!profile.architectures.empty()) {
    extended["architectures"] = profile.architectures;
  }
  extended["listenerPath"] = profile.listener_path;
  extended["listenerMetadata"] = profile.listener_metadata;
  Json rules = Json::array();
  for (const SeccompRule& rule : profile.rules) {
    const bool known = before && rule.source.has_value();
    rules.push_back(
        to_json(rule, known ? &original["syscalls"][*rule.source] : nullptr,
                known ? &before->rules[*rule.source] : nullptr));
  }
  extended["syscalls"] = std::move(rules);
  Json mark = Json::object();
  mark[kPolicy] = policy;
  mark[kOriginal] = original;
  extended[kExtended] = std::move(mark);
  settings["seccomp"] = std::move(extended);
  return Ok{};
}

Status ConfigDocument::restore_seccomp() {
  const auto settings = tree_->json.find("linux");
  if (settings == tree_->json.end() || !settings->is_object()) return Ok{};
  const auto seccomp = settings->find("seccomp");
  if (seccomp == settings->end() || !seccomp->is_object()) return Ok{};
  const auto mark = seccomp->find(kExtended);
  if (mark == seccomp->end()) return Ok{};
  if (!mark->is_object()) {
    return invalid_argument(name_ + ": field 'linux.seccomp." + kExtended +
                            "' is not Bailiff's: remove it");
  }
  const Json original = mark->value(kOriginal, Json());
  if (original.is_null()) {
    settings->erase("seccomp");
  } else {
    *seccomp = original;
  }
  return Ok{};
}

Result<std::string> ConfigDocument::text() const {
  return write_json(tree_->json);
}

}  // namespace bailiff::oci
