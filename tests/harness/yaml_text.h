// SPDX-License-Identifier: Apache-2.0
// tests/harness/yaml_text.h
#pragma once

#include <cstdint>
#include <string>

#include "rules/document/yaml.h"

namespace bailiff::test {

inline void print_node(const yaml::Stream& stream, const yaml::Node& node,
                       std::string& out) {
  const auto place = [](const Span& span) {
    return "@" + std::to_string(span.begin) + "-" + std::to_string(span.end);
  };
  switch (node.kind) {
    case yaml::NodeKind::kNull:
      out += "null" + place(node.span);
      return;
    case yaml::NodeKind::kScalar:
      out += "'" + node.text + "'" + place(node.span);
      return;
    case yaml::NodeKind::kSequence:
      out += "[" + place(node.span);
      if (node.simple == yaml::Node::kNotSimple) break;
      for (const PlacedText& element : stream.simple(node)) {
        out += " '" + element.text + "'" + place(element.span);
      }
      break;
    case yaml::NodeKind::kMapping:
      out += "{" + place(node.span);
      break;
  }
  for (const yaml::NodeId child : node.children) {
    out += " ";
    // Elements of simple sequences do not know these.
    if (node.kind == yaml::NodeKind::kMapping) {
      if (stream[child].plain) out += "plain ";
      out += std::to_string(stream[child].begin) + ":";
    }
    print_node(stream, stream[child], out);
  }
  out += node.kind == yaml::NodeKind::kSequence ? "]" : "}";
}

// What the text says, as text of kinds, scalars and places, or the refusal.
inline std::string yaml_text(const std::string& text,
                             const yaml::Shortcuts& shortcuts) {
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics, shortcuts);
  if (!stream) {
    const Diagnostic& refusal = diagnostics.all()[0];
    return std::to_string(refusal.span.begin) + ": " + refusal.message;
  }
  std::string out;
  for (const yaml::NodeId root : stream->roots()) {
    print_node(*stream, (*stream)[root], out);
    out += "\n";
  }
  return out;
}

// The same of the library alone.
inline std::string library_text(const std::string& text) {
  return yaml_text(text,
                   {.simple_documents = false, .long_sequence = SIZE_MAX});
}

}  // namespace bailiff::test
