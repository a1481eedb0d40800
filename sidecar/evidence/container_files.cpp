// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/container_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "oci/spec/config.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxCounterBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxCounters = 256;
constexpr int kMaxDepth = 64;

// What counts of version 1, by the controller that has it.
struct OldCounter {
  std::string_view controller;
  std::string_view file;
};
constexpr std::array kOldCounters = {
    OldCounter{"memory", "memory.usage_in_bytes"},
    OldCounter{"memory", "memory.max_usage_in_bytes"},
    OldCounter{"memory", "memory.limit_in_bytes"},
    OldCounter{"memory", "memory.failcnt"},
    OldCounter{"memory", "memory.stat"},
    OldCounter{"cpuacct", "cpuacct.usage"},
    OldCounter{"cpuacct", "cpuacct.stat"},
    OldCounter{"cpu", "cpu.stat"},
    OldCounter{"pids", "pids.current"},
    OldCounter{"pids", "pids.max"},
    OldCounter{"blkio", "blkio.throttle.io_service_bytes"},
};

std::optional<std::string> read_counter(int folder, const char* name) {
  const UniqueFd fd(
      ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return std::nullopt;
  Result<std::string> text = read_bounded(fd.get(), name, kMaxCounterBytes);
  if (!text) return std::nullopt;
  return *std::move(text);
}

void read_unified(const Cgroup& cgroup, const Pace& pace, ContainerFiles& files,
                  MissingList& missing) {
  UniqueFd fd(::openat(cgroup.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const opened = fd ? ::fdopendir(fd.get()) : nullptr;
  if (opened == nullptr) {
    missing.add("cgroup", pace.reason(errno_error("open").message));
    return;
  }
  static_cast<void>(fd.release());
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opened, &::closedir);
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_type != DT_REG || files.counters.size() >= kMaxCounters) {
      continue;
    }
    // Write-only ones, such as cgroup.kill, cannot be opened.
    if (auto text = read_counter(cgroup.fd(), entry->d_name)) {
      files.counters[entry->d_name] = *std::move(text);
    }
  }
  if (files.counters.empty()) {
    missing.add("cgroup", pace.reason("nothing of it could be read"));
  }
}

// "5:memory:/a/b" and "4:cpu,cpuacct:/a" of /proc/PID/cgroup.
std::optional<std::string> old_path(std::string_view text,
                                    std::string_view controller) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second =
        first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string names =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    if (names.find("," + std::string(controller) + ",") == std::string::npos) {
      continue;
    }
    std::string path(line.substr(second + 1));
    if ((path + "/").find("/../") != std::string::npos || path == "/") {
      return std::nullopt;
    }
    return path;
  }
  return std::nullopt;
}

// On a host with version 1 beside, its controllers count.  Where they are
// mounted elsewhere than everybody has them, there is nothing.
void read_old_counters(const oci::ContainerRecord& record,
                       ContainerFiles& files) {
  if (record.pid <= 0) return;
  const Result<std::string> cgroups = read_bounded(
      "/proc/" + std::to_string(record.pid) + "/cgroup", kMaxCounterBytes);
  if (!cgroups) return;
  for (const OldCounter& counter : kOldCounters) {
    const std::optional<std::string> path =
        old_path(*cgroups, counter.controller);
    if (!path) continue;
    const std::string file = "/sys/fs/cgroup/" +
                             std::string(counter.controller) + *path + "/" +
                             std::string(counter.file);
    if (auto text = read_counter(AT_FDCWD, file.c_str())) {
      files.counters["v1." + std::string(counter.file)] = *std::move(text);
    }
  }
}

