// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/list_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace bailiff::emit {
namespace {

IpAddress address(const std::string& text) { return *parse_address(text); }

IpNetwork network(const std::string& text) {
  if (text.find('/') != std::string::npos) return *parse_network(text);
  const IpAddress one = address(text);
  return {.base = one,
          .prefix = static_cast<std::uint8_t>(one.family == 4 ? 32 : 128)};
}

std::vector<IpNetwork> networks(const std::vector<std::string>& texts) {
  std::vector<IpNetwork> result;
  for (const std::string& text : texts) result.push_back(network(text));
  return result;
}

// Looks addresses up as the header says, whatever made the table.
class Reader {
 public:
  Reader(std::uint8_t family, const std::vector<IpNetwork>& listed,
         const std::vector<IpEndpoint>& endpoints = {})
      : shape_(family == 4 ? kTree4 : kTree6),
        table_(make_list_table(family, listed, endpoints)) {
    header_ = at<ListHeader>(0);
  }

  const ListHeader& header() const { return header_; }
  std::size_t pages() const { return table_.size() / kListPageBytes; }
  std::size_t bytes() const { return table_.size(); }

  std::size_t filter_bytes() const {
    return std::size_t{header_.filter_words} * 8;
  }
  bool passes_filter(const IpAddress& address) const {
    std::uint64_t x = 0;
    if (address.family == 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, address.bytes.data(), 4);
      x = word & header_.mask[0];
    } else {
      std::array<std::uint64_t, 2> words{};
      std::memcpy(words.data(), address.bytes.data(), 16);
      x = (words[0] & header_.mask[0]) * kListHash2 +
          (words[1] & header_.mask[1]);
    }
    std::uint64_t h = x * kListHash1;
    h ^= h >> 32;
    h *= kListHash2;
    const auto word = at<std::uint64_t>(
        8 * (kFirstFilterWord + ((h >> 32) * header_.filter_words >> 32)));
    return std::all_of(
        kListBitShifts.begin(), kListBitShifts.end(),
        [&](int shift) { return (word >> (h >> shift & 63) & 1) != 0; });
  }

  bool in_tree(const IpAddress& address) const { return run(address) % 2 == 1; }

  // Listed for some port, or whole.
  bool contains(const IpAddress& address) const {
    return passes_filter(address) && in_tree(address);
  }
  bool contains(const IpEndpoint& endpoint) const {
    if (!contains(endpoint.address)) return false;
    if (header_.ports.levels == 0) return true;
    const std::uint64_t wanted =
        run(endpoint.address) << kPortBits | endpoint.port;
    return rank(kPortTree, header_.ports,
                [&](std::size_t key) {
                  return at<std::uint64_t>(key) < wanted;
                }) %
               2 ==
           1;
  }

 private:
  template <typename T>
  T at(std::size_t offset) const {
    T value{};
    std::memcpy(&value, table_.data() + offset, sizeof value);
    return value;
  }

  std::size_t run(const IpAddress& address) const {
    return header_.inverted + rank(shape_, header_.tree, [&](std::size_t key) {
             return is_below(key, address);
           });
  }

  // How many keys are below what `below` compares keys, by their place, with.
  template <typename Below>
  std::size_t rank(const TreeShape& shape, const ListTree& tree,
                   const Below& below) const {
    std::size_t page = 0;
    for (std::size_t level = tree.levels; level-- > 0;) {
      const std::size_t start =
          (tree.first_page[level] + page) * kListPageBytes;
      const auto place = [&](std::size_t key) {
        return start + key * shape.key_bytes();
      };
      std::size_t group = 0;
      while (below(place(shape.keys() + group))) ++group;
      std::size_t keys = group * shape.group;
      while (below(place(keys))) ++keys;
      page = page * shape.keys() + keys;
    }
    return page;
  }

  bool is_below(std::size_t key, const IpAddress& address) const {
    for (std::size_t i = 0; i < shape_.numbers; ++i) {
      const auto number = at<std::uint32_t>(key + 4 * i);
      std::uint32_t wanted = 0;
      for (std::size_t byte = 0; byte < 4; ++byte) {
        wanted = wanted << 8 | address.bytes[4 * i + byte];
      }
      if (number != wanted) return number < wanted;
    }
    return false;
  }

  TreeShape shape_;
  std::vector<std::byte> table_;
  ListHeader header_;
};

bool any_contains(const std::vector<IpNetwork>& listed,
                  const IpAddress& address) {
  return std::any_of(listed.begin(), listed.end(), [&](const IpNetwork& one) {
    return one.contains(address);
  });
}

