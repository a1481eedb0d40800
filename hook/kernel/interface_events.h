// SPDX-License-Identifier: Apache-2.0
// hook/kernel/interface_events.h
#pragma once

#include <cstdint>
#include <set>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::hook {

// Hears when a network namespace gets interfaces, or one an IPv4 address, after
// which it may lead elsewhere (rtnetlink(7), RTNLGRP_LINK,
// RTNLGRP_IPV4_IFADDR). The namespace lives as long as this does.
class InterfaceEvents {
 public:
  // Of those that come from now on.
  static Result<InterfaceEvents> open(const UniqueFd& netns);

  // Borrowed; readable when there is something.
  int fd() const { return socket_.get(); }
  // Reads what there is.  True: there may be something new, also since
  // something was lost.  Never blocks.
  Result<bool> read();

 private:
  explicit InterfaceEvents(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
  std::set<std::int32_t> known_;  // their indices
};

}  // namespace bailiff::hook
