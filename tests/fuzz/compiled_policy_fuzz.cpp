// SPDX-License-Identifier: Apache-2.0
// The reader of compiled policies, on the bytes as they are and with a right
// digest behind them, which is how the fuzzer gets past it.  What is accepted
// must be written back to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/policy/compiled_policy.h"

namespace {

void decode_and_check(const std::string& bytes) {
  const auto policy = bailiff::decode(bytes);
  if (!policy) return;
  if (bailiff::encode(*policy) != bytes) std::abort();
  for (std::uint32_t i = 0; i < policy->lists.size(); ++i) {
    bailiff::flatten(policy->lists, i);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  decode_and_check(text);
  text.resize(text.size() - std::min(text.size(), sizeof(bailiff::Digest)));
  const bailiff::Digest digest = bailiff::digest_of(text);
  for (const std::uint8_t byte : digest.bytes) text += static_cast<char>(byte);
  decode_and_check(text);
  return 0;
}