// The address and those next to it.
std::vector<IpAddress> around(IpAddress address) {
  std::vector<IpAddress> result = {address};
  const std::size_t last = address.family == 4 ? 3 : 15;
  for (const int step : {1, -1}) {
    IpAddress next = address;
    for (std::size_t i = last + 1; i-- > 0;) {
      next.bytes[i] = static_cast<std::uint8_t>(next.bytes[i] + step);
      if (next.bytes[i] != (step > 0 ? 0 : 0xff)) break;
    }
    result.push_back(next);
  }
  return result;
}

IpAddress last_of(const IpNetwork& network) {
  IpAddress last = network.base;
  for (unsigned bit = network.prefix; bit < (last.family == 4 ? 32U : 128U);
       ++bit) {
    last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> bit % 8);
  }
  return last;
}

class Random {
 public:
  IpAddress address(std::uint8_t family) {
    IpAddress result{.family = family};
    for (std::size_t i = 0; i < (family == 4 ? 4U : 16U); ++i) {
      result.bytes[i] = static_cast<std::uint8_t>(random_());
    }
    return result;
  }
  IpNetwork network(std::uint8_t family, unsigned shortest) {
    const unsigned bits = family == 4 ? 32 : 128;
    const auto prefix = shortest + random_() % (bits - shortest + 1);
    return *parse_network(to_string(address(family)) + "/" +
                          std::to_string(prefix));
  }

 private:
  std::mt19937 random_{20211209};
};

TEST(ListTable, HoldsWhatIsListedAndNothingElse) {
  Random random;
  for (const std::uint8_t family : {4, 6}) {
    for (const unsigned shortest : {0U, 8U, 20U, family == 4 ? 32U : 128U}) {
      for (const std::size_t count : {1U, 2U, 20U, 200U}) {
        std::vector<IpNetwork> listed;
        while (listed.size() < count) {
          listed.push_back(random.network(family, shortest));
        }
        const Reader table(family, listed);
        for (const IpNetwork& one : listed) {
          for (const IpAddress& edge : {one.base, last_of(one)}) {
            for (const IpAddress& near : around(edge)) {
              ASSERT_EQ(table.contains(near), any_contains(listed, near))
                  << to_string(near) << " near " << to_string(one);
            }
          }
          const IpAddress other = random.address(family);
          ASSERT_EQ(table.contains(other), any_contains(listed, other));
        }
      }
    }
  }
}

