// SPDX-License-Identifier: Apache-2.0
// YAML says the same, at the same places, whoever reads it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/harness/yaml_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  using bailiff::yaml::Shortcuts;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const std::string expected = bailiff::test::library_text(text);
  for (const Shortcuts& shortcuts :
       {Shortcuts(), Shortcuts{.simple_documents = false, .long_sequence = 1},
        Shortcuts{.simple_documents = true, .long_sequence = 1}}) {
    if (bailiff::test::yaml_text(text, shortcuts) != expected) std::abort();
  }
  return 0;
}
