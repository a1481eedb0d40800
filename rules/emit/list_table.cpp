// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/list_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>
#include <utility>

namespace bailiff::emit {
namespace {

// Bits of the filter for each block: of the addresses that are not listed, one
// in a hundred gets through with the most, and with the fewest four.
constexpr std::size_t kMostBitsPerBlock = 16;
constexpr std::size_t kFewestBitsPerBlock = 8;
// A filter is as large as that makes it only while it is near the processor,
// beside what else there is: a word from farther away takes longer than all
// else that is done for a miss, and than the few more that have to be searched
// for.
constexpr std::size_t kNearWords = std::size_t{512} * 1024 / 8;
// Smaller blocks tell more addresses from listed ones, but a network has more
// of them: as many as this for each range, or what the first page has room for.
constexpr std::size_t kBlocksPerRange = 4;
constexpr std::size_t kBlocksOfFirstPage =
    std::size_t{kListPageBytes / 8 - kFirstFilterWord} * 64 / kMostBitsPerBlock;

// One at least: the filter of an empty list says no to everything.
std::size_t filter_words(std::size_t blocks) {
  const auto words = [blocks](std::size_t bits) {
    return (blocks * bits + 63) / 64;
  };
  return std::max({std::min(words(kMostBitsPerBlock), kNearWords),
                   words(kFewestBitsPerBlock), std::size_t{1}});
}

// What differs between the trees.  Key is an address as a number, and
// kHighest, as std::numeric_limits does not know 128 bits everywhere, above or
// as high as all that are searched for.
struct Ip4 {
  using Key = std::uint32_t;
  static constexpr unsigned kBits = 32;
  static constexpr TreeShape kShape = kTree4;
  static constexpr Key kHighest = ~Key{0};
};
struct Ip6 {
  __extension__ using Key = unsigned __int128;
  static constexpr unsigned kBits = 128;
  static constexpr TreeShape kShape = kTree6;
  static constexpr Key kHighest = ~Key{0};
};
struct RunPort {
  using Key = std::uint64_t;
  static constexpr TreeShape kShape = kPortTree;
  static constexpr Key kHighest = ~Key{0} >> 1;
};

// Pages of zeros for so many bytes, behind what there is.
std::byte* add_pages(std::vector<std::byte>& table, std::size_t bytes) {
  const std::size_t begin = table.size();
  const std::size_t pages = (bytes + kListPageBytes - 1) / kListPageBytes;
  table.resize(begin + pages * kListPageBytes);
  return table.data() + begin;
}

template <typename Of>
class TreeMaker {
 public:
  using Key = typename Of::Key;

  explicit TreeMaker(std::vector<std::byte>& table) : table_(table) {}

  // Sorted keys, but for the highest.
  ListTree add(std::vector<Key> keys) {
    // Nothing is above it: every search finds a key it ends at.
    keys.push_back(Of::kHighest);
    ListTree tree;
    for (;;) {
      assert(tree.levels < kMaxListLevels);
      tree.first_page[tree.levels++] =
          static_cast<std::uint32_t>(table_.size() / kListPageBytes);
      const bool last = keys.size() <= kShape.keys();
      keys = add_level(keys);
      if (last) return tree;
    }
  }

  // Of a tree with so many keys at most.
  static std::size_t pages_for(std::size_t keys) {
    ++keys;  // the highest
    std::size_t pages = 0;
    do {
      keys = (keys + kShape.keys() - 1) / kShape.keys();
      pages += keys;
    } while (keys > 1);
    return pages;
  }

 private:
  static constexpr TreeShape kShape = Of::kShape;

  // Returns the keys of the next level.
  std::vector<Key> add_level(const std::vector<Key>& keys) {
    std::vector<Key> next;
    for (std::size_t at = 0; at < keys.size(); at += kShape.keys()) {
      const std::size_t count =
          std::min<std::size_t>(keys.size() - at, kShape.keys());
      add_page(std::span(keys).subspan(at, count));
      next.push_back(keys[at + count - 1]);
    }
    return next;
  }

  void add_page(std::span<const Key> keys) {
    std::byte* const page = add_pages(table_, kListPageBytes);
    for (std::size_t i = 0; i < kListPageBytes / kShape.key_bytes(); ++i) {
      write_key(page + i * kShape.key_bytes(), Of::kHighest);
    }
    std::byte* const pivots =
        page + std::size_t{kShape.keys()} * kShape.key_bytes();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      write_key(page + i * kShape.key_bytes(), keys[i]);
      const bool last =
          i + 1 == keys.size() || i % kShape.group + 1 == kShape.group;
      if (last) {
        write_key(pivots + i / kShape.group * kShape.key_bytes(), keys[i]);
      }
    }
  }

