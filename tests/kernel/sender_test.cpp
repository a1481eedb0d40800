// SPDX-License-Identifier: Apache-2.0
//
// What a container sends over sockets that were made outside of it, and so are
// of another cgroup, in its own network.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/kernel/foreign.h"
#include "hook/kernel/kernel_facts.h"
#include "oci/sys/cgroup.h"
#include "rules/abi/event.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";
// Where the sequences of connected() begin.
constexpr int kSent = 1000;
constexpr int kReceived = 5000;
constexpr int kProtocol = 253;  // RFC 3692: for experiments

sockaddr_in address_of(const char* host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4444);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

// A packet as the kernel takes it; its payload has its own checksum.
Bytes received(const sockaddr_in& from, const sockaddr_in& to,
               std::uint8_t protocol, const Bytes& payload) {
  Bytes header(20);
  header[0] = 0x45;
  put(header, 2, static_cast<std::uint16_t>(header.size() + payload.size()));
  header[8] = 64;
  header[9] = protocol;
  std::memcpy(&header[12], &from.sin_addr, 4);
  std::memcpy(&header[16], &to.sin_addr, 4);
  put(header, 10, checksum(header));
  return header + payload;
}

// An acknowledgement that opens the window.
Bytes acknowledgement(const sockaddr_in& from, const sockaddr_in& to,
                      std::uint32_t sequence, std::uint32_t next) {
  Bytes segment(20);
  std::memcpy(&segment[0], &from.sin_port, 2);
  std::memcpy(&segment[2], &to.sin_port, 2);
  put(segment, 4, static_cast<std::uint16_t>(sequence >> 16));
  put(segment, 6, static_cast<std::uint16_t>(sequence));
  put(segment, 8, static_cast<std::uint16_t>(next >> 16));
  put(segment, 10, static_cast<std::uint16_t>(next));
  segment[12] = 5 << 4;
  segment[13] = 0x10;
  put(segment, 14, 65535);
  Bytes pseudo(12);
  std::memcpy(&pseudo[0], &from.sin_addr, 4);
  std::memcpy(&pseudo[4], &to.sin_addr, 4);
  pseudo[9] = IPPROTO_TCP;
  pseudo[11] = 20;
  put(segment, 16, checksum(pseudo + segment));
  return received(from, to, IPPROTO_TCP, segment);
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
    ASSERT_TRUE(hook::kernel_facts().knows_sender())
        << "needs Linux 6.6 and its BTF";
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
  UniqueFd connected(const char* host, std::uint32_t window = 65535) const {
    UniqueFd fd = streams();
    int repair = TCP_REPAIR_ON;
    EXPECT_EQ(
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &repair, sizeof repair),
        0);
    for (const auto& [queue, sequence] :
         {std::pair(TCP_SEND_QUEUE, kSent),
          std::pair(TCP_RECV_QUEUE, kReceived), std::pair(TCP_NO_QUEUE, 0)}) {
      EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue,
                             sizeof queue),
                0);
      if (queue == TCP_NO_QUEUE) continue;
      EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence,
                             sizeof sequence),
                0);
    }
    EXPECT_EQ(connect_to(fd.get(), host), 0);
    const tcp_repair_window opened{.snd_wl1 = 0,
                                   .snd_wnd = window,
                                   .max_window = 65535,
                                   .rcv_wnd = 65535,
                                   .rcv_wup = 0};
    EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR_WINDOW, &opened,
                           sizeof opened),
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
  // What bailiffd has loaded.
  void load_foreign() {
    const auto judged = kernel_.open_map(dir() + "/judged");
    const auto senders = kernel_.open_map(dir() + "/senders");
    ASSERT_TRUE(judged && senders);
    auto loaded = hook::ForeignSockets::load(
        *judged, *senders, "",
        [this](const bailiff_foreign& use) { uses_.push_back(use); });
    ASSERT_TRUE(loaded) << loaded.error().message;
    foreign_.emplace(*std::move(loaded));
    ASSERT_TRUE(foreign_->attend(false));
  }
  std::vector<bailiff_connect_event> events() { return told_in(dir()); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  const hook::ScratchCgroup maker_ = make_cgroup();  // of the sockets
  ScratchNetwork network_;
  std::optional<hook::ForeignSockets> foreign_;
  std::vector<bailiff_foreign> uses_;
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
  load_foreign();
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
  load_foreign();
  const UniqueFd refused = datagrams();
  ASSERT_EQ(connect_to(refused.get(), kListed), 0);
  const UniqueFd passed = datagrams();
  ASSERT_EQ(connect_to(passed.get(), kOther), 0);
  (void)in(cgroup(),
           [&] { return send_over(refused.get()) + send_over(passed.get()); });
  ASSERT_TRUE(foreign_->consume(10));
  ASSERT_THAT(uses_, SizeIs(2));
  EXPECT_EQ(uses_[0].refused, 1);
  EXPECT_EQ(uses_[1].refused, 0);
}

