// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/pins.h"

#include <limits.h>

#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string encode_name(std::string_view name) {
  std::string encoded;
  encoded.reserve(name.size());
  for (const char c : name) {
    if (is_plain(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

std::optional<std::string> decode_name(std::string_view encoded) {
  std::string name;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (is_plain(encoded[i])) {
      name += encoded[i];
      continue;
    }
    if (encoded[i] != '%' || i + 2 >= encoded.size()) return std::nullopt;
    const std::size_t high = kHex.find(encoded[i + 1]);
    const std::size_t low = kHex.find(encoded[i + 2]);
    if (high == kHex.npos || low == kHex.npos) return std::nullopt;
    name += static_cast<char>(high << 4 | low);
    if (is_plain(name.back())) return std::nullopt;
    i += 2;
  }
  return name;
}

std::string Pins::map(const emit::MapRef& ref) const {
  switch (ref.kind) {
    case emit::MapKind::kEvents:
      return bpf_dir_ + "/events";
    case emit::MapKind::kLost:
      return bpf_dir_ + "/lost";
    case emit::MapKind::kTold:
      return bpf_dir_ + "/told";
    case emit::MapKind::kContainers:
      return bpf_dir_ + "/containers";
    case emit::MapKind::kJudged:
      return bpf_dir_ + "/judged";
    case emit::MapKind::kPassed:
      return bpf_dir_ + "/passed";
    case emit::MapKind::kSenders:
      return bpf_dir_ + "/senders";
    case emit::MapKind::kTables:
      return bpf_dir_ + "/tables";
    case emit::MapKind::kTasks:
      return bpf_dir_ + "/observer/tasks";
    case emit::MapKind::kList:
      break;
  }
  const std::string kind(emit::to_string(ref.list_kind));
  std::string name = encode_name(ref.list);
  // Only looked up, never listed back, so a digest names a long one as well.
  // '%%' is in no encoded name.
  if (name.size() + 1 + kind.size() > NAME_MAX) {
    name = "%%" + digest_of(ref.list).hex();
  }
  return lists() + "/" + name + "~" + kind;
}

std::string Pins::program(const Digest& digest) const {
  return programs() + "/" + digest.hex();
}

std::string Pins::numbers(const Digest& digest) const {
  return numbers() + "/" + digest.hex();
}

std::string Pins::user(const Digest& digest) const {
  return users() + "/" + digest.hex();
}

Result<std::string> Pins::container(std::string_view id) const {
  const std::string name = encode_name(id);
  if (name.empty() || name.size() > NAME_MAX) {
    return invalid_argument("container id '" + std::string(id) +
                            "' is empty or too long");
  }
  return links() + "/" + name;
}

}  // namespace bailiff::hook
