// SPDX-License-Identifier: Apache-2.0
// rules/eval/operand_sets.h
// The operands of `in`, by type, ready to be asked for a value: what that costs
// does not depend on how many there are.
//
// All are filled with insert(), which takes only what the set is for, and
// closed with finish() before they are asked.  Reading is safe from any thread.
#pragma once

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
  bool contains(std::string_view text, std::uint64_t hash) const;

 private:
  // Open addressing: a slot leads to a text, and has the upper half of the
  // hash, by which most others are told apart without a look at the text.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t place = kFree;  // in bytes_: no policy has as many
  };
  static constexpr std::uint32_t kFree = UINT32_MAX;
  using Length = std::uint32_t;

  std::string_view text(std::uint32_t place) const;
  void grow();
  void put(std::uint64_t hash, std::uint32_t place);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::string bytes_;  // the texts, each behind its length
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

// Addresses, networks as all the addresses they contain, and addresses with a
// port.
class AddressSet {
 public:
  void insert(const Value& value);
  void finish();
  bool contains(const IpAddress& address) const;
  bool contains(const IpEndpoint& endpoint) const;
  bool has_endpoints() const { return !endpoints_.empty(); }

 private:
  // Addresses as numbers: IPv4, IPv6.
  using Narrow = std::uint32_t;
  using Wide = unsigned __int128;

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
  std::vector<IpEndpoint> endpoints_;  // sorted
};

}  // namespace bailiff
