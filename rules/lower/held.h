// SPDX-License-Identifier: Apache-2.0
// rules/lower/held.h
// Calls that seccomp refuses, or holds until the service has judged them.
#pragma once

#include <string_view>

#include "rules/abi/observe.h"
#include "rules/fields/field.h"
#include "rules/lower/fold.h"
#include "rules/types/expr.h"

namespace bailiff {

// Whether seccomp may stand before the call.  Not before one that a runtime
// makes between loading the filter and handing over its listener, since nobody
// could answer it; nor before one that is judged elsewhere.
bool can_be_held(bailiff_call call);

// Whether io_uring does the same, without the call: neither seccomp nor the
// observer sees that, and no program.
bool is_made_by_ring(bailiff_call call);

// What holds of a call that has not been made yet.  As everywhere before the
// fact, its result is that of one that succeeds.
Decide known_of_held(bailiff_call call, const std::vector<List>& lists);

// Those the expression names whose value is not settled before the call is
// made, or was told only when the program of the caller started; each once, by
// id.  A rule that comes to depend on one is judged afterwards.
std::vector<FieldId> fields_unknown_when_held(const Expr& expr,
                                              bailiff_call call);

}  // namespace bailiff
