// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace bailiff::sidecar {

std::string sign(std::string_view secret, std::uint64_t timestamp_seconds,
                 std::string_view body) {
  std::string message = std::to_string(timestamp_seconds);
  message += '.';
  message += body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       mac.data(), &size);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "sha256=";
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[mac[i] >> 4];
    text += kDigits[mac[i] & 15];
  }
  return text;
}

bool signature_matches(std::string_view expected, std::string_view received) {
  return expected.size() == received.size() &&
         CRYPTO_memcmp(expected.data(), received.data(), expected.size()) == 0;
}

}  // namespace bailiff::sidecar
