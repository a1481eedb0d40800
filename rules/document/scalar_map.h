// SPDX-License-Identifier: Apache-2.0
// rules/document/scalar_map.h
// Where the bytes of a YAML scalar's value were written.
#pragma once

#include <cstdint>
#include <string_view>

#include "rules/document/located_text.h"

namespace bailiff::yaml {

// Finds the bytes of `value` in `raw`, the text of `source`, for the scalar
// that begins at `begin` (with its anchor and tag): plain, quoted, or a block
// with `|` or `>`.  The value is the YAML parser's and is taken as right; a
// value this cannot follow is placed, whole, at the scalar's first byte.
LocatedText map_scalar(std::string_view raw, std::uint32_t source,
                       std::uint32_t begin, std::string_view value);

}  // namespace bailiff::yaml
