// SPDX-License-Identifier: Apache-2.0
//
// What a process in a protected container meets, and what is told of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "hook/attach/attach.h"
#include "oci/sys/unique_fd.h"
#include "rules/abi/event.h"
#include "rules/abi/limits.h"
#include "rules/types/value.h"
#include "tests/kernel/host.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

class Verdict : public ::testing::Test {
 protected:
  Verdict() : cgroup_(make_cgroup()) {}

  const Cgroup& cgroup() const { return cgroup_.cgroup(); }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  void protect_with(const CompiledPolicy& policy) {
    const auto programs = protect(policy, cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }
  int connect(const Connect& to) {
    const Connected connected = connect_in(cgroup(), to);
    pid_ = connected.pid;
    return connected.error;
  }
  std::vector<bailiff_connect_event> events() { return told_in(dir()); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
  pid_t pid_ = 0;  // of the last connect()
};

// A listed host 127.66.0.1 and ::1, a listed network 127.77.0.0/16.
CompiledPolicy hosts_and_nets(bool block = true) {
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {"127.66.0.1", "::1"});
  const auto nets = builder.list("nets", {"127.77.0.0/16", "fd66::/16"});
  builder.rule("Host", sip_in(hosts), block);
  builder.rule("Network", snet_in(nets), block);
  return builder.build();
}

TEST_F(Verdict, RefusesAListedAddressOverTcp) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.1", .tcp = true}), EPERM);
}

TEST_F(Verdict, RefusesAListedAddressOverUdp) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.1"}), EPERM);
}

TEST_F(Verdict, RefusesAListedIpv6Address) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "::1", .tcp = true, .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "::1", .ipv6 = true}), EPERM);
}

TEST_F(Verdict, RefusesAListedAddressWrittenAsIpv6) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.1", .tcp = true, .ipv6 = true}),
            EPERM);
}

TEST_F(Verdict, RefusesAListedNetwork) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.77.255.254"}), EPERM);
  EXPECT_EQ(connect({.address = "127.77.0.1", .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "fd66:1::2", .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "127.78.0.1"}), 0);
}

TEST_F(Verdict, LetsAnUnlistedAddressPass) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.2"}), 0);
  EXPECT_EQ(connect({.address = "127.66.0.2", .ipv6 = true}), 0);
  // Nobody listens there: the packet got as far as that.
  EXPECT_EQ(connect({.address = "127.66.0.2", .tcp = true}), ECONNREFUSED);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(Verdict, LetsAConnectionToAListenerBeMade) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), generic, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), generic, &size), 0);
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.0.0.1",
                     .port = ntohs(address.sin_port),
                     .tcp = true}),
            0);
}

TEST_F(Verdict, DoesNotReachPastTheContainer) {
  protect_with(hosts_and_nets());
  const auto other = make_cgroup();
  EXPECT_EQ(connect_in(other.cgroup(), {.address = "127.66.0.1"}).error, 0);
}

