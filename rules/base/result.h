// SPDX-License-Identifier: Apache-2.0
// rules/base/result.h
// Result<T>: the value of an operation, or the reason there is none.
//
// The member names are those of std::expected (C++23), so that the day the
// toolchain moves this header becomes one alias.  g++ 12 and clang 14, the
// compilers of Debian 12, offer no std::expected in C++20 mode.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace bailiff {

enum class Code {
  kInvalidArgument,  // the caller's input can never work
  kNotFound,
  kUnsupported,  // this kernel or runtime lacks a feature; see message
  kPermission,
  kExhausted,  // a limit of ours or of the kernel was reached
  kIo,         // a system call failed; sys_errno says how
};

struct Error {
  Code code;
  std::string message;  // lower case, no full stop: "open '/sys/fs/bpf'"
  int sys_errno = 0;    // 0: no system call is behind it
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Precondition: has_value().
  T& operator*() & { return assert(has_value()), *std::get_if<0>(&state_); }
  const T& operator*() const& {
    return assert(has_value()), *std::get_if<0>(&state_);
  }
  T&& operator*() && { return std::move(**this); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

  // Precondition: !has_value().
  Error& error() & { return assert(!has_value()), *std::get_if<1>(&state_); }
  const Error& error() const& {
    return assert(!has_value()), *std::get_if<1>(&state_);
  }
  Error&& error() && { return std::move(error()); }

 private:
  std::variant<T, Error> state_;
};

// An operation without a value: `return Ok{};` or an Error.
struct Ok {};
using Status = Result<Ok>;

}  // namespace bailiff

// Evaluates `expr`; on failure returns its error from the enclosing function,
// otherwise binds the value to `lhs`.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_(BAILIFF_UNIQUE_(result), lhs, expr)
// Evaluates `expr`; on failure returns its error from the enclosing function.
#define RETURN_IF_ERROR(expr) RETURN_IF_ERROR_(BAILIFF_UNIQUE_(result), expr)
// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may be a declaration.
#define ASSIGN_OR_RETURN_(tmp, lhs, expr)  \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  lhs = *std::move(tmp)
#define RETURN_IF_ERROR_(tmp, expr) \
  if (auto tmp = (expr); !tmp) return std::move(tmp).error()
// NOLINTEND(bugprone-macro-parentheses)
#define BAILIFF_UNIQUE_(name) BAILIFF_CAT_(name, __LINE__)
#define BAILIFF_CAT_(a, b) BAILIFF_CAT2_(a, b)
#define BAILIFF_CAT2_(a, b) a##b