Result<std::string> read_config(const std::string& bundle) {
  if (bundle.empty()) {
    return Error{Code::kNotFound, "the runtime did not tell where it is"};
  }
  const UniqueFd folder(
      ::open(bundle.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno_error("open '" + bundle + "'");
  ASSIGN_OR_RETURN(const UniqueFd file,
                   open_regular(folder.get(), "config.json"));
  return read_bounded(file.get(), bundle + "/config.json",
                      oci::kMaxConfigBytes);
}

std::optional<Json> parse(const std::string& text) {
  bool deep = false;
  const auto bounded = [&deep](int depth, Json::parse_event_t, Json&) {
    if (depth <= kMaxDepth) return true;
    deep = true;
    return false;
  };
  Json json = Json::parse(text, bounded, false);
  if (deep || !json.is_object()) return std::nullopt;
  return json;
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void mask_variables(Json& variables) {
  if (!variables.is_array()) return;
  for (Json& variable : variables) {
    if (variable.is_string()) {
      variable = mask_variable(variable.get<std::string>());
    }
  }
}

void mask_words(Json& words) {
  if (!words.is_array()) return;
  std::vector<std::string> arguments;
  for (const Json& word : words) {
    arguments.push_back(word.is_string() ? word.get<std::string>() : "");
  }
  words = mask_arguments(std::move(arguments));
}

// Of the process and of each hook.
void mask_program(Json& program) {
  if (!program.is_object()) return;
  if (program.contains("env")) mask_variables(program["env"]);
  if (program.contains("args")) mask_words(program["args"]);
}

}  // namespace

void read_counters(const oci::ContainerRecord& record, const Cgroup& cgroup,
                   const Pace& pace, ContainerFiles& files,
                   MissingList& missing) {
  read_unified(cgroup, pace, files, missing);
  read_old_counters(record, files);
}

ContainerFiles open_container_files(const oci::ContainerRecord& record,
                                    const Pace& pace, MissingList& missing) {
  ContainerFiles files;
  Result<std::string> config = read_config(record.bundle);
  if (!config) {
    missing.add("oci/config.json", pace.reason(config.error().message));
    missing.add("upper",
                "config.json, which names the root file system, is "
                "not there");
    return files;
  }
  files.config = *std::move(config);
  const Result<oci::ContainerConfig> read =
      oci::parse_config(files.config, "config.json");
  if (!read) {
    missing.add("upper", read.error().message);
    return files;
  }
  std::string root = read->root_path;
  if (!root.starts_with('/')) root = record.bundle + "/" + root;
  Result<UpperLayer> upper = UpperLayer::find(root);
  if (!upper) {
    missing.add("upper", pace.reason(upper.error().message));
    return files;
  }
  files.upper = *std::move(upper);
  return files;
}

std::string masked_config(const std::string& config, Secrets secrets) {
  std::optional<Json> json = parse(config);
  if (!json) return "";
  if (secrets == Secrets::kKeep) return config;
  if (json->contains("process")) mask_program((*json)["process"]);
  if (json->contains("annotations") && (*json)["annotations"].is_object()) {
    for (auto& [name, value] : (*json)["annotations"].items()) {
      if (!value.is_string()) continue;
      value = is_secret_name(name) ? std::string(kMasked)
                                   : mask_text(value.get<std::string>());
    }
  }
  if (json->contains("hooks") && (*json)["hooks"].is_object()) {
    for (auto& [stage, hooks] : (*json)["hooks"].items()) {
      if (!hooks.is_array()) continue;
      for (Json& hook : hooks) mask_program(hook);
    }
  }
  return dump(*json);
}

std::string state_json(const oci::ContainerRecord& record,
                       const std::string& config, bool running) {
  Json state = {{"ociVersion", "1.0.2"},
                {"id", record.id},
                {"status", running ? "running" : "stopped"},
                {"pid", record.pid},
                {"bundle", record.bundle},
                {"annotations", Json::object()}};
  if (const std::optional<Json> json = parse(config)) {
    if (json->contains("ociVersion") && (*json)["ociVersion"].is_string()) {
      state["ociVersion"] = (*json)["ociVersion"];
    }
    if (json->contains("annotations") && (*json)["annotations"].is_object()) {
      for (const auto& [name, value] : (*json)["annotations"].items()) {
        if (!value.is_string()) continue;
        state["annotations"][name] = is_secret_name(name)
                                         ? std::string(kMasked)
                                         : mask_text(value.get<std::string>());
      }
    }
  }
  return dump(state);
}

}  // namespace bailiff::sidecar
