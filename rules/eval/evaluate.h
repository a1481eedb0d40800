// SPDX-License-Identifier: Apache-2.0
// rules/eval/evaluate.h
// What a condition means.  Decides events in the sidecar, and is the oracle of
// the emitter's tests: it knows nothing of lower/ and emit/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "rules/eval/value_view.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// Where the fields of one event come from.
class FieldSource {
 public:
  virtual ~FieldSource() = default;
  // Empty, or only Null: the field extracts nothing.  Several: an indexed or
  // list field.  Addresses are IpAddress also for kNetwork fields.
  virtual std::vector<Value> extract(FieldId field,
                                     std::string_view argument) const = 0;
  // The same for who asks often: adds the values to `views`, of which the texts
  // may be the event's own.  By default copies of what extract() gives.
  virtual void view(FieldId field, std::string_view argument,
                    Views& views) const;
};

// What view() gives: the extract() of a source that has only that.
std::vector<Value> owned(const FieldSource& source, FieldId field,
                         std::string_view argument);

// The lists of a policy, ready to be asked whether they hold a value: hash
// sets, and per prefix length one for networks.  Build it once per policy; it
// keeps what it needs of the lists.  Reading it is safe from any thread.
class ListIndex {
 public:
  // A list is parsed as each type some check of `policy` compares it with.
  explicit ListIndex(const CompiledPolicy& policy);
  // The same for the checks of one condition; `lists` are those it refers to.
  ListIndex(const Expr& expr, const std::vector<List>& lists);
  ListIndex(ListIndex&&) noexcept;
  ListIndex& operator=(ListIndex&&) noexcept;
  ~ListIndex();

  // Whether an item of `list`, or of one it includes, equals `value` (for
  // networks: contains it).  False for Null, and when no check the index was
  // made from compares that list with values of `type`.
  bool contains(std::uint32_t list, FalcoType type, const Value& value) const;
  // Calls `visit` for each item of the list, as operands of `op` on values of
  // `type`, until it returns false; whether it never did.
  bool for_each(std::uint32_t list, FalcoType type, Op op,
                const std::function<bool(const Value&)>& visit) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// Whether `expr` holds; `lists` was made from its policy or from it.  A check
// on a field that extracts nothing is false, kNe included, so its negation is
// true.  What several values come to is several_of() the field.  Where operands
// may be addresses with ports (takes_endpoints()), the field's values include
// those.
bool evaluate(const Expr& expr, const FieldSource& event,
              const ListIndex& lists);

}  // namespace bailiff
