// SPDX-License-Identifier: Apache-2.0
//
// Rules on the port that a connection is made from, which a socket may not have
// yet when the connection is judged.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "rules/abi/event.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t kAllowed = 1053;
constexpr std::uint16_t kOther = 1054;
constexpr const char* kHost = "203.0.113.67";

CompiledPolicy refusing(Expr condition) {
  CompiledPolicy policy;
  Rule rule;
  rule.name = "Ports";
  rule.condition = std::move(condition);
  policy.rules.push_back(std::move(rule));
  policy.policies.resize(1);
  policy.policies[0].rules = {0};
  policy.policies[0].mode = Mode::kEnforce;
  policy.policies[0].block = true;
  return policy;
}

// connect and not fd.port in (allowed)
CompiledPolicy all_but_allowed() {
  return refusing(all_of(
      {event_is("connect"),
       negated(check(FieldId::kFdPort, Op::kIn, {std::int64_t{kAllowed}}))}));
}
// connect and fd.lport < 1100
CompiledPolicy from_low_ports() {
  return refusing(all_of({event_is("connect"), check(FieldId::kFdLport, Op::kLt,
                                                     {std::int64_t{1100}})}));
}

class LocalPort : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }
  void protect_by(const CompiledPolicy& policy, int netns = -1) {
    const auto attached =
        protect(policy, cgroup(), dir(), "c1", kernel_, netns);
    ASSERT_TRUE(attached) << attached.error().message;
  }
  bool refused(const Connect& connect) {
    return connect_in(cgroup(), connect).error == EPERM;
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
};

TEST_F(LocalPort, ThatASocketIsToGetIsNoneOfAServers) {
  protect_by(all_but_allowed());
  for (const bool tcp : {true, false}) {
    for (const bool ipv6 : {true, false}) {
      const auto to = [&](std::uint16_t port, std::uint16_t from) -> Connect {
        return {.address = "127.66.0.1",
                .port = port,
                .tcp = tcp,
                .ipv6 = ipv6,
                .from = from};
      };
      EXPECT_TRUE(refused(to(kOther, 0)));
      EXPECT_TRUE(refused(to(kOther, kOther)));
      EXPECT_FALSE(refused(to(kAllowed, 0)));
      EXPECT_FALSE(refused(to(kOther, kAllowed)));
    }
  }
}

TEST_F(LocalPort, OfABoundSocketIsToldAndRefused) {
  protect_by(from_low_ports());
  for (const bool tcp : {true, false}) {
    EXPECT_FALSE(refused({.port = kOther, .tcp = tcp}));
    EXPECT_FALSE(refused({.port = kOther, .tcp = tcp, .from = 1100}));
    EXPECT_THAT(told_in(dir()), IsEmpty());
    EXPECT_TRUE(refused({.port = kOther, .tcp = tcp, .from = 1099}));
    const auto told = told_in(dir());
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].header.local_port, 1099);
    EXPECT_EQ(told[0].port, kOther);
  }
}

// Whether a socket has a port is asked for each, of which the verifier could
// look at the rest once for both.
TEST_F(LocalPort, OfFiveHundredRulesIsOneProgram) {
  CompiledPolicy policy;
  for (std::uint32_t i = 0; i < 500; ++i) {
    const CompiledPolicy one = refusing(all_of(
        {event_is("connect"),
         any_of({check(FieldId::kFdPort, Op::kIn,
                       {std::int64_t{1000 + i}, std::int64_t{30000 - i}}),
                 check(FieldId::kFdLport, Op::kLt, {std::int64_t{i}})})}));
    if (i == 0) policy = one;
    if (i > 0) {
      policy.rules.push_back(one.rules[0]);
      policy.policies[0].rules.push_back(i);
    }
  }
  protect_by(policy);
  EXPECT_TRUE(refused({.port = kOther, .from = 1499}));
  EXPECT_TRUE(refused({.port = 1499}));
  EXPECT_FALSE(refused({.port = 2000}));
}

// A server answers from its port, and a rule on connections is not about that;
// but what it excepts it excepts.
TEST_F(LocalPort, OfAMessageIsLeftToWhatTheRuleExcepts) {
  const auto sends = [](std::uint16_t from) -> Connect {
    return {.port = kOther, .send = true, .from = from};
  };
  protect_by(from_low_ports());
  EXPECT_FALSE(refused(sends(kAllowed)));
  EXPECT_FALSE(refused(sends(0)));
  const hook::ScratchCgroup other = make_cgroup();
  ASSERT_TRUE(protect(all_but_allowed(), other.cgroup(), dir(), "c2", kernel_));
  EXPECT_EQ(connect_in(other.cgroup(), sends(0)).error, EPERM);
  EXPECT_EQ(connect_in(other.cgroup(), sends(kOther)).error, EPERM);
  EXPECT_EQ(connect_in(other.cgroup(), sends(kAllowed)).error, 0);
}

// Over a raw socket each may be from another port, which a note would not tell.
TEST_F(LocalPort, OfAPacketIsItsSource) {
  network_.forward_to(kHost);
  protect_by(all_but_allowed(), network_.netns());
  const UniqueFd raw = network_.socket(cgroup(), SOCK_RAW, IPPROTO_UDP);
  ASSERT_TRUE(raw);
  const auto sends = [&](std::uint16_t port, std::uint16_t from) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    ::inet_pton(AF_INET, kHost, &to.sin_addr);
    const Bytes bytes = udp(port, from);
    return ::sendto(raw.get(), bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
               ? errno
               : 0;
  };
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(sends(kOther, kAllowed), 0);
    ASSERT_EQ(sends(kOther, kOther), EPERM);
    ASSERT_EQ(sends(kAllowed, kOther), 0);
  }
  EXPECT_EQ(network_.sent_to(kHost), 200);
}

TEST_F(LocalPort, OfFramesIsTheirSource) {
  protect_by(all_but_allowed(), network_.netns());
  const auto frame = [&](std::uint16_t port, std::uint16_t from) {
    return network_.send(
        "tap0", ethernet(ETH_P_IP) + ip4(kHost, udp(port, from)), &cgroup());
  };
  EXPECT_EQ(frame(kOther, kAllowed), 0);
  EXPECT_EQ(frame(kOther, kOther), ENOBUFS);
}

}  // namespace
}  // namespace bailiff::test
