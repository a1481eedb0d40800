// SPDX-License-Identifier: Apache-2.0
//
// What leaves the interfaces of a protected container without having come from
// an IP socket.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/judged.h"
#include "hook/attach/undo.h"
#include "hook/kernel/network_namespace.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/event.h"
#include "rules/emit/program.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"
#include "tests/kernel/occupied.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kListed6 = "2001:db8::66";
constexpr const char* kOther = "203.0.113.67";

CompiledPolicy listed_hosts() {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {kListed, kListed6})));
  return builder.build();
}

class Frame : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  Result<std::vector<Digest>> protect_with(hook::Kernel& kernel,
                                           const std::string& id = "c1") {
    return protect(policy_, cgroup(), dir(), id, kernel, network_.netns());
  }
  // Whether the frame leaves; the sender is told when it does not.
  bool leaves(const Bytes& frame, const char* device = "tap0",
              std::uint16_t protocol = ETH_P_IP) {
    const int error = network_.send(device, frame, &cgroup(), protocol);
    const bool left = network_.sent(device, frame);
    EXPECT_EQ(error, left ? 0 : ENOBUFS);
    return left;
  }
  std::vector<bailiff_connect_event> events() { return told_in(dir()); }
  std::map<std::string, std::uint32_t> links_of(const std::string& id) const {
    return interface_links(dir(), id);
  }
  // From then on what an IP socket of c1 sends is judged as a frame alone.
  void take_off_egress() {
    for (const char* name : {"egress", "sendmsg4"}) {
      const auto link = kernel_.open_link(dir() + "/links/c1/" + name);
      ASSERT_TRUE(link);
      ASSERT_TRUE(kernel_.detach(*link));
    }
  }
  static std::uint64_t frames_id_of(const CompiledPolicy& policy) {
    const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
    return emit::frames_id(plan, policy.lists,
                           conditions_digest(encode(policy)).short_id());
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
  const CompiledPolicy policy_ = listed_hosts();
};

TEST_F(Frame, ToAListedHostIsRefusedAndTold) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_TRUE(leaves(ethernet(ETH_P_IP) + ip4(kOther, udp(53))));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(4444))));
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_EQ(told[0].header.policy_id,
            conditions_digest(encode(policy_)).short_id());
  EXPECT_EQ(told[0].header.tgid, 0U);
  EXPECT_EQ(told[0].family, 4);
  EXPECT_EQ(told[0].port, 4444);
  EXPECT_EQ(told[0].l4proto, IPPROTO_UDP);
}

TEST_F(Frame, IsToldOnceWhenItIsSentAgain) {
  ASSERT_TRUE(protect_with(kernel_));
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(4444));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(leaves(frame));
  EXPECT_THAT(events(), SizeIs(1));
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(4445))));
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(Frame, IsToldOnceOfEachAddressInTurn) {
  CompiledPolicy policy = policy_;
  policy.lists[0].items = {kListed, kOther};
  ASSERT_TRUE(
      protect(policy, cgroup(), dir(), "c1", kernel_, network_.netns()));
  for (int i = 0; i < 3; ++i) {
    for (const char* host : {kListed, kOther}) {
      EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + ip4(host, udp(4444))));
    }
  }
  EXPECT_THAT(events(), SizeIs(2));
}

TEST_F(Frame, OfIpv6IsJudgedToo) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_FALSE(
      leaves(ethernet(ETH_P_IPV6) + ip6(kListed6, IPPROTO_UDP, udp(1))));
  EXPECT_TRUE(
      leaves(ethernet(ETH_P_IPV6) + ip6("2001:db8::67", IPPROTO_UDP, udp(1))));
}

TEST_F(Frame, IsJudgedBehindItsVlanTags) {
  ASSERT_TRUE(protect_with(kernel_));
  for (const std::vector<std::uint16_t>& tags :
       {std::vector<std::uint16_t>{ETH_P_8021Q},
        {ETH_P_8021AD},
        {ETH_P_8021AD, ETH_P_8021Q}}) {
    EXPECT_FALSE(leaves(ethernet(ETH_P_IP, tags) + ip4(kListed, udp(1))));
    EXPECT_TRUE(leaves(ethernet(ETH_P_IP, tags) + ip4(kOther, udp(1))));
    EXPECT_FALSE(leaves(ethernet(ETH_P_IPV6, tags) +
                        ip6(kListed6, IPPROTO_UDP, udp(1))));
  }
}

