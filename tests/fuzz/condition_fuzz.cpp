// SPDX-License-Identifier: Apache-2.0
// The condition parser: every diagnostic lies within the condition, what it
// accepts knows the place of each of its parts, and prints to a text that
// parses to the same tree and prints the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "rules/syntax/parser.h"
#include "rules/syntax/printer.h"
#include "tests/harness/condition_places.h"

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
  if (node && !bailiff::test::ConditionPlaces(text).are_exact(*node)) {
    std::abort();
  }
  return node;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const auto first =
      parse(std::string(reinterpret_cast<const char*>(bytes), size));
  if (!first) return 0;
  const std::string printed = bailiff::syntax::print(*first);
  const auto second = parse(printed);
  if (!second || !(*second == *first)) std::abort();
  if (bailiff::syntax::print(*second) != printed) std::abort();
  return 0;
}
