// SPDX-License-Identifier: Apache-2.0
#include "rules/types/regex.h"

#include <re2/re2.h>

#include <string>
#include <utility>

#include "rules/base/utf8.h"

namespace bailiff {

Regex::Regex(std::shared_ptr<const re2::RE2> re2) : re2_(std::move(re2)) {}

Result<Regex> Regex::compile(std::string_view pattern) {
  re2::RE2::Options options(re2::RE2::POSIX);
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(
      re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "invalid regular expression: " + compiled->error()};
  }
  return Regex(std::move(compiled));
}

bool Regex::matches(std::string_view text) const {
  const auto full_match = [&](std::string_view utf8) {
    return re2_->Match(re2::StringPiece(utf8.data(), utf8.size()), 0,
                       utf8.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
  };
  return is_utf8(text) ? full_match(text) : full_match(replaced_utf8(text));
}

}  // namespace bailiff
