// SPDX-License-Identifier: Apache-2.0
//
// dns_message.bpf.c, as programs drive it.
#include "tests/harness/dns_message.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "rules/emit/dns_name.h"
#include "tests/harness/dns_bytes.h"

namespace bailiff::test {
namespace {

using namespace dns;  // NOLINT(google-build-using-namespace): messages
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Hash = std::array<std::uint64_t, 2>;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kSteps = 1 << 16;

Hash hash_of(const std::string& text) { return emit::name_hash(text); }

bailiff_dns_walk walk_of(const dns_test_packet& packet) {
  bailiff_dns_walk walk{};
  walk.packet = reinterpret_cast<std::uintptr_t>(&packet);
  walk.end = packet.size;
  return walk;
}

std::uint8_t loop(long (*step)(__u64, bailiff_dns_walk*),
                  bailiff_dns_walk& walk) {
  walk.found = BAILIFF_DNS_NOTHING;
  for (std::uint32_t i = 0; i < kSteps; ++i) {
    if (step(i, &walk) != 0) break;
  }
  return walk.found;
}

struct Read {
  std::vector<std::vector<Hash>> names;  // each as all it may be listed as
  std::uint8_t end = BAILIFF_DNS_NOTHING;
};

Read read(const Bytes& message) {
  const dns_test_packet packet{message.data(),
                               static_cast<__u32>(message.size())};
  bailiff_dns_walk walk = walk_of(packet);
  Read read;
  while ((read.end = loop(dns_read, walk)) == BAILIFF_DNS_NAME) {
    auto& hashes = read.names.emplace_back();
    for (const auto& hash : walk.hash) {
      if (hash[0] != 0) hashes.push_back({hash[0], hash[1]});
    }
  }
  return read;
}

// The names alone, as wholes.
std::vector<Hash> wholes(const Bytes& message) {
  std::vector<Hash> hashes;
  for (const auto& name : read(message).names) hashes.push_back(name.front());
  return hashes;
}

Bytes a(const std::string& host, std::uint32_t ttl = 300) {
  Bytes value(4);
  ::inet_pton(AF_INET, host.c_str(), value.data());
  return record(pointer(kQuestionAt), kA, ttl, value);
}
Bytes aaaa(const std::string& host) {
  Bytes value(16);
  ::inet_pton(AF_INET6, host.c_str(), value.data());
  return record(pointer(kQuestionAt), kAaaa, 300, value);
}
Bytes cname(const Bytes& target) {
  return record(pointer(kQuestionAt), kCname, 300, target);
}

TEST(DnsRead, FindsTheQuestion) {
  EXPECT_THAT(wholes(question("Evil.Example")),
              ElementsAre(hash_of("evil.example")));
  EXPECT_EQ(read(question("evil.example")).end, BAILIFF_DNS_END);
  EXPECT_THAT(wholes(answer("evil.example", {a("203.0.113.1")})),
              ElementsAre(hash_of("evil.example")));
}

TEST(DnsRead, FindsWhatANameIsBelow) {
  const auto hashes = read(question("A.b.evil.example")).names.at(0);
  EXPECT_THAT(hashes, SizeIs(5));
  for (const char* listed : {"a.b.evil.example", ".a.b.evil.example",
                             ".b.evil.example", ".evil.example", ".example"}) {
    EXPECT_THAT(hashes, Contains(hash_of(listed))) << listed;
  }
}

TEST(DnsRead, KnowsTheLastLabelsOfALongName) {
  const auto hashes = read(question("9.8.7.6.5.4.3.2.1.evil.example")).names[0];
  EXPECT_THAT(hashes, SizeIs(1 + BAILIFF_DNS_SUFFIXES));
  EXPECT_THAT(hashes, Contains(hash_of(".6.5.4.3.2.1.evil.example")));
  EXPECT_THAT(hashes, Contains(hash_of(".example")));
  EXPECT_EQ(hash_of(".7.6.5.4.3.2.1.evil.example"), (Hash{0, 0}))
      << "cannot be listed";
}

TEST(DnsRead, FollowsAChain) {
  const Bytes chain =
      answer("good.example", {cname(name("Middle.test")),
                              cname(name("evil.example")), a("203.0.113.1")});
  EXPECT_THAT(wholes(chain),
              ElementsAre(hash_of("good.example"), hash_of("middle.test"),
                          hash_of("evil.example")));
}

TEST(DnsRead, FollowsPointers) {
  // "evil" and then what is behind "good" in the question.
  const Bytes bytes = answer(
      "good.example",
      {cname(labels("evil") + pointer(kQuestionAt + 5)), a("203.0.113.1")});
  EXPECT_THAT(wholes(bytes),
              ElementsAre(hash_of("good.example"), hash_of("evil.example")));
}

TEST(DnsRead, TakesNoPointerThatDoesNotGoBack) {
  const std::size_t target = question("good.example").size() + 2 + 10;
  for (const std::size_t place :
       {target, target + 5, target + 100, std::size_t{0x3fff}}) {
    const Read bytes =
        read(answer("good.example", {cname(labels("evil") + pointer(place))}));
    EXPECT_EQ(bytes.end, BAILIFF_DNS_BAD) << place;
    EXPECT_THAT(bytes.names, SizeIs(1));
  }
  // Each of the two to the other.
  const Bytes loop = answer(
      "good.example",
      {cname(pointer(target + 14)), cname(labels("x") + pointer(target))});
  EXPECT_EQ(read(loop).end, BAILIFF_DNS_BAD);
}

TEST(DnsRead, TakesNoQuestionNobodyAnswers) {
  EXPECT_EQ(read(header(0x0100, 2, 0) + name("good.example") + Bytes(4)).end,
            BAILIFF_DNS_BAD);
  EXPECT_EQ(read(header(0x0100, 0, 0)).end, BAILIFF_DNS_END);
  EXPECT_EQ(read(header(0x0100, 1, 0) + pointer(kQuestionAt) + Bytes(4)).end,
            BAILIFF_DNS_BAD);
  EXPECT_EQ(read(question(std::string(64, 'x'))).end, BAILIFF_DNS_BAD);
}

TEST(DnsRead, KnowsHowLongANameMayBe) {
  const std::string label(63, 'x');
  const std::string longest =
      label + "." + label + "." + label + "." + std::string(61, 'y');
  EXPECT_THAT(wholes(question(longest)), ElementsAre(hash_of(longest)));
  EXPECT_EQ(read(question(longest + "y")).end, BAILIFF_DNS_BAD);
}

TEST(DnsRead, SaysWhereAnAnswerIsCutOff) {
  const Bytes whole = answer(
      "good.example",
      {cname(name("evil.example")), a("203.0.113.1"), aaaa("2001:db8::1")});
  EXPECT_EQ(read(whole).end, BAILIFF_DNS_END);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    EXPECT_EQ(read(part).end, BAILIFF_DNS_BAD) << size;
  }
}

TEST(DnsRead, StepsOverWhatItDoesNotKnow) {
  const Bytes other = record(name("other.test"), 16, 300, Bytes(200, 0xff));
  EXPECT_THAT(wholes(answer("good.example",
                            {other, cname(name("evil.example")), other})),
              ElementsAre(hash_of("good.example"), hash_of("evil.example")));
}

class Learnt : public ::testing::Test {
 protected:
  Learnt() { dns_test_now_ns = 1000 * kSecond; }