  static void write_key(std::byte* to, Key key) {
    if constexpr (kShape.numbers == 1) {
      static_assert(sizeof key == kShape.number_bytes);
      std::memcpy(to, &key, sizeof key);
    } else {
      std::array<std::uint32_t, kShape.numbers> numbers{};
      for (std::size_t i = numbers.size(); i-- > 0; key >>= 32) {
        numbers[i] = static_cast<std::uint32_t>(key);
      }
      std::memcpy(to, numbers.data(), sizeof numbers);
    }
  }

  std::vector<std::byte>& table_;
};

template <typename Family>
class TableMaker {
 public:
  TableMaker(std::span<const IpNetwork> networks,
             std::span<const IpEndpoint> endpoints) {
    read(networks);
    add(endpoints);
    make_filter();
    make_tree();
    if (!ports_.empty()) make_tree_of_ports();
    std::memcpy(table_.data(), &header_, sizeof header_);
  }

  std::vector<std::byte> take() && { return std::move(table_); }

 private:
  using Key = typename Family::Key;
  static constexpr Key kHighest = Family::kHighest;

  struct Range {
    Key first;
    Key last;
  };
  struct Port {
    Key address;
    std::uint16_t port;
    auto operator<=>(const Port&) const = default;
  };

  // The networks as ranges that neither meet nor overlap, sorted.
  void read(std::span<const IpNetwork> networks) {
    std::vector<Range> all;
    all.reserve(networks.size());
    for (const IpNetwork& network : networks) {
      const Key first = key_of(network.base);
      all.push_back({first, first | without(kHighest, network.prefix)});
    }
    sort_by_first(all);
    ranges_.reserve(all.size());
    for (const Range& range : all) {
      if (!ranges_.empty() && (ranges_.back().last == kHighest ||
                               range.first <= ranges_.back().last + 1)) {
        ranges_.back().last = std::max(ranges_.back().last, range.last);
      } else {
        ranges_.push_back(range);
      }
    }
  }

  // By radix where a key has few digits: of a million addresses in no order,
  // std::sort takes more than twice as long.
  static void sort_by_first(std::vector<Range>& ranges) {
    const auto by_first = [](const Range& a, const Range& b) {
      return a.first < b.first;
    };
    // As many feeds are.
    if (std::is_sorted(ranges.begin(), ranges.end(), by_first)) return;
    if constexpr (Family::kBits != 32) {
      std::sort(ranges.begin(), ranges.end(), by_first);
    } else {
      constexpr unsigned kDigitBits = 11;
      std::vector<Range> sorted(ranges.size());
      for (unsigned shift = 0; shift < Family::kBits; shift += kDigitBits) {
        const auto digit = [shift](const Range& range) {
          return range.first >> shift & ((1U << kDigitBits) - 1);
        };
        std::array<std::size_t, 1U << kDigitBits> next{};
        for (const Range& range : ranges) ++next[digit(range)];
        std::exclusive_scan(next.begin(), next.end(), next.begin(),
                            std::size_t{0});
        for (const Range& range : ranges) sorted[next[digit(range)]++] = range;
        ranges.swap(sorted);
      }
    }
  }

  // Addresses with ports that are not listed whole, each as a range of its own,
  // among the others.
  void add(std::span<const IpEndpoint> endpoints) {
    for (const IpEndpoint& endpoint : endpoints) {
      ports_.push_back({key_of(endpoint.address), endpoint.port});
    }
    std::sort(ports_.begin(), ports_.end());
    ports_.erase(std::unique(ports_.begin(), ports_.end()), ports_.end());
    std::vector<Range> whole = std::move(ranges_);
    ranges_.clear();
    ranges_.reserve(whole.size() + ports_.size());
    auto next = whole.begin();
    std::erase_if(ports_, [&](const Port& one) {
      while (next != whole.end() && next->last < one.address) {
        ranges_.push_back(*next++);
      }
      if (next != whole.end() && next->first <= one.address) return true;
      const bool known = !ranges_.empty() && ranges_.back().last == one.address;
      if (!known) ranges_.push_back({one.address, one.address});
      return false;
    });
    ranges_.insert(ranges_.end(), next, whole.end());
  }

  static Key key_of(const IpAddress& address) {
    Key key = 0;
    for (unsigned i = 0; i < Family::kBits / 8; ++i) {
      key = static_cast<Key>(key << 8 | address.bytes[i]);
    }
    return key;
  }
  // Without its first `bits`, which may be all.
  static Key without(Key key, unsigned bits) {
    return bits == Family::kBits ? 0 : static_cast<Key>(key << bits) >> bits;
  }

  // How many bits at the end of an address the blocks do not tell apart: as few
  // as the limit allows.  Without all but one bit, a range has two blocks.
  unsigned choose_blocks() const {
    const std::size_t limit =
        std::max(ranges_.size() * kBlocksPerRange, kBlocksOfFirstPage);
    unsigned fewest = 0;
    unsigned most = Family::kBits - 1;
    while (fewest < most) {
      const unsigned dropped = (fewest + most) / 2;
      if (count_blocks(dropped, limit) > limit) {
        fewest = dropped + 1;
      } else {
        most = dropped;
      }
    }
    return most;
  }

