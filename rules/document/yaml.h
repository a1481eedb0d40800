// SPDX-License-Identifier: Apache-2.0
// rules/document/yaml.h
// YAML as a tree in which every node knows its place.  The only door to the
// YAML library, whose tree knows no more than where a node begins.
//
// The text is hostile until shown otherwise: its size, its depth, the number
// of its nodes and what its aliases expand to are bounded, and a text past a
// bound is refused before it costs memory.
//
// Long lists of indicators are read without the library, which would need
// microseconds and hundreds of bytes for each element.  Where simple_sequence.h
// finds one, the library is given the text with a word in its place, and the
// sequence is taken for it only when the library reports a plain scalar of just
// that word at just that offset, in a place where a sequence in that style may
// be.  If one of the words is not reported so, or the library finds a mistake,
// it is given the whole text.
//
// Nor is the library asked about what simple_document.h can read, which is what
// rule files look like.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/base/source.h"
#include "rules/document/located_text.h"
#include "rules/document/placed_texts.h"
#include "rules/document/simple_sequence.h"

namespace bailiff::yaml {

// A list of ten million IPv4 addresses is 180 MiB, one of four million IPv6
// addresses, spelled out, as well.  The places of what is read have 32 bits.
inline constexpr std::size_t kMaxBytes = 256U << 20;
// Of them, what is not in simple sequences and so is the library's to read, at
// a few MiB a second.  The largest rule file of Falco's own is 0.1 MiB.
inline constexpr std::size_t kMaxParsedBytes = 16U << 20;
// Rule files nest 7 deep (exceptions), so this is generous.
inline constexpr std::size_t kMaxDepth = 32;
// Nodes the library makes, and those behind an alias each time it is used.
inline constexpr std::uint64_t kMaxNodes = 1U << 20;
// Bytes of the scalars behind aliases, counted each time one is used.
inline constexpr std::uint64_t kMaxAliasBytes = 16U << 20;
// The characters [ { and , wherever they stand: the library holds all tokens
// of a flow collection at once, which this keeps below 300 MiB.
inline constexpr std::size_t kMaxFlowCharacters = 1U << 20;

// What is read without the library.  What is said does not depend on it, and
// only tests ask for other than the default.
struct Shortcuts {
  bool simple_documents = true;
  // Elements a sequence must have to be looked at as a simple one.
  std::size_t long_sequence = 1000;
};

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };
// "a mapping", for messages.
std::string_view to_string(NodeKind kind);

enum class NodeId : std::uint32_t {};

struct Node {
  static constexpr std::uint32_t kNotSimple = UINT32_MAX;

  NodeKind kind = NodeKind::kNull;
  bool plain = false;  // a scalar without quotes, block indicator or tag
  // A sequence with an index here has no children: Stream::simple() makes its
  // elements.
  std::uint32_t simple = kNotSimple;
  std::string text;         // of a scalar
  std::uint32_t begin = 0;  // offset of its first byte, its quote say
  // A scalar as written, without its quotes; otherwise its first byte.
  Span span;
  // A sequence's elements; a mapping's keys and values by turns.
  std::vector<NodeId> children;
};

// The documents of one text.  Nodes live as long as it.
class Stream {
 public:
  const Node& operator[](NodeId id) const {
    return nodes_[static_cast<std::size_t>(id)];
  }
  // The root of each document.
  const std::vector<NodeId>& roots() const { return roots_; }
  // A scalar's text with the place of every byte.
  LocatedText locate(const Node& scalar) const;
  // The elements of a node with `simple`.
  PlacedTexts simple(const Node& sequence) const;

 private:
  friend class Builder;
  friend std::optional<Stream> parse(std::string_view text,
                                     std::uint32_t source,
                                     Diagnostics& diagnostics,
                                     const Shortcuts& shortcuts);

  std::uint32_t source_ = 0;
  std::string_view text_;  // borrowed
  std::vector<Node> nodes_;
  std::vector<NodeId> roots_;
  std::vector<SimpleSequence> sequences_;
};

// Parses `text`, which must outlive the Stream.  nullopt after a diagnostic
// (LOAD_ERR_YAML_PARSE) when it is no YAML, is not UTF-8, holds control
// characters or exceeds a bound.
std::optional<Stream> parse(std::string_view text, std::uint32_t source,
                            Diagnostics& diagnostics,
                            const Shortcuts& shortcuts = {});

}  // namespace bailiff::yaml