  std::uint8_t learn(const Bytes& message,
                     const std::vector<std::string>& names, bool refuses) {
    const dns_test_packet packet{message.data(),
                                 static_cast<__u32>(message.size())};
    bailiff_dns_walk walk = walk_of(packet);
    EXPECT_EQ(loop(dns_read, walk), BAILIFF_DNS_NAME);
    walk.table = reinterpret_cast<std::uintptr_t>(table_.get());
    walk.refuses = refuses;
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::memcpy(walk.names.name[i], hash_of(names[i]).data(), 16);
    }
    walk.at = walk.records_at;
    walk.left = walk.records;
    walk.part = walk.records == 0 ? BAILIFF_DNS_NO_PART : BAILIFF_DNS_OWNER;
    return loop(dns_learn, walk);
  }
  void learn(const std::vector<Bytes>& records,
             const std::vector<std::string>& names = {"evil.example"}) {
    EXPECT_EQ(learn(answer("good.example", records), names, true),
              BAILIFF_DNS_END);
  }

  std::vector<Hash> known(const std::string& host) {
    std::array<std::uint64_t, 2> address{};
    const bool four = ::inet_pton(AF_INET, host.c_str(), &address) == 1;
    if (!four) ::inet_pton(AF_INET6, host.c_str(), &address);
    bailiff_dns_names names;
    std::memset(&names, 0xff, sizeof names);
    dns_known(table_.get(), &names, address[0], address[1], four ? 4 : 6);
    std::vector<Hash> hashes;
    for (const auto& name : names.name) {
      if (name[0] != 0) hashes.push_back({name[0], name[1]});
    }
    return hashes;
  }
  static void pass(std::uint64_t seconds) {
    dns_test_now_ns += seconds * kSecond;
  }

