// SPDX-License-Identifier: Apache-2.0
// rules/eval/operand_sets.h
// The operands of `in`, by type, ready to be asked for a value: what that costs
// does not depend on how many there are.
//
// All are filled with insert(), which takes only what the set is for, and
// closed with finish() before they are asked.  Reading is safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/eval/value_view.h"

namespace bailiff {

// Whether a set holds a text is asked with hash_text(): one serves many sets.
class TextSet {
 public:
  void insert(const Value& value);
  void finish() {}
  bool contains(std::string_view text, std::uint64_t hash) const {
    return find(text, hash) != kNone;
  }

  // How many different texts were inserted before this one; kNone: it was not.
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t find(std::string_view text, std::uint64_t hash) const;

 private:
  // Open addressing; a slot has the upper half of the hash, so that most
  // others are told apart without a look at the text.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t entry = 0;  // 0: free, else 1 + index in ends_
  };

  std::string_view text(std::size_t index) const;
  void grow();
  void place(std::uint64_t hash, std::uint32_t entry);

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> ends_;  // of each text in bytes_
  std::string bytes_;
};

class NumberSet {
 public:
  void insert(const Value& value);
  void finish();
  // As compare(kEq) has it: a fraction may equal a whole number.
  bool contains(const ValueView& value) const;

 private:
  std::vector<std::int64_t> numbers_;         // sorted
  std::vector<std::uint64_t> great_numbers_;  // sorted; past those: see Value
};

// Addresses, and networks as all the addresses they contain.
class AddressSet {
 public:
  void insert(const Value& value);
  void finish();
  bool contains(const IpAddress& address) const;

 private:
  // Addresses as numbers: IPv4, IPv6.
  using Narrow = std::uint32_t;
  struct Wide {
    std::uint64_t upper = 0;
    std::uint64_t lower = 0;
    auto operator<=>(const Wide&) const = default;
  };

  template <typename Number>
  class Ranges {
   public:
    void insert(Number first, Number last) { ranges_.push_back({first, last}); }
    void finish();
    bool contains(Number number) const;

   private:
    struct Range {
      Number first;
      Number last;
    };
    std::size_t bucket(Number number) const;

    std::vector<Range> ranges_;  // apart from each other, in order
    // Of many, where those of each bucket begin: a bucket is what the bits
    // behind those that all have in common say.
    std::vector<std::uint32_t> starts_;
    unsigned common_bits_ = 0;
  };

  Ranges<Narrow> v4_;
  Ranges<Wide> v6_;
};

}  // namespace bailiff
