// SPDX-License-Identifier: Apache-2.0
// oci/sys/unix_socket.h
// Sockets in the file system, and who is at the other end.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>

#include "oci/sys/pidfd.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/result.h"

namespace bailiff {

// Of the process that called connect() (or listen(), seen from the client), as
// the kernel recorded it then; it cannot be forged.  The pid may be reused
// since, and is 0 when the peer lives outside our pid namespace.
struct PeerCredentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};

struct UnixConnection {
  UniqueFd fd;
  PeerCredentials peer;
};

// Binds and listens.  The file has `mode` from the moment it exists.  A socket
// file that nobody listens on any more is replaced; one that is in use is an
// error, and so is any other kind of file.  `path` has at most 107 bytes;
// `type` is SOCK_STREAM or SOCK_SEQPACKET.
Result<UniqueFd> listen_unix(const std::string& path, mode_t mode,
                             int type = SOCK_STREAM);

// Blocks until somebody connects.
Result<UnixConnection> accept_unix(const UniqueFd& listener);

// Blocks no longer than `deadline`.  The connection is a blocking one.
Result<UnixConnection> connect_unix(const std::string& path, Deadline deadline);

Result<PeerCredentials> peer_credentials(int fd);

}  // namespace bailiff