TEST_F(Frame, WithMoreTagsThanThereAreIsRefused) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_FALSE(
      leaves(ethernet(ETH_P_IP, {ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q}) +
             ip4(kOther, udp(1))));
}

TEST_F(Frame, IsWhatItsBytesSayAndNotItsSender) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_FALSE(
      leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(1)), "tap0", ETH_P_ARP));
  EXPECT_FALSE(
      leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(1)), "tap0", ETH_P_IPV6));
}

TEST_F(Frame, ThatIsNotIpPasses) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_TRUE(leaves(ethernet(ETH_P_ARP) + Bytes(28), "tap0", ETH_P_ARP));
}

TEST_F(Frame, OfADeviceWithoutHeadersIsJudgedByItsFirstByte) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_FALSE(leaves(ip4(kListed, udp(1)), "tun0"));
  EXPECT_FALSE(leaves(ip4(kListed, udp(1)), "tun0", ETH_P_ARP));
  EXPECT_TRUE(leaves(ip4(kOther, udp(1)), "tun0"));
  EXPECT_FALSE(leaves(ip6(kListed6, IPPROTO_UDP, udp(1)), "tun0"));
}

// A neighbour in the pod, say.
TEST_F(Frame, OfAProcessOutsideTheCgroupIsJudgedAndToldAsItsOwn) {
  const auto neighbour = make_cgroup();
  ASSERT_TRUE(protect_with(kernel_));
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(1));
  EXPECT_EQ(network_.send("tap0", frame, &neighbour.cgroup()), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.cgroup_id, neighbour.cgroup().id());
}

// A packet that got another destination behind its egress looks like one that
// was never judged there.
TEST_F(Frame, OfAnIpSocketIsJudgedWhereItGoesToNoPeer) {
  ASSERT_TRUE(protect_with(kernel_));
  network_.forward_to(kListed);
  EXPECT_EQ(network_.send_datagram(cgroup(), kListed), EPERM);
  EXPECT_THAT(events(), SizeIs(1));
  take_off_egress();
  EXPECT_EQ(network_.send_datagram(cgroup(), kListed), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  // And from a cgroup inside, whoever made it.
  const std::string inner = cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  const auto nested =
      Cgroup::open(*CgroupMount::find(), cgroup().relative_path() + "/inner");
  ASSERT_TRUE(nested);
  EXPECT_EQ(network_.send_datagram(*nested, kListed), ENOBUFS);
  EXPECT_EQ(::rmdir(inner.c_str()), 0);
}

TEST_F(Frame, OfANeighbourIsForItsOwnPolicyToRefuse) {
  const auto neighbour = make_cgroup();
  const auto send = [&](const char* host) {
    return network_.send("tap0", ethernet(ETH_P_IP) + ip4(host, udp(1)),
                         &neighbour.cgroup());
  };
  ASSERT_TRUE(protect_with(kernel_));
  network_.forward_to(kListed);
  network_.forward_to(kOther);
  // Nobody judges it yet.
  EXPECT_EQ(network_.send_datagram(neighbour.cgroup(), kListed), 0);
  PolicyBuilder builder;
  builder.rule("Other", sip_in(builder.list("others", {kOther})));
  ASSERT_TRUE(protect(builder.build(), neighbour.cgroup(), dir(), "c2", kernel_,
                      network_.netns()));
  EXPECT_EQ(network_.send_datagram(neighbour.cgroup(), kListed), 0);
  EXPECT_EQ(send(kListed), 0);
  EXPECT_EQ(network_.send_datagram(cgroup(), kOther), 0);
  EXPECT_TRUE(leaves(ethernet(ETH_P_IP) + ip4(kOther, udp(1))));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(network_.send_datagram(neighbour.cgroup(), kOther), EPERM);
  EXPECT_EQ(send(kOther), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(2));
  for (const bailiff_connect_event& event : told) {
    EXPECT_EQ(event.header.cgroup_id, neighbour.cgroup().id());
  }
  // Once it has gone, its cgroup is nobody's whose frames are judged.
  ASSERT_TRUE(hook::detach(dir(), "c2", kernel_));
  EXPECT_EQ(network_.send_datagram(neighbour.cgroup(), kOther), 0);
  EXPECT_EQ(network_.send_datagram(neighbour.cgroup(), kListed), 0);
  EXPECT_EQ(send(kListed), ENOBUFS);
}

// Links are replaced one after the other.
TEST_F(Frame, IsJudgedByThoseOfBeforeAndThoseToComeWhileTheyAreReplaced) {
  constexpr std::uint64_t kElse = 1;
  ASSERT_TRUE(protect_with(kernel_));
  network_.forward_to(kListed);
  take_off_egress();
  const hook::Pins pins(dir());
  const std::uint64_t own = frames_id_of(policy_);
  const auto sent = [&] { return network_.send_datagram(cgroup(), kListed); };
  const auto enter = [&](std::optional<std::uint64_t> frames,
                         hook::Undo& undo) {
    return hook::enter_judged(pins, "c1", cgroup().id(), frames, kernel_, undo);
  };
  EXPECT_EQ(sent(), ENOBUFS);
  {
    hook::Undo undo;
    ASSERT_TRUE(enter(kElse, undo));
    EXPECT_EQ(sent(), ENOBUFS);
    undo.keep();
  }
  // What reconcile() does.
  hook::Undo unknown;
  ASSERT_TRUE(enter(std::nullopt, unknown));
  EXPECT_EQ(sent(), ENOBUFS);
  ASSERT_TRUE(hook::settle_judged(pins, cgroup().id(), kElse, kernel_));
  EXPECT_EQ(sent(), 0);
  {
    hook::Undo undo;
    ASSERT_TRUE(enter(own, undo));
    EXPECT_EQ(sent(), ENOBUFS);
  }
  // It was put back.
  EXPECT_EQ(sent(), 0);
}

TEST_F(Frame, CannotGoAroundTheQueueingDiscipline) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_EQ(
      network_.set_option(cgroup(), AF_PACKET, SOL_PACKET, PACKET_QDISC_BYPASS),
      0);
  EXPECT_EQ(network_.set_option(cgroup(), AF_XDP, SOL_XDP, XDP_TX_RING), EPERM);
  // Others are as they were.
  EXPECT_EQ(network_.set_option(cgroup(), AF_PACKET, SOL_PACKET, PACKET_LOSS),
            0);
  EXPECT_EQ(network_.set_option(cgroup(), AF_PACKET, SOL_PACKET, 9999),
            ENOPROTOOPT);
}

