// SPDX-License-Identifier: Apache-2.0
// rules/types/regex.h
// The operand of `regex`, compiled: RE2's POSIX syntax, as Falco's.
#pragma once

#include <memory>
#include <string_view>

#include "rules/base/result.h"

namespace re2 {
class RE2;
}

namespace bailiff {

// Matching is linear in the text and safe from any thread.  Copies share the
// compiled expression, which never changes.
class Regex {
 public:
  // Fails with kInvalidArgument, saying what is wrong with the pattern.
  static Result<Regex> compile(std::string_view pattern);

  // Whether the pattern matches the whole text, of which what is not UTF-8
  // counts as U+FFFD.
  bool matches(std::string_view text) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> re2);

  std::shared_ptr<const re2::RE2> re2_;
};

}  // namespace bailiff
