// SPDX-License-Identifier: Apache-2.0
#include "rules/types/compare.h"

#include <fnmatch.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "rules/types/regex.h"

namespace bailiff {
namespace {

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The program never calls setlocale(3), so that in the "C" locale bytes are
// characters and case is that of ASCII.
bool glob_matches(const std::string& pattern, const std::string& text,
                  int flags) {
  return fnmatch(pattern.c_str(), text.c_str(), flags) == 0;
}

bool regex_matches(const std::string& text, const std::string& pattern) {
  const Result<Regex> regex = Regex::compile(pattern);
  return regex && regex->matches(text);
}

// For values that have an order, and no other operator but that.
template <typename T, typename U>
bool compare_ordered(Op op, const T& value, const U& operand) {
  switch (op) {
    case Op::kExists:
      return true;
    case Op::kEq:
    case Op::kIn:
    case Op::kIntersects:
      return value == operand;
    case Op::kNe:
      return value != operand;
    case Op::kLt:
      return value < operand;
    case Op::kLe:
      return value <= operand;
    case Op::kGt:
      return value > operand;
    case Op::kGe:
      return value >= operand;
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kBcontains:
    case Op::kBstartswith:
      return false;
  }
  return false;
}

bool compare_strings(Op op, const std::string& value,
                     const std::string& operand) {
  switch (op) {
    case Op::kContains:
    case Op::kBcontains:
      return value.find(operand) != std::string::npos;
    case Op::kIcontains:
      return contains_ignoring_case(value, operand);
    case Op::kStartswith:
    case Op::kBstartswith:
      return value.starts_with(operand);
    case Op::kEndswith:
      return value.ends_with(operand);
    case Op::kGlob:
      return glob_matches(operand, value, 0);
    case Op::kIglob:
      return glob_matches(operand, value, FNM_CASEFOLD);
    case Op::kRegex:
      return regex_matches(value, operand);
    case Op::kPmatch:
      return path_matches(operand, value);
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
    case Op::kIn:
    case Op::kIntersects:
      return compare_ordered(op, value, operand);
  }
  return false;
}

// For values that have no order.
bool compare_identity(Op op, bool equal) {
  return compare_ordered(op, equal ? 0 : 1, 0) &&
         (op == Op::kExists || op == Op::kEq || op == Op::kIn ||
          op == Op::kIntersects || op == Op::kNe);
}

struct Comparison {
  Op op;

  bool operator()(bool value, bool operand) const {
    return compare_identity(op, value == operand);
  }
  bool operator()(std::int64_t value, std::int64_t operand) const {
    return compare_ordered(op, value, operand);
  }
  bool operator()(std::uint64_t value, std::uint64_t operand) const {
    return compare_ordered(op, value, operand);
  }
  // A uint64_t is past every int64_t: see Value.
  bool operator()(std::int64_t, std::uint64_t) const {
    return compare_ordered(op, 0, 1);
  }
  bool operator()(std::uint64_t, std::int64_t) const {
    return compare_ordered(op, 1, 0);
  }
  bool operator()(double value, double operand) const {
    return compare_ordered(op, value, operand);
  }
  bool operator()(double value, std::int64_t operand) const {
    return compare_ordered(op, value, static_cast<double>(operand));
  }
  bool operator()(const std::string& value, const std::string& operand) const {
    return compare_strings(op, value, operand);
  }
  bool operator()(const IpAddress& value, const IpAddress& operand) const {
    return compare_identity(op, value == operand);
  }
  bool operator()(const IpAddress& value, const IpNetwork& operand) const {
    return compare_identity(op, operand.contains(value));
  }
  bool operator()(const IpNetwork& value, const IpNetwork& operand) const {
    return compare_identity(op, value == operand);
  }
  bool operator()(const IpEndpoint& value, const IpEndpoint& operand) const {
    return compare_identity(op, value == operand);
  }
  template <typename Value, typename Operand>
  bool operator()(const Value&, const Operand&) const {
    return false;
  }
};

// The component at the front of a path, cut off it; empty at the end.
std::string_view take_component(std::string_view& path) {
  const std::size_t begin = path.find_first_not_of('/');
  if (begin == std::string_view::npos) {
    path = {};
    return {};
  }
  path.remove_prefix(begin);
  const std::string_view component = path.substr(0, path.find('/'));
  path.remove_prefix(component.size());
  return component;
}

bool is_null(const Value& value) { return std::holds_alternative<Null>(value); }

// Whether one value does what the operator and quantifier ask.
bool satisfies(Op op, Quantifier quantifier, const Value& value,
               const Operands& operands) {
  const bool membership =
      op == Op::kEq || op == Op::kIn || op == Op::kIntersects || op == Op::kNe;
  switch (quantifier) {
    case Quantifier::kNone:
      if (op == Op::kIn || op == Op::kIntersects) {
        return operands.contains(value);
      }
      [[fallthrough]];
    case Quantifier::kAnyof: {
      if (membership && op != Op::kNe) return operands.contains(value);
      bool found = false;
      operands.for_each([&](const Value& operand) {
        found = compare(op, value, operand);
        return !found;
      });
      return found;
    }
    case Quantifier::kOneof: {
      int found = 0;
      operands.for_each([&](const Value& operand) {
        found += compare(op, value, operand) ? 1 : 0;
        return found < 2;
      });
      return found == 1;
    }
    case Quantifier::kAllof: {
      bool all = false;
      operands.for_each([&](const Value& operand) {
        all = compare(op, value, operand);
        return all;
      });
      return all;
    }
  }
  return false;
}

}  // namespace

bool compare(Op op, const Value& value, const Value& operand) {
  if (is_null(value)) return false;
  if (op == Op::kExists) return true;
  return std::visit(Comparison{op}, value, operand);
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) {
                       return ascii_lower(a) == ascii_lower(b);
                     }) != text.end() ||
         part.empty();
}

