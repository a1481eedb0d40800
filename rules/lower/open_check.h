// SPDX-License-Identifier: Apache-2.0
// rules/lower/open_check.h
// Why the kernel does not decide a check before what it is about is done, in
// words: for `bailiff explain`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/lower/fold.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff {

// What programs judge.
enum class Judged : std::uint8_t { kConnection, kMessage, kBind };

// Why they do not know a field, said of its name: "is read from /proc after the
// connection was decided".  "": they know it, or bits of it (task.h), or nobody
// does.
std::string why_not_in_kernel(FieldId id, Judged judged = Judged::kConnection);

// "'a'", "'a' and 'b'", "'a', 'b' and 'c'".
std::string enumeration(const std::vector<std::string>& names);

// The check without its operands: "proc.args[0] glob".
std::string comparison_of(const Check& check);

// A check the programs cannot hold.
bool too_long(const Check& check, const std::vector<List>& lists);

// The checks that are left open, by why they are.
class OpenChecks {
 public:
  // Whether a program decides a check of a field it knows.
  using Decides = std::function<bool(const Check&)>;

  // `lists` is borrowed.  `with_bits`: checks that can be bits are.
  OpenChecks(const std::vector<List>& lists, Judged judged, Decides decides,
             bool with_bits)
      : lists_(lists),
        judged_(judged),
        decides_(std::move(decides)),
        with_bits_(with_bits) {}

  // What is said of `field` is to be said of `written`: that is what the rule
  // has.
  void name_as(FieldId field, FieldId written) { written_[field] = written; }

  // Those of the leaves that are open.
  void add(const std::vector<Leaf>& leaves);

  // Half a sentence for each reason; none: nothing is open.
  std::vector<std::string> sentences() const;

 private:
  void add(const Check& check);
  bool knows(const Check& check) const;

  const std::vector<List>& lists_;
  Judged judged_;
  Decides decides_;
  bool with_bits_;
  std::map<FieldId, FieldId> written_;
  // By reason, so that three fields from /proc are one sentence; in the order
  // they came.
  std::vector<std::pair<std::string, std::set<std::string>>> by_reason_;
  std::set<std::string> comparisons_;
  std::set<std::string> terms_;
};

}  // namespace bailiff
