// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/image.h"

#include <algorithm>

namespace bailiff::oci {
namespace {

constexpr std::size_t kSha256Digits = 64;
constexpr std::string_view kSha256 = "sha256:";

bool is_sha256(std::string_view text) {
  return text.size() == kSha256Digits &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

ImageReference split_image(std::string_view reference) {
  ImageReference image;
  std::string_view bare = reference;
  if (bare.starts_with(kSha256)) bare.remove_prefix(kSha256.size());
  if (is_sha256(bare)) {
    image.id = bare;
    return image;
  }
  if (const std::size_t at = reference.rfind('@');
      at != std::string_view::npos) {
    image.digest = reference.substr(at + 1);
    reference = reference.substr(0, at);
  }
  // A ':' before the last '/' is the port of the registry.
  const std::size_t colon = reference.rfind(':');
  if (colon != std::string_view::npos &&
      reference.find('/', colon) == std::string_view::npos) {
    image.tag = reference.substr(colon + 1);
    reference = reference.substr(0, colon);
  }
  image.repository = reference;
  return image;
}

}  // namespace bailiff::oci
