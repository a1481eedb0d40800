// SPDX-License-Identifier: Apache-2.0
// The whole front end on hostile rule and policy files, NUL between them.
// What loads must survive the compiled form unchanged, and every place must be
// in the outline or in none.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "rules/document/outline.h"
#include "rules/document/plain_list.h"
#include "rules/policy/load.h"

namespace {

using namespace bailiff;

void check_document(const std::string& text) {
  Diagnostics diagnostics;
  const auto stream = yaml::parse(text, 0, diagnostics);
  if (!stream) return;
  const Outline outline(*stream, text.size());
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const auto offset = static_cast<std::uint32_t>(i);
    for (const OutlineEntry* entry : outline.at(offset)) {
      if (offset < entry->begin || entry->end <= offset) std::abort();
    }
  }
}

void check_list(const std::string& text) {
  Diagnostics diagnostics;
  const auto items = read_plain_list(text, 0, diagnostics);
  if (items.has_value() == diagnostics.has_errors()) std::abort();
  if (!items) return;
  for (const PlacedText& item : *items) {
    const std::string written =
        text.substr(item.span.begin, item.span.end - item.span.begin);
    if (item.text.empty() || item.text != written) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  LoadInput input;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    input.files.push_back({"f", text.substr(begin, end - begin)});
    check_document(input.files.back().text);
    check_list(input.files.back().text);
    begin = end + 1;
  }
  const Loaded loaded = load(std::move(input));
  const bool failed = loaded.diagnostics.has_errors();
  if (failed == loaded.policy.has_value()) std::abort();
  render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return 0;
  const Result<CompiledPolicy> decoded = decode(encode(*loaded.policy));
  if (!decoded || !(*decoded == *loaded.policy)) std::abort();
  return 0;
}
