// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/generations.h
// The compiled policies that count: the current one, and earlier ones that
// running containers were started with and keep until they end.
//
// STATE_DIR/policy.bin           the current one, for the hook
// STATE_DIR/policies/DIGEST.bin  every one of them, so that the events of a
//                                container are understood after a reload and
//                                a restart of the service
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/base/digest.h"
#include "rules/base/result.h"
#include "rules/eval/matcher.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/output_template.h"
#include "sidecar/ingest/host_names.h"

namespace bailiff::sidecar {

// Everything but the lists never changes.  Any thread.
class Generation {
 public:
  // `encoded` is encode(policy), or a head of it.
  static Result<std::shared_ptr<Generation>> make(CompiledPolicy policy,
                                                  std::string_view encoded);

  const Digest& digest() const { return digest_; }
  // In event records; see conditions_digest().  Generations that differ in
  // nothing but the items of lists have the same.
  std::uint64_t policy_id() const { return policy_id_; }
  const CompiledPolicy& policy() const { return policy_; }
  const OutputTemplate& output(std::uint32_t rule) const {
    return outputs_[rule];
  }
  // Of policy().rules[rule].extra_fields, in their order.
  const std::vector<OutputTemplate>& extra_outputs(std::uint32_t rule) const {
    return extra_outputs_[rule];
  }
  // Of a list and all it includes, when the policy was compiled.
  std::uint64_t list_entries(std::uint32_t list) const {
    return list_entries_[list];
  }
  // For conditions evaluated here.  Shared with whoever evaluates while
  // adopt_lists() puts one with other lists in its place.
  std::shared_ptr<const Matcher> matcher() const;
  // The name, of those its rules ask for, that event records have by this
  // number; "" when there is none.
  std::string host_name(std::uint64_t hash) const;
  // The same of several, without those that are none.
  std::vector<std::string> host_names(
      const std::vector<std::uint64_t>& hashes) const;
  // Whether they ask for any, and for any of clients.
  bool names_hosts() const;
  bool names_clients() const;
  // Lists have the items that lists of the same name have in `current`: the
  // lists in the kernel, which are shared by all generations, have them too.
  // Where nothing but items differs, this takes no time.
  void adopt_lists(const Generation& current);

 private:
  Generation(CompiledPolicy policy, std::string_view encoded)
      : policy_(std::move(policy)),
        digest_(policy_digest(encoded)),
        policy_id_(conditions_digest(encoded).short_id()) {}

  const CompiledPolicy policy_;
  const Digest digest_;
  const std::uint64_t policy_id_;
  std::vector<OutputTemplate> outputs_;                     // of each rule
  std::vector<std::vector<OutputTemplate>> extra_outputs_;  // of each rule
  std::vector<std::uint64_t> list_entries_;                 // of each list
  mutable std::mutex mutex_;
  // Both shared with generations that adopted them.
  std::shared_ptr<const Matcher> matcher_;
  std::shared_ptr<const HostNames> host_names_;
};
// Shared by the containers that run under it and by events on their way.
using GenerationPtr = std::shared_ptr<const Generation>;

// Any thread.
class Generations {
 public:
  // Loads policy.bin, if there is one, and makes the folder.  A policy.bin
  // that is damaged or of another format version counts as none: publish()
  // writes a good one, and until then the hook refuses it.
  static Result<std::unique_ptr<Generations>> open(
      const std::string& state_dir);

  // Makes `policy` the current one: written under its digest first, then as
  // policy.bin.  On failure the old policy.bin is untouched.
  Result<GenerationPtr> publish(const CompiledPolicy& policy);

  // Makes an earlier one current again; nullptr: none, as on a new host.
  Status restore(const GenerationPtr& earlier);

  // nullptr before the first publish on a new host.
  GenerationPtr current() const;
  // By Digest::hex(); from memory or from its file.
  Result<GenerationPtr> find(const std::string& hex);
  // By policy_id(), from memory; the current one if it is that; nullptr when
  // there is none.
  GenerationPtr find(std::uint64_t policy_id) const;

  // Forgets and removes those that are neither in `hexes`, nor current, nor the
  // one before that, nor, of the files, younger than `young`: a container that
  // starts just now may be under one.  Returns how many files could not be
  // removed.
  int keep_only(const std::set<std::string>& hexes,
                std::chrono::seconds young = std::chrono::seconds(0));

 private:
  explicit Generations(std::string state_dir)
      : state_dir_(std::move(state_dir)) {}

  std::string folder() const { return state_dir_ + "/policies"; }
  std::string path(const std::string& hex) const {
    return folder() + "/" + hex + ".bin";
  }

  const std::string state_dir_;
  mutable std::mutex mutex_;
  std::shared_ptr<Generation> current_;
  std::string previous_;                                      // hex(); "": none
  std::map<std::string, std::shared_ptr<Generation>> known_;  // by hex()
};

}  // namespace bailiff::sidecar
