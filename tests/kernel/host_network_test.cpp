// SPDX-License-Identifier: Apache-2.0
//
// A container on the host's network, whose interfaces are everybody's: what it
// sends is judged, and nothing else.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/kernel_facts.h"
#include "hook/kernel/network_namespace.h"
#include "rules/abi/event.h"
#include "tests/harness/dns_bytes.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";

CompiledPolicy listed() {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {kListed})));
  return builder.build();
}

CompiledPolicy all_but_listed() {
  PolicyBuilder builder;
  builder.rule("Not allowed", snet_in(builder.list("allowed", {kListed})));
  CompiledPolicy policy = builder.build();
  auto& operands = std::get<And>(policy.rules[0].condition.node).operands;
  operands.back() = Expr{Not{operands.back()}};
  return policy;
}

class HostNetwork : public ::testing::Test {
 protected:
  void SetUp() override {
    network_.forward_to(kListed);
    network_.forward_to(kOther);
  }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }
  const Cgroup& other() const { return other_.cgroup(); }

  void protect_by(const CompiledPolicy& policy) {
    protect_by(policy, cgroup());
  }
  void protect_by(const CompiledPolicy& policy, const Cgroup& cgroup,
                  const std::string& id = "c1") {
    const auto attached =
        protect(policy, cgroup, dir(), id, kernel_, network_.netns(), true);
    ASSERT_TRUE(attached) << attached.error().message;
  }
  int frame_to(const char* host, const Cgroup* sender) const {
    return network_.send("tap0", ethernet(ETH_P_IP) + ip4(host, udp(4444)),
                         sender);
  }
  // From then on what an IP socket of c1 sends is judged as a frame alone.
  void take_off_egress() {
    for (const char* name : {"egress", "sendmsg4"}) {
      const auto link = kernel_.open_link(dir() + "/links/c1/" + name);
      ASSERT_TRUE(link);
      ASSERT_TRUE(kernel_.detach(*link));
    }
  }
  int run(const std::string& command) const {
    int status = -1;
    EXPECT_TRUE(hook::in_network_namespace(network_.netns(), [&]() -> Status {
      status = ::system(command.c_str());
      return Ok{};
    }));
    return status;
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  const hook::ScratchCgroup other_ = make_cgroup();
  ScratchNetwork network_;
};

