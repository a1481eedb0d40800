// SPDX-License-Identifier: Apache-2.0
//
// What leaves a container that may reach some hosts and no others, over sockets
// that neither connect(2) nor sendto(2) is judged for.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "hook/kernel/kernel_facts.h"
#include "rules/abi/event.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kAllowed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";
constexpr const char* kListed = "203.0.113.68";

void negate_last(Expr& condition) {
  auto& operands = std::get<And>(condition.node).operands;
  operands.back() = Expr{Not{operands.back()}};
}

CompiledPolicy all_but(const char* host) {
  PolicyBuilder builder;
  builder.rule("Not allowed", snet_in(builder.list("allowed", {host})));
  CompiledPolicy policy = builder.build();
  negate_last(policy.rules[0].condition);
  return policy;
}

int send_to(int fd, const char* host, const Bytes& bytes) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(4444);
  ::inet_pton(AF_INET, host, &to.sin_addr);
  return ::sendto(fd, bytes.data(), bytes.size(), 0,
                  reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
             ? errno
             : 0;
}

class Raw : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* host : {kAllowed, kOther, kListed}) {
      network_.forward_to(host);
    }
  }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }
  void protect_by(const CompiledPolicy& policy) {
    const auto attached =
        protect(policy, cgroup(), dir(), "c1", kernel_, network_.netns());
    ASSERT_TRUE(attached) << attached.error().message;
  }
  // errno of what a process of the container sends over a socket of its own.
  int sends(int type, int protocol, const char* host, const Bytes& bytes) {
    return network_.run_in(cgroup(), [&] {
      const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, protocol));
      return fd ? send_to(fd.get(), host, bytes) : errno;
    });
  }
  int frame_to(const char* host, const Cgroup& sender) const {
    return network_.send("tap0", ethernet(ETH_P_IP) + ip4(host, udp(4444)),
                         &sender);
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
};

TEST_F(Raw, SocketsReachWhoIsAllowedAndNobodyElse) {
  protect_by(all_but(kAllowed));
  EXPECT_EQ(sends(SOCK_RAW, IPPROTO_UDP, kAllowed, udp(4444)), 0);
  EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kAllowed, ip4(kAllowed, udp(1))), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
  EXPECT_EQ(sends(SOCK_RAW, IPPROTO_UDP, kOther, udp(4444)), EPERM);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_EGRESS);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].l4proto, IPPROTO_UDP);
  EXPECT_EQ(told[0].port, 4444);
  // By the packet, whatever name it is sent to.
  EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kAllowed, ip4(kOther, udp(1))), EPERM);
}

TEST_F(Raw, SoAreSocketsOfIcmpJudged) {
  ASSERT_EQ(network_.run_in(cgroup(),
                            [] {
                              return ::system(
                                  "echo 0 0 "
                                  ">/proc/sys/net/ipv4/ping_group_range");
                            }),
            0);
  const Bytes echo = {8, 0, 0, 0, 0, 0, 0, 1};
  protect_by(all_but(kAllowed));
  EXPECT_EQ(sends(SOCK_DGRAM, IPPROTO_ICMP, kAllowed, echo), 0);
  EXPECT_EQ(sends(SOCK_DGRAM, IPPROTO_ICMP, kOther, echo), EPERM);
}

// It may answer a peer that came by itself.
TEST_F(Raw, NoOtherSocketHasItsPacketsJudged) {
  const UniqueFd fd = network_.socket(cgroup(), SOCK_DGRAM);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(4444);
  ::inet_pton(AF_INET, kOther, &to.sin_addr);
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to),
            0);
  protect_by(all_but(kAllowed));
  network_.sent_to(kOther);
  EXPECT_EQ(network_.run_in(
                cgroup(),
                [&] { return ::send(fd.get(), "x", 1, 0) < 0 ? errno : 0; }),
            0);
  EXPECT_EQ(network_.sent_to(kOther), 1);
  // A new one is judged by whom it is sent to.
  EXPECT_EQ(sends(SOCK_DGRAM, 0, kOther, {1}), EPERM);
}

