// SPDX-License-Identifier: Apache-2.0
// rules/policy/load.h
// The front end: rule and policy texts in, a CompiledPolicy out.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

struct NamedText {
  std::string name;  // as it appears in diagnostics: the path
  std::string text;
};

struct LoadInput {
  // A file is a rule file when its top level is a sequence (Falco's format)
  // and a policy file when it is a mapping with the key `policies`.
  std::vector<NamedText> files;  // in load order
  OnError on_failure = OnError::kDeny;
  std::vector<std::string> exempt;  // taken over as they are
  // What is added to outputs.  A mistake in it is an error without a place
  // (LOAD_ERR_COMPILE_OUTPUT).
  std::vector<AppendOutput> append_output;
  // Items of all lists, as far as there is memory for them.  The first one more
  // is an error (LOAD_ERR_VALIDATE), and nothing is compiled.
  std::size_t most_items = std::numeric_limits<std::size_t>::max();
};

struct Loaded {
  SourceSet sources;  // of `input.files`, same order
  Diagnostics diagnostics;
  // Absent when there is an error.  Rules that no policy names are kept: they
  // are explained and evaluated offline, and no container gets them.
  std::optional<CompiledPolicy> policy;
  // Where the name of each of policy->policies stands, in the same order.
  std::vector<Span> policy_names;
  // Of each of policy->lists, whether its items also stand in conditions as
  // text (ListPaster::pasted()), which other items would not change.
  std::vector<bool> pasted_lists;
};

// Pure.  Reports every independent error of all files.
Loaded load(LoadInput input);

}  // namespace bailiff
