// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/document/service_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  bailiff::SourceSet sources;
  const std::uint32_t source =
      sources.add("f", std::string(reinterpret_cast<const char*>(bytes), size));
  bailiff::Diagnostics diagnostics;
  const auto config = bailiff::parse_service_config(sources[source].text(),
                                                    source, diagnostics);
  if (config.has_value() == diagnostics.has_errors()) std::abort();
  render(diagnostics, sources);
  return 0;
}
