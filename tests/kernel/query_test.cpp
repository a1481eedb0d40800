// SPDX-License-Identifier: Apache-2.0
//
// What a program for queries makes of packets, run on bytes
// (BPF_PROG_TEST_RUN).
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/policy/compiled_policy.h"
#include "tests/harness/dns_bytes.h"
#include "tests/kernel/host.h"
#include "tests/kernel/run_packet.h"

namespace bailiff::test {
namespace {

using dns::big_endian;
using dns::Bytes;
using dns::labels;
using dns::operator+;

const Bytes kTypeAndClass = {0, 1, 0, 1};

Bytes header(std::uint16_t questions, std::uint16_t additional = 0) {
  return Bytes{0x12, 0x34, 0x01, 0x00} + big_endian(questions) +
         Bytes{0, 0, 0, 0} + big_endian(additional);
}

Bytes message(const std::string& name, const Bytes& behind = {}) {
  return header(1, behind.empty() ? 0 : 1) + labels(name) + Bytes{0} +
         kTypeAndClass + behind;
}

// An OPT record with padding (RFC 7830).
Bytes padding(std::size_t size) {
  return Bytes{0, 0, 41, 16, 0, 0, 0, 0, 0} + big_endian(size + 4) +
         Bytes{0, 12} + big_endian(size) + Bytes(size);
}

Bytes udp(const Bytes& payload, std::uint16_t port = 53) {
  return big_endian(40000) + big_endian(port) + big_endian(payload.size() + 8) +
         Bytes{0, 0} + payload;
}

// `words`: the length of the header.
Bytes tcp(const Bytes& payload, std::uint8_t words = 5) {
  Bytes bytes(words * 4U);
  bytes[3] = 53;
  bytes[12] = static_cast<std::uint8_t>(words << 4);
  return bytes + payload;
}

Bytes framed(const Bytes& message) {
  return big_endian(message.size()) + message;
}

Bytes ip4(const Bytes& payload, std::uint8_t protocol = IPPROTO_UDP,
          const char* to = "203.0.113.53") {
  Bytes bytes(20);
  bytes[0] = 4 << 4 | 5;
  bytes[9] = protocol;
  ::inet_pton(AF_INET, to, &bytes[16]);
  return bytes + payload;
}

Bytes ip6(const Bytes& payload) {
  Bytes bytes(40);
  bytes[0] = 6 << 4;
  bytes[6] = IPPROTO_UDP;
  ::inet_pton(AF_INET6, "2001:db8::53", &bytes[24]);
  return bytes + payload;
}

// 63 letters, and 255 bytes with those of the message.
const std::string kLongLabel(63, 'x');
const std::string kLongName = kLongLabel + "." + kLongLabel + "." + kLongLabel +
                              "." + std::string(61, 'y');

Check name_in(std::uint32_t list) {
  Check check;
  check.field = FieldId::kFdSipName;
  check.op = Op::kIn;
  check.lists = {list};
  return check;
}

Check name_is(const std::string& name) {
  Check check;
  check.field = FieldId::kFdRipName;
  check.op = Op::kEq;
  check.values = {name};
  return check;
}

// A program about evil.example, kLongName and, in a rule, bad.example.
class Query : public ::testing::Test {
 protected:
  Query() { load(true); }

