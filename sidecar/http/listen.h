// SPDX-License-Identifier: Apache-2.0
// sidecar/http/listen.h
// Where the API may be reached.
#pragma once

#include <string>
#include <string_view>

#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff::sidecar {

// A unix socket for root and the members of `group` ("": root only).
Result<UniqueFd> listen_for_group(const std::string& path,
                                  const std::string& group);

struct TcpListener {
  UniqueFd fd;
  int port;
};

// `address` is "127.0.0.1:8686", "[::1]:8686" or "localhost:8686", which is the
// first; port 0 takes any.  An address that other hosts can reach is refused:
// there is no TLS and there are no tokens in this version.
Result<TcpListener> listen_on_loopback(const std::string& address);

// Whether the Host header of a request names this machine's loopback: an
// address of 127.0.0.0/8 or ::1, or "localhost", with any port.  A page whose
// name was made to resolve to 127.0.0.1 still sends its own name.
bool is_loopback_host(std::string_view host);

}  // namespace bailiff::sidecar
