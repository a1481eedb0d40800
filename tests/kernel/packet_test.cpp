// SPDX-License-Identifier: Apache-2.0
//
// What a program for packets makes of packets nobody's kernel would send: run
// on bytes (BPF_PROG_TEST_RUN), not on traffic.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "hook/kernel/kernel.h"
#include "rules/policy/compiled_policy.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/run_packet.h"

namespace bailiff::test {
namespace {

constexpr std::uint16_t kPort = 4444;

// A program that refuses 203.0.113.66 and 2001:db8::66 at port 4444 over UDP.
class Packet : public ::testing::Test {
 protected:
  Packet() : cgroup_(make_cgroup()) {
    PolicyBuilder builder;
    builder.rule("Listed", sip_in(builder.list(
                               "hosts", {"203.0.113.66", "2001:db8::66"})));
    CompiledPolicy policy = builder.build();
    Check protocol;
    protocol.field = FieldId::kFdL4proto;
    protocol.op = Op::kEq;
    protocol.values = {std::string("udp")};
    auto& checks = std::get<And>(policy.rules[0].condition.node).operands;
    checks.push_back({sport_is(kPort)});
    checks.push_back({protocol});
    const auto programs =
        protect(policy, cgroup_.cgroup(), dir(), "c1", kernel_);
    EXPECT_TRUE(programs) << programs.error().message;
    // In the order of the hook points.
    auto egress =
        kernel_.open_program(dir() + "/programs/" + programs->back().hex());
    EXPECT_TRUE(egress);
    program_.push_back(*std::move(egress));
  }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  bool passes(const Bytes& packet) { return lets_pass(program_[0], packet); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
  std::vector<hook::Program> program_;
};

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kListed6 = "2001:db8::66";

TEST_F(Packet, IsJudgedByAddressPortAndProtocol) {
  EXPECT_FALSE(passes(ip4(kListed, udp(kPort))));
  EXPECT_TRUE(passes(ip4("203.0.113.67", udp(kPort))));
  EXPECT_TRUE(passes(ip4(kListed, udp(53))));
  EXPECT_TRUE(passes(ip4(kListed, udp(kPort), IPPROTO_TCP)));
  EXPECT_FALSE(passes(ip6(kListed6, IPPROTO_UDP, udp(kPort))));
  EXPECT_TRUE(passes(ip6("2001:db8::67", IPPROTO_UDP, udp(kPort))));
  EXPECT_TRUE(passes(ip6(kListed6, IPPROTO_UDP, udp(53))));
}

TEST_F(Packet, PortsAreBehindTheOptions) {
  EXPECT_FALSE(passes(ip4(kListed, udp(kPort), IPPROTO_UDP, 15)));
  EXPECT_TRUE(passes(ip4(kListed, udp(53), IPPROTO_UDP, 15)));
}

TEST_F(Packet, OnlyTheFirstFragmentHasPorts) {
  constexpr std::uint16_t kMore = 0x2000;
  EXPECT_FALSE(passes(ip4(kListed, udp(kPort), IPPROTO_UDP, 5, kMore)));
  EXPECT_TRUE(passes(ip4(kListed, udp(kPort), IPPROTO_UDP, 5, kMore | 185)));
  EXPECT_FALSE(passes(
      ip6(kListed6, IPPROTO_FRAGMENT, fragment6(IPPROTO_UDP, 1) + udp(kPort))));
  EXPECT_TRUE(passes(ip6(kListed6, IPPROTO_FRAGMENT,
                         fragment6(IPPROTO_UDP, 1448 | 1) + udp(kPort))));
}

TEST_F(Packet, PortsAreBehindTheExtensionHeaders) {
  const Bytes chain = options(IPPROTO_DSTOPTS, 3) + options(IPPROTO_ROUTING) +
                      options(IPPROTO_FRAGMENT, 2) +
                      fragment6(IPPROTO_DSTOPTS, 1) + options(IPPROTO_UDP);
  EXPECT_FALSE(passes(ip6(kListed6, IPPROTO_HOPOPTS, chain + udp(kPort))));
  EXPECT_TRUE(passes(ip6(kListed6, IPPROTO_HOPOPTS, chain + udp(53))));
}

// What cannot be read to the end is refused, whoever it is for.
TEST_F(Packet, MoreExtensionHeadersThanThereAreIsRefused) {
  Bytes chain;
  for (int i = 0; i < 6; ++i) chain = chain + options(IPPROTO_DSTOPTS);
  EXPECT_FALSE(passes(ip6("2001:db8::67", IPPROTO_DSTOPTS,
                          chain + options(IPPROTO_UDP) + udp(53))));
}

TEST_F(Packet, AHeaderThatIsCutOffIsRefused) {
  EXPECT_FALSE(passes(ip6("2001:db8::67", IPPROTO_DSTOPTS, {})));
  EXPECT_FALSE(passes(ip4(kListed, {1, 2}, IPPROTO_UDP)));
}

TEST_F(Packet, TheNat64NameOfAListedHostIsJudgedAsTheHost) {
  EXPECT_FALSE(passes(ip6("64:ff9b::203.0.113.66", IPPROTO_UDP, udp(kPort))));
  EXPECT_TRUE(passes(ip6("64:ff9b::203.0.113.67", IPPROTO_UDP, udp(kPort))));
}

}  // namespace
}  // namespace bailiff::test