bool path_matches(std::string_view pattern, std::string_view path) {
  while (true) {
    const std::string_view wanted = take_component(pattern);
    if (wanted.empty()) return true;
    const std::string_view component = take_component(path);
    if (component.empty()) return false;
    const bool glob = wanted.find_first_of("?*[") != std::string_view::npos;
    const bool same =
        glob ? glob_matches(std::string(wanted), std::string(component), 0)
             : wanted == component;
    if (!same) return false;
  }
}

std::optional<FieldId> port_beside(FieldId address) {
  switch (address) {
    case FieldId::kFdIp:
    case FieldId::kFdNet:
      return FieldId::kFdPort;
    case FieldId::kFdCip:
    case FieldId::kFdCnet:
      return FieldId::kFdCport;
    case FieldId::kFdSip:
    case FieldId::kFdSnet:
      return FieldId::kFdSport;
    case FieldId::kFdLip:
    case FieldId::kFdLnet:
      return FieldId::kFdLport;
    case FieldId::kFdRip:
    case FieldId::kFdRnet:
      return FieldId::kFdRport;
    default:  // of the hundreds of fields, no other is an end's address
      return std::nullopt;
  }
}

bool takes_endpoints(FieldId field, Op op, Quantifier quantifier) {
  const bool any = quantifier == Quantifier::kNone
                       ? op == Op::kIn || op == Op::kIntersects
                       : quantifier == Quantifier::kAnyof && op == Op::kEq;
  return any && port_beside(field);
}

void add_endpoints(std::vector<Value>& addresses,
                   const std::vector<Value>& ports) {
  if (addresses.size() != ports.size()) return;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto* address = std::get_if<IpAddress>(&addresses[i]);
    const auto* port = std::get_if<std::int64_t>(&ports[i]);
    if (address == nullptr || port == nullptr) continue;
    if (*port < 0 || *port > std::numeric_limits<std::uint16_t>::max()) {
      continue;
    }
    addresses.emplace_back(IpEndpoint{
        .address = *address, .port = static_cast<std::uint16_t>(*port)});
  }
}

Several several_of(FieldId id) {
  if (id == FieldId::kFdIp || id == FieldId::kFdPort || id == FieldId::kFdNet ||
      id == FieldId::kFdProto) {
    return Several::kBoth;
  }
  return field(id).is_list() ? Several::kList : Several::kAny;
}

bool holds(Op op, Quantifier quantifier, Several several,
           const std::vector<Value>& values, const Operands& operands) {
  const bool every = (several == Several::kList && op == Op::kIn) ||
                     (several == Several::kBoth && op == Op::kNe);
  bool any = false;
  for (const Value& value : values) {
    if (is_null(value)) continue;
    if (op == Op::kExists) return true;
    const bool good = satisfies(op, quantifier, value, operands);
    if (good != every) return good;
    any = true;
  }
  return every && any;
}

}  // namespace bailiff
