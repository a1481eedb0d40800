// SPDX-License-Identifier: Apache-2.0
// sidecar/http/connection.h
// One accepted connection, as the HTTP library's stream, with the bounds the
// library does not have: a request has a time to arrive and a largest size,
// however slowly or in whatever pieces its bytes come.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include "oci/sys/unique_fd.h"

namespace bailiff::sidecar {

enum class Transport { kUnix, kTcp };

// Used by the thread that serves it, except shut_down().
class Connection {
 public:
  Connection(UniqueFd fd, Transport transport);

  // Until the next request's first byte or the end of `wait`; false when there
  // is none.
  bool wait_for_request(std::chrono::seconds wait);
  // Starts the time and the size of a request.
  void begin_request(std::chrono::seconds time, std::size_t most_bytes);

  // As read(2); 0 at the end of the stream, -1 past a bound of the request.
  ssize_t read(char* into, std::size_t size);
  // All or -1.
  ssize_t write(const char* bytes, std::size_t size);
  // Takes up at least one byte before the write time is over.
  bool is_writable() const;
  // The other side closed, at least for writing.
  bool peer_is_gone() const;

  // No further request is read from it.  Needed when a body was not read.
  void close_after_answer() { last_ = true; }
  bool is_last() const { return last_; }

  // Lets the peer read the answer before the connection is reset for bytes
  // nobody read: sends the end, then discards for a moment.
  void finish();

  // From any thread: nothing more is read, or nothing more at all.
  void stop_reading();
  void shut_down();

  Transport transport() const { return transport_; }
  // "uid=0 pid=42" of a unix socket's peer, "tcp 127.0.0.1:5512" of another.
  const std::string& actor() const { return actor_; }
  // Root at the other end of a unix socket.
  bool is_root() const { return is_root_; }
  int fd() const { return fd_.get(); }

  std::atomic<bool> streaming = false;  // it serves an event stream

 private:
  bool fill();

  UniqueFd fd_;
  Transport transport_;
  std::string actor_;
  bool is_root_ = false;
  char buffer_[4096];
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t allowance_ = 0;  // bytes the request may still have
  std::chrono::steady_clock::time_point deadline_;
  bool last_ = false;
};

}  // namespace bailiff::sidecar
