// SPDX-License-Identifier: Apache-2.0
// The condition parser: what it accepts prints to a text that parses to the
// same tree, and every span lies within the condition.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/syntax/parser.h"
#include "rules/syntax/printer.h"

namespace {

std::optional<bailiff::syntax::Node> parse(const std::string& text) {
  bailiff::LocatedText located;
  located.push_run(text, 0, 0);
  bailiff::Diagnostics diagnostics;
  auto node = bailiff::syntax::parse_condition(located, {}, diagnostics);
  if (node.has_value() == diagnostics.has_errors()) std::abort();
  for (const bailiff::Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.span.end > text.size()) std::abort();
  }
  if (node && bailiff::syntax::span_of(*node).end > text.size()) std::abort();
  return node;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const auto first =
      parse(std::string(reinterpret_cast<const char*>(bytes), size));
  if (!first) return 0;
  const auto second = parse(bailiff::syntax::print(*first));
  if (!second || !(*second == *first)) std::abort();
  return 0;
}
