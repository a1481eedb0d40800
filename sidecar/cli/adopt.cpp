// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/adopt.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

#include "oci/spec/state.h"
#include "oci/sys/child.h"
#include "oci/sys/files.h"
#include "oci/wrapper/runtime.h"
#include "oci/wrapper/settings.h"
#include "sidecar/cli/table.h"
#include "sidecar/ingest/record_folder.h"

namespace bailiff::sidecar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A hook that takes longer has given up by itself (hook/main.cpp).
constexpr std::chrono::seconds kChildLimit{15};

// A container among those of a runtime.
struct Found {
  std::string root;
  std::string id;
  std::string runtime;
};

struct Adopted {
  std::string id;
  bool ok = false;
  std::string detail;
};

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.is_directory(error)) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The runtime whose files are in a container's folder; "": it is of none, such
// as the folder in which crun keeps compiled filters.
std::string runtime_of(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / "state.json", error)) return "runc";
  if (fs::exists(folder / "status", error)) return "crun";
  return "";
}

std::vector<Found> find_containers(const std::vector<std::string>& roots,
                                   const std::optional<std::string>& runtime) {
  std::vector<Found> found;
  for (const std::string& root : roots) {
    for (const std::string& id : folders_in(root)) {
      const std::string made_by = runtime_of(fs::path(root) / id);
      if (made_by.empty() || !oci::check_container_id(id)) continue;
      found.push_back({root, id, runtime.value_or(made_by)});
    }
  }
  return found;
}

// One that runs without enforcement (on_failure: allow) has a record too.
bool is_enforced(const std::string& run_dir, const std::string& id) {
  const auto record = read_record(run_dir + "/containers/" + id + ".json");
  return record && record->degraded.empty();
}

// Those that are asked for; nullopt after having said which is not clear.
std::optional<std::vector<Found>> chosen(const Terminal& terminal,
                                         const std::vector<Found>& all,
                                         const std::vector<std::string>& ids) {
  if (ids.empty()) return all;
  std::vector<Found> picked;
  for (const std::string& id : ids) {
    std::vector<Found> matching;
    for (const Found& one : all) {
      if (one.id == id) {
        matching = {one};
        break;
      }
      if (one.id.starts_with(id)) matching.push_back(one);
    }
    if (matching.size() != 1) {
      terminal.err << "bailiff: adopt: '" << id << "' is the id of "
                   << (matching.empty() ? "no" : "more than one")
                   << " container; --root says where to look\n";
      return std::nullopt;
    }
    picked.push_back(matching.front());
  }
  return picked;
}

// Where run_child() finds it; "": nowhere that is told.
std::string path_of(const std::string& runtime) {
  if (runtime.starts_with('/')) return runtime;
  std::error_code error;
  for (const std::string& folder : oci::runtime_folders()) {
    const fs::path path = fs::path(folder) / runtime;
    if (fs::exists(path, error)) return path;
  }
  return "";
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  constexpr std::string_view kPrefix = "bailiff-hook: ";
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  return text;
}

Deadline soon() { return std::chrono::steady_clock::now() + kChildLimit; }

// nullopt: it does not run, and is one of all that are there.
std::optional<Adopted> adopt(const Found& container, bool named,
                             const ServiceConfig& config) {
  Adopted adopted{.id = container.id};
  const auto state = run_child(
      {container.runtime, "--root", container.root, "state", container.id}, "",
      soon());
  if (!state || state->exit != 0) {
    // It may have ended since it was found.
    if (!named && runtime_of(fs::path(container.root) / container.id).empty()) {
      return std::nullopt;
    }
    adopted.detail = state ? one_line(state->err) : state.error().message;
    return adopted;
  }
  const auto parsed = oci::parse_state(state->out, "the container state");
  if (!parsed) {
    adopted.detail = parsed.error().message;
    return adopted;
  }
  if (parsed->status != "running" && parsed->status != "paused") {
    if (!named) return std::nullopt;
    adopted.detail = "it is " + parsed->status + ", and does not run";
    return adopted;
  }
  std::vector<std::string> command = {
      config.hook,   "adopt",          "--run-dir", config.run_dir,
      "--state-dir", config.state_dir, "--bpf-dir", config.bpf_dir};
  if (const std::string runtime = path_of(container.runtime);
      !runtime.empty()) {
    command.insert(command.end(), {"--runtime", runtime, "--runtime-root",
                                   fs::absolute(container.root)});
  }
  const auto hook = run_child(command, state->out, soon());
  if (!hook) {
    adopted.detail = hook.error().message;
    return adopted;
  }
  adopted.ok = hook->exit == 0;
  adopted.detail = one_line(hook->err);
  if (adopted.ok) {
    // What only the start of a container could have brought.
    if (!adopted.detail.empty()) adopted.detail += "; ";
    adopted.detail +=
        "its system calls are not held or refused by seccomp, which is set up "
        "when a container starts";
  }
  return adopted;
}

void print(const Terminal& terminal, const std::vector<Adopted>& all) {
  if (terminal.json) {
    json list = json::array();
    for (const Adopted& one : all) {
      list.push_back(
          {{"id", one.id}, {"adopted", one.ok}, {"detail", one.detail}});
    }
    terminal.out << list.dump(-1, ' ', false, json::error_handler_t::replace)
                 << '\n';
    return;
  }
  Table table({{"CONTAINER", 0}, {"ADOPTED", 0}, {"DETAIL", 0}});
  for (const Adopted& one : all) {
    table.add({one.id.substr(0, 12), one.ok ? "yes" : "no", one.detail});
  }
  table.print(terminal.out);
}

}  // namespace

std::vector<std::string> default_roots() {
  std::vector<std::string> roots = {"/run/runc", "/run/crun",
                                    "/run/docker/runtime-runc/moby",
                                    "/run/docker/runtime-runc/plugins.moby"};
  for (const std::string& ns : folders_in("/run/containerd/runc")) {
    roots.push_back("/run/containerd/runc/" + ns);
  }
  std::erase_if(roots, [](const std::string& root) {
    std::error_code error;
    return !fs::is_directory(root, error);
  });
  return roots;
}

int adopt_containers(const Terminal& terminal, const AdoptOptions& options) {
  const Result<ServiceConfig> config = oci::load_settings(options.config);
  if (!config) {
    terminal.err << "bailiff: adopt: " << config.error().message << '\n';
    return kExitNotPossible;
  }
  const std::vector<Found> all = find_containers(
      options.roots.empty() ? default_roots() : options.roots, options.runtime);
  const auto picked = chosen(terminal, all, options.ids);
  if (!picked) return kExitUsage;
  const bool named = !options.ids.empty();
  std::vector<Adopted> results;
  for (const Found& one : *picked) {
    if (!named && is_enforced(config->run_dir, one.id)) continue;
    const std::optional<Adopted> adopted = adopt(one, named, *config);
    if (adopted) results.push_back(*adopted);
  }
  print(terminal, results);
  const bool ok = std::all_of(results.begin(), results.end(),
                              [](const Adopted& one) { return one.ok; });
  return ok ? kExitOk : kExitFailed;
}

}  // namespace bailiff::sidecar
