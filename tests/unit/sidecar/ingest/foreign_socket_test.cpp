// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/foreign_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

namespace bailiff::sidecar {
namespace {

bailiff_foreign socket_of(int type, int state, const char* remote,
                          std::uint16_t port) {
  bailiff_foreign socket{};
  socket.family = AF_INET;
  socket.type = static_cast<std::uint16_t>(type);
  socket.protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  socket.state = static_cast<std::uint8_t>(state);
  socket.local_port = 40000;
  socket.remote_port = port;
  ::inet_pton(AF_INET, "203.0.113.10", socket.local_be);
  ::inet_pton(AF_INET, remote, socket.remote_be);
  return socket;
}

bailiff_foreign six(const char* remote) {
  bailiff_foreign socket = socket_of(SOCK_STREAM, TCP_ESTABLISHED, "", 80);
  socket.family = AF_INET6;
  std::memset(socket.local_be, 0, sizeof socket.local_be);
  ::inet_pton(AF_INET6, remote, socket.remote_be);
  return socket;
}

TEST(ForeignSocket, HasAPeerWhenItIsConnectedOrOnItsWay) {
  for (const int state : {TCP_ESTABLISHED, TCP_SYN_SENT, TCP_CLOSE_WAIT}) {
    EXPECT_TRUE(has_peer(socket_of(SOCK_STREAM, state, "203.0.113.66", 80)));
  }
  EXPECT_TRUE(has_peer(socket_of(SOCK_RAW, TCP_ESTABLISHED, "1.2.3.4", 0)));
  for (const int state : {TCP_CLOSE, TCP_LISTEN}) {
    EXPECT_FALSE(has_peer(socket_of(SOCK_STREAM, state, "203.0.113.66", 80)));
  }
  EXPECT_FALSE(has_peer(socket_of(SOCK_DGRAM, TCP_CLOSE, "0.0.0.0", 0)));
  bailiff_foreign frames = socket_of(SOCK_RAW, TCP_ESTABLISHED, "1.2.3.4", 1);
  frames.family = AF_PACKET;
  EXPECT_FALSE(has_peer(frames));
}

TEST(ForeignSocket, ADatagramHasWhereItGoes) {
  bailiff_foreign socket = socket_of(SOCK_DGRAM, TCP_CLOSE, "203.0.113.66", 53);
  EXPECT_TRUE(has_datagrams(socket));
  EXPECT_FALSE(has_peer(socket));
  socket.use = BAILIFF_FOREIGN_SENDS_TO;
  EXPECT_TRUE(has_peer(socket));
  EXPECT_EQ(to_string(connect_event(socket, false).address), "203.0.113.66");
  EXPECT_EQ(name_of(socket), "udp 203.0.113.10:40000->203.0.113.66:53");
  EXPECT_TRUE(has_datagrams(socket_of(SOCK_RAW, TCP_CLOSE, "0.0.0.0", 0)));
  EXPECT_FALSE(has_datagrams(socket_of(SOCK_STREAM, TCP_CLOSE, "0.0.0.0", 0)));
  socket.family = AF_PACKET;
  EXPECT_FALSE(has_datagrams(socket));
}

TEST(ForeignSocket, WhoBeganIsGuessedByThePort) {
  bailiff_foreign socket =
      socket_of(SOCK_STREAM, TCP_ESTABLISHED, "1.2.3.4", 80);
  EXPECT_FALSE(looks_accepted(socket));
  socket.local_port = 443;
  EXPECT_TRUE(looks_accepted(socket));
  socket.use = BAILIFF_FOREIGN_CONNECTS;
  EXPECT_FALSE(looks_accepted(socket));
}

TEST(ForeignSocket, GoesToAClientByItsPort) {
  EXPECT_FALSE(goes_to_client(socket_of(SOCK_DGRAM, TCP_CLOSE, "1.2.3.4", 53)));
  EXPECT_TRUE(
      goes_to_client(socket_of(SOCK_DGRAM, TCP_CLOSE, "1.2.3.4", 40000)));
}

TEST(ForeignSocket, IsAConnectionBetweenItsEnds) {
  bailiff_foreign socket =
      socket_of(SOCK_DGRAM, TCP_ESTABLISHED, "203.0.113.66", 1389);
  socket.time_ns = 5;
  socket.cgroup_id = 6;
  socket.tgid = 7;
  std::strcpy(socket.comm, "java");
  const ConnectEvent event = connect_event(socket, true);
  EXPECT_EQ(event.judged_at, JudgedAt::kForeign);
  EXPECT_TRUE(event.accepted);
  EXPECT_EQ(event.monotonic_ns, 5U);
  EXPECT_EQ(event.cgroup_id, 6U);
  EXPECT_EQ(event.tgid, 7U);
  EXPECT_EQ(event.comm, "java");
  EXPECT_EQ(to_string(event.address), "203.0.113.66");
  EXPECT_EQ(event.port, 1389);
  EXPECT_EQ(to_string(event.local), "203.0.113.10");
  EXPECT_EQ(event.local_port, 40000);
  EXPECT_EQ(event.l4proto, IPPROTO_UDP);
}

TEST(ForeignSocket, NamesOfOneHostAreOneHost) {
  for (const char* remote : {"::ffff:203.0.113.66", "64:ff9b::203.0.113.66"}) {
    const ConnectEvent event = connect_event(six(remote), false);
    EXPECT_EQ(to_string(event.address), "203.0.113.66") << remote;
  }
  EXPECT_EQ(to_string(connect_event(six("2001:db8::1"), false).address),
            "2001:db8::1");
}

TEST(ForeignSocket, MultipathTcpIsTcp) {
  bailiff_foreign socket =
      socket_of(SOCK_STREAM, TCP_ESTABLISHED, "203.0.113.66", 80);
  socket.protocol = IPPROTO_MPTCP;
  EXPECT_EQ(connect_event(socket, false).l4proto, IPPROTO_TCP);
}

TEST(ForeignSocket, HasANameForPeople) {
  EXPECT_EQ(name_of(socket_of(SOCK_STREAM, TCP_ESTABLISHED, "1.2.3.4", 80)),
            "tcp 203.0.113.10:40000->1.2.3.4:80");
  EXPECT_EQ(name_of(socket_of(SOCK_STREAM, TCP_LISTEN, "0.0.0.0", 0)),
            "tcp 203.0.113.10:40000 listening");
  bailiff_foreign fresh{};
  fresh.family = AF_INET;
  fresh.protocol = IPPROTO_UDP;
  fresh.state = TCP_CLOSE;
  EXPECT_EQ(name_of(fresh), "udp *");
  fresh.family = AF_PACKET;
  EXPECT_EQ(name_of(fresh), "packet");
  fresh.family = 33;
  EXPECT_EQ(name_of(fresh), "family 33");
}

}  // namespace
}  // namespace bailiff::sidecar
