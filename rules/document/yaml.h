// SPDX-License-Identifier: Apache-2.0
// rules/document/yaml.h
// YAML as a tree in which every node knows its place.  The only door to the
// YAML library, whose tree knows no more than where a node begins.
//
// The text is hostile until shown otherwise: its size, its depth, the number
// of its nodes and what its aliases expand to are bounded, and a text past a
// bound is refused before it costs memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/base/source.h"
#include "rules/document/located_text.h"

namespace bailiff::yaml {

// A list of 200,000 indicators, the most Falco was seen to take, is 5 MiB.
inline constexpr std::size_t kMaxBytes = 16U << 20;
// Rule files nest 7 deep (exceptions), so this is generous.
inline constexpr std::size_t kMaxDepth = 32;
// Nodes, those behind an alias counted each time it is used.
inline constexpr std::uint64_t kMaxNodes = 1U << 20;
// The characters [ { and , wherever they stand: the library holds all tokens
// of a flow collection at once, which this keeps below 300 MiB.
inline constexpr std::size_t kMaxFlowCharacters = 1U << 20;

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };
// "a mapping", for messages.
std::string_view to_string(NodeKind kind);

enum class NodeId : std::uint32_t {};

struct Node {
  NodeKind kind = NodeKind::kNull;
  bool plain = false;       // a scalar without quotes, block indicator or tag
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

 private:
  friend class Builder;
  friend std::optional<Stream> parse(std::string_view text,
                                     std::uint32_t source,
                                     Diagnostics& diagnostics);

  std::uint32_t source_ = 0;
  std::string_view text_;  // borrowed
  std::vector<Node> nodes_;
  std::vector<NodeId> roots_;
};

// Parses `text`, which must outlive the Stream.  nullopt after a diagnostic
// (LOAD_ERR_YAML_PARSE) when it is no YAML, is not UTF-8, holds control
// characters or exceeds a bound.
std::optional<Stream> parse(std::string_view text, std::uint32_t source,
                            Diagnostics& diagnostics);

}  // namespace bailiff::yaml
