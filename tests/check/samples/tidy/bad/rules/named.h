// SPDX-License-Identifier: Apache-2.0
#pragma once

class badly_named {
 public:
  int count() const { return count_; }

 private:
  int count_ = 0;
};