TEST_F(Verdict, TellsWhatWasRefused) {
  const CompiledPolicy policy = hosts_and_nets();
  protect_with(policy);
  const std::uint64_t before = monotonic_ns();
  ASSERT_EQ(connect({.address = "127.66.0.1", .port = 1389, .tcp = true}),
            EPERM);
  const std::uint64_t after = monotonic_ns();
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  const bailiff_connect_event& event = told[0];
  EXPECT_EQ(event.header.size, sizeof(bailiff_connect_event));
  EXPECT_EQ(event.header.kind, BAILIFF_EVENT_CONNECT);
  EXPECT_EQ(event.header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(event.header.flags, 0);
  EXPECT_GE(event.header.time_ns, before);
  EXPECT_LE(event.header.time_ns, after);
  EXPECT_EQ(event.header.cgroup_id, cgroup().id());
  EXPECT_EQ(event.header.policy_id,
            conditions_digest(encode(policy)).short_id());
  EXPECT_EQ(event.header.rule, 0U);
  EXPECT_EQ(event.header.tgid, static_cast<__u32>(pid_));
  EXPECT_EQ(event.header.tid, static_cast<__u32>(pid_));
  EXPECT_EQ(event.header.uid, ::getuid());
  EXPECT_EQ(event.header.gid, ::getgid());
  EXPECT_STREQ(event.header.comm, "bailiff-prober");
  const IpAddress address = *parse_address("127.66.0.1");
  EXPECT_EQ(std::memcmp(event.addr_be, address.bytes.data(), 16), 0);
  EXPECT_EQ(event.port, 1389);
  EXPECT_EQ(event.family, 4);
  EXPECT_EQ(event.l4proto, IPPROTO_TCP);
}

TEST_F(Verdict, TellsAnIpv6Destination) {
  protect_with(hosts_and_nets());
  ASSERT_EQ(connect({.address = "::1", .port = 53, .ipv6 = true}), EPERM);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].family, 6);
  EXPECT_EQ(told[0].port, 53);
  EXPECT_EQ(told[0].l4proto, IPPROTO_UDP);
  EXPECT_EQ(std::memcmp(told[0].addr_be, &in6addr_loopback, 16), 0);
}

TEST_F(Verdict, TellsAMappedAddressAsIpv4) {
  protect_with(hosts_and_nets());
  ASSERT_EQ(connect({.address = "127.66.0.1", .ipv6 = true}), EPERM);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].family, 4);
  const IpAddress address = *parse_address("127.66.0.1");
  EXPECT_EQ(std::memcmp(told[0].addr_be, address.bytes.data(), 16), 0);
}

TEST_F(Verdict, TellsAndAllowsWhatIsNotToBeBlocked) {
  protect_with(hosts_and_nets(/*block=*/false));
  EXPECT_EQ(connect({.address = "127.66.0.1"}), 0);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_ALLOWED);
}

TEST_F(Verdict, TellsOfEveryRuleThatMatches) {
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {"127.66.0.1"});
  builder.rule("Address", sip_in(hosts), /*block=*/false);
  builder.rule("Elsewhere", sport_is(2000));
  builder.rule("Port", sport_is(1389));
  builder.rule("Name", proc_name_is("bailiff-prober"), /*block=*/false);
  protect_with(builder.build());
  EXPECT_EQ(connect({.address = "127.66.0.1", .port = 1389}), EPERM);
  std::vector<std::uint32_t> rules;
  for (const bailiff_connect_event& event : events()) {
    rules.push_back(event.header.rule);
    // The verdict is that of the operation, not of the rule.
    EXPECT_EQ(event.header.verdict, BAILIFF_VERDICT_DENIED);
  }
  EXPECT_THAT(rules, ::testing::ElementsAre(0, 2, 3));
}

TEST_F(Verdict, JudgesProcessesInCgroupsTheContainerMakes) {
  protect_with(hosts_and_nets());
  const std::string inner = cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  const auto mount = CgroupMount::find();
  ASSERT_TRUE(mount);
  const auto nested = Cgroup::open(*mount, cgroup().relative_path() + "/inner");
  ASSERT_TRUE(nested);
  EXPECT_EQ(connect_in(*nested, {.address = "127.66.0.1"}).error, EPERM);
  ::rmdir(inner.c_str());
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
}

TEST_F(Verdict, TellsContainersOfOneProgramApart) {
  protect_with(hosts_and_nets());
  const auto other = make_cgroup();
  ASSERT_TRUE(protect(hosts_and_nets(), other.cgroup(), dir(), "c2", kernel_));
  ASSERT_EQ(connect({.address = "127.66.0.1"}), EPERM);
  ASSERT_EQ(connect_in(other.cgroup(), {.address = "::1", .ipv6 = true}).error,
            EPERM);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_EQ(told[1].header.cgroup_id, other.cgroup().id());
}

