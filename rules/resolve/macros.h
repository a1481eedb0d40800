// SPDX-License-Identifier: Apache-2.0
// rules/resolve/macros.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/resolve/definitions.h"
#include "rules/syntax/ast.h"
#include "rules/syntax/parser.h"

namespace bailiff {

// What all conditions of a load may come to, their macros replaced: a
// comparison, an operand and 16 bytes of its text each count one.  The 97
// upstream rules come to 8,000; macros that double themselves reach any number.
inline constexpr std::size_t kMaxConditionSize = 4U << 20;
// Deepest nesting of and, or and not in one condition, its macros replaced.
inline constexpr int kMaxConditionDepth = 1000;

// The macros of a load, parsed, and conditions with their macros replaced.
class Macros {
 public:
  // Parses every macro and reports those that are no condition, that use a
  // macro nobody defines before them, or that use themselves.  `definitions`
  // and `diagnostics` are borrowed for the object's life.
  Macros(const Definitions& definitions, Diagnostics& diagnostics);

  // Parses a condition and replaces its macros by what they stand for; a
  // condition sees every macro.  nullopt after a diagnostic, here or at one
  // of the macros.
  std::optional<syntax::Node> parse(const LocatedText& condition,
                                    const syntax::Owner& owner);

  // Macros no macro and no parsed condition has used, in definition order.
  std::vector<const RawMacro*> unused() const;

 private:
  struct Macro {
    std::optional<syntax::Node> node;
    std::vector<std::uint32_t> uses;  // once for each time
    bool usable = false;  // nothing is wrong with it or what it uses
    bool used = false;
    std::size_t size = 0;  // replaced, saturating
    int depth = 0;         // replaced, saturating
  };
  struct Measure {
    std::size_t size = 0;
    int depth = 0;
  };

  void parse_macro(std::uint32_t index);
  void measure_all();
  void measure_one(std::uint32_t index);
  // Looks up the macros of a tree; false after a diagnostic.
  bool look_up(const syntax::Node& node, std::size_t visible_below,
               const syntax::Owner& owner, std::vector<std::uint32_t>& uses);
  Measure measure(const syntax::Node& node) const;
  bool fits(const Measure& measure, Span place, const syntax::Owner& owner);
  syntax::Node replaced(const syntax::Node& node) const;
  std::string suggestion(std::string_view name) const;
  void refuse(const char* code, Span span, std::string message,
              std::string hint, const syntax::Owner& owner);

  const Definitions& definitions_;
  Diagnostics& diagnostics_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::vector<Macro> macros_;  // as definitions_.macros
  std::size_t size_ = 0;       // of the conditions parsed so far
};

}  // namespace bailiff