// To be found again behind `ethernet`.
Bytes forwarded(const char* to, std::uint8_t ttl) {
  Bytes datagram = udp(4444);
  datagram[5] = 8;  // its length
  return from_inside(to, IPPROTO_UDP, datagram, ttl);
}

// It has no socket, and so no cgroup.
TEST_F(Frame, OfAForwardedPacketIsJudged) {
  ASSERT_TRUE(protect_with(kernel_));
  const auto passes = [&](const char* host) {
    network_.forward_to(host);
    network_.feed(forwarded(host, 64));
    Bytes header = ethernet(ETH_P_IP);
    header[0] = 2;
    header[5] = 2;
    const auto from = network_.address("tap0");
    std::copy(from.begin(), from.end(), header.begin() + 6);
    return network_.sent("tap0", header + forwarded(host, 63));
  };
  EXPECT_TRUE(passes(kOther));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_FALSE(passes(kListed));
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.cgroup_id, 0U);
}

TEST_F(Frame, IsJudgedByManyRules) {
  constexpr int kRules = 500;
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {kListed, kListed6});
  for (int i = 0; i < kRules; ++i) {
    Check port = sport_is(1000 + i);
    builder.rule("Port", std::move(port));
  }
  CompiledPolicy policy = builder.build();
  for (Rule& rule : policy.rules) {
    std::get<And>(rule.condition.node).operands.push_back(Expr{sip_in(hosts)});
  }
  const auto programs =
      protect(policy, cgroup(), dir(), "c1", kernel_, network_.netns());
  ASSERT_TRUE(programs) << programs.error().message;
  const auto frame = [](std::uint16_t port) {
    return ethernet(ETH_P_IP, {ETH_P_8021Q}) + ip4(kListed, udp(port));
  };
  EXPECT_FALSE(leaves(frame(1000)));
  EXPECT_FALSE(leaves(frame(1000 + kRules - 1)));
  EXPECT_TRUE(leaves(frame(1000 + kRules)));
}

