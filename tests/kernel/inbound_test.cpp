// SPDX-License-Identifier: Apache-2.0
//
// What comes in for a server in a protected container, and what it may bind to.
// Clients are outside of the cgroup; all of it is on loopback.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/abi/event.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"
#include "tests/kernel/told.h"

namespace bailiff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kServer = "127.66.1.1";
constexpr const char* kListed = "127.66.1.66";
constexpr const char* kUnlisted = "127.66.1.80";

struct End {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  int family() const { return storage.ss_family; }
};

End end_at(const std::string& address, std::uint16_t port, bool ipv6 = false) {
  End end;
  if (ipv6 || address.find(':') != std::string::npos) {
    auto* six = reinterpret_cast<sockaddr_in6*>(&end.storage);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), &six->sin6_addr), 1);
    end.size = sizeof(*six);
    return end;
  }
  auto* four = reinterpret_cast<sockaddr_in*>(&end.storage);
  four->sin_family = AF_INET;
  four->sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &four->sin_addr), 1);
  end.size = sizeof(*four);
  return end;
}

std::uint16_t port_of(const UniqueFd& socket) {
  End end;
  end.size = sizeof(end.storage);
  EXPECT_EQ(::getsockname(socket.get(), end.get(), &end.size), 0);
  if (end.family() == AF_INET) {
    return ntohs(reinterpret_cast<sockaddr_in*>(&end.storage)->sin_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in6*>(&end.storage)->sin6_port);
}

// The address at the other end, or that a datagram came from.
std::string text_of(const End& end) {
  char text[INET6_ADDRSTRLEN] = "";
  if (end.family() == AF_INET) {
    ::inet_ntop(AF_INET,
                &reinterpret_cast<const sockaddr_in*>(&end.storage)->sin_addr,
                text, sizeof(text));
  } else {
    ::inet_ntop(AF_INET6,
                &reinterpret_cast<const sockaddr_in6*>(&end.storage)->sin6_addr,
                text, sizeof(text));
  }
  return text;
}

// Both ends of a pair that a child may send a descriptor over.
void send_descriptor(int channel, int fd) {
  char byte = 0;
  iovec vector{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &fd, sizeof(fd));
  if (::sendmsg(channel, &message, 0) != 1) ::_exit(1);
}

UniqueFd receive_descriptor(int channel) {
  char byte = 0;
  iovec vector{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  EXPECT_EQ(::recvmsg(channel, &message, MSG_CMSG_CLOEXEC), 1);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
  return UniqueFd(fd);
}

class Inbound : public ::testing::Test {
 protected:
  Inbound() : cgroup_(make_cgroup()) {}

  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  // Refuses what fulfils the condition; list 0 has the listed peers.
  void refuse(Expr condition) {
    PolicyBuilder builder;
    builder.rule("Refused",
                 sip_in(builder.list("hosts", {kListed, "2001:db8::66"})));
    policy_ = builder.build();
    policy_.rules[0].condition = std::move(condition);
    const auto programs =
        protect(policy_, cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    EXPECT_THAT(*programs, testing::Not(IsEmpty()));
  }

  // A socket of the container's.
  UniqueFd socket_in(int family, int type) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    const UniqueFd mine(pair[0]);
    const UniqueFd its(pair[1]);
    const pid_t pid = fork_into(cgroup_.cgroup());
    if (pid == 0) {
      const int fd = ::socket(family, type, 0);
      if (fd < 0) ::_exit(1);
      send_descriptor(its.get(), fd);
      ::_exit(0);
    }
    UniqueFd socket = receive_descriptor(mine.get());
    ::waitpid(pid, nullptr, 0);
    return socket;
  }

  UniqueFd server(int type, const std::string& address, std::uint16_t port = 0,
                  bool ipv6 = false) {
    const End end = end_at(address, port, ipv6);
    UniqueFd socket = socket_in(end.family(), type | SOCK_NONBLOCK);
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    EXPECT_EQ(::bind(socket.get(), end.get(), end.size), 0)
        << std::strerror(errno);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(socket.get(), 8), 0);
    }
    return socket;
  }

  // errno of bind(2) by a process in the container.
  int bind_in(int type, const std::string& address, std::uint16_t port) {
    const End end = end_at(address, port);
    const pid_t pid = fork_into(cgroup_.cgroup());
    if (pid == 0) {
      const int fd = ::socket(end.family(), type, 0);
      ::_exit(::bind(fd, end.get(), end.size) == 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  }

  std::vector<bailiff_connect_event> events() { return told_in(dir()); }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
  CompiledPolicy policy_;
};

// A client that has begun to connect from the address.
UniqueFd connecting(const std::string& from, const std::string& to,
                    std::uint16_t port) {
  const End source = end_at(from, 0);
  const End target = end_at(to, port);
  UniqueFd socket(::socket(source.family(), SOCK_STREAM | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::bind(socket.get(), source.get(), source.size), 0);
  ::connect(socket.get(), target.get(), target.size);
  return socket;
}

// Over loopback the answer to a packet is there when the call returns, or, on a
// loaded machine, whose ksoftirqd has the packets, a little later.  So what
// must come is waited for; the time bounds only the failing case.
constexpr int kWait_ms = 10'000;

bool is_connected(const UniqueFd& socket, int wait_ms = 0) {
  pollfd poll{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  return ::poll(&poll, 1, wait_ms) == 1 &&
         (poll.revents & (POLLERR | POLLHUP)) == 0;
}

void wait_for_input(const UniqueFd& socket, int wait_ms) {
  pollfd poll{.fd = socket.get(), .events = POLLIN, .revents = 0};
  ::poll(&poll, 1, wait_ms);
}

// Who is accepted next; "": nobody waits.
std::string accepted(const UniqueFd& server, int wait_ms = 0) {
  wait_for_input(server, wait_ms);
  End peer;
  peer.size = sizeof(peer.storage);
  const UniqueFd socket(::accept(server.get(), peer.get(), &peer.size));
  return socket ? text_of(peer) : "";
}

// A datagram from there.
void send(const std::string& from, std::uint16_t from_port,
          const std::string& to, std::uint16_t port) {
  const End source = end_at(from, from_port);
  const End target = end_at(to, port);
  const UniqueFd socket(::socket(source.family(), SOCK_DGRAM, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ASSERT_EQ(::bind(socket.get(), source.get(), source.size), 0)
      << std::strerror(errno);
  ASSERT_EQ(::sendto(socket.get(), "x", 1, 0, target.get(), target.size), 1);
}

// Where the next datagram is from; "": none is there.
std::string received(const UniqueFd& server, int wait_ms = 0) {
  wait_for_input(server, wait_ms);
  char byte = 0;
  End peer;
  peer.size = sizeof(peer.storage);
  const ssize_t got =
      ::recvfrom(server.get(), &byte, 1, MSG_DONTWAIT, peer.get(), &peer.size);
  return got == 1 ? text_of(peer) : "";
}

Expr accepts() {
  return check(FieldId::kEvtType, Op::kIn, {"accept", "accept4"});
}
Expr receives() {
  return check(FieldId::kEvtType, Op::kIn, {"recvfrom", "recvmsg"});
}
Expr binds() { return event_is("bind"); }
Expr listed(FieldId field) { return check(field, Op::kIn, {}, {0}); }
Expr in_net(FieldId field, const char* net) {
  return check(field, Op::kEq, {*parse_network(net)});
}

TEST_F(Inbound, AListedClientIsNotAccepted) {
  refuse(all_of({accepts(), listed(FieldId::kFdCip)}));
  const UniqueFd listener = server(SOCK_STREAM, kServer);
  const std::uint16_t port = port_of(listener);
  const UniqueFd refused = connecting(kListed, kServer, port);
  EXPECT_FALSE(is_connected(refused));
  const UniqueFd welcome = connecting(kUnlisted, kServer, port);
  EXPECT_TRUE(is_connected(welcome, kWait_ms));
  EXPECT_EQ(accepted(listener, kWait_ms), kUnlisted);
  EXPECT_EQ(accepted(listener), "");

  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  const bailiff_connect_event& event = told[0];
  EXPECT_EQ(event.hook, BAILIFF_HOOK_INGRESS);
  EXPECT_EQ(event.header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_EQ(event.header.cgroup_id, cgroup_.cgroup().id());
  EXPECT_EQ(event.header.tgid, 0U);
  EXPECT_EQ(event.l4proto, IPPROTO_TCP);
  EXPECT_EQ(event.family, 4);
  EXPECT_EQ(event.port, port_of(refused));
  EXPECT_EQ(event.header.local_port, port);
  EXPECT_EQ(event.header.local_family, 4);
  const auto bytes = [](const char* text) {
    return parse_address(text)->bytes;
  };
  EXPECT_EQ(std::memcmp(event.addr_be, bytes(kListed).data(), 16), 0);
  EXPECT_EQ(std::memcmp(event.header.local_be, bytes(kServer).data(), 16), 0);
}

TEST_F(Inbound, WhoTriesAgainFromAnotherPortIsToldOfOnce) {
  refuse(all_of({accepts(), listed(FieldId::kFdRip)}));
  const UniqueFd listener = server(SOCK_STREAM, kServer);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(is_connected(connecting(kListed, kServer, port_of(listener))));
  }
  EXPECT_THAT(events(), SizeIs(1));
  EXPECT_EQ(accepted(listener), "");
}

// The same host to a socket of IPv6, which gets it as ::ffff:a.b.c.d.
TEST_F(Inbound, AListedClientIsNotAcceptedByASocketOfIpv6) {
  refuse(all_of({accepts(), listed(FieldId::kFdCip)}));
  const UniqueFd listener = server(SOCK_STREAM, "::", 0, true);
  EXPECT_FALSE(is_connected(connecting(kListed, kServer, port_of(listener))));
  EXPECT_TRUE(is_connected(connecting(kUnlisted, kServer, port_of(listener)),
                           kWait_ms));
  EXPECT_TRUE(
      is_connected(connecting("::1", "::1", port_of(listener)), kWait_ms));
}

TEST_F(Inbound, Ipv6ClientsAreTold) {
  refuse(all_of({accepts(), in_net(FieldId::kFdCnet, "::1/128")}));
  const UniqueFd listener = server(SOCK_STREAM, "::", 0, true);
  EXPECT_FALSE(is_connected(connecting("::1", "::1", port_of(listener))));
  EXPECT_TRUE(
      is_connected(connecting(kListed, kServer, port_of(listener)), kWait_ms));
}

TEST_F(Inbound, ARuleMayBeOnTheServersEnd) {
  const UniqueFd listener = server(SOCK_STREAM, "0.0.0.0");
  const std::uint16_t port = port_of(listener);
  refuse(all_of({accepts(), listed(FieldId::kFdLip),
                 check(FieldId::kFdSport, Op::kEq, {std::int64_t{port}})}));
  EXPECT_FALSE(is_connected(connecting(kUnlisted, kListed, port)));
  EXPECT_TRUE(is_connected(connecting(kUnlisted, kServer, port), kWait_ms));
}

TEST_F(Inbound, EitherEndMayFulfilARule) {
  refuse(all_of({accepts(), listed(FieldId::kFdIp)}));
  const UniqueFd listener = server(SOCK_STREAM, "0.0.0.0");
  const std::uint16_t port = port_of(listener);
  EXPECT_FALSE(is_connected(connecting(kListed, kServer, port)));
  EXPECT_FALSE(is_connected(connecting(kServer, kListed, port)));
  EXPECT_TRUE(is_connected(connecting(kUnlisted, kServer, port), kWait_ms));
}

// An allow-list of clients, and a container that asks others.
TEST_F(Inbound, AnswersAreNoConnections) {
  refuse(
      all_of({accepts(), negated(in_net(FieldId::kFdCnet, "127.66.1.80/32"))}));
  const UniqueFd listener = server(SOCK_STREAM, kServer);
  EXPECT_FALSE(is_connected(connecting(kListed, kServer, port_of(listener))));
  EXPECT_TRUE(is_connected(connecting(kUnlisted, kServer, port_of(listener)),
                           kWait_ms));

  const UniqueFd other(::socket(AF_INET, SOCK_STREAM, 0));
  const End there = end_at(kListed, 0);
  ASSERT_EQ(::bind(other.get(), there.get(), there.size), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  const UniqueFd client = socket_in(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  const End target = end_at(kListed, port_of(other));
  ::connect(client.get(), target.get(), target.size);
  EXPECT_TRUE(is_connected(client, kWait_ms));
}

TEST_F(Inbound, AListedSendersDatagramsAreNotReceived) {
  refuse(all_of({receives(), listed(FieldId::kFdCip)}));
  const UniqueFd socket = server(SOCK_DGRAM, kServer, 7053);
  send(kListed, 0, kServer, 7053);
  // Nor when it looks like a server, by the port it is from.
  send(kListed, 7054, kServer, 7053);
  EXPECT_EQ(received(socket), "");
  send(kUnlisted, 0, kServer, 7053);
  EXPECT_EQ(received(socket, kWait_ms), kUnlisted);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_INGRESS);
  EXPECT_EQ(told[0].l4proto, IPPROTO_UDP);
}

TEST_F(Inbound, AnswersToDatagramsAreReceived) {
  refuse(all_of(
      {receives(), negated(in_net(FieldId::kFdCnet, "127.66.1.80/32"))}));
  // A server lets in some.
  const UniqueFd socket = server(SOCK_DGRAM, kServer, 7055);
  send(kListed, 40055, kServer, 7055);
  EXPECT_EQ(received(socket), "");
  send(kUnlisted, 40055, kServer, 7055);
  EXPECT_EQ(received(socket, kWait_ms), kUnlisted);
  // Who asked gets the answer: from a port of its own choice, ...
  const UniqueFd asker = server(SOCK_DGRAM, kServer, 40056);
  send(kListed, 7056, kServer, 40056);
  EXPECT_EQ(received(asker, kWait_ms), kListed);
  // ... from one it is connected to, and from server to server.
  const UniqueFd connected = server(SOCK_DGRAM, kServer, 7057);
  const End peer = end_at(kListed, 40057);
  ASSERT_EQ(::connect(connected.get(), peer.get(), peer.size), 0);
  send(kListed, 40057, kServer, 7057);
  EXPECT_EQ(received(connected, kWait_ms), kListed);
  send(kListed, 7058, kServer, 7055);
  EXPECT_EQ(received(socket, kWait_ms), kListed);
}

TEST_F(Inbound, WhatIsNotRefusedIsNotJudged) {
  PolicyBuilder builder;
  builder.rule("Allowed", sip_in(builder.list("hosts", {kListed})), false);
  CompiledPolicy policy = builder.build();
  policy.rules[0].condition = all_of({accepts(), listed(FieldId::kFdCip)});
  const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
  EXPECT_THAT(plan.arrival, IsEmpty());
  EXPECT_FALSE(plan.judges());
}

TEST_F(Inbound, BindToARefusedPortFails) {
  refuse(all_of(
      {binds(), check(FieldId::kFdSport, Op::kEq, {std::int64_t{7080}})}));
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    EXPECT_EQ(bind_in(type, "0.0.0.0", 7080), EPERM);
    EXPECT_EQ(bind_in(type, "::1", 7080), EPERM);
    EXPECT_EQ(bind_in(type, kServer, 7081), 0);
  }
  const auto told = events();
  ASSERT_THAT(told, SizeIs(4));
  EXPECT_EQ(told[0].hook, BAILIFF_HOOK_BIND);
  EXPECT_EQ(told[0].header.verdict, BAILIFF_VERDICT_DENIED);
  EXPECT_NE(told[0].header.tgid, 0U);
  EXPECT_EQ(told[0].port, 7080);
  EXPECT_EQ(told[0].family, 4);
  EXPECT_EQ(told[1].family, 6);
  EXPECT_EQ(told[2].l4proto, IPPROTO_UDP);
  const std::uint8_t any[16] = {};
  EXPECT_EQ(std::memcmp(told[0].addr_be, any, 16), 0);
}

TEST_F(Inbound, BindToARefusedAddressFailsWhateverThePort) {
  refuse(all_of(
      {binds(), check(FieldId::kFdLip, Op::kEq, {*parse_address("0.0.0.0")})}));
  EXPECT_EQ(bind_in(SOCK_STREAM, "0.0.0.0", 0), EPERM);
  EXPECT_EQ(bind_in(SOCK_STREAM, kServer, 0), 0);
  EXPECT_EQ(bind_in(SOCK_STREAM, "::", 0), 0);
}

// The kernel chooses one where none is asked for.
TEST_F(Inbound, AChosenPortIsJudgedToo) {
  refuse(all_of(
      {binds(), check(FieldId::kFdLport, Op::kGe, {std::int64_t{1024}})}));
  EXPECT_EQ(bind_in(SOCK_STREAM, kServer, 0), EPERM);
  EXPECT_EQ(bind_in(SOCK_DGRAM, "::1", 0), EPERM);
  EXPECT_EQ(bind_in(SOCK_DGRAM, kServer, 999), 0);
  const auto told = events();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_GE(told[0].port, 1024);
}

TEST_F(Inbound, BindIsOfAProcess) {
  refuse(all_of(
      {binds(), check(FieldId::kUserUid, Op::kEq, {std::int64_t{4321}})}));
  EXPECT_EQ(bind_in(SOCK_STREAM, kServer, 0), 0);
  EXPECT_THAT(events(), IsEmpty());
}

}  // namespace
}  // namespace bailiff::test
