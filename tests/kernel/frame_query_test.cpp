// SPDX-License-Identifier: Apache-2.0
//
// What asks a resolver for a name and leaves the interfaces of a protected
// container without having come from an IP socket of its own.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "hook/attach/attach.h"
#include "hook/kernel/kernel_facts.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/event.h"
#include "tests/harness/dns_bytes.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using dns::big_endian;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

constexpr const char* kResolver = "203.0.113.53";
constexpr const char* kListed = "evil.example";
constexpr const char* kWorse = "worse.example";
constexpr const char* kOther = "good.example";

Bytes message(const std::string& name) { return dns::question(name); }
// Of two questions, which no resolver answers.
Bytes unreadable() {
  const Bytes type_and_class = {0, 1, 0, 1};
  return dns::header(0x0100, 2, 0) + dns::name(kOther) + type_and_class +
         dns::name(kOther) + type_and_class;
}
Bytes datagram(const Bytes& payload) {
  return big_endian(40000) + big_endian(53) + big_endian(payload.size() + 8) +
         Bytes(2) + payload;
}
Bytes packet(const std::string& name) {
  return ip4(kResolver, datagram(message(name)));
}

class FrameQuery : public ::testing::Test {
 protected:
  FrameQuery() {
    PolicyBuilder builder;
    Check check;
    check.field = FieldId::kFdSipName;
    check.op = Op::kIn;
    check.lists = {builder.list("names", {kListed, kWorse})};
    builder.rule("Listed", check);
    const auto attached = protect(builder.build(), cgroup(), dir(), "c1",
                                  kernel_, network_.netns());
    EXPECT_TRUE(attached) << attached.error().message;
    network_.forward_to(kResolver);
  }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  bool leaves(const Bytes& frame, const char* device = "tap0") {
    const int error = network_.send(device, frame, &cgroup());
    const bool left = network_.sent(device, frame);
    EXPECT_EQ(error, left ? 0 : ENOBUFS);
    return left;
  }
  // The errno of a datagram to the resolver, over a socket that `maker` made.
  int send(const Cgroup& maker, const Cgroup& sender, const Bytes& payload) {
    const UniqueFd fd = network_.socket(maker, SOCK_DGRAM);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(53);
    ::inet_pton(AF_INET, kResolver, &to.sin_addr);
    return network_.run_in(sender, [&] {
      return ::sendto(fd.get(), payload.data(), payload.size(), 0,
                      reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
                 ? errno
                 : 0;
    });
  }
  std::vector<bailiff_connect_event> events() { return told_in(dir()); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
};

TEST_F(FrameQuery, ForAListedNameIsRefusedAndTold) {
  EXPECT_TRUE(leaves(ethernet(ETH_P_IP) + packet(kOther)));
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + packet(kListed)));
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_QUERY);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_NE(told[0].name, 0U);
}

TEST_F(FrameQuery, IsToldOnceForEachName) {
  for (const char* name : {kListed, kListed, kWorse}) {
    EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + packet(name)));
  }
  const auto told = events();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_NE(told[0].name, told[1].name);
}

TEST_F(FrameQuery, IsReadBehindTagsAndOtherHeaders) {
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP, {ETH_P_8021AD, ETH_P_8021Q}) +
                      packet(kListed)));
  EXPECT_TRUE(
      leaves(ethernet(ETH_P_IP, {ETH_P_8021AD, ETH_P_8021Q}) + packet(kOther)));
  for (const auto& [name, passes] :
       {std::pair(kListed, false), std::pair(kOther, true)}) {
    EXPECT_EQ(leaves(ethernet(ETH_P_IPV6) +
                     ip6("2001:db8::53", IPPROTO_UDP, datagram(message(name)))),
              passes);
  }
}

TEST_F(FrameQuery, OfADeviceWithoutHeadersIsRead) {
  EXPECT_FALSE(leaves(packet(kListed), "tun0"));
  EXPECT_TRUE(leaves(packet(kOther), "tun0"));
}

TEST_F(FrameQuery, ThatCannotBeReadIsRefused) {
  EXPECT_FALSE(
      leaves(ethernet(ETH_P_IP) + ip4(kResolver, datagram(unreadable()))));
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(FrameQuery, IsReadWhateverIsBehindIt) {
  EXPECT_FALSE(leaves(ethernet(ETH_P_IP) + packet(kListed) + Bytes(20)));
  EXPECT_TRUE(leaves(ethernet(ETH_P_IP) + packet(kOther) + Bytes(20)));
}

TEST_F(FrameQuery, OverASocketMadeElsewhereIsRefusedAndTold) {
  ASSERT_TRUE(hook::kernel_facts().knows_sender());
  const auto maker = make_cgroup();
  EXPECT_EQ(send(maker.cgroup(), cgroup(), message(kOther)), 0);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(send(maker.cgroup(), cgroup(), message(kListed)), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_QUERY);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_NE(told[0].header.tgid, 0U);
  EXPECT_EQ(send(maker.cgroup(), cgroup(), unreadable()), ENOBUFS);
}

TEST_F(FrameQuery, OfANeighbourIsItsOwn) {
  const auto neighbour = make_cgroup();
  for (const Bytes& each : {message(kListed), unreadable(), Bytes(3)}) {
    EXPECT_EQ(send(neighbour.cgroup(), neighbour.cgroup(), each), 0);
  }
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(FrameQuery, OfTheContainersOwnSocketIsToldOnce) {
  EXPECT_EQ(send(cgroup(), cgroup(), message(kListed)), EPERM);
  EXPECT_EQ(send(cgroup(), cgroup(), message(kOther)), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(FrameQuery, HasALinkForEachInterface) {
  const auto names = kernel_.list(dir() + "/links/c1");
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ::testing::IsSupersetOf({"query", "setsockopt"}));
  const auto links = interface_links(dir(), "c1");
  EXPECT_THAT(links, Contains(Key("query-2")));
  EXPECT_THAT(links, Contains(Key("query-3")));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(network_.comes_to(0));
}

}  // namespace
}  // namespace bailiff::test
