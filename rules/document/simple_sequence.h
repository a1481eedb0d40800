// SPDX-License-Identifier: Apache-2.0
// rules/document/simple_sequence.h
// Sequences of scalars so simple that they can be read without the YAML
// library, which needs microseconds and hundreds of bytes for each element: a
// list of a million addresses.
//
// What is simple, of the value of a key `items` on a line of its own:
//
//     items:            # a block: one element a line, all equally indented
//       - 203.0.113.66
//       - "\"203.0.113.67\""
//
//     items: [203.0.113.66, '203.0.113.67',
//             203.0.113.68]
//
// Elements are ASCII, of one line: plain, or quoted without escapes but \" and
// \\ (and '' in single quotes).  Comments and empty lines may stand between
// them.  Tabs, anchors, tags, null, nested collections and scalars of several
// lines are not simple.
//
// Whether the place is one where YAML has a node, and not the inside of a
// block scalar say, only the YAML library knows; see yaml.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/document/placed_texts.h"

namespace bailiff::yaml {

struct SimpleSequence {
  std::uint32_t begin = 0;  // of the text that is the sequence and blanks
  std::uint32_t end = 0;    // past the last element, or past ']'
  std::uint32_t first = 0;  // the first '-', or '['
  std::uint32_t size = 0;   // elements
  bool block = false;       // else in brackets
};

// The simple sequences of `at_least` elements, at least 1, in order.
std::vector<SimpleSequence> find_simple_sequences(std::string_view text,
                                                  std::size_t at_least);

// The elements of a sequence found in `text`, with the places the YAML library
// would have led to.
PlacedTexts read_simple_sequence(std::string_view text, std::uint32_t source,
                                 const SimpleSequence& sequence);

}  // namespace bailiff::yaml
