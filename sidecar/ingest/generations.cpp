// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/generations.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "rules/abi/limits.h"

namespace bailiff::sidecar {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kHexDigits = 32;

bool is_hex_name(const std::string& hex) {
  return hex.size() == kHexDigits &&
         hex.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<std::shared_ptr<Generation>> read_generation(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes,
                   read_bounded(path, BAILIFF_MAX_POLICY_BYTES));
  Result<CompiledPolicy> policy = decode(bytes);
  if (!policy) {
    return Error{policy.error().code,
                 "'" + path + "': " + policy.error().message};
  }
  return Generation::make(*std::move(policy), bytes);
}

}  // namespace

Result<std::shared_ptr<Generation>> Generation::make(CompiledPolicy policy,
                                                     std::string_view encoded) {
  std::shared_ptr<Generation> generation(
      new Generation(std::move(policy), encoded));
  for (const Rule& rule : generation->policy_.rules) {
    ASSIGN_OR_RETURN(OutputTemplate output, parse_output(rule.output));
    generation->outputs_.push_back(std::move(output));
    std::vector<OutputTemplate>& extras =
        generation->extra_outputs_.emplace_back();
    for (const ExtraField& extra : rule.extra_fields) {
      ASSIGN_OR_RETURN(OutputTemplate one, parse_output(extra.output));
      extras.push_back(std::move(one));
    }
  }
  const std::vector<List>& lists = generation->policy_.lists;
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    generation->list_entries_.push_back(flatten(lists, i).size());
  }
  generation->matcher_ = std::make_shared<const Matcher>(generation->policy_);
  generation->host_names_ =
      std::make_shared<const HostNames>(generation->policy_);
  return generation;
}

std::shared_ptr<const Matcher> Generation::matcher() const {
  const std::lock_guard lock(mutex_);
  return matcher_;
}

void Generation::adopt_lists(const Generation& current) {
  if (current.policy_id_ == policy_id_) {
    const std::scoped_lock lock(mutex_, current.mutex_);
    matcher_ = current.matcher_;
    host_names_ = current.host_names_;
    return;
  }
  const std::vector<List>& lists = current.policy_.lists;
  CompiledPolicy adopted = policy_;
  for (List& list : adopted.lists) {
    const auto same =
        std::find_if(lists.begin(), lists.end(),
                     [&](const List& each) { return each.name == list.name; });
    if (same == lists.end()) continue;
    const auto index = static_cast<std::uint32_t>(same - lists.begin());
    list.items = flatten(lists, index);
    list.includes.clear();
  }
  auto matcher = std::make_shared<const Matcher>(adopted);
  auto names = std::make_shared<const HostNames>(adopted);
  const std::lock_guard lock(mutex_);
  matcher_ = std::move(matcher);
  host_names_ = std::move(names);
}

std::string Generation::host_name(std::uint64_t hash) const {
  const std::lock_guard lock(mutex_);
  return host_names_->find(hash);
}

std::vector<std::string> Generation::host_names(
    const std::vector<std::uint64_t>& hashes) const {
  std::vector<std::string> names;
  for (const std::uint64_t hash : hashes) {
    std::string name = host_name(hash);
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

bool Generation::names_hosts() const {
  const std::lock_guard lock(mutex_);
  return !host_names_->empty();
}

bool Generation::names_clients() const {
  const std::lock_guard lock(mutex_);
  return host_names_->of_clients();
}

Result<std::unique_ptr<Generations>> Generations::open(
    const std::string& state_dir) {
  std::unique_ptr<Generations> opened(new Generations(state_dir));
  const std::string folder = opened->folder();
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return errno_error("make folder '" + folder + "'");
  }
  Result<std::shared_ptr<Generation>> current =
      read_generation(state_dir + "/policy.bin");
  if (current) {
    opened->current_ = *current;
    opened->known_[(*current)->digest().hex()] = *current;
  } else if (current.error().code != Code::kNotFound &&
             current.error().code != Code::kInvalidArgument) {
    return std::move(current).error();
  }
  return opened;
}

Result<GenerationPtr> Generations::publish(const CompiledPolicy& policy) {
  const std::string bytes = encode(policy);
  ASSIGN_OR_RETURN(auto generation, Generation::make(policy, bytes));
  const std::string hex = generation->digest().hex();
  // Its own file first: a container that starts as soon as policy.bin is there
  // names a generation that can be found.
  RETURN_IF_ERROR(write_atomically(path(hex), bytes, kFileMode));
  RETURN_IF_ERROR(
      write_atomically(state_dir_ + "/policy.bin", bytes, kFileMode));
  const std::lock_guard lock(mutex_);
  // What is current anew is the one that containers have: it must go on to get
  // the lists of those to come.
  const std::shared_ptr<Generation> made = generation;
  generation = known_.try_emplace(hex, made).first->second;
  for (const auto& [name, known] : known_) {
    if (known != made) known->adopt_lists(*made);
  }
  if (current_ && current_->digest() != generation->digest()) {
    previous_ = current_->digest().hex();
    // It ages from now on: containers may have begun to start under it.
    std::error_code gone;
    std::filesystem::last_write_time(
        path(previous_), std::filesystem::file_time_type::clock::now(), gone);
  }
  current_ = generation;
  return GenerationPtr(std::move(generation));
}

Status Generations::restore(const GenerationPtr& earlier) {
  if (earlier) {
    RETURN_IF_ERROR(publish(earlier->policy()));
    return Ok{};
  }
  const std::string path = state_dir_ + "/policy.bin";
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error("remove '" + path + "'");
  }
  const std::lock_guard lock(mutex_);
  current_ = nullptr;
  return Ok{};
}

GenerationPtr Generations::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<GenerationPtr> Generations::find(const std::string& hex) {
  if (!is_hex_name(hex)) {
    return Error{Code::kInvalidArgument, "policy digest '" + hex + "'"};
  }
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(hex);
    if (known != known_.end()) return GenerationPtr(known->second);
  }
  ASSIGN_OR_RETURN(auto generation, read_generation(path(hex)));
  if (generation->digest().hex() != hex) {
    return Error{Code::kInvalidArgument, "'" + path(hex) +
                                             "' holds another policy, '" +
                                             generation->digest().hex() + "'"};
  }
  const std::lock_guard lock(mutex_);
  if (current_) generation->adopt_lists(*current_);
  return GenerationPtr(
      known_.emplace(hex, std::move(generation)).first->second);
}

GenerationPtr Generations::find(std::uint64_t policy_id) const {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->policy_id() == policy_id) return current_;
  const auto found =
      std::find_if(known_.begin(), known_.end(), [&](const auto& entry) {
        return entry.second->policy_id() == policy_id;
      });
  return found == known_.end() ? nullptr : found->second;
}

int Generations::keep_only(const std::set<std::string>& hexes,
                           std::chrono::seconds young) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> kept = hexes;
  if (current_) kept.insert(current_->digest().hex());
  kept.insert(previous_);
  std::erase_if(known_, [&](const auto& entry) {
    return kept.find(entry.first) == kept.end();
  });
  int failed = 0;
  const auto now = std::filesystem::file_time_type::clock::now();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder(), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::filesystem::path& file = entry->path();
    if (file.extension() != ".bin") continue;
    if (kept.find(file.stem().string()) != kept.end()) continue;
    std::error_code gone;
    const auto written = entry->last_write_time(gone);
    if (!gone && written + young > now) continue;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) ++failed;
  }
  return failed;
}

}  // namespace bailiff::sidecar