// It may wait for as long as its peer likes, who then lets it go on.
TEST_F(Sender, OverAConnectionIsKnownBeforeItsCallHasEnded) {
  protect_from(kListed, cgroup(), "c1");
  load_foreign();
  const UniqueFd fd = connected(kListed, 1);
  EXPECT_EQ(in(maker_.cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 1);
  sockaddr_in us{};
  socklen_t size = sizeof us;
  ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&us), &size),
            0);
  std::thread container([&] {
    (void)in(cgroup(), [&] {
      ::fcntl(fd.get(), F_SETFL, 0);
      ::alarm(60);
      const std::string data(16 << 20, 'x');
      return ::send(fd.get(), data.data(), data.size(), 0) < 0 ? errno : 0;
    });
  });
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(30);
  int queued = 0;
  while (queued < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::ioctl(fd.get(), SIOCOUTQ, &queued);
  }
  EXPECT_GT(queued, 1);
  EXPECT_EQ(network_.sent_to(kListed), 0);
  network_.feed(acknowledgement(address_of(kListed), us, kReceived, kSent + 1));
  std::vector<bailiff_connect_event> told;
  while (told.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    told = events();
  }
  EXPECT_THAT(told, SizeIs(1));
  EXPECT_EQ(network_.sent_to(kListed), 0);
  // Ends the call.
  ::shutdown(fd.get(), SHUT_RDWR);
  container.join();
}

TEST_F(Sender, WhoReadsFromAConnectionIsNotWhoSends) {
  const hook::ScratchCgroup readers[] = {make_cgroup(), make_cgroup()};
  protect_from(kListed, cgroup(), "c1");
  protect_from(kOther, readers[0].cgroup(), "c2", "others");
  protect_from(kOther, readers[1].cgroup(), "c3", "others");
  load_foreign();
  const UniqueFd fd = connected(kListed);
  EXPECT_EQ(in(maker_.cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), 0);
  for (const hook::ScratchCgroup& reader : readers) {
    EXPECT_EQ(in(reader.cgroup(),
                 [&] {
                   char byte = 0;
                   return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 ? errno
                                                                       : 0;
                 }),
              EAGAIN);
  }
  (void)network_.sent_to(kListed);  // repeated until then
  wait_for_repetition(fd.get());
  EXPECT_EQ(network_.sent_to(kListed), 0);
}

// What the other sends afterwards may be what the first has left there.
TEST_F(Sender, OfTwoOverOneConnectionBothAreJudged) {
  const auto other = make_cgroup();
  protect_from(kListed, cgroup(), "c1");
  protect_from(kOther, other.cgroup(), "c2", "others");
  load_foreign();
  const UniqueFd fd = connected(kListed);
  EXPECT_EQ(in(cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(in(other.cgroup(), [&] { return send_over(fd.get()); }), 0);
  EXPECT_EQ(network_.sent_to(kListed), 0);
}

TEST_F(Sender, WhoOnlyHasASocketDoesNotSendForItsMaker) {
  protect_from(kListed, cgroup(), "c1");
  load_foreign();
  const UniqueFd fd = datagrams();
  const Sleeper holder(cgroup());  // inherits it
  ASSERT_TRUE(foreign_->held(holder.pid()));
  EXPECT_EQ(in(maker_.cgroup(), [&] { return send_to(fd.get(), kListed); }), 0);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(Sender, IsToldOfEachProcess) {
  protect_from(kListed, cgroup(), "c1");
  const UniqueFd fd = datagrams();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(in(cgroup(), [&] { return send_to(fd.get(), kListed); }),
              ENOBUFS);
  }
  EXPECT_THAT(events(), SizeIs(2));
}

// What comes in while a process of the container runs the kernel answers over a
// socket of its own, of whoever made the network.
TEST_F(Sender, WhoIsInterruptedAnswersNothing) {
  protect_from(kListed, cgroup(), "c1");
  Bytes echo(8);
  echo[0] = 8;
  put(echo, 2, checksum(echo));
  const Bytes packet = received(address_of(kListed), address_of("198.51.100.1"),
                                IPPROTO_ICMP, echo);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(in(cgroup(),
                 [&] {
                   network_.feed(packet);
                   return 0;
                 }),
              0);
  }
  const auto told = events();
  EXPECT_THAT(told, Not(IsEmpty()));  // its answers, as nobody's
  for (const bailiff_connect_event& each : told) {
    EXPECT_EQ(each.header.tgid, 0U);
    EXPECT_NE(each.header.cgroup_id, cgroup().id());
  }
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
