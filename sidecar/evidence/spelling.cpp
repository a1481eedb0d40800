// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/spelling.h"

#include <algorithm>
#include <cstddef>

#include "sidecar/evidence/sha256.h"

namespace bailiff::sidecar {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

// NAME_MAX of most file systems.
constexpr std::size_t kMaxComponent = 255;

void add_hex(std::string& text, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  text += kDigits[value >> 4];
  text += kDigits[value & 15];
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') ||
         std::string_view("._+=,@-").find(c) != std::string_view::npos;
}

std::string member_component(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (is_plain(c)) {
      text += c;
    } else {
      text += '%';
      add_hex(text, c);
    }
  }
  // As a file's name these mean another folder.
  if (text == "." || text == "..") text = "%2e" + text.substr(1);
  if (text.size() > kMaxComponent) return "~" + sha256_of(name);
  return text;
}

}  // namespace

std::string spell(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c >= 0x20 && c < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      add_hex(text, c);
    }
  }
  return text;
}

std::string member_path(std::string_view path) {
  std::string member;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) {
      if (!member.empty()) member += '/';
      member += member_component(path.substr(0, slash));
    }
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return member;
}

}  // namespace bailiff::sidecar
