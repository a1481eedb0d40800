// SPDX-License-Identifier: Apache-2.0
// The whole front end on hostile rule and policy files, NUL between them.
// What loads must survive the compiled form unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "rules/policy/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  using namespace bailiff;
  std::string text(reinterpret_cast<const char*>(bytes), size);
  LoadInput input;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    input.files.push_back({"f", text.substr(begin, end - begin)});
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
