// SPDX-License-Identifier: Apache-2.0
// tests/harness/operator_samples.h
// What each operator comes to for values of each kind, written down by hand
// from falco-language, section 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/syntax/ast.h"
#include "rules/types/value.h"
#include "tests/harness/expr.h"

namespace bailiff::test {

using syntax::Operator;

enum class Kind : std::uint8_t {
  kText,
  kEventType,  // a text, with the names of events for operands
  kNumber,
  kDouble,
  kBool,
  kAddress,
  kNetwork,
  kBytes,
};
inline constexpr Kind kKinds[] = {
    Kind::kText, Kind::kEventType, Kind::kNumber,  Kind::kDouble,
    Kind::kBool, Kind::kAddress,   Kind::kNetwork, Kind::kBytes,
};

struct SampleOperand {
  std::string text;
  bool holds;
};
struct OperatorSample {
  Operator op;
  Value value;
  // The first holds and the last does not.  Of kExists there are none.
  std::vector<SampleOperand> operands;
};

// Without kExists, kIn and kIntersects, which every kind has.
inline std::vector<OperatorSample> own_samples(Kind kind) {
  using enum Operator;
  const IpAddress host = address("10.0.0.1");
  switch (kind) {
    case Kind::kText:
      return {
          {kEq, "Java", {{"Java", true}, {"java", false}, {"Jav", false}}},
          {kNe, "Java", {{"java", true}, {"", true}, {"Java", false}}},
          {kLt, "3", {{"5", true}, {"10", false}, {"3", false}}},
          {kLe, "3", {{"5", true}, {"3", true}, {"10", false}}},
          {kGt, "3", {{"10", true}, {"5", false}, {"3", false}}},
          {kGe, "3", {{"10", true}, {"3", true}, {"5", false}}},
          {kContains, "javac", {{"ava", true}, {"c", true}, {"AVA", false}}},
          {kIcontains, "javac", {{"AVA", true}, {"C", true}, {"x", false}}},
          {kStartswith, "/bin/sh", {{"/bin", true}, {"bin", false}}},
          {kEndswith, "/bin/sh", {{"/sh", true}, {"/bin", false}}},
          {kGlob, "/bin/sh", {{"/b*", true}, {"*/s?", true}, {"*SH", false}}},
          {kIglob, "/bin/sh", {{"*SH", true}, {"/B*", true}, {"SH", false}}},
          {kRegex, "abc", {{"a.c", true}, {"[a-c]+", true}, {"a.", false}}},
          {kPmatch, "/etc/ssh/x", {{"/etc/*h", true}, {"/etc/s", false}}},
      };
    case Kind::kEventType:
      return {
          {kEq, "openat", {{"openat", true}, {"open", false}}},
          {kNe, "openat", {{"open", true}, {"openat", false}}},
          {kContains, "openat", {{"open", true}, {"connect", false}}},
          {kIcontains, "openat", {{"open", true}, {"connect", false}}},
          {kStartswith, "openat", {{"open", true}, {"connect", false}}},
          {kEndswith, "fstat", {{"stat", true}, {"open", false}}},
          {kGlob, "openat", {{"openat", true}, {"open", false}}},
          {kIglob, "openat", {{"openat", true}, {"open", false}}},
          {kRegex, "openat", {{"openat", true}, {"open", false}}},
          {kPmatch, "openat", {{"openat", true}, {"open", false}}},
      };
    case Kind::kNumber:
      return {
          {kEq, std::int64_t{42}, {{"42", true}, {"4", false}}},
          {kNe, std::int64_t{42}, {{"41", true}, {"0", true}, {"42", false}}},
          {kLt, std::int64_t{42}, {{"100", true}, {"42", false}}},
          {kLe, std::int64_t{42}, {{"42", true}, {"41", false}}},
          {kGt, std::int64_t{42}, {{"5", true}, {"42", false}}},
          {kGe, std::int64_t{42}, {{"42", true}, {"43", false}}},
      };
    case Kind::kDouble:
      return {
          {kEq, 2.0, {{"2", true}, {"3", false}}},
          {kNe, 2.0, {{"3", true}, {"2", false}}},
          {kLt, 2.5, {{"3", true}, {"2", false}}},
          {kLe, 2.0, {{"2", true}, {"1", false}}},
          {kGt, 2.5, {{"2", true}, {"3", false}}},
          {kGe, 2.0, {{"2", true}, {"3", false}}},
      };
    case Kind::kBool:
      return {
          {kEq, true, {{"true", true}, {"false", false}}},
          {kNe, true, {{"false", true}, {"true", false}}},
      };
    case Kind::kAddress:
      return {
          {kEq,
           host,
           {{"10.0.0.1", true}, {"10.0.0.2", false}, {"2001:db8::1", false}}},
          {kNe,
           host,
           {{"10.0.0.2", true}, {"2001:db8::1", true}, {"10.0.0.1", false}}},
      };
    case Kind::kNetwork:
      return {
          {kEq,
           host,
           {{"10.0.0.0/8", true},
            {"10.0.0.1/32", true},
            {"11.0.0.0/8", false}}},
          {kNe,
           host,
           {{"11.0.0.0/8", true},
            {"2001:db8::/32", true},
            {"0.0.0.0/0", false}}},
      };
    case Kind::kBytes:
      return {
          {kEq, "/bin", {{"/bin", true}, {"/bi", false}}},
          {kNe, "/bin", {{"/bi", true}, {"/bin", false}}},
          {kContains, "/bin", {{"bi", true}, {"BI", false}}},
          {kStartswith, "/bin", {{"/b", true}, {"b", false}}},
          {kEndswith, "/bin", {{"in", true}, {"/b", false}}},
          {kBcontains, "/bin", {{"6269", true}, {"62", true}, {"ff", false}}},
          {kBstartswith, "/bin", {{"2f62", true}, {"62", false}}},
      };
  }
  return {};
}

inline std::vector<OperatorSample> operator_samples(Kind kind) {
  std::vector<OperatorSample> samples = own_samples(kind);
  OperatorSample equal = samples.front();
  samples.push_back({Operator::kExists, equal.value, {}});
  equal.op = Operator::kIn;
  samples.push_back(equal);
  equal.op = Operator::kIntersects;
  samples.push_back(equal);
  return samples;
}

// Whether values of the kind do not have the operator, so that the type
// checker refuses it.
inline bool is_impossible(Operator op, Kind kind) {
  const bool text = kind == Kind::kText || kind == Kind::kEventType;
  switch (op) {
    case Operator::kExists:
    case Operator::kEq:
    case Operator::kNe:
    case Operator::kIn:
    case Operator::kIntersects:
      return false;
    case Operator::kLt:
    case Operator::kLe:
    case Operator::kGt:
    case Operator::kGe:
      // No event has a number for a name.
      return kind != Kind::kText && kind != Kind::kNumber &&
             kind != Kind::kDouble;
    case Operator::kContains:
    case Operator::kStartswith:
    case Operator::kEndswith:
      return !text && kind != Kind::kBytes;
    case Operator::kIcontains:
    case Operator::kGlob:
    case Operator::kIglob:
    case Operator::kRegex:
    case Operator::kPmatch:
      return !text;
    case Operator::kBcontains:
    case Operator::kBstartswith:
      return kind != Kind::kBytes;
  }
  return false;
}

}  // namespace bailiff::test
