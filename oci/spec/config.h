// SPDX-License-Identifier: Apache-2.0
// oci/spec/config.h
// A container's config.json, in two forms: ContainerConfig to read what it
// says, ConfigDocument to change a little of it and keep all the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec/seccomp_profile.h"
#include "rules/base/result.h"

namespace bailiff::oci {

// Real ones have 10 to 300 KiB.  More than this is refused, which bounds the
// memory of a wrapper that runs once per container.
inline constexpr std::size_t kMaxConfigBytes = 16 << 20;

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;

  bool has_option(std::string_view option) const;
  // A part of the host's file system, not a new one such as proc or tmpfs.
  bool is_bind() const;
  bool operator==(const Mount&) const = default;
};

struct Namespace {
  std::string type;  // "pid", "network", "ipc", "mount", "uts", "user", ...
  std::string path;  // "": a new one is made
  bool operator==(const Namespace&) const = default;
};

// The members of config.json that tell what the container is.  Absent ones keep
// the defaults here.
struct ContainerConfig {
  std::map<std::string, std::string> annotations;
  std::vector<std::string> args;  // process.args
  std::string cwd;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  bool terminal = false;
  bool no_new_privileges = false;
  std::vector<std::string> bounding_capabilities;
  std::string hostname;
  std::string root_path;
  bool root_readonly = false;
  std::vector<Mount> mounts;
  std::string cgroups_path;
  std::vector<Namespace> namespaces;
  // linux.seccomp with a rule or a strict default, before it was extended.
  bool has_seccomp = false;
  // Whether that lets clone3() through, as far as its rules say.
  bool may_clone3 = true;
  // The digest of the policy it was extended for; "": it was not.
  std::string seccomp_policy;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;

  // Whether the container was started privileged, as far as its configuration
  // shows it.  No manager writes the flag itself (Docker, containerd) or does
  // so reliably, but all of them do the same three things for it, and hardly
  // anything else does all three: the bounding set holds every capability up
  // to CAP_AUDIT_READ (newer ones are missing with old managers), there is no
  // seccomp filter, and neither masked nor read-only paths in /proc.
  bool looks_privileged() const;

  // nullptr: the container shares the host's (for "user", "cgroup" and "time":
  // its manager's).
  const Namespace* find_namespace(std::string_view type) const;
};

// `name` is what errors call the text: "'/run/b/config.json'".  A wrong type is
// an error that names the field.
Result<ContainerConfig> parse_config(std::string_view text,
                                     const std::string& name);

// One entry of hooks.STAGE.
struct HookEntry {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::uint32_t timeout_seconds = 0;  // 0: none, the runtime waits for ever
  bool operator==(const HookEntry&) const = default;
};

enum class HookStage { kCreateRuntime, kPoststop };
std::string_view to_string(HookStage stage);  // "createRuntime"

// The whole of a config.json.  What no function here changes is written as it
// was read: unknown members, the order of keys, integers up to 64 bits.
class ConfigDocument {
 public:
  // Refused beyond what parse_json() refuses: a member `Hooks` or `ANNOTATIONS`
  // beside or in place of `hooks` and `annotations`.  runc reads keys without
  // regard to case, so it would obey a hook list we do not see.
  static Result<ConfigDocument> parse(std::string_view text,
                                      const std::string& name);
  ConfigDocument(ConfigDocument&&) noexcept;
  ConfigDocument& operator=(ConfigDocument&&) noexcept;
  ~ConfigDocument();

  Result<std::map<std::string, std::string>> annotations() const;
  Status set_annotation(const std::string& key, const std::string& value);
  // False when it was not there.
  Result<bool> remove_annotation(std::string_view key);

  // `timeout` out of range and other oddities of foreign hooks read as 0 and
  // empty: only a wrong type is an error.
  Result<std::vector<HookEntry>> hooks(HookStage stage) const;
  // `index` may be the number of hooks: at the end.
  Status insert_hook(HookStage stage, std::size_t index, const HookEntry& hook);
  Status remove_hook(HookStage stage, std::size_t index);

  // Fails only when a string that was set is not UTF-8.
  // linux.seccomp; nullopt: there is none.  A key that some runtimes would read
  // as another one is an error.
  Result<std::optional<SeccompProfile>> seccomp() const;
  // Puts `profile` in its place, with all the members it had that
  // SeccompProfile does not name.  What was there is kept beside it, in a
  // member that runtimes pass over, and so is the digest of the policy.
  // Precondition: restore_seccomp() was called.
  Status extend_seccomp(const SeccompProfile& profile,
                        const std::string& policy);
  // Undoes extend_seccomp().
  Status restore_seccomp();

  Result<std::string> text() const;

 private:
  struct Tree;
  ConfigDocument(std::unique_ptr<Tree> tree, std::string name);

  std::unique_ptr<Tree> tree_;
  std::string name_;
};

}  // namespace bailiff::oci
