// SPDX-License-Identifier: Apache-2.0
// sidecar/service/connection_cut.h
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace bailiff::sidecar {

// What becomes of the connections a refused packet is of.  Any thread.
class ConnectionCut {
 public:
  // How many were cut; 0 until that is known, and when none was.
  std::uint32_t count() const;
  // Calls `told` when it is known, at once if it is already, on whichever
  // thread finds out.  Once.
  void then(std::function<void()> told);
  void finish(std::uint32_t count);

 private:
  mutable std::mutex mutex_;
  bool known_ = false;
  std::uint32_t count_ = 0;
  std::function<void()> told_;
};
// Shared by the alert and by who cuts.
using ConnectionCutPtr = std::shared_ptr<ConnectionCut>;

}  // namespace bailiff::sidecar
