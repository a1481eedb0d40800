// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/spelling.h
// Bytes that a container chose, as text that is safe to show and to unpack.
#pragma once

#include <string>
#include <string_view>

namespace bailiff::sidecar {

// Printable ASCII as it is, a backslash doubled, every other byte as \xNN: no
// two byte strings have one spelling.
std::string spell(std::string_view bytes);

// A relative path as the name of an archive's member: each component as it is
// where it is of [A-Za-z0-9._+=,@-], every other byte as %XX.  No component is
// "." or "..", none is empty, and none is longer than a file's name may be:
// one that would be becomes "~HASH".
std::string member_path(std::string_view path);

}  // namespace bailiff::sidecar