TEST_F(Raw, FramesReachWhoIsAllowedAndNobodyElse) {
  protect_by(all_but(kAllowed));
  EXPECT_EQ(frame_to(kAllowed, cgroup()), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
  EXPECT_EQ(frame_to(kOther, cgroup()), ENOBUFS);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
}

Bytes udp_between(std::uint16_t from, std::uint16_t to) {
  Bytes datagram = {0, 0, 0, 0, 0, 8, 0, 0};
  put(datagram, 0, from);
  put(datagram, 2, to);
  return datagram;
}
Bytes tcp_with(std::uint8_t flags) {
  Bytes segment(20);
  put(segment, 2, 443);
  segment[12] = 0x50;
  segment[13] = flags;
  return segment;
}

// What a tun device is fed with has no socket.
TEST_F(Raw, ForwardedQuestionsAreJudgedAndAnswersAreNot) {
  constexpr std::uint8_t kSyn = 2;
  constexpr std::uint8_t kAck = 16;
  const Bytes echo = {8, 0, 0, 0, 0, 0, 0, 1};
  const Bytes reply = {0, 0, 0, 0, 0, 0, 0, 1};
  Bytes init(16);
  init[12] = 1;
  Bytes data(16);
  protect_by(all_but(kAllowed));
  const auto reaches = [&](const char* host, int protocol, const Bytes& what) {
    network_.sent_to(host);
    network_.feed(from_inside(host, static_cast<std::uint8_t>(protocol), what));
    return network_.sent_to(host) == 1;
  };
  const std::vector<std::pair<int, Bytes>> questions = {
      {IPPROTO_TCP, tcp_with(kSyn)},
      {IPPROTO_UDP, udp_between(40000, 53)},
      {IPPROTO_ICMP, echo},
      {IPPROTO_SCTP, init}};
  for (const auto& [protocol, question] : questions) {
    EXPECT_TRUE(reaches(kAllowed, protocol, question)) << protocol;
    EXPECT_THAT(told_in(dir()), IsEmpty());
    EXPECT_FALSE(reaches(kOther, protocol, question)) << protocol;
    const auto told = told_in(dir());
    ASSERT_THAT(told, SizeIs(1)) << protocol;
    EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
    EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
    EXPECT_EQ(told[0].l4proto, protocol);
  }
  const std::vector<std::pair<int, Bytes>> answers = {
      {IPPROTO_TCP, tcp_with(kSyn | kAck)},
      {IPPROTO_TCP, tcp_with(kAck)},
      {IPPROTO_UDP, udp_between(53, 40000)},
      {IPPROTO_UDP, udp_between(40000, 40001)},
      {IPPROTO_ICMP, reply},
      {IPPROTO_SCTP, data}};
  for (const auto& [protocol, answer] : answers) {
    EXPECT_TRUE(reaches(kOther, protocol, answer)) << protocol;
  }
  EXPECT_THAT(told_in(dir()), IsEmpty());
}

TEST_F(Raw, FramesOfANeighbourAreNotJudged) {
  const auto neighbour = make_cgroup();
  protect_by(all_but(kAllowed));
  EXPECT_EQ(frame_to(kOther, neighbour.cgroup()), 0);
  // While who is listed is refused to whoever is not known to be somebody else.
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("listed", {kListed})));
  const auto second = make_cgroup();
  const auto attached = protect(builder.build(), second.cgroup(), dir(), "c2",
                                kernel_, network_.netns());
  ASSERT_TRUE(attached) << attached.error().message;
  EXPECT_EQ(frame_to(kOther, neighbour.cgroup()), 0);
  EXPECT_EQ(frame_to(kListed, neighbour.cgroup()), ENOBUFS);
}

TEST_F(Raw, DatagramsOverASocketMadeElsewhereAreJudged) {
  ASSERT_TRUE(hook::kernel_facts().knows_sender())
      << "needs Linux 6.6 and its BTF";
  const auto maker = make_cgroup();
  const UniqueFd fd = network_.socket(maker.cgroup(), SOCK_DGRAM);
  const int on = 1;
  ASSERT_EQ(::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
  protect_by(all_but(kAllowed));
  const auto sends_over = [&](const Cgroup& sender, const char* host) {
    return network_.run_in(sender,
                           [&] { return send_to(fd.get(), host, {1}); });
  };
  EXPECT_EQ(sends_over(cgroup(), kAllowed), 0);
  EXPECT_EQ(sends_over(maker.cgroup(), kOther), 0);
  EXPECT_EQ(sends_over(cgroup(), kOther), ENOBUFS);
}

// With rules of both kinds, and of more than one word of hits.
TEST_F(Raw, RulesBesideOthersRefuseNoMore) {
  constexpr int kRules = 200;
  PolicyBuilder builder;
  const auto allowed = builder.list("allowed", {kAllowed, kListed});
  const auto listed = builder.list("listed", {kListed});
  for (int i = 0; i < kRules; ++i) {
    builder.rule("Rule " + std::to_string(i),
                 snet_in(i % 2 == 0 ? allowed : listed));
  }
  CompiledPolicy policy = builder.build();
  for (int i = 0; i < kRules; ++i) {
    Expr& condition = policy.rules[static_cast<std::size_t>(i)].condition;
    if (i % 2 == 0) negate_last(condition);
    std::get<And>(condition.node).operands.push_back({sport_is(4300 + i)});
  }
  protect_by(policy);
  const auto packet_to = [](const char* host, int port) {
    return ip4(host, udp(static_cast<std::uint16_t>(port)));
  };
  for (const int port : {4300, 4300 + kRules - 2}) {
    EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kOther, packet_to(kOther, port)),
              EPERM);
    EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kAllowed, packet_to(kAllowed, port)),
              0);
    EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kListed, packet_to(kListed, port)),
              0);
    EXPECT_EQ(
        sends(SOCK_RAW, IPPROTO_RAW, kListed, packet_to(kListed, port + 1)),
        EPERM);
    EXPECT_EQ(sends(SOCK_RAW, IPPROTO_RAW, kOther, packet_to(kOther, port + 1)),
              0);
  }
}

}  // namespace
}  // namespace bailiff::test
