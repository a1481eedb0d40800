// SPDX-License-Identifier: Apache-2.0
// The reader of compiled policies, on the bytes as they are and with a right
// digest at the end of their head, which is how the fuzzer gets past it.  What
// is accepted must be written back to the same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/policy/compiled_policy.h"

namespace {

void decode_and_check(const std::string& bytes) {
  const bool has_head = bailiff::decode_head(bytes).has_value();
  const auto policy = bailiff::decode(bytes);
  if (!policy) return;
  if (!has_head) std::abort();
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
  const auto head = bailiff::policy_head_bytes(text);
  if (!head || *head > text.size()) return 0;
  const std::size_t end = *head - sizeof(bailiff::Digest);
  const bailiff::Digest digest = bailiff::digest_of(text.substr(0, end));
  std::copy(digest.bytes.begin(), digest.bytes.end(), text.begin() + end);
  decode_and_check(text);
  return 0;
}
