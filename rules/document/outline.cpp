// SPDX-License-Identifier: Apache-2.0
#include "rules/document/outline.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

// Kinds of item, in the order their keys are looked for.
struct Kind {
  std::string_view key;
  const char* type;
  bool named;  // by the key's value
};
constexpr Kind kKinds[] = {
    {"required_engine_version", "required_engine_version", false},
    {"required_plugin_versions", "required plugin versions", false},
    {"list", "list", true},
    {"macro", "macro", true},
    {"rule", "rule", true},
};

// Keys with a type of their own; the others are "value for".
struct Part {
  std::string_view item;
  std::string_view key;
  const char* type;
};
constexpr Part kParts[] = {
    {"macro", "condition", "macro condition"},
    {"rule", "condition", "rule condition"},
    {"rule", "output", "rule output"},
    {"rule", "priority", "rule priority"},
    {"rule", "exceptions", "exceptions"},
    {"list", "override", "overrides"},
    {"macro", "override", "overrides"},
    {"rule", "override", "overrides"},
    {"exception", "values", "exception values"},
};

const char* part_type(std::string_view item, std::string_view key) {
  for (const Part& part : kParts) {
    if (part.item == item && part.key == key) return part.type;
  }
  return nullptr;
}

// The value of the first such key, or nullptr.
const Node* value_of(const yaml::Stream& stream, const Node& mapping,
                     std::string_view key) {
  for (std::size_t i = 0; i + 1 < mapping.children.size(); i += 2) {
    if (stream[mapping.children[i]].text == key) {
      return &stream[mapping.children[i + 1]];
    }
  }
  return nullptr;
}

std::string name_of(const yaml::Stream& stream, const Node& mapping,
                    std::string_view key) {
  const Node* value = value_of(stream, mapping, key);
  return value != nullptr ? value->text : std::string();
}

// Calls visit(child, end) for the children that lie in the parent's text, one
// after the other; an alias lies elsewhere.
template <typename Visit>
void each_child(const yaml::Stream& stream, const Node& parent,
                std::uint32_t end, std::size_t step, const Visit& visit) {
  const std::vector<yaml::NodeId>& children = parent.children;
  std::uint32_t from = parent.begin;
  for (std::size_t i = 0; i < children.size(); i += step) {
    const Node& child = stream[children[i]];
    if (child.begin < from || child.begin >= end) continue;
    std::uint32_t next = end;
    if (i + step < children.size()) {
      const std::uint32_t begin = stream[children[i + step]].begin;
      if (begin > child.begin && begin < end) next = begin;
    }
    visit(i, next);
    from = child.begin;
  }
}

}  // namespace

Outline::Outline(const yaml::Stream& stream, std::size_t size) {
  const auto whole = static_cast<std::uint32_t>(size);
  const std::vector<yaml::NodeId>& roots = stream.roots();
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const Node& document = stream[roots[i]];
    if (document.kind != NodeKind::kSequence) continue;
    const std::uint32_t end =
        i + 1 < roots.size() ? stream[roots[i + 1]].begin : whole;
    each_child(stream, document, end, 1,
               [&](std::size_t child, std::uint32_t next) {
                 item(stream, stream[document.children[child]], next);
               });
  }
}

std::vector<const OutlineEntry*> Outline::at(std::uint32_t offset) const {
  std::vector<const OutlineEntry*> found;
  const auto after =
      std::upper_bound(items_.begin(), items_.end(), offset,
                       [this](std::uint32_t at, std::size_t index) {
                         return at < entries_[index].begin;
                       });
  if (after == items_.begin()) return found;
  const std::size_t end = after == items_.end() ? entries_.size() : *after;
  for (std::size_t i = *std::prev(after); i < end; ++i) {
    const OutlineEntry& entry = entries_[i];
    if (entry.begin <= offset && offset < entry.end) found.push_back(&entry);
  }
  return found;
}

const OutlineEntry* Outline::find(const std::string& type,
                                  const std::string& name) const {
  const auto found = named_.find({type, name});
  return found == named_.end() ? nullptr : &entries_[found->second];
}

void Outline::add(std::string type, std::string name, std::uint32_t begin,
                  std::uint32_t end) {
  entries_.push_back({.type = std::move(type),
                      .name = std::move(name),
                      .begin = begin,
                      .end = end});
}

void Outline::item(const yaml::Stream& stream, const Node& node,
                   std::uint32_t end) {
  if (node.kind == NodeKind::kNull) return;
  items_.push_back(entries_.size());
  for (const Kind& kind : kKinds) {
    if (value_of(stream, node, kind.key) == nullptr) continue;
    add(kind.type, kind.named ? name_of(stream, node, kind.key) : "",
        node.begin, end);
    named_[{entries_.back().type, entries_.back().name}] = entries_.size() - 1;
    keys(stream, node, end, kind.type);
    return;
  }
  add("rules content item", "", node.begin, end);
}

void Outline::keys(const yaml::Stream& stream, const Node& mapping,
                   std::uint32_t end, std::string_view item) {
  each_child(stream, mapping, end, 2, [&](std::size_t key, std::uint32_t next) {
    const std::string& name = stream[mapping.children[key]].text;
    const Node& value = stream[mapping.children[key + 1]];
    if (value.begin < mapping.begin || value.begin >= next) return;
    if (name == "required_plugin_versions") {
      plugins(stream, value, next, "required plugin versions entry");
      return;
    }
    const char* type = part_type(item, name);
    add(type != nullptr ? type : "value for", type != nullptr ? "" : name,
        value.begin, next);
    if (item == "rule" && name == "exceptions") {
      exceptions(stream, value, next);
    } else if (name == "override" && type != nullptr) {
      overrides(stream, value, next);
    }
  });
}

void Outline::exceptions(const yaml::Stream& stream, const Node& node,
                         std::uint32_t end) {
  if (node.kind != NodeKind::kSequence) return;
  each_child(stream, node, end, 1, [&](std::size_t i, std::uint32_t next) {
    const Node& exception = stream[node.children[i]];
    add("exception", name_of(stream, exception, "name"), exception.begin, next);
    named_[{"exception", entries_.back().name}] = entries_.size() - 1;
    if (exception.kind == NodeKind::kMapping) {
      keys(stream, exception, next, "exception");
    }
  });
}

void Outline::overrides(const yaml::Stream& stream, const Node& node,
                        std::uint32_t end) {
  if (node.kind != NodeKind::kMapping) return;
  each_child(stream, node, end, 2, [&](std::size_t key, std::uint32_t next) {
    const Node& name = stream[node.children[key]];
    add("overrides", name.text, name.begin, next);
  });
}

void Outline::plugins(const yaml::Stream& stream, const Node& node,
                      std::uint32_t end, const char* type) {
  if (node.kind != NodeKind::kSequence) return;
  each_child(stream, node, end, 1, [&](std::size_t i, std::uint32_t next) {
    const Node& plugin = stream[node.children[i]];
    add(type, name_of(stream, plugin, "name"), plugin.begin, next);
    if (plugin.kind != NodeKind::kMapping) return;
    each_child(stream, plugin, next, 2,
               [&](std::size_t key, std::uint32_t after) {
                 const Node& value = stream[plugin.children[key + 1]];
                 if (stream[plugin.children[key]].text == "alternatives") {
                   plugins(stream, value, after,
                           "required plugin versions alternative");
                 }
               });
  });
}

}  // namespace bailiff
