// SPDX-License-Identifier: Apache-2.0
#pragma once

class WellNamed {
 public:
  int count() const { return count_; }

 private:
  int count_ = 0;
};
