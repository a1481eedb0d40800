// SPDX-License-Identifier: Apache-2.0
// tests/bypass/link.h
// Interfaces that a container makes for itself.
#pragma once

#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace bailiff::bypass {

// A request of rtnetlink(7) to make an interface or to remove it, with room for
// a few attributes.
class LinkRequest {
 public:
  enum class What : std::uint8_t { kMake, kRemove };
  explicit LinkRequest(What what = What::kMake);

  void add(std::uint16_t type, const void* data, std::size_t size);
  // 0, or the errno of what the kernel answered.
  int ask(int fd);

 private:
  struct {
    nlmsghdr head;
    ifinfomsg link;
    char attributes[256];
  } request_{};
};

bool set_up(const std::string& name);
bool set_address(const std::string& name, const char* address);

}  // namespace bailiff::bypass