TEST_F(Verdict, RefusesADatagramWithAListedAddress) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.1", .send = true}), EPERM);
  EXPECT_EQ(connect({.address = "::1", .send = true, .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "127.66.0.1", .send = true, .ipv6 = true}),
            EPERM);
  EXPECT_EQ(connect({.address = "127.66.0.2", .send = true}), 0);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(3));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_SENDMSG);
  EXPECT_EQ(told[0].header.tgid, static_cast<__u32>(told[0].header.tid));
}

// What 0.0.0.0 and :: stand for.
TEST_F(Verdict, RefusesLoopbackByItsShortName) {
  PolicyBuilder builder;
  builder.rule("Loopback", sip_in(builder.list("local", {"127.0.0.1", "::1"})),
               true);
  protect_with(builder.build());
  EXPECT_EQ(connect({.address = "0.0.0.0"}), EPERM);
  EXPECT_EQ(connect({.address = "::", .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "0.0.0.0", .ipv6 = true}), EPERM);
  EXPECT_EQ(connect({.address = "0.0.0.0", .send = true}), EPERM);
}

TEST_F(Verdict, RefusesTheNat64NameOfAListedHost) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "64:ff9b::127.66.0.1", .ipv6 = true}), EPERM);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].family, 4);
}

// A connection that was made before the container was protected.
TEST_F(Verdict, CutsWhatWasConnectedBefore) {
  ConnectedSender sender(cgroup(), {.address = "127.66.0.1"});
  protect_with(hosts_and_nets());
  EXPECT_EQ(sender.send(), EPERM);
  EXPECT_EQ(sender.send(), EPERM);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_EGRESS);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_EQ(told[0].header.tgid, 0U);
  EXPECT_EQ(told[0].port, 9);
  EXPECT_EQ(told[0].l4proto, IPPROTO_UDP);
}

TEST_F(Verdict, TellsOnceOfWhatAProcessTriesAgain) {
  protect_with(hosts_and_nets());
  EXPECT_EQ(connect({.address = "127.66.0.1", .times = 100}), EPERM);
  EXPECT_THAT(events(), SizeIs(1));
  // Another process is news.
  EXPECT_EQ(connect({.address = "127.66.0.1"}), EPERM);
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(Verdict, TellsOfEachConnectionThatIsAllowed) {
  protect_with(hosts_and_nets(false));
  EXPECT_EQ(connect({.address = "127.66.0.1", .times = 3}), 0);
  EXPECT_THAT(events(), SizeIs(3));
}

TEST_F(Verdict, CountsWhatAFullRingLosesAndStillRefuses) {
  // Two rules hit by turns, so that no record is like the one before.
  PolicyBuilder builder;
  const auto hosts = builder.list("hosts", {"127.66.0.1"});
  builder.rule("Host", sip_in(hosts), true);
  builder.rule("Host again", sip_in(hosts), true);
  protect_with(builder.build());
  // A record takes 8 bytes more than it has: this many cannot fit.
  constexpr int kTimes = BAILIFF_RING_BYTES / sizeof(bailiff_connect_event) / 2;
  EXPECT_EQ(connect({.address = "127.66.0.1", .times = kTimes}), EPERM);
  const auto lost = hook::lost_records(dir() + "/lost");
  ASSERT_TRUE(lost);
  const auto told = events();
  EXPECT_GT(*lost, 0U);
  EXPECT_EQ(told.size() + *lost, std::size_t{kTimes} * 2);
}

TEST_F(Verdict, KeepsEventsForAReaderThatComesLater) {
  protect_with(hosts_and_nets());
  ASSERT_EQ(connect({.address = "127.66.0.1", .port = 1}), EPERM);
  EXPECT_THAT(events(), SizeIs(1));
  ASSERT_EQ(connect({.address = "127.66.0.1", .port = 2}), EPERM);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].port, 2);
}

}  // namespace
}  // namespace bailiff::test
