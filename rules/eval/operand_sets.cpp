// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/operand_sets.h"

#include <string.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace bailiff {
namespace {

constexpr std::size_t kFirstSlots = 8;
// Slots are at most three quarters full.
constexpr bool is_crowded(std::size_t entries, std::size_t slots) {
  return entries * 4 > slots * 3;
}

// Fewer ranges than this are searched without buckets.
constexpr std::size_t kManyRanges = 1024;
constexpr unsigned kBucketBits = 16;

// As many of the first bytes of an address as the number has.
template <typename Number>
Number number_of(const IpAddress& address) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = number << 8 | address.bytes[i];
  }
  return number;
}

// The upper 64 bits, of a shorter number those it has.
std::uint64_t upper(std::uint32_t number) {
  return std::uint64_t{number} << 32;
}
std::uint64_t upper(unsigned __int128 number) {
  return static_cast<std::uint64_t>(number >> 64);
}

}  // namespace

void TextSet::insert(const Value& value) {
  const auto* added = std::get_if<std::string>(&value);
  if (added == nullptr) return;
  const std::uint64_t hash = hash_text(*added);
  if (contains(*added, hash)) return;
  if (is_crowded(++size_, slots_.size())) grow();
  const auto length = static_cast<Length>(added->size());
  put(hash, static_cast<std::uint32_t>(bytes_.size()));
  bytes_.append(reinterpret_cast<const char*>(&length), sizeof length);
  bytes_ += *added;
}

std::string_view TextSet::text(std::uint32_t place) const {
  Length length = 0;
  ::memcpy(&length, bytes_.data() + place, sizeof length);
  return {bytes_.data() + place + sizeof length, length};
}

void TextSet::grow() {
  slots_.assign(std::max(slots_.size() * 2, kFirstSlots), Slot());
  for (std::uint32_t place = 0; place < bytes_.size();) {
    const std::string_view each = text(place);
    put(hash_text(each), place);
    place += static_cast<std::uint32_t>(sizeof(Length) + each.size());
  }
}

void TextSet::put(std::uint64_t hash, std::uint32_t place) {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].place != kFree) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {.tag = static_cast<std::uint32_t>(hash >> 32), .place = place};
}

bool TextSet::contains(std::string_view wanted, std::uint64_t hash) const {
  if (slots_.empty()) return false;
  const Slot* const slots = slots_.data();
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots[at];
    if (slot.place == kFree) return false;
    if (slot.tag == tag && text(slot.place) == wanted) return true;
  }
}

void NumberSet::insert(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    numbers_.push_back(*number);
  } else if (const auto* great = std::get_if<std::uint64_t>(&value)) {
    great_numbers_.push_back(*great);
  }
}

void NumberSet::finish() {
  std::sort(numbers_.begin(), numbers_.end());
  std::sort(great_numbers_.begin(), great_numbers_.end());
}

bool NumberSet::contains(const ValueView& value) const {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return std::binary_search(numbers_.begin(), numbers_.end(), *number);
  }
  if (const auto* great = std::get_if<std::uint64_t>(&value)) {
    return std::binary_search(great_numbers_.begin(), great_numbers_.end(),
                              *great);
  }
  if (const auto* fraction = std::get_if<double>(&value)) {
    return std::any_of(numbers_.begin(), numbers_.end(),
                       [&](std::int64_t number) {
                         return static_cast<double>(number) == *fraction;
                       });
  }
  return false;
}

void AddressSet::insert(const Value& value) {
  IpNetwork network;
  if (const auto* address = std::get_if<IpAddress>(&value)) {
    const bool v4 = address->family == 4;
    network = {.base = *address,
               .prefix = static_cast<std::uint8_t>(v4 ? 32 : 128)};
  } else if (const auto* given = std::get_if<IpNetwork>(&value)) {
    network = *given;
  } else {
    if (const auto* endpoint = std::get_if<IpEndpoint>(&value)) {
      endpoints_.push_back(*endpoint);
    }
    return;
  }
  IpAddress last = network.base;
  for (unsigned i = 0; i < last.bytes.size(); ++i) {
    const unsigned kept =
        network.prefix > i * 8 ? std::min(network.prefix - i * 8, 8U) : 0;
    last.bytes[i] |= static_cast<std::uint8_t>(0xffU >> kept);
  }
  if (network.base.family == 4) {
    v4_.insert(number_of<Narrow>(network.base), number_of<Narrow>(last));
  } else {
    v6_.insert(number_of<Wide>(network.base), number_of<Wide>(last));
  }
}

void AddressSet::finish() {
  v4_.finish();
  v6_.finish();
  std::sort(endpoints_.begin(), endpoints_.end());
}

bool AddressSet::contains(const IpAddress& address) const {
  return address.family == 4 ? v4_.contains(number_of<Narrow>(address))
                             : v6_.contains(number_of<Wide>(address));
}

bool AddressSet::contains(const IpEndpoint& endpoint) const {
  return std::binary_search(endpoints_.begin(), endpoints_.end(), endpoint);
}

template <typename Number>
void AddressSet::Ranges<Number>::finish() {
  if (ranges_.empty()) return;
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::size_t last = 0;
  for (const Range& range : ranges_) {
    if (range.first <= ranges_[last].last) {
      ranges_[last].last = std::max(ranges_[last].last, range.last);
    } else {
      ranges_[++last] = range;
    }
  }
  ranges_.resize(last + 1);
  ranges_.shrink_to_fit();

  if (ranges_.size() < kManyRanges) return;
  common_bits_ = static_cast<unsigned>(std::countl_zero(
      upper(ranges_.front().first) ^ upper(ranges_.back().last)));
  // They differ so late that a bucket would hold them all.
  if (common_bits_ == 64) return;
  starts_.resize((std::size_t{1} << kBucketBits) + 1);
  for (const Range& range : ranges_) ++starts_[bucket(range.first) + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
}

template <typename Number>
std::size_t AddressSet::Ranges<Number>::bucket(Number number) const {
  return upper(number) << common_bits_ >> (64 - kBucketBits);
}

template <typename Number>
bool AddressSet::Ranges<Number>::contains(Number number) const {
  if (ranges_.empty() || number < ranges_.front().first ||
      number > ranges_.back().last) {
    return false;
  }
  auto from = ranges_.begin();
  auto to = ranges_.end();
  if (!starts_.empty()) {
    const std::size_t at = bucket(number);
    to = from + starts_[at + 1];
    from += starts_[at];
  }
  // The last range that does not begin behind the number.  It may be one of an
  // earlier bucket; there is one, as the number is not before the first.
  const auto behind = std::upper_bound(
      from, to, number, [](const Number& wanted, const Range& range) {
        return wanted < range.first;
      });
  return number <= std::prev(behind)->last;
}

}  // namespace bailiff
