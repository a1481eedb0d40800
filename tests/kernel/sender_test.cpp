// SPDX-License-Identifier: Apache-2.0
//
// What a container sends over sockets that were made outside of it, and so are
// of another cgroup, in its own network.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/foreign.h"
#include "hook/kernel/kernel_facts.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/event.h"
#include "tests/kernel/host.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";
constexpr int kProtocol = 253;  // RFC 3692: for experiments

sockaddr_in address_of(const char* host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4444);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

int connect_to(int fd, const char* host) {
  const sockaddr_in to = address_of(host);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
             ? errno
             : 0;
}

int send_to(int fd, const char* host) {
  const sockaddr_in to = address_of(host);
  return ::sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to) < 0
             ? errno
             : 0;
}

int send_over(int fd) {
  return ::send(fd, "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0;
}

class Sender : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(hook::kernel_facts().socket_owned)
        << "needs Linux 6.16 and its BTF";
    network_.forward_to(kListed);
    network_.forward_to(kOther);
  }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  static CompiledPolicy refuses(const char* host, const char* list = "hosts") {
    PolicyBuilder builder;
    builder.rule("Listed", sip_in(builder.list(list, {host})));
    return builder.build();
  }
  void protect_from(const char* host, const Cgroup& cgroup, const char* id,
                    const char* list = "hosts") {
    const auto attached = protect(refuses(host, list), cgroup, dir(), id,
                                  kernel_, network_.netns());
    ASSERT_TRUE(attached) << attached.error().message;
  }
  // Of a datagram socket: what is dropped is told to its sender.
  UniqueFd datagrams() const {
    UniqueFd fd = network_.socket(maker_.cgroup(), SOCK_DGRAM);
    const int on = 1;
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on),
              0);
    return fd;
  }
  UniqueFd streams() const {
    return network_.socket(maker_.cgroup(), SOCK_STREAM | SOCK_NONBLOCK);
  }
  // A connection to the host, without a packet.
  UniqueFd connected(const char* host) const {
    UniqueFd fd = streams();
    int repair = TCP_REPAIR_ON;
    EXPECT_EQ(
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &repair, sizeof repair),
        0);
    EXPECT_EQ(connect_to(fd.get(), host), 0);
    const tcp_repair_window window{.snd_wl1 = 0,
                                   .snd_wnd = 65535,
                                   .max_window = 65535,
                                   .rcv_wnd = 65535,
                                   .rcv_wup = 0};
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR_WINDOW, &window,
                           sizeof window),
              0);
    const int at_once = 1;
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &at_once,
                           sizeof at_once),
              0);
    repair = TCP_REPAIR_OFF_NO_WP;
    EXPECT_EQ(
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &repair, sizeof repair),
        0);
    return fd;
  }
  int in(const Cgroup& cgroup, const std::function<int()>& work) const {
    return network_.run_in(cgroup, work);
  }
  // Until the kernel has sent something once more.
  static void wait_for_repetition(int fd) {
    const auto repeated = [fd] {
      tcp_info info{};
      socklen_t size = sizeof info;
      EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
      return info.tcpi_total_retrans;
    };
    const auto before = repeated();
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (repeated() == before) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  std::vector<bailiff_connect_event> events() { return told_in(dir()); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  const hook::ScratchCgroup maker_ = make_cgroup();  // of the sockets
  ScratchNetwork network_;
};

TEST_F(Sender, OfADatagramToThePeerIsRefusedAndTold) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = datagrams();
  ASSERT_EQ(connect_to(fd.get(), kListed), 0);
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), ENOBUFS);
  EXPECT_EQ(network_.sent_to(kListed), 0);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_FRAME);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_EQ(told[0].port, 4444);
  EXPECT_NE(told[0].header.tgid, 0U);
  EXPECT_NE(told[0].header.tgid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(told[0].header.tid, told[0].header.tgid);
  EXPECT_EQ(told[0].header.uid, ::getuid());
  EXPECT_EQ(told[0].header.gid, ::getgid());
  EXPECT_STRNE(told[0].header.comm, "");
}

