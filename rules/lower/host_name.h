// SPDX-License-Identifier: Apache-2.0
// rules/lower/host_name.h
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/compiled_policy.h"
#include "rules/types/expr.h"

namespace bailiff {

// Whether a resolver can be asked for it: labels of letters, digits, '-' and
// '_', within the bounds of the DNS; one full stop at the end is allowed.
bool is_host_name(std::string_view name);

// Whether a rule can list it: a host name, or, behind a full stop, one that
// stands for itself and all names below it (".evil.example"), of at most
// BAILIFF_DNS_SUFFIXES labels.
bool is_listed_name(std::string_view name);

// Of what the expression compares host names with, in the order of the rule and
// of its lists, the first that is none; "" when all are.
std::string first_no_host_name(const Expr& expr,
                               const std::vector<List>& lists);

}  // namespace bailiff
