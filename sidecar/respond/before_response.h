// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/before_response.h
// The seam to what has to be seen of a container before its response destroys
// it.
#pragma once

#include <chrono>

#include "sidecar/respond/journal.h"
#include "sidecar/respond/request.h"

namespace bailiff::sidecar {

// How long a response may be held up; the container is frozen meanwhile.
inline constexpr std::chrono::seconds kBeforeLimit{3};

class BeforeResponse {
 public:
  virtual ~BeforeResponse() = default;
  // Whether there is something to do before this response.  Asked for each
  // response by the thread that reads events: it must not wait.
  virtual bool wants(const ResponseRequest& request) = 0;
  // Does it.  The container is frozen, or on its way to be; the response is
  // carried out when this returns, whatever became of it.  On a thread that
  // does nothing else.
  virtual void run(const Begun& begun,
                   std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace bailiff::sidecar