  const Hash evil_ = hash_of("evil.example");
  std::unique_ptr<bailiff_dns_table> table_ =
      std::make_unique<bailiff_dns_table>();
};

TEST_F(Learnt, AddressesHaveTheName) {
  learn({cname(name("evil.example")), a("203.0.113.1"), a("203.0.113.2"),
         aaaa("2001:db8::1")});
  for (const char* host : {"203.0.113.1", "203.0.113.2", "2001:db8::1"}) {
    EXPECT_THAT(known(host), ElementsAre(evil_)) << host;
  }
  for (const char* host : {"203.0.113.3", "2001:db8::2", "cb00:7101::"}) {
    EXPECT_THAT(known(host), IsEmpty()) << host;
  }
}

TEST_F(Learnt, AddressesExpire) {
  learn({a("203.0.113.1", 300)});
  pass(299);
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_));
  pass(1);
  EXPECT_THAT(known("203.0.113.1"), IsEmpty());
}

TEST_F(Learnt, AddressesStayForAWhileWhateverTheAnswerSays) {
  learn({a("203.0.113.1", 0), a("203.0.113.2", 0x80000001),
         a("203.0.113.3", 0x7fffffff)});
  pass(BAILIFF_DNS_MIN_TTL - 1);
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_));
  EXPECT_THAT(known("203.0.113.2"), ElementsAre(evil_));
  pass(1);
  EXPECT_THAT(known("203.0.113.1"), IsEmpty());
  EXPECT_THAT(known("203.0.113.2"), IsEmpty());
  EXPECT_THAT(known("203.0.113.3"), ElementsAre(evil_));
  pass(BAILIFF_DNS_MAX_TTL);
  EXPECT_THAT(known("203.0.113.3"), IsEmpty());
}

TEST_F(Learnt, AnotherAnswerProlongsATime) {
  learn({a("203.0.113.1", 100)});
  pass(50);
  learn({a("203.0.113.1", 100)});
  pass(99);
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_));
  learn({a("203.0.113.1", 1000)});
  learn({a("203.0.113.1", 100)});
  pass(500);
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_)) << "and never cuts one";
}

TEST_F(Learnt, AnAddressHasSeveralNames) {
  learn({a("203.0.113.1")}, {"evil.example", ".example"});
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_, hash_of(".example")));
  learn({a("203.0.113.1")}, {"c2.test"});
  EXPECT_THAT(known("203.0.113.1"),
              ElementsAre(evil_, hash_of(".example"), hash_of("c2.test")));
  const Bytes fourth = answer("x.test", {a("203.0.113.1", 900)});
  EXPECT_EQ(learn(fourth, {"x.test"}, true), BAILIFF_DNS_FULL);
  EXPECT_EQ(learn(fourth, {"x.test"}, false), BAILIFF_DNS_END);
  EXPECT_THAT(known("203.0.113.1"), Contains(hash_of("x.test")));
}

