// SPDX-License-Identifier: Apache-2.0
// What a runtime and a bundle give to the privileged processes: the state on
// the hook's standard input, config.json, and the record the hook left behind.
// A config.json that is accepted must read the same after it was written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/spec/config.h"
#include "oci/spec/container_record.h"
#include "oci/spec/facts.h"
#include "oci/spec/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  using namespace bailiff::oci;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto state = parse_state(text, "the state");
  const auto config = parse_config(text, "config.json");
  if (state && config) static_cast<void>(container_facts(*state, *config));

  if (const auto document = ConfigDocument::parse(text, "config.json")) {
    const auto written = document->text();
    if (!written) std::abort();
    const auto again = ConfigDocument::parse(*written, "config.json");
    if (!again || *again->text() != *written) std::abort();
  }
  if (const auto record = parse_container_record(text)) {
    if (!parse_container_record(to_json(*record))) std::abort();
  }
  return 0;
}
