// SPDX-License-Identifier: Apache-2.0
// sidecar/evidence/sha256.h
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace bailiff::sidecar {

// SHA-256 of what it is fed.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view bytes);
  // 64 hexadecimal digits.  Once; nothing may be added then.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view bytes);

}  // namespace bailiff::sidecar