TEST_F(HostNetwork, FramesOfTheContainerAreJudged) {
  protect_by(listed());
  EXPECT_EQ(frame_to(kOther, &cgroup()), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
  EXPECT_EQ(frame_to(kListed, &cgroup()), ENOBUFS);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
}

TEST_F(HostNetwork, WhatOthersSendIsNot) {
  protect_by(listed());
  EXPECT_EQ(frame_to(kListed, &other()), 0);
  EXPECT_EQ(frame_to(kListed, nullptr), 0);
  EXPECT_EQ(network_.send_datagram(other(), kListed), 0);
  // To a host behind another interface, for a pod say.
  Bytes datagram = udp(4444);
  datagram[5] = 8;  // its length
  network_.sent_to(kListed);
  network_.feed(from_inside(kListed, IPPROTO_UDP, datagram, 64));
  EXPECT_EQ(network_.sent_to(kListed), 1);
  EXPECT_THAT(told_in(dir()), IsEmpty());
}

// They are on the host's network too, under rules of their own.
TEST_F(HostNetwork, AnotherContainersFramesAreForItsOwnRules) {
  protect_by(listed());
  PolicyBuilder builder;
  builder.rule("Other", sip_in(builder.list("others", {kOther})));
  protect_by(builder.build(), other(), "c2");
  EXPECT_EQ(frame_to(kListed, &cgroup()), ENOBUFS);
  EXPECT_EQ(frame_to(kOther, &cgroup()), 0);
  EXPECT_EQ(frame_to(kListed, &other()), 0);
  EXPECT_EQ(frame_to(kOther, &other()), ENOBUFS);
}

TEST_F(HostNetwork, WhoIsNotAllowedGetsNoFrame) {
  protect_by(all_but_listed());
  EXPECT_EQ(frame_to(kListed, &cgroup()), 0);
  EXPECT_EQ(frame_to(kOther, &cgroup()), ENOBUFS);
  EXPECT_EQ(frame_to(kOther, &other()), 0);
}

// As kube-proxy does, and whoever may change the host's nftables.  It looks
// like a packet that was never judged at its egress.
TEST_F(HostNetwork, WhatIsRedirectedIsJudgedByLists) {
  protect_by(listed());
  take_off_egress();
  EXPECT_EQ(network_.send_datagram(cgroup(), kListed), ENOBUFS);
  EXPECT_EQ(network_.send_datagram(cgroup(), kOther), 0);
}

// A service's address is on such a list, and not that of who serves.
TEST_F(HostNetwork, WhatIsRedirectedNeedNotBeAllowed) {
  protect_by(all_but_listed());
  take_off_egress();
  EXPECT_EQ(network_.send_datagram(cgroup(), kOther), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
}

TEST_F(HostNetwork, DatagramsOverASocketMadeElsewhereAreJudged) {
  ASSERT_TRUE(hook::kernel_facts().knows_sender());
  protect_by(listed());
  const UniqueFd fd = network_.socket(other(), SOCK_DGRAM);
  const int on = 1;
  ASSERT_EQ(::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
  const auto sends = [&](const Cgroup& sender, const char* host) {
    return network_.run_in(sender, [&] {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(4444);
      ::inet_pton(AF_INET, host, &to.sin_addr);
      return ::sendto(fd.get(), "x", 1, 0,
                      reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
                 ? errno
                 : 0;
    });
  };
  EXPECT_EQ(sends(other(), kListed), 0);
  EXPECT_EQ(sends(cgroup(), kOther), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
  EXPECT_EQ(sends(cgroup(), kListed), ENOBUFS);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
}

TEST_F(HostNetwork, FramesOverASocketMadeElsewhereAreJudged) {
  ASSERT_TRUE(hook::kernel_facts().knows_sender());
  protect_by(listed());
  const UniqueFd fd = network_.socket(other(), SOCK_RAW, 0, AF_PACKET);
  const auto sends = [&](const Cgroup& sender, const char* host) {
    return network_.run_in(sender, [&] {
      const Bytes frame = ethernet(ETH_P_IP) + ip4(host, udp(4444));
      sockaddr_ll to{};
      to.sll_family = AF_PACKET;
      to.sll_protocol = htons(ETH_P_IP);
      to.sll_ifindex = static_cast<int>(::if_nametoindex("tap0"));
      return ::sendto(fd.get(), frame.data(), frame.size(), 0,
                      reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
                 ? errno
                 : 0;
    });
  };
  EXPECT_EQ(sends(other(), kListed), 0);
  EXPECT_EQ(sends(cgroup(), kOther), 0);
  EXPECT_THAT(told_in(dir()), IsEmpty());
  EXPECT_EQ(sends(cgroup(), kListed), ENOBUFS);
  const auto told = told_in(dir());
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_NE(told[0].header.tgid, 0U);
  // And where only some are allowed.
  protect_by(all_but_listed());
  EXPECT_EQ(sends(cgroup(), kListed), 0);
  EXPECT_EQ(sends(cgroup(), kOther), ENOBUFS);
  EXPECT_EQ(sends(other(), kOther), 0);
}

// Of whom it is, is looked at first.
TEST_F(HostNetwork, WhatCannotBeReadIsRefusedToTheContainerAlone) {
  protect_by(listed());
  const Bytes tagged =
      ethernet(ETH_P_IP, {ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q}) +
      ip4(kOther, udp(1));
  const Bytes cut = ethernet(ETH_P_IP) + Bytes(4);
  for (const Bytes& frame : {tagged, cut}) {
    EXPECT_EQ(network_.send("tap0", frame, &other()), 0);
    EXPECT_EQ(network_.send("tap0", frame, &cgroup()), ENOBUFS);
  }
}

TEST_F(HostNetwork, QuestionsOfTheContainerAreJudged) {
  PolicyBuilder builder;
  Check check;
  check.field = FieldId::kFdSipName;
  check.op = Op::kIn;
  check.lists = {builder.list("names", {"evil.example"})};
  builder.rule("Listed", check);
  protect_by(builder.build());
  const auto asks = [&](const Bytes& message, const Cgroup& sender) {
    const Bytes datagram = dns::big_endian(40000) + dns::big_endian(53) +
                           dns::big_endian(message.size() + 8) + Bytes(2) +
                           message;
    return network_.send("tap0", ethernet(ETH_P_IP) + ip4(kOther, datagram),
                         &sender);
  };
  // Of two questions, which is not read.
  const Bytes unreadable = dns::header(0x0100, 2, 0) + dns::name("a.example");
  EXPECT_EQ(asks(dns::question("good.example"), cgroup()), 0);
  EXPECT_EQ(asks(dns::question("evil.example"), cgroup()), ENOBUFS);
  EXPECT_EQ(asks(unreadable, cgroup()), ENOBUFS);
  EXPECT_EQ(asks(dns::question("evil.example"), other()), 0);
  EXPECT_EQ(asks(unreadable, other()), 0);
}

TEST_F(HostNetwork, FramesAreJudgedByManyRules) {
  constexpr int kRules = 500;
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {kListed});
  for (int i = 0; i < kRules; ++i) builder.rule("Port", sport_is(1000 + i));
  CompiledPolicy policy = builder.build();
  for (Rule& rule : policy.rules) {
    std::get<And>(rule.condition.node).operands.push_back(Expr{sip_in(hosts)});
  }
  protect_by(policy);
  const auto sends = [&](std::uint16_t port) {
    return network_.send("tap0", ethernet(ETH_P_IP) + ip4(kListed, udp(port)),
                         &cgroup());
  };
  EXPECT_EQ(sends(999), 0);
  EXPECT_EQ(sends(1000), ENOBUFS);
  EXPECT_EQ(sends(1000 + kRules - 1), ENOBUFS);
  EXPECT_EQ(sends(1000 + kRules), 0);
}

TEST_F(HostNetwork, EndsOfPairsWithoutAnAddressHaveNoProgram) {
  ASSERT_EQ(run("ip link add pod0 type veth peer name pod1 && "
                "ip link add up0 type veth peer name up1 && "
                "ip addr add 198.51.100.1/24 dev up0"),
            0);
  protect_by(listed());
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_EQ(network_.frame_programs("up0"), 1);
  EXPECT_EQ(network_.frame_programs("pod0"), 0);
  const auto lacks = hook::lacks_programs(
      dir(), "c1", {.netns = network_.netns(), .host = true}, kernel_);
  ASSERT_TRUE(lacks) << lacks.error().message;
  EXPECT_FALSE(*lacks);
  // In a network of its own a container has such a pair as its only way out.
  EXPECT_TRUE(*hook::lacks_programs(
      dir(), "c1", {.netns = network_.netns(), .host = false}, kernel_));
}

}  // namespace
}  // namespace bailiff::test