TEST_F(Learnt, OtherWaysToWriteAHostAreTheSameHost) {
  learn({aaaa("::ffff:203.0.113.1"), aaaa("64:ff9b::203.0.113.2")});
  EXPECT_THAT(known("203.0.113.1"), ElementsAre(evil_));
  EXPECT_THAT(known("203.0.113.2"), ElementsAre(evil_));
}

TEST_F(Learnt, ASinkholeDoesNotCutAContainerOffItself) {
  learn({a("0.0.0.0"), a("127.0.0.1"), a("127.8.8.8"), aaaa("::"), aaaa("::1"),
         aaaa("::ffff:127.0.0.1"), aaaa("::2")});
  EXPECT_THAT(known("127.0.0.1"), IsEmpty());
  EXPECT_THAT(known("127.8.8.8"), IsEmpty());
  EXPECT_THAT(known("::1"), IsEmpty());
  EXPECT_THAT(known("::2"), ElementsAre(evil_));
}

TEST_F(Learnt, RecordsOfAnotherSizeAreBad) {
  const Bytes bytes = answer(
      "good.example", {record(pointer(kQuestionAt), kA, 300, Bytes(5, 1))});
  EXPECT_EQ(learn(bytes, {"evil.example"}, true), BAILIFF_DNS_BAD);
}

std::string host(int number) {
  return "10.0." + std::to_string(number / 250) + "." +
         std::to_string(1 + number % 250);
}

TEST_F(Learnt, WhatDoesNotFitIsRefusedAndForgetsNothing) {
  int kept = 0;
  while (learn(answer("x", {a(host(kept), 300)}), {"evil.example"}, true) ==
         BAILIFF_DNS_END) {
    ++kept;
    ASSERT_LT(kept, 1000);
  }
  EXPECT_GT(kept, BAILIFF_DNS_SETS);
  EXPECT_LE(kept, BAILIFF_DNS_SETS * BAILIFF_DNS_WAYS);
  for (int i = 0; i < kept; ++i) {
    EXPECT_THAT(known(host(i)), ElementsAre(evil_)) << host(i);
  }
  EXPECT_THAT(known(host(kept)), IsEmpty());
  pass(300);
  learn({a(host(kept))});
  EXPECT_THAT(known(host(kept)), ElementsAre(evil_)) << "there is room again";
}

TEST_F(Learnt, WhereNothingIsRefusedWhatExpiresFirstGoes) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(learn(answer("x", {a(host(i), 300 + static_cast<unsigned>(i))}),
                    {"evil.example"}, false),
              BAILIFF_DNS_END);
    EXPECT_THAT(known(host(i)), ElementsAre(evil_));
  }
}

TEST(DnsAsked, KnowsWhatWasAsked) {
  const auto table = std::make_unique<bailiff_dns_table>();
  bailiff_dns_walk walk{};
  const auto asks = [&](const std::string& text, std::uint16_t id,
                        std::uint64_t port, bool is_answer) {
    walk.hash[0][0] = hash_of(text)[0];
    walk.id = id;
    return dns_asked(table.get(), &walk, port, is_answer ? 1 : 0);
  };
  EXPECT_EQ(asks("good.example", 7, 40000, true), 0);
  asks("good.example", 7, 40000, false);
  asks("good.example", 8, 40000, false);
  EXPECT_EQ(asks("good.example", 7, 40000, true), 1);
  EXPECT_EQ(asks("good.example", 8, 40000, true), 1);
  EXPECT_EQ(asks("good.example", 9, 40000, true), 0);
  EXPECT_EQ(asks("good.example", 7, 40001, true), 0);
  EXPECT_EQ(asks("evil.example", 7, 40000, true), 0);
}

}  // namespace
}  // namespace bailiff::test