  void load(bool deny) {
    load("names", {"evil.example", kLongName, "c2.evil.test."}, deny);
  }
  void load(const std::string& list, std::vector<std::string> names,
            bool deny) {
    PolicyBuilder builder;
    builder.rule("Listed", name_in(builder.list(list, std::move(names))), deny);
    builder.rule("Written", name_is("Bad.example"), deny);
    cgroups_.push_back(make_cgroup());
    const auto programs =
        protect(builder.build(), cgroups_.back().cgroup(), dir(),
                "c" + std::to_string(cgroups_.size()), kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    // The last but one; that for answers is behind it.
    ASSERT_GT(programs->size(), 1U);
    auto query = kernel_.open_program(dir() + "/programs/" +
                                      programs->rbegin()[1].hex());
    ASSERT_TRUE(query) << query.error().message;
    program_.clear();
    program_.push_back(*std::move(query));
  }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  bool passes(const Bytes& packet) { return lets_pass(program_[0], packet); }
  bool asks(const std::string& name) { return passes(ip4(udp(message(name)))); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  std::vector<hook::ScratchCgroup> cgroups_;
  std::vector<hook::Program> program_;
};

TEST_F(Query, IsRefusedForAListedName) {
  EXPECT_FALSE(asks("evil.example"));
  EXPECT_FALSE(asks("bad.example"));
  EXPECT_FALSE(asks("c2.evil.test"));
  EXPECT_FALSE(passes(ip6(udp(message("evil.example")))));
  EXPECT_TRUE(asks("good.example"));
  EXPECT_TRUE(passes(ip6(udp(message("good.example")))));
}

TEST_F(Query, OfAnotherNameThatLooksLikeOnePasses) {
  for (const char* name : {"evil.exampl", "evil.examplee", "vil.example",
                           "www.evil.example", "example", "evil"}) {
    EXPECT_TRUE(asks(name)) << name;
  }
  // One label with a full stop in it.
  const Bytes odd = Bytes{12} + Bytes{'e', 'v', 'i', 'l', '.', 'e',
                                      'x', 'a', 'm', 'p', 'l', 'e'};
  EXPECT_TRUE(passes(ip4(udp(header(1) + odd + Bytes{0} + kTypeAndClass))));
  EXPECT_TRUE(passes(ip4(udp(header(1) + Bytes{0} + kTypeAndClass))));
}

TEST_F(Query, IsRefusedForWhatIsBelowAListedDomain) {
  load("domains", {".evil.example", "c2.test", ".d.e.f.g.h.i.j.test"}, true);
  for (const char* name :
       {"evil.example", "www.evil.example", "a.b.C.d.Evil.example", "c2.test",
        "1.2.3.4.5.6.7.8.9.10.evil.example", "d.e.f.g.h.i.j.test",
        "c.d.e.f.g.h.i.j.test"}) {
    EXPECT_FALSE(asks(name)) << name;
  }
  for (const char* name : {"example", "notevil.example", "www.c2.test",
                           "evil.example.test", "e.f.g.h.i.j.test"}) {
    EXPECT_TRUE(asks(name)) << name;
  }
  EXPECT_FALSE(asks(kLongName.substr(0, 200) + ".evil.example"));
}

TEST_F(Query, IsRefusedInAnyCase) {
  EXPECT_FALSE(asks("EVIL.example"));
  EXPECT_FALSE(asks("eViL.ExAmPlE"));
  EXPECT_FALSE(asks("BAD.EXAMPLE"));
  // Only letters have a case: '@' and '[' are their neighbours.
  EXPECT_TRUE(
      asks("evil\x0e"
           "example"));
}

TEST_F(Query, IsRefusedForNamesAsLongAsThereAre) {
  EXPECT_FALSE(asks(kLongName));
  EXPECT_TRUE(asks(kLongName.substr(1)));
}

TEST_F(Query, ThatIsNoneOfTheStandardIsRefused) {
  EXPECT_FALSE(asks(kLongName + "y")) << "256 bytes";
  EXPECT_FALSE(asks(std::string(64, 'x') + ".example")) << "a label too long";
  EXPECT_FALSE(passes(ip4(udp(header(1) + Bytes{0xc0, 12} + kTypeAndClass))))
      << "compressed from the start";
  EXPECT_FALSE(passes(
      ip4(udp(header(1) + labels("good") + Bytes{0xc0, 12} + kTypeAndClass))))
      << "compressed at the end";
  EXPECT_FALSE(passes(
      ip4(udp(header(2) + labels("good.example") + Bytes{0} + kTypeAndClass +
              labels("evil.example") + Bytes{0} + kTypeAndClass))))
      << "two questions";
}

TEST_F(Query, ThatIsCutOffAnywhereIsRefused) {
  const Bytes whole = message("good.example");
  EXPECT_TRUE(passes(ip4(udp(whole))));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    EXPECT_FALSE(passes(ip4(udp(part)))) << size << " bytes";
  }
}

TEST_F(Query, WithoutAQuestionPasses) {
  EXPECT_TRUE(passes(ip4(udp(header(0, 1) + padding(16)))));
}

TEST_F(Query, IsRefusedWhateverFollowsIt) {
  EXPECT_FALSE(passes(ip4(udp(message("evil.example", padding(16))))));
  EXPECT_FALSE(passes(ip4(udp(message("evil.example", padding(1200))))));
  EXPECT_TRUE(passes(ip4(udp(message("good.example", padding(1200))))));
  EXPECT_FALSE(passes(ip4(udp(message("evil.example", Bytes(30, 0xff))))));
}

TEST_F(Query, IsRefusedWhateverItsHeaderSays) {
  for (const std::uint8_t flags : {0x80, 0x28, 0x78}) {
    Bytes bytes = message("evil.example");
    bytes[2] = flags;
    EXPECT_FALSE(passes(ip4(udp(bytes))));
  }
}

TEST_F(Query, IsRefusedOverTcp) {
  const auto passes_tcp = [&](const Bytes& bytes) {
    return passes(ip4(bytes, IPPROTO_TCP));
  };
  const Bytes good = framed(message("good.example"));
  const Bytes evil = framed(message("evil.example"));
  EXPECT_TRUE(passes_tcp(tcp(good)));
  EXPECT_FALSE(passes_tcp(tcp(evil)));
  EXPECT_FALSE(passes_tcp(tcp(evil, 15))) << "behind options";
  EXPECT_TRUE(passes_tcp(tcp(good, 15)));
  EXPECT_TRUE(passes_tcp(tcp({}))) << "no data";
  EXPECT_TRUE(passes_tcp(tcp({}, 8)));
  EXPECT_TRUE(passes_tcp(tcp(good + good)));
  EXPECT_FALSE(passes_tcp(tcp(good + evil)));
  EXPECT_FALSE(passes_tcp(tcp(evil + good)));
  EXPECT_FALSE(passes_tcp(tcp(framed(header(0)) + evil)))
      << "behind one that asks nothing";
  EXPECT_FALSE(passes_tcp(tcp(good + good + good))) << "more than are read";
}

TEST_F(Query, ThatIsNotWholeInItsSegmentIsRefused) {
  const Bytes good = framed(message("good.example", padding(40)));
  const auto part = [&](std::size_t begin, std::size_t end) {
    return ip4(tcp(Bytes(good.begin() + static_cast<long>(begin),
                         good.begin() + static_cast<long>(end))),
               IPPROTO_TCP);
  };
  EXPECT_TRUE(passes(part(0, good.size())));
  for (std::size_t at = 1; at < good.size(); ++at) {
    EXPECT_FALSE(passes(part(0, at))) << "the first " << at << " bytes";
  }
  EXPECT_FALSE(passes(ip4(tcp(good + Bytes{0}), IPPROTO_TCP)));
}

// What the resolver reads is without the urgent byte, wherever that is.
TEST_F(Query, WithUrgentDataIsRefused) {
  Bytes segment = tcp(framed(message("good.example")));
  EXPECT_TRUE(passes(ip4(segment, IPPROTO_TCP)));
  segment[13] = 0x20;
  EXPECT_FALSE(passes(ip4(segment, IPPROTO_TCP)));
  Bytes nothing = tcp({});
  nothing[13] = 0x20;
  EXPECT_FALSE(passes(ip4(nothing, IPPROTO_TCP)));
}

TEST_F(Query, ToAnotherPortPasses) {
  EXPECT_TRUE(passes(ip4(udp(message("evil.example"), 5353))));
  EXPECT_TRUE(passes(ip4(udp(message("evil.example"), 0))));
}

TEST_F(Query, ToTheResolverOfDockerIsReadAtAnyPort) {
  const auto to = [](const std::string& name, const char* host) {
    return ip4(udp(message(name), 41234), IPPROTO_UDP, host);
  };
  EXPECT_FALSE(passes(to("evil.example", "127.0.0.11")));
  EXPECT_TRUE(passes(to("good.example", "127.0.0.11")));
  EXPECT_TRUE(passes(to("evil.example", "127.0.0.12")));
}

TEST_F(Query, PassesWhateverItIsWhereNothingIsRefused) {
  load(false);
  EXPECT_TRUE(asks("evil.example"));
  EXPECT_TRUE(asks(std::string(64, 'x')));
  EXPECT_TRUE(passes(ip4(tcp({1}), IPPROTO_TCP)));
}

TEST_F(Query, IsRefusedForEachNameOfALongList) {
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i) {
    names.push_back("host-" + std::to_string(i) + ".evil.example");
  }
  load("many", std::move(names), true);
  for (int i = 0; i < 100'000; i += 1'000) {
    EXPECT_FALSE(asks("host-" + std::to_string(i) + ".evil.example"));
    EXPECT_TRUE(asks("host-" + std::to_string(i) + ".good.example"));
  }
}

CompiledPolicy policy_on(const std::string& name) {
  PolicyBuilder builder;
  builder.rule("Name", name_in(builder.list("names", {name})));
  return builder.build();
}

TEST(QueryList, IsReplacedUnderTheProgramThatUsesIt) {
  const ScratchBpffs bpffs;
  const std::string dir = bpffs.path() + "/bailiff";
  hook::LinuxKernel kernel;
  const auto cgroup = make_cgroup();
  const auto programs =
      protect(policy_on("evil.example"), cgroup.cgroup(), dir, "c1", kernel);
  ASSERT_TRUE(programs) << programs.error().message;
  const auto program =
      kernel.open_program(dir + "/programs/" + programs->rbegin()[1].hex());
  ASSERT_TRUE(program);
  EXPECT_FALSE(lets_pass(*program, ip4(udp(message("evil.example")))));
  EXPECT_TRUE(lets_pass(*program, ip4(udp(message("worse.example")))));
  ASSERT_TRUE(publish(dir, policy_on("worse.example"), kernel));
  EXPECT_TRUE(lets_pass(*program, ip4(udp(message("evil.example")))));
  EXPECT_FALSE(lets_pass(*program, ip4(udp(message("worse.example")))));
}

}  // namespace
}  // namespace bailiff::test