TEST_F(Frame, HasALinkForEachInterfaceAndOneForTheGuard) {
  ASSERT_TRUE(protect_with(kernel_));
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_EQ(network_.frame_programs("tun0"), 1);
  const auto names = kernel_.list(dir() + "/links/c1");
  ASSERT_TRUE(names);
  EXPECT_THAT(*names,
              ElementsAre("connect4", "connect6", "egress",
                          StartsWith("frame-2-"), StartsWith("frame-3-"),
                          "sendmsg4", "sendmsg6", "setsockopt"));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(network_.comes_to(0));
  EXPECT_TRUE(leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(1))));
}

TEST_F(Frame, ProgramsAreSharedByContainersOfOnePolicy) {
  const auto other = make_cgroup();
  const ScratchNetwork elsewhere;
  ASSERT_TRUE(protect_with(kernel_));
  const auto before = kernel_.list(dir() + "/programs");
  ASSERT_TRUE(protect(policy_, other.cgroup(), dir(), "c2", kernel_,
                      elsewhere.netns()));
  EXPECT_EQ(*kernel_.list(dir() + "/programs"), *before);
  const auto names = kernel_.list(dir() + "/links/c1");
  ASSERT_TRUE(names);
  const auto frame = std::find_if(
      names->begin(), names->end(),
      [](const std::string& name) { return name.starts_with("frame-2-"); });
  ASSERT_NE(frame, names->end());
  std::vector<std::uint32_t> ids;
  for (const char* id : {"c1", "c2"}) {
    const auto link = kernel_.open_link(dir() + "/links/" + id + "/" + *frame);
    ASSERT_TRUE(link);
    ids.push_back(kernel_.state(*link)->program);
  }
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_NE(links_of("c1").at("frame-2"), links_of("c2").at("frame-2"));
}

TEST_F(Frame, LinksAreSharedByContainersOfOnePodAndPolicy) {
  const auto other = make_cgroup();
  ASSERT_TRUE(protect_with(kernel_));
  ASSERT_TRUE(
      protect(policy_, other.cgroup(), dir(), "c2", kernel_, network_.netns()));
  EXPECT_THAT(links_of("c1"), SizeIs(2));
  EXPECT_EQ(links_of("c1"), links_of("c2"));
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_EQ(network_.frame_programs("tun0"), 1);
}

// The last one's link ends some time after it.
TEST_F(Frame, IsJudgedWhenAContainerComesAsTheLastOneGoes) {
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(1));
  for (int i = 0; i < 50; ++i) {
    const auto programs = protect_with(kernel_, "c" + std::to_string(i));
    ASSERT_TRUE(programs) << programs.error().message;
    ASSERT_EQ(network_.frame_programs("tap0"), 1);
    ASSERT_EQ(network_.send("tap0", frame, &cgroup()), ENOBUFS);
    ASSERT_TRUE(hook::detach(dir(), "c" + std::to_string(i), kernel_));
  }
  EXPECT_TRUE(network_.comes_to(0));
}

TEST_F(Frame, IsJudgedUntilTheLastContainerOfThePodIsGone) {
  const auto other = make_cgroup();
  ASSERT_TRUE(protect_with(kernel_));
  const auto second =
      protect(policy_, other.cgroup(), dir(), "c2", kernel_, network_.netns());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(1));
  EXPECT_FALSE(leaves(frame));
  EXPECT_THAT(events(), SizeIs(1));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_FALSE(leaves(frame));
  // Its lists are still brought up to date.
  CompiledPolicy newer = policy_;
  newer.lists[0].items = {kOther};
  ASSERT_TRUE(publish(dir(), newer, kernel_));
  EXPECT_TRUE(leaves(frame));
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + ip4(kOther, udp(1))));
  ASSERT_TRUE(hook::detach(dir(), "c2", kernel_));
  EXPECT_TRUE(network_.comes_to(0));
}

TEST_F(Frame, IsNotJudgedWhereTheNetworkIsNotKnown) {
  ASSERT_TRUE(protect(policy_, cgroup(), dir(), "c1", kernel_));
  EXPECT_EQ(network_.frame_programs("tap0"), 0);
  const auto names = kernel_.list(dir() + "/links/c1");
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, Not(Contains("setsockopt")));
}