TEST_F(Sender, OfADatagramWithoutAPeerIsRefusedByWhereItGoes) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = datagrams();
  EXPECT_EQ(in(cgroup(), [&] { return send_to(fd.get(), kOther); }), 0);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(in(cgroup(), [&] { return send_to(fd.get(), kListed); }), ENOBUFS);
  EXPECT_EQ(network_.sent_to(kListed), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(Sender, OverARawSocketIsRefused) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = network_.socket(maker_.cgroup(), SOCK_RAW, kProtocol);
  (void)in(cgroup(), [&] { return send_to(fd.get(), kListed); });
  EXPECT_EQ(network_.sent_to(kListed), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(Sender, WhoConnectsSendsNothing) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = streams();
  EXPECT_EQ(in(cgroup(), [&] { return connect_to(fd.get(), kListed); }),
            EINPROGRESS);
  wait_for_repetition(fd.get());
  EXPECT_EQ(network_.sent_to(kListed), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

TEST_F(Sender, OverAConnectionSendsNothing) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = connected(kListed);
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

// What nobody has acknowledged the kernel repeats, whoever runs then.
TEST_F(Sender, OverAConnectionIsRememberedWhenTheKernelRepeats) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = connected(kListed);
  EXPECT_EQ(in(maker_.cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 1);
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_THAT(events(), SizeIs(1));
  (void)network_.sent_to(kListed);  // repeated until then
  wait_for_repetition(fd.get());
  EXPECT_EQ(network_.sent_to(kListed), 0);
}

// What waits for an acknowledgement (Nagle's algorithm) leaves with that, in
// nobody's name.
TEST_F(Sender, OverAConnectionIsKnownBeforeItsDataLeaves) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = connected(kListed);
  const int wait = 0;
  ASSERT_EQ(
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &wait, sizeof wait), 0);
  EXPECT_EQ(in(maker_.cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 1);
  const auto judged = kernel_.open_map(dir() + "/judged");
  const auto senders = kernel_.open_map(dir() + "/senders");
  ASSERT_TRUE(judged && senders);
  auto sockets = hook::ForeignSockets::load(*judged, *senders, "",
                                            [](const bailiff_foreign&) {});
  ASSERT_TRUE(sockets) << sockets.error().message;
  ASSERT_TRUE(sockets->attend(false));
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_THAT(events(), IsEmpty());
  (void)network_.sent_to(kListed);
  wait_for_repetition(fd.get());
  EXPECT_EQ(network_.sent_to(kListed), 0);
  EXPECT_THAT(events(), SizeIs(1));
}

// So that it is told once, by those who refused it.
TEST_F(Sender, WhatWasRefusedIsKnownOfTheSocket) {
  protect_from(kListed, cgroup(), "c1");
  const auto judged = kernel_.open_map(dir() + "/judged");
  const auto senders = kernel_.open_map(dir() + "/senders");
  ASSERT_TRUE(judged && senders);
  std::vector<bailiff_foreign> uses;
  auto sockets = hook::ForeignSockets::load(
      *judged, *senders, "",
      [&](const bailiff_foreign& use) { uses.push_back(use); });
  ASSERT_TRUE(sockets) << sockets.error().message;
  ASSERT_TRUE(sockets->attend(false));
  const UniqueFd refused = datagrams();
  ASSERT_EQ(connect_to(refused.get(), kListed), 0);
  const UniqueFd passed = datagrams();
  ASSERT_EQ(connect_to(passed.get(), kOther), 0);
  (void)in(cgroup(),
           [&] { return send_over(refused.get()) + send_over(passed.get()); });
  ASSERT_TRUE(sockets->consume(10));
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_EQ(uses[0].refused, 1);
  EXPECT_EQ(uses[1].refused, 0);
}

TEST_F(Sender, InACgroupOfTheContainersOwnIsTheContainer) {
  protect_from(kListed, cgroup(), "c1");
  const std::string inner = cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  {
    const auto nested =
        Cgroup::open(*CgroupMount::find(), cgroup().relative_path() + "/inner");
    ASSERT_TRUE(nested);
    const UniqueFd fd = datagrams();
    EXPECT_EQ(in(*nested, [&] { return send_to(fd.get(), kListed); }), ENOBUFS);
    const auto told = events();
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  }
  EXPECT_EQ(::rmdir(inner.c_str()), 0);
}

TEST_F(Sender, WhoIsNoContainerIsNotJudged) {
  protect_from(kListed, cgroup(), "c1");
  const auto neighbour = make_cgroup();
  const UniqueFd fd = datagrams();
  const UniqueFd stream = connected(kListed);
  for (const Cgroup* each : {&neighbour.cgroup(), &maker_.cgroup()}) {
    EXPECT_EQ(in(*each, [&] { return send_to(fd.get(), kListed); }), 0);
  }
  EXPECT_EQ(in(neighbour.cgroup(), [&] { return send_over(stream.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 3);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(Sender, IsJudgedByItsOwnRules) {
  const auto neighbour = make_cgroup();
  protect_from(kListed, cgroup(), "c1");
  protect_from(kOther, neighbour.cgroup(), "c2", "others");
  const UniqueFd fd = datagrams();
  const auto to = [&](const Cgroup& from, const char* host) {
    return in(from, [&] { return send_to(fd.get(), host); });
  };
  EXPECT_EQ(to(cgroup(), kOther), 0);
  EXPECT_EQ(to(neighbour.cgroup(), kListed), 0);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_EQ(to(cgroup(), kListed), ENOBUFS);
  EXPECT_EQ(to(neighbour.cgroup(), kOther), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
  EXPECT_EQ(told[1].header.cgroup_id, neighbour.cgroup().id());
}

// Two containers of one policy, one of which has made it.
TEST_F(Sender, OverASocketOfAnotherContainerIsToldAsItself) {
  protect_from(kListed, cgroup(), "c1");
  protect_from(kListed, maker_.cgroup(), "c2");
  const UniqueFd fd = datagrams();
  // By the program of c2 it would be refused as that one's.
  const auto link = kernel_.open_link(dir() + "/links/c2/egress");
  ASSERT_TRUE(link);
  ASSERT_TRUE(kernel_.detach(*link));
  const auto sendmsg = kernel_.open_link(dir() + "/links/c2/sendmsg4");
  ASSERT_TRUE(sendmsg);
  ASSERT_TRUE(kernel_.detach(*sendmsg));
  EXPECT_EQ(in(cgroup(), [&] { return send_to(fd.get(), kListed); }), ENOBUFS);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].header.cgroup_id, cgroup().id());
}

TEST_F(Sender, ThatHasGoneLeavesNothingBehind) {
  protect_from(kListed, cgroup(), "c1");
  // Its programs go with it; those of the same rules stay.
  const auto neighbour = make_cgroup();
  protect_from(kListed, neighbour.cgroup(), "c2");
  const UniqueFd fd = datagrams();
  const auto sent = [&] {
    return in(cgroup(), [&] { return send_to(fd.get(), kListed); });
  };
  EXPECT_EQ(sent(), ENOBUFS);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_EQ(sent(), 0);
}

}  // namespace
}  // namespace bailiff::test
