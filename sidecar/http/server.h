// SPDX-License-Identifier: Apache-2.0
// sidecar/http/server.h
// The HTTP API, on a unix socket and, if asked for, on loopback TCP.
//
// Who may call: the unix socket is for root and one group (its file mode); TCP
// is bound to loopback only, so that every process of the host's network
// namespace may call.  Against pages in a browser on the host, a TCP request
// must name a loopback Host, must not come from another Origin, and a
// POST must be application/json, which no foreign page can send unasked.
//
// Bounds: kMaxConnections threads, of which kMaxStreams may be event streams;
// past them the answer is 503.  A request has kRequestSeconds to arrive.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "rules/base/result.h"
#include "sidecar/http/backend.h"

namespace bailiff::sidecar {

inline constexpr std::size_t kMaxBodyBytes = 1 << 20;
inline constexpr std::size_t kMaxConnections = 64;
inline constexpr std::size_t kMaxStreams = 32;
inline constexpr int kRequestSeconds = 10;
inline constexpr int kIdleSeconds = 15;       // between two requests
inline constexpr int kHeartbeatSeconds = 15;  // of a silent event stream

struct HttpConfig {
  std::string unix_path;  // "": none
  std::string group;      // admitted to it besides root; "": none
  std::string tcp;        // "127.0.0.1:8686", "[::1]:0"; "": none
};

class HttpServer {
 public:
  // Binds, then serves from its own threads until it is destroyed.  `backend`
  // must outlive it.  Refuses a `tcp` that is not a loopback address, an
  // unknown group, and addresses that are in use; nothing is left bound then.
  static Result<std::unique_ptr<HttpServer>> start(Backend& backend,
                                                   const HttpConfig& config);
  // Ends connections and streams; a request being answered is finished first.
  // Removes the unix socket.
  virtual ~HttpServer() = default;

  // The bound TCP port, 0 without TCP.
  virtual int tcp_port() const = 0;
};

}  // namespace bailiff::sidecar
