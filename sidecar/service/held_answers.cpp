// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/held_answers.h"

#include <utility>

namespace bailiff::sidecar {

bool HeldAnswers::add(HeldAnswer answer, Time now) {
  const std::lock_guard lock(mutex_);
  if (given_.size() + untold_.size() >= kMaxHeldAnswers) return false;
  Given& given = given_[answer.tid];
  if (given.answer.tid != 0) untold_.push_back(std::move(given.answer));
  given = {std::move(answer), now};
  return true;
}

std::optional<HeldAnswer> HeldAnswers::take(std::uint32_t tid,
                                            bailiff_call call) {
  const std::lock_guard lock(mutex_);
  const auto found = given_.find(tid);
  if (found == given_.end()) return std::nullopt;
  const bailiff_call answered = found->second.answer.call;
  if (answered != call && answered != BAILIFF_CALL_COUNT) return std::nullopt;
  HeldAnswer answer = std::move(found->second.answer);
  given_.erase(found);
  return answer;
}

std::vector<HeldAnswer> HeldAnswers::take_untold(Time until) {
  const std::lock_guard lock(mutex_);
  std::vector<HeldAnswer> untold = std::exchange(untold_, {});
  for (auto each = given_.begin(); each != given_.end();) {
    if (each->second.at >= until) {
      ++each;
      continue;
    }
    untold.push_back(std::move(each->second.answer));
    each = given_.erase(each);
  }
  return untold;
}

bool HeldAnswers::empty() const {
  const std::lock_guard lock(mutex_);
  return given_.empty() && untold_.empty();
}

}  // namespace bailiff::sidecar
