// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/descriptors.h
// Descriptors with names, from one process to another.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

struct NamedDescriptor {
  std::string name;
  UniqueFd fd;
};

// Of type SOCK_SEQPACKET or SOCK_DGRAM.  "@..." is a name in the abstract
// namespace.  `limit`: as below, of connecting too.
Result<UniqueFd> connect_to(
    const std::string& path, int type,
    std::chrono::milliseconds limit = std::chrono::milliseconds(0));

// Whatever is sent or received over the socket from then on waits no longer; 0:
// for as long as it takes.
Status limit_waits(const UniqueFd& socket, std::chrono::milliseconds limit);

// One message over a socket, with a descriptor unless `fd` is -1.  `flags` are
// those of sendmsg(2).
Status send_message(int socket, std::string_view text, int fd, int flags = 0);

struct Message {
  std::string text;  // "" and no descriptor: the peer is gone
  UniqueFd fd;
};
// Of at most `limit` bytes; what comes with more descriptors than one loses the
// others.  Blocks as the socket and `flags` do, those of recvmsg(2).
Result<Message> receive_message(int socket, std::size_t limit, int flags = 0);

}  // namespace bailiff::sidecar
