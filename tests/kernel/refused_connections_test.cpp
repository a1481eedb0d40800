// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/refused_connections.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "hook/kernel/network_namespace.h"
#include "oci/sys/cgroup.h"
#include "tests/kernel/host.h"

namespace bailiff {
namespace {

using test::ConnectedSender;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kListed = "127.66.0.1";
constexpr const char* kOther = "127.66.0.2";

// All in the namespace of the test, as of containers on the host's network.
class RefusedConnectionsTest : public testing::Test {
 protected:
  RefusedConnectionsTest()
      : listener_(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    socklen_t size = sizeof any;
    auto* name = reinterpret_cast<sockaddr*>(&any);
    EXPECT_EQ(::bind(listener_.get(), name, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), name, &size), 0);
    port_ = ntohs(any.sin6_port);
  }

  test::Connect to(const std::string& address, bool ipv6 = false) const {
    return {.address = address, .port = port_, .tcp = true, .ipv6 = ipv6};
  }
  // Cuts what the container has with the listed peer; with whom that was.
  std::vector<std::string> cut(
      const Cgroup& container,
      std::shared_ptr<const UniqueFd> netns = nullptr) const {
    const hook::CutConnections done = hook::cut_refused(
        {{container.id(), std::move(netns)}},
        [&](std::uint64_t id, const IpAddress& peer, std::uint16_t port,
            std::uint16_t local_port) {
          EXPECT_EQ(id, container.id());
          own_ports_.push_back(local_port);
          return port == port_ && peer == *parse_address(kListed);
        });
    EXPECT_TRUE(done.failure) << done.failure.error().message;
    std::vector<std::string> peers;
    for (const hook::CutConnection& each : done.cut) {
      EXPECT_EQ(each.cgroup_id, container.id());
      EXPECT_EQ(each.port, port_);
      peers.push_back(to_string(each.peer));
    }
    return peers;
  }

  hook::ScratchCgroup container_ = test::make_cgroup();
  hook::ScratchCgroup neighbour_ = test::make_cgroup();
  const UniqueFd listener_;
  std::uint16_t port_ = 0;
  mutable std::vector<std::uint16_t> own_ports_;  // that were asked about
};

TEST_F(RefusedConnectionsTest, CutsThoseOfTheContainerWithThePeerAlone) {
  ConnectedSender refused(container_.cgroup(), to(kListed));
  ConnectedSender other(container_.cgroup(), to(kOther));
  ConnectedSender neighbours(neighbour_.cgroup(), to(kListed));
  EXPECT_THAT(cut(container_.cgroup()), ElementsAre(kListed));
  EXPECT_EQ(refused.send(), ECONNABORTED);
  EXPECT_EQ(other.send(), 0);
  EXPECT_EQ(neighbours.send(), 0);
  EXPECT_THAT(cut(container_.cgroup()), IsEmpty());
}

TEST_F(RefusedConnectionsTest, CutsThoseToAMappedAddress) {
  ConnectedSender refused(container_.cgroup(), to(kListed, true));
  EXPECT_THAT(cut(container_.cgroup()), ElementsAre(kListed));
  EXPECT_EQ(refused.send(), ECONNABORTED);
}

TEST_F(RefusedConnectionsTest, CutsThoseOfCgroupsMadeInside) {
  const std::string inner = container_.cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  {
    const auto mount = CgroupMount::find();
    ASSERT_TRUE(mount);
    const auto cgroup =
        Cgroup::open(*mount, container_.cgroup().relative_path() + "/inner");
    ASSERT_TRUE(cgroup);
    ConnectedSender refused(*cgroup, to(kListed));
    EXPECT_THAT(cut(neighbour_.cgroup()), IsEmpty());
    EXPECT_THAT(cut(container_.cgroup()), ElementsAre(kListed));
    EXPECT_EQ(refused.send(), ECONNABORTED);
  }
  EXPECT_EQ(::rmdir(inner.c_str()), 0);
}

// As what a container that was killed has still to send.
TEST_F(RefusedConnectionsTest, CutsThoseThatHaveNoProcessAnyMore) {
  EXPECT_EQ(ConnectedSender(container_.cgroup(), to(kListed)).fill(), EAGAIN);
  const UniqueFd peer(
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(peer);
  sockaddr_in6 own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getpeername(peer.get(), reinterpret_cast<sockaddr*>(&own), &size),
            0);
  auto netns = hook::network_namespace_of(::getpid());
  ASSERT_TRUE(netns);
  EXPECT_THAT(cut(container_.cgroup(),
                  std::make_shared<const UniqueFd>(*std::move(netns))),
              ElementsAre(kListed));
  EXPECT_THAT(own_ports_, Contains(ntohs(own.sin6_port)));
  std::vector<char> some(64 << 10);
  ssize_t read = 0;
  do {
    read = ::recv(peer.get(), some.data(), some.size(), 0);
  } while (read > 0);
  EXPECT_EQ(read, -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(RefusedConnectionsTest, LeavesDatagramsAlone) {
  test::Connect datagrams = to(kListed);
  datagrams.tcp = false;
  ConnectedSender sender(container_.cgroup(), datagrams);
  EXPECT_THAT(cut(container_.cgroup()), IsEmpty());
  EXPECT_EQ(sender.send(), 0);
}

}  // namespace
}  // namespace bailiff