  // More than `limit` stands for any number above it.
  std::size_t count_blocks(unsigned dropped, std::size_t limit) const {
    std::size_t count = 0;
    for (const Range& range : ranges_) {
      const Key more = (range.last >> dropped) - (range.first >> dropped);
      if (more >= limit || count > limit) return limit + 1;
      count += static_cast<std::size_t>(more) + 1;
    }
    return count;
  }

  void make_filter() {
    const unsigned dropped = choose_blocks();
    header_.mask = words_of(kHighest << dropped);
    const std::size_t blocks = count_blocks(dropped, SIZE_MAX - 1);
    const std::size_t words = filter_words(blocks);
    header_.filter_words = static_cast<std::uint32_t>(words);
    const std::size_t filter_bytes = (kFirstFilterWord + words) * 8;
    // The tree of ports apart, all of it at once.
    table_.reserve(filter_bytes +
                   kListPageBytes *
                       (1 + TreeMaker<Family>::pages_for(ranges_.size() * 2)));
    add_pages(table_, filter_bytes);
    for (const Range& range : ranges_) {
      const Key last = range.last >> dropped;
      for (Key block = range.first >> dropped;; ++block) {
        add_block(block << dropped);
        if (block == last) break;
      }
    }
  }

  // `first` is the lowest address of the block.
  void add_block(Key first) {
    const auto [high, low] = words_of(first);
    std::uint64_t hash = Family::kBits == 32 ? high : high * kListHash2 + low;
    hash *= kListHash1;
    hash ^= hash >> 32;
    hash *= kListHash2;
    const std::uint64_t index =
        kFirstFilterWord + ((hash >> 32) * header_.filter_words >> 32);
    std::uint64_t word = 0;
    std::memcpy(&word, table_.data() + index * 8, 8);
    for (const int shift : kListBitShifts) {
      word |= std::uint64_t{1} << (hash >> shift & 63);
    }
    std::memcpy(table_.data() + index * 8, &word, 8);
  }

  // An address as programs load it from memory.
  static std::array<std::uint64_t, 2> words_of(Key key) {
    std::array<std::uint8_t, Family::kBits / 8> bytes{};
    for (std::size_t i = bytes.size(); i-- > 0; key >>= 8) {
      bytes[i] = static_cast<std::uint8_t>(key & 0xff);
    }
    if constexpr (Family::kBits == 32) {
      std::uint32_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      return {word, 0};
    } else {
      std::array<std::uint64_t, 2> words{};
      std::memcpy(words.data(), bytes.data(), sizeof words);
      return words;
    }
  }

  void make_tree() {
    std::vector<Key> keys;
    keys.reserve(ranges_.size() * 2 + 1);
    header_.inverted = !ranges_.empty() && ranges_.front().first == 0 ? 1 : 0;
    for (const Range& range : ranges_) {
      if (range.first != 0) keys.push_back(range.first - 1);
      if (range.last != kHighest) keys.push_back(range.last);
    }
    header_.tree = TreeMaker<Family>(table_).add(std::move(keys));
  }

  // Of a range, the number of its run is odd, and of none the one between.
  void make_tree_of_ports() {
    std::vector<RunPort::Key> keys;
    const auto list = [&keys](RunPort::Key first, RunPort::Key last) {
      if (!keys.empty() && keys.back() == first - 1) {
        keys.back() = last;
      } else {
        keys.push_back(first - 1);
        keys.push_back(last);
      }
    };
    auto port = ports_.begin();
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const RunPort::Key run = (2 * RunPort::Key{i} + 1) << kPortBits;
      if (port == ports_.end() || port->address != ranges_[i].first) {
        list(run, run + (1U << kPortBits) - 1);
        continue;
      }
      for (; port != ports_.end() && port->address == ranges_[i].first;
           ++port) {
        list(run + port->port, run + port->port);
      }
    }
    header_.ports = TreeMaker<RunPort>(table_).add(std::move(keys));
  }

  std::vector<Range> ranges_;
  std::vector<Port> ports_;  // of ranges that are not listed whole; sorted
  ListHeader header_;
  std::vector<std::byte> table_;
};

}  // namespace

std::vector<std::byte> make_list_table(std::uint8_t family,
                                       std::span<const IpNetwork> networks,
                                       std::span<const IpEndpoint> endpoints) {
  assert(networks.size() + endpoints.size() <= BAILIFF_MAX_LIST_ENTRIES);
  if (family == 4) return TableMaker<Ip4>(networks, endpoints).take();
  return TableMaker<Ip6>(networks, endpoints).take();
}

}  // namespace bailiff::emit
