// SPDX-License-Identifier: Apache-2.0
// rules/types/compare.h
// What an operator means for two values: falco-language, section 1.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/fields/field.h"
#include "rules/types/expr.h"
#include "rules/types/value.h"

namespace bailiff {

// Whether `value OP operand` holds.  Null on either side never does, nor do
// two values of different types, nor an operator the type does not have.
// Numbers are compared by what they are worth, whatever holds them.  Addresses
// of different families are unequal.  An address equals a network, and is in
// it, when the network contains it, and neither is one with a port.  Strings
// are bytes, compared unsigned; kIcontains and kIglob fold ASCII only; kGlob is
// fnmatch(3) without flags, so that '*' matches a '/'; kPmatch is
// path_matches().  kRegex compiles its operand each time: what asks often keeps
// a Regex.  kExists holds for all but Null; kIn and kIntersects with one
// operand are kEq.
bool compare(Op op, const Value& value, const Value& operand);

// kIcontains.
bool contains_ignoring_case(std::string_view text, std::string_view part);

// Whether a path is, or is below, what `pattern` names: component by component,
// each a glob if it holds any of ?*[.  Empty components do not count, so that
// "/etc/", "etc" and "/etc" are one path, and "/" has them all below it.
bool path_matches(std::string_view pattern, std::string_view path);

// The field with the port of the end whose address `address` is, or is compared
// with networks; nullopt when it is no end's.
std::optional<FieldId> port_beside(FieldId address);

// Whether a check asks if the field is any of its operands, and these may be an
// address and a port: then the field is an end of a connection, and extracts,
// besides its addresses, what add_endpoints() makes of them and the ports.
//
// This is Bailiff's own: Falco takes no such operand.
bool takes_endpoints(FieldId field, Op op, Quantifier quantifier);

// Puts behind the addresses each of them with the port in the same place; none
// when there are not as many of both.
void add_endpoints(std::vector<Value>& addresses,
                   const std::vector<Value>& ports);

// What a field that may extract several values at once wants of them.
enum class Several : std::uint8_t {
  kAny,   // one that satisfies the operator (proc.aname)
  kBoth,  // the ends of a connection: one of them, for kNe each (fd.ip)
  kList,  // kIn wants each in the set; the other operators one
};
Several several_of(FieldId field);

// The operands of a check, its lists included.
class Operands {
 public:
  virtual ~Operands() = default;
  // Whether one of them equals the value.
  virtual bool contains(const Value& value) const = 0;
  // Calls `visit` for one after the other until it returns false.
  virtual void for_each(
      const std::function<bool(const Value&)>& visit) const = 0;
};

// Whether `OP QUANTIFIER operands` holds for a field that extracts `values`; a
// Null among them is as if it were not there, and of none nothing holds.
bool holds(Op op, Quantifier quantifier, Several several,
           const std::vector<Value>& values, const Operands& operands);

// The values of a field, Null or none when it extracts nothing.
using Extract = std::function<std::vector<Value>(const FieldReference&)>;

// What a term comes to; nullopt: nothing, as one of its fields extracts
// nothing, or a text is no base64.  A list may come to no elements.
std::optional<std::vector<Value>> evaluate_term(const Term& term,
                                                const Extract& extract);

// The same for a check of terms; `operands` are its values and lists.
bool holds(const TermCheck& check, const Extract& extract,
           const Operands& operands);

// An operand as it is written, or an item of a list, for comparing values of
// `type` with: the text itself, a number, true or false, an address, a network
// whose host bits are cleared, for both also an address with a port
// (takes_endpoints()), the bytes that hexadecimal digits stand for.  A
// negative operand of an unsigned number is counted from its end, as Falco
// reads it: -1 is the user id 4294967295.  A port may be a name of
// services.def.  nullopt when the text is none, and when it holds a NUL byte,
// which only buffers do.
std::optional<Value> parse_operand(FalcoType type, Op op,
                                   std::string_view text);

}  // namespace bailiff