TEST(ListTable, HoldsTheEndsOfAllAddresses) {
  for (const auto& [family, lowest, highest] :
       {std::tuple(4, "0.0.0.0", "255.255.255.255"),
        std::tuple(6, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}) {
    const auto of = static_cast<std::uint8_t>(family);
    const IpAddress low = address(lowest);
    const IpAddress high = address(highest);
    const Reader none(of, {});
    const Reader first(of, networks({lowest}));
    const Reader last(of, networks({highest}));
    const Reader both(of, networks({highest, lowest}));
    const Reader all(of, {{.base = low, .prefix = 0}});
    for (const IpAddress& one : around(low)) {
      EXPECT_FALSE(none.contains(one));
      EXPECT_EQ(first.contains(one), one == low);
      EXPECT_EQ(last.contains(one), one == high);
      EXPECT_EQ(both.contains(one), one == low || one == high);
      EXPECT_TRUE(all.contains(one));
    }
  }
}

TEST(ListTable, TakesNetworksThatRepeatOverlapAndMeet) {
  const Reader table(
      4, networks({"10.0.1.0/24", "10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16",
                   "10.0.0.7", "10.2.0.0", "10.2.0.1"}));
  for (const char* listed :
       {"10.0.0.0", "10.0.255.255", "10.1.0.0", "10.2.0.1"}) {
    EXPECT_TRUE(table.contains(address(listed))) << listed;
  }
  EXPECT_FALSE(table.contains(address("9.255.255.255")));
  EXPECT_FALSE(table.contains(address("10.2.0.2")));
  // One range: the address before it, its last one, and the highest.
  const Reader same(4, networks({"10.0.0.0/15", "10.2.0.0/31"}));
  EXPECT_EQ(table.bytes(), same.bytes());
}

TEST(ListTable, GrowsByLevelsWithTheList) {
  struct Case {
    std::uint8_t family;
    std::uint32_t count;
    std::uint32_t levels;
  };
  // Two keys for each address, one above all.
  const Case cases[] = {
      {4, kTree4.keys() / 2 - 1, 1},
      {4, kTree4.keys() / 2, 2},
      {6, kTree6.keys() / 2 - 1, 1},
      {6, kTree6.keys() / 2, 2},
      {6, kTree6.keys() * kTree6.keys() / 2, 3},
  };
  for (const auto& [family, count, levels] : cases) {
    std::vector<IpNetwork> listed;
    for (std::uint32_t i = 0; i < count; ++i) {
      // Every other address.
      IpNetwork one = network(family == 4 ? "10.0.0.0" : "2001:db8::");
      const std::size_t last = family == 4 ? 3 : 15;
      const std::uint32_t number = i * 2;
      for (std::size_t byte = 0; byte < 3; ++byte) {
        one.base.bytes[last - byte] =
            static_cast<std::uint8_t>(number >> 8 * byte);
      }
      listed.push_back(one);
    }
    const Reader table(family, listed);
    EXPECT_EQ(table.header().tree.levels, levels) << count;
    for (std::uint32_t i = 0; i < count; i += 1 + count / 1000) {
      ASSERT_TRUE(table.contains(listed[i].base));
      for (const IpAddress& near : around(listed[i].base)) {
        ASSERT_EQ(table.in_tree(near), near == listed[i].base);
      }
    }
    for (const IpAddress& near : around(listed.back().base)) {
      ASSERT_EQ(table.contains(near), near == listed.back().base);
    }
  }
}

TEST(ListTable, ItsFilterStopsNearlyAllThatIsNotListed) {
  Random random;
  for (const std::uint8_t family : {4, 6}) {
    const unsigned bits = family == 4 ? 32 : 128;
    for (const unsigned prefix : {bits, family == 4 ? 20U : 48U}) {
      std::vector<IpNetwork> listed;
      for (int i = 0; i < 2000; ++i) {
        listed.push_back(*parse_network(to_string(random.address(family)) +
                                        "/" + std::to_string(prefix)));
      }
      const Reader table(family, listed);
      int passed = 0;
      constexpr int kAsked = 5000;
      for (int i = 0; i < kAsked; ++i) {
        passed += table.passes_filter(random.address(family)) ? 1 : 0;
      }
      EXPECT_LT(passed, kAsked / 20) << "prefix " << prefix;
    }
  }
}

// Of a long list it is a byte for each address, so that it stays near.
TEST(ListTable, ItsFilterIsSmallWhereTheListIsLong) {
  constexpr std::size_t kListed = 600'000;
  Random random;
  std::vector<IpNetwork> listed;
  for (std::size_t i = 0; i < kListed; ++i) {
    listed.push_back({random.address(4), 32});
  }
  const Reader table(4, listed);
  EXPECT_LE(table.filter_bytes(), kListed + 8);
  int passed = 0;
  constexpr int kAsked = 5000;
  for (int i = 0; i < kAsked; ++i) {
    passed += table.passes_filter(random.address(4)) ? 1 : 0;
  }
  EXPECT_LT(passed, kAsked / 15);
  for (std::size_t i = 0; i < listed.size(); i += 1000) {
    ASSERT_TRUE(table.passes_filter(listed[i].base));
  }
}

// Networks in a list of addresses do not make it tell these apart any less.
TEST(ListTable, ItsFilterStopsWhatIsBetweenListedAddresses) {
  constexpr int kListed = 600'000;
  std::vector<IpNetwork> listed;
  for (int i = 0; i < kListed; ++i) {
    listed.push_back(network("10." + std::to_string(i >> 15) + "." +
                             std::to_string(i >> 7 & 255) + "." +
                             std::to_string(2 * (i & 127))));
  }
  for (int i = 0; i < 8000; ++i) {
    listed.push_back(network("11." + std::to_string(i >> 8) + "." +
                             std::to_string(i & 255) + ".0/" +
                             std::to_string(25 + i % 6)));
  }
  const Reader table(4, listed);
  int passed = 0;
  int asked = 0;
  for (std::size_t i = 0; i < kListed; i += 50) {
    IpAddress between = listed[i].base;
    ++between.bytes[3];
    passed += table.passes_filter(between) ? 1 : 0;
    ++asked;
  }
  EXPECT_LT(passed, asked / 15);
}

// A network of many blocks does not make the filter larger than the list.
TEST(ListTable, ItsSizeIsThatOfTheListWhateverTheNetworks) {
  std::vector<IpNetwork> listed = networks({"16.0.0.0/4", "128.0.0.0/1"});
  EXPECT_EQ(Reader(4, listed).pages(), 2U);
  Random random;
  for (int i = 0; i < 3000; ++i) listed.push_back(random.network(4, 24));
  // Two bytes for each block; eight for each network in the tree.
  EXPECT_LT(Reader(4, listed).bytes(), 3000U * 20 + 3 * kListPageBytes);
  EXPECT_EQ(Reader(6, networks({"::/0", "2001:db8::/32"})).pages(), 2U);
}

IpEndpoint endpoint(const std::string& text) { return *parse_endpoint(text); }

TEST(ListTable, TellsPortsOfOneAddressApart) {
  const std::vector<IpEndpoint> listed = {
      endpoint("10.0.0.1|443"), endpoint("10.0.0.1|80"),
      endpoint("10.0.0.2|444"), endpoint("10.0.0.2|443"),
      endpoint("10.0.0.2|443"), endpoint("10.0.0.9|65535"),
      endpoint("0.0.0.0|1"),    endpoint("255.255.255.255|65535")};
  const Reader table(4, {}, listed);
  for (const IpEndpoint& one : listed) {
    for (const int port : {1, 79, 80, 81, 442, 443, 444, 445, 65534, 65535}) {
      const IpEndpoint asked{one.address, static_cast<std::uint16_t>(port)};
      const bool wanted =
          std::find(listed.begin(), listed.end(), asked) != listed.end();
      EXPECT_EQ(table.contains(asked), wanted) << to_string(asked);
    }
  }
  for (const char* other : {"10.0.0.0|443", "10.0.0.3|443", "0.0.0.1|1"}) {
    EXPECT_FALSE(table.contains(endpoint(other))) << other;
  }
}

TEST(ListTable, HoldsWholeAddressesBesideThoseWithPorts) {
  const Reader table(
      4, networks({"10.0.0.0", "10.0.0.2", "10.0.0.4/30", "0.0.0.0"}),
      {endpoint("10.0.0.1|80"), endpoint("10.0.0.3|81"),
       endpoint("10.0.0.8|82"), endpoint("10.0.0.5|83"),
       endpoint("0.0.0.1|84")});
  for (const char* listed :
       {"10.0.0.0|1", "10.0.0.1|80", "10.0.0.2|80", "10.0.0.3|81", "10.0.0.4|9",
        "10.0.0.5|9", "10.0.0.7|65535", "10.0.0.8|82", "0.0.0.0|7",
        "0.0.0.1|84"}) {
    EXPECT_TRUE(table.contains(endpoint(listed))) << listed;
  }
  for (const char* other : {"10.0.0.1|81", "10.0.0.3|80", "10.0.0.8|81",
                            "10.0.0.9|82", "0.0.0.1|85", "0.0.0.2|84"}) {
    EXPECT_FALSE(table.contains(endpoint(other))) << other;
  }
}

TEST(ListTable, WithPortsIsExactAtAnySize) {
  Random random;
  for (const std::uint8_t family : {4, 6}) {
    for (const std::size_t count : {1U, 30U, 3000U}) {
      std::vector<IpNetwork> whole;
      std::vector<IpEndpoint> listed;
      while (listed.size() < count) {
        const IpAddress one = random.address(family);
        listed.push_back({one, 443});
        listed.push_back({one, 445});
        listed.push_back({around(one)[1], 443});
        if (listed.size() % 9 == 0) {
          whole.push_back({around(one)[2],
                           static_cast<std::uint8_t>(family == 4 ? 32 : 128)});
        }
      }
      std::vector<IpEndpoint> sorted = listed;
      std::sort(sorted.begin(), sorted.end());
      const Reader table(family, whole, listed);
      for (const IpEndpoint& one : listed) {
        for (const IpAddress& near : around(one.address)) {
          for (const std::uint16_t port : {442, 443, 444, 445, 446}) {
            const IpEndpoint asked{near, port};
            ASSERT_EQ(table.contains(asked),
                      std::binary_search(sorted.begin(), sorted.end(), asked) ||
                          any_contains(whole, near))
                << to_string(asked);
          }
        }
      }
    }
  }
}

// What a list without ports does not pay for.
TEST(ListTable, HasNoTreeOfPortsWithoutAny) {
  const Reader none(4, networks({"10.0.0.0/8"}));
  EXPECT_EQ(none.header().ports.levels, 0U);
  // Those of a listed address add nothing to it.
  const Reader covered(4, networks({"10.0.0.0/8"}), {endpoint("10.1.2.3|80")});
  EXPECT_EQ(covered.header().ports.levels, 0U);
  EXPECT_EQ(covered.bytes(), none.bytes());
}

}  // namespace
}  // namespace bailiff::emit
