// SPDX-License-Identifier: Apache-2.0
// rules/document/plain_list.h
// A list of indicators as feeds give it: one item a line.
//
//     # updated daily
//     203.0.113.66
//     198.51.100.0/24   # a network
//
// Blanks around an item, empty lines, and what follows a # at the beginning of
// a line or behind a blank, are no part of it.  Nothing is quoted and nothing
// is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/base/diagnostic.h"
#include "rules/document/placed_texts.h"

namespace bailiff {

// Sixteen million IPv4 addresses, the most a list may have.
inline constexpr std::size_t kMaxPlainListBytes = 256U << 20;
// A name has at most 253 bytes.  A longer line is a table, or no list at all.
inline constexpr std::size_t kMaxPlainItemBytes = 1024;

// The items in order, with their places.  nullopt after a diagnostic
// (LOAD_ERR_VALIDATE) for each line that is too long, or when the text is no
// UTF-8, holds control characters or is larger than a list may be: half a list
// would be believed to be the whole.
std::optional<PlacedTexts> read_plain_list(std::string_view text,
                                           std::uint32_t source,
                                           Diagnostics& diagnostics);

}  // namespace bailiff
