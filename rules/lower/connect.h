// SPDX-License-Identifier: Apache-2.0
// rules/lower/connect.h
// What is the same for every event of the network hooks.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/fields/field.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"
#include "rules/types/value.h"

namespace bailiff {

// The types of event that are a message to an address.
bool is_send(std::string_view type);

// The value of `id` when it does not depend on the event.  The hooks judge a
// connection before it is made, so its result is that of one that succeeds.
std::optional<Value> constant_at_connect(FieldId id);

// Whether there is code for the check's operator, on a field whose values the
// kernel knows.
bool has_code(const Check& check);
// Whether a program can decide the check: its field is one the kernel knows at
// a connect, and its operator one that is emitted for that field.
bool decidable_at_connect(const Check& check);
// Whether a program can decide it of a packet, of which only the headers are
// known: it may be sent on behalf of nobody.
bool decidable_of_packet(const Check& check);

// Whether a program can decide it of a name: one that is asked for, or that the
// peer is known by.
bool decidable_of_query(const Check& check);

// kIn, or kIntersects, which of a single value is the same.
bool is_membership(Op op);

// Operands one check may have inside a program; each costs instructions on
// the way to the verdict.  With more, the rule is observed.  Lists of
// addresses, networks and host names are looked up in maps and have no such
// bound.
inline constexpr std::size_t kMaxInlineOperands = 512;

// The operands of a set operator: those written, and the items of its lists
// unless they are looked up in maps; each once, in order.
std::vector<Value> inline_operands(const Check& check,
                                   const std::vector<List>& lists);

}  // namespace bailiff