TEST_F(Frame, LeavesNoTraceWhicheverCallOfAttachFails) {
  const std::vector<std::string> before = bpffs_.entries();
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    FaultyKernel faulty(calls);
    const int descriptors = open_descriptors();
    const auto programs = protect_with(faulty);
    if (!faulty.failed()) {
      EXPECT_TRUE(programs) << programs.error().message;
      break;
    }
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    ASSERT_FALSE(programs);
    ASSERT_EQ(network_.frame_programs("tap0"), 0);
    ASSERT_EQ(network_.frame_programs("tun0"), 0);
    ASSERT_EQ(attached_programs(cgroup()), 0);
    ASSERT_EQ(bpffs_.entries(), before);
    ASSERT_EQ(open_descriptors(), descriptors);
  }
  EXPECT_GT(calls, 40);
}

TEST_F(Frame, IsJudgedForAMateWhicheverCallOfAttachFails) {
  const auto mate = make_cgroup();
  ASSERT_TRUE(protect(policy_, mate.cgroup(), dir(), "mate", kernel_,
                      network_.netns()));
  const std::vector<std::string> before = bpffs_.entries();
  const auto links = links_of("mate");
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(1));
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    FaultyKernel faulty(calls);
    const auto programs = protect_with(faulty);
    if (!faulty.failed()) break;
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    ASSERT_FALSE(programs);
    ASSERT_EQ(bpffs_.entries(), before);
    ASSERT_EQ(links_of("mate"), links);
    ASSERT_EQ(network_.frame_programs("tap0"), 1);
    ASSERT_EQ(network_.frame_programs("tun0"), 1);
    ASSERT_EQ(network_.send("tap0", frame, &mate.cgroup()), ENOBUFS);
  }
  EXPECT_GT(calls, 40);
  EXPECT_EQ(links_of("c1"), links);
}

// A kernel before 6.6.
TEST_F(Frame, IsSaidToBeUnjudgedWhereTheKernelCannot) {
  WithoutTcx old;
  const Plan plan = lower(policy_, Facts{.values = {}, .complete = true});
  const auto attachment =
      hook::attach({.bpf_dir = dir(),
                    .container_id = "c1",
                    .policy = policy_,
                    .whole_policy = [&]() -> Result<const CompiledPolicy*> {
                      return &policy_;
                    },
                    .policy_digest = policy_digest(encode(policy_)),
                    .plan = plan,
                    .network = {.netns = network_.netns()}},
                   cgroup(), old);
  ASSERT_TRUE(attachment) << attachment.error().message;
  EXPECT_THAT(attachment->unjudged, ElementsAre(HasSubstr("no tcx")));
  EXPECT_THAT(attachment->programs, SizeIs(kHookCount));
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
  EXPECT_EQ(network_.set_option(cgroup(), AF_XDP, SOL_XDP, XDP_UMEM_FILL_RING),
            0);
}

TEST_F(Frame, AContainerWithRulesTooManyOfOneNetworkIsToldWhy) {
  const auto other = make_cgroup();
  const auto same = make_cgroup();
  ASSERT_TRUE(protect_with(kernel_));
  const auto others = occupy(network_, 62, kernel_);
  PolicyBuilder builder;
  builder.rule("Other", sip_in(builder.list("others", {kOther})));
  const auto refused = protect(builder.build(), other.cgroup(), dir(), "c2",
                               kernel_, network_.netns());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("takes 63 programs"));
  EXPECT_TRUE(
      protect(policy_, same.cgroup(), dir(), "c3", kernel_, network_.netns()));
}

TEST_F(Frame, LinksOfAContainerThatIsGoneAreRemoved) {
  {
    const auto leaving = make_cgroup();
    ASSERT_TRUE(protect(policy_, leaving.cgroup(), dir(), "leaves", kernel_,
                        network_.netns()));
  }
  ASSERT_TRUE(protect_with(kernel_, "stays"));
  // The kernel takes a removed cgroup's links off in a worker of its own.
  std::vector<std::string> removed;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (removed.empty() && std::chrono::steady_clock::now() < deadline) {
    const auto found = hook::reconcile(dir(), kernel_);
    ASSERT_TRUE(found) << found.error().message;
    removed = *found;
  }
  EXPECT_THAT(removed, ElementsAre("leaves"));
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + ip4(kListed, udp(1))));
}

TEST_F(Frame, AnInterfaceThatGoesTakesNothingElseAlong) {
  ASSERT_TRUE(protect_with(kernel_));
  network_ = ScratchNetwork();
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
  EXPECT_TRUE(hook::detach(dir(), "c1", kernel_));
}

}  // namespace
}  // namespace bailiff::test
