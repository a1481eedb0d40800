// SPDX-License-Identifier: Apache-2.0
// oci/spec/image.h
// The parts of an image reference.
#pragma once

#include <string>
#include <string_view>

namespace bailiff::oci {

// "registry:5000/shop/web:1.2@sha256:ab..." has the repository
// "registry:5000/shop/web", the tag "1.2" and the digest "sha256:ab...".  The
// registry belongs to the repository, as Falco has it, and nothing is filled
// in: "busybox" has no tag.  Parts that are not there are "".
struct ImageReference {
  std::string repository;
  std::string tag;
  std::string digest;
  // When the reference is no name but an image's own id ("sha256:..." or 64
  // hexadecimal digits): those digits, and all else is "".
  std::string id;
  bool operator==(const ImageReference&) const = default;
};

// Never fails: what has no such parts is all repository.
ImageReference split_image(std::string_view reference);

}  // namespace bailiff::oci
