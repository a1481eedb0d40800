// SPDX-License-Identifier: Apache-2.0
// rules/document/outline.h
// Which item of a rule file, and which part of it, a place is in: for the
// locations of Falco's load results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/document/yaml.h"

namespace bailiff {

// An item or a part of one.  The types are Falco's: "rule", "rule condition".
struct OutlineEntry {
  std::string type;
  std::string name;  // of an item or exception, or the key; may be empty
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

class Outline {
 public:
  // Of a text of `size` bytes.  Elements of sequences are not told apart, but
  // for exceptions.
  Outline(const yaml::Stream& stream, std::size_t size);

  // The item the offset is in, its part, the part's part and so on.  Pointers
  // live as long as the outline.
  std::vector<const OutlineEntry*> at(std::uint32_t offset) const;
  // The last item or exception of that type and name; nullptr: there is none.
  const OutlineEntry* find(const std::string& type,
                           const std::string& name) const;

 private:
  using Node = yaml::Node;

  void item(const yaml::Stream& stream, const Node& node, std::uint32_t end);
  void keys(const yaml::Stream& stream, const Node& mapping, std::uint32_t end,
            std::string_view item);
  void exceptions(const yaml::Stream& stream, const Node& node,
                  std::uint32_t end);
  void overrides(const yaml::Stream& stream, const Node& node,
                 std::uint32_t end);
  void plugins(const yaml::Stream& stream, const Node& node, std::uint32_t end,
               const char* type);
  void add(std::string type, std::string name, std::uint32_t begin,
           std::uint32_t end);

  // Each before its parts, which are before the next one.
  std::vector<OutlineEntry> entries_;
  std::vector<std::size_t> items_;  // of entries_, in order
  std::map<std::pair<std::string, std::string>, std::size_t> named_;
};

}  // namespace bailiff
