// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/foreign.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/judged.h"
#include "hook/attach/shared_maps.h"
#include "oci/sys/unique_fd.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr const char* kPeer = "127.66.1.9";

sockaddr_in name_of(const char* address, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &name.sin_addr);
  return name;
}

int connect_to(int fd, const sockaddr_in& name) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

UniqueFd make_socket(int type) {
  return UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
}

UniqueFd connected_datagrams(std::uint16_t port = 9) {
  UniqueFd socket = make_socket(SOCK_DGRAM);
  EXPECT_EQ(connect_to(socket.get(), name_of(kPeer, port)), 0);
  return socket;
}

// Somebody who takes connections at kPeer.
struct Listener {
  Listener() {
    sockaddr_in name = name_of(kPeer, 0);
    socklen_t size = sizeof name;
    auto* address = reinterpret_cast<sockaddr*>(&name);
    EXPECT_EQ(::bind(socket.get(), address, size), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    EXPECT_EQ(::getsockname(socket.get(), address, &size), 0);
    port = ntohs(name.sin_port);
  }
  UniqueFd socket = make_socket(SOCK_STREAM);
  std::uint16_t port = 0;
};

// A process in a cgroup that has what this one has, and does one thing each
// time it is told to.
class Actor {
 public:
  Actor(const Cgroup& cgroup, std::function<int()> act) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    channel_ = UniqueFd(ends[0]);
    pid_ = fork_into(cgroup);
    if (pid_ == 0) {
      int result = 0;
      (void)!::write(ends[1], &result, sizeof result);
      while (::read(ends[1], &result, sizeof result) > 0) {
        result = act();
        (void)!::write(ends[1], &result, sizeof result);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    EXPECT_EQ(answer(), 0);  // it is in the cgroup
  }
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int act() {
    const int nothing = 0;
    EXPECT_EQ(::write(channel_.get(), &nothing, sizeof nothing), 4);
    return answer();
  }
  pid_t pid() const { return pid_; }

 private:
  int answer() {
    int result = -1;
    EXPECT_EQ(::read(channel_.get(), &result, sizeof result), 4);
    return result;
  }

  UniqueFd channel_;
  pid_t pid_ = -1;
};

class Foreign : public ::testing::Test {
 protected:
  Foreign() {
    EXPECT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
    load();
  }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  std::string folder() const { return hook::Pins(dir()).foreign(); }

  Result<hook::ForeignSockets> load_anew() {
    const auto judged = hook::open_judged_map(hook::Pins(dir()), kernel_);
    EXPECT_TRUE(judged);
    const auto senders = kernel_.open_map(dir() + "/senders");
    EXPECT_TRUE(senders);
    return hook::ForeignSockets::load(
        *judged, *senders, folder(),
        [this](const bailiff_foreign& told) { uses_.push_back(told); });
  }
  void load() {
    auto sockets = load_anew();
    ASSERT_TRUE(sockets) << sockets.error().message;
    sockets_ = std::make_unique<hook::ForeignSockets>(*std::move(sockets));
  }

  void judge(const Cgroup& cgroup, const std::string& id = "c1") {
    PolicyBuilder policy;
    policy.rule("port", sport_is(1), false);
    const auto programs = protect(policy.build(), cgroup, dir(), id, kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    ASSERT_TRUE(sockets_->attend(false));
  }

  std::vector<bailiff_foreign> held(pid_t pid = 0) {
    const auto held = sockets_->held(pid);
    EXPECT_TRUE(held) << held.error().message;
    EXPECT_TRUE(held->all);
    return held->sockets;
  }
  std::vector<int> held_types() {
    std::vector<int> types;
    for (const bailiff_foreign& each : held()) types.push_back(each.type);
    return types;
  }
  // What was used since the last time.
  std::vector<bailiff_foreign> uses() {
    EXPECT_TRUE(sockets_->consume(1000));
    return std::exchange(uses_, {});
  }
  std::vector<int> kinds_of_use() {
    std::vector<int> kinds;
    for (const bailiff_foreign& each : uses()) kinds.push_back(each.use);
    return kinds;
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_ = make_cgroup();
  std::unique_ptr<hook::ForeignSockets> sockets_;
  std::vector<bailiff_foreign> uses_;
};

// Of what is sent and received, which is seen since Linux 6.3.
class ForeignUse : public Foreign {
 protected:
  static int send_and_close(UniqueFd& socket) {
    const auto sent = static_cast<int>(::send(socket.get(), "x", 1, 0));
    socket = UniqueFd();
    return sent;
  }
};

TEST_F(Foreign, TellsOfASocketThatWasMadeOutside) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams();
  const Actor holder(cgroup_.cgroup(), [] { return 0; });
  const std::vector<bailiff_foreign> all = held();
  ASSERT_THAT(all, SizeIs(1));
  const bailiff_foreign& told = all.front();
  EXPECT_EQ(told.cgroup_id, cgroup_.cgroup().id());
  EXPECT_EQ(told.socket_cgroup, Cgroup::of_process(::getpid())->id());
  EXPECT_EQ(told.tgid, static_cast<std::uint32_t>(holder.pid()));
  EXPECT_EQ(told.fd, socket.get());
  EXPECT_EQ(told.use, BAILIFF_FOREIGN_HELD);
  EXPECT_EQ(told.family, AF_INET);
  EXPECT_EQ(told.type, SOCK_DGRAM);
  EXPECT_EQ(told.protocol, IPPROTO_UDP);
  EXPECT_EQ(told.state, 1);
  EXPECT_EQ(told.remote_port, 9);
  const sockaddr_in peer = name_of(kPeer, 9);
  EXPECT_EQ(std::memcmp(told.remote_be, &peer.sin_addr, 4), 0);
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size);
  EXPECT_EQ(told.cookie, cookie);
  EXPECT_THAT(held(holder.pid()), SizeIs(1));
  EXPECT_THAT(held(::getpid()), IsEmpty());
}

// Deeper below the container than there are levels at which containers are.
TEST_F(Foreign, ANestedCgroupHidesNothing) {
  judge(cgroup_.cgroup());
  std::string nested;
  for (std::uint32_t i = 0; i < BAILIFF_MAX_FOREIGN_LEVELS + 2; ++i) {
    nested += "/n";
    ASSERT_EQ(::mkdir((cgroup_.cgroup().path() + nested).c_str(), 0755), 0);
  }
  const UniqueFd socket = connected_datagrams();
  {
    const auto deepest = Cgroup::open(
        *CgroupMount::find(), cgroup_.cgroup().relative_path() + nested);
    ASSERT_TRUE(deepest);
    const Actor holder(*deepest, [] { return 0; });
    EXPECT_THAT(held(), SizeIs(1));
  }
  for (; !nested.empty(); nested.resize(nested.size() - 2)) {
    ::rmdir((cgroup_.cgroup().path() + nested).c_str());
  }
}

TEST_F(Foreign, SocketsOfTheContainerAreItsOwn) {
  judge(cgroup_.cgroup());
  UniqueFd own;
  Actor maker(cgroup_.cgroup(), [&] {
    own = connected_datagrams();
    return own ? static_cast<int>(::send(own.get(), "x", 1, 0)) : -1;
  });
  EXPECT_EQ(maker.act(), 1);
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_THAT(uses(), IsEmpty());
}

TEST_F(Foreign, ACgroupTheContainerMadeIsTheContainers) {
  judge(cgroup_.cgroup());
  const std::string inner = cgroup_.cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  {
    const auto nested = Cgroup::open(
        *CgroupMount::find(), cgroup_.cgroup().relative_path() + "/inner");
    ASSERT_TRUE(nested);
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    // The one below makes a socket and hands it up, and this goes on with it.
    UniqueFd received;
    const auto use = [&] {
      return static_cast<int>(::send(received.get(), "x", 1, 0));
    };
    Actor above(cgroup_.cgroup(), [&] {
      if (received) return use();
      char byte = 0;
      iovec part{.iov_base = &byte, .iov_len = 1};
      alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))];
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = room;
      message.msg_controllen = sizeof room;
      if (::recvmsg(ends[0], &message, MSG_CMSG_CLOEXEC) != 1) return -1;
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
      received = UniqueFd(fd);
      return use();
    });
    Actor below(*nested, [&] {
      const UniqueFd made = connected_datagrams();
      char byte = 0;
      iovec part{.iov_base = &byte, .iov_len = 1};
      alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = room;
      message.msg_controllen = sizeof room;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = made.get();
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
      return static_cast<int>(::sendmsg(ends[1], &message, 0));
    });
    EXPECT_EQ(below.act(), 1);
    EXPECT_EQ(above.act(), 1);
    EXPECT_THAT(held(), IsEmpty());
    EXPECT_THAT(uses(), IsEmpty());
    // What was made outside is foreign below as well, to the same container.
    const UniqueFd outside = make_socket(SOCK_DGRAM);
    const Actor holder(*nested, [] { return 0; });
    const std::vector<bailiff_foreign> all = held();
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all.front().cgroup_id, cgroup_.cgroup().id());
    ::close(ends[0]);
    ::close(ends[1]);
  }
  EXPECT_EQ(::rmdir(inner.c_str()), 0);
}

TEST_F(Foreign, NobodyElseIsLookedAt) {
  const auto other = make_cgroup();
  judge(other.cgroup());
  const UniqueFd socket = connected_datagrams();
  Actor sender(cgroup_.cgroup(), [&] {
    return static_cast<int>(::send(socket.get(), "x", 1, 0));
  });
  EXPECT_EQ(sender.act(), 1);
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_THAT(uses(), IsEmpty());
}

TEST_F(Foreign, EachContainerIsToldOfByItsOwn) {
  constexpr int kContainers = 32;
  const UniqueFd socket = make_socket(SOCK_STREAM);
  std::vector<hook::ScratchCgroup> cgroups;
  std::vector<std::unique_ptr<Actor>> holders;
  std::vector<std::uint64_t> wanted;
  for (int i = 0; i < kContainers; ++i) {
    cgroups.push_back(make_cgroup());
    judge(cgroups.back().cgroup(), "c" + std::to_string(i));
    holders.push_back(
        std::make_unique<Actor>(cgroups.back().cgroup(), [] { return 0; }));
    wanted.push_back(cgroups.back().cgroup().id());
  }
  std::vector<std::uint64_t> told;
  for (const bailiff_foreign& each : held()) told.push_back(each.cgroup_id);
  std::sort(told.begin(), told.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(told, wanted);
}

// Processes of one come between those of the other.
TEST_F(Foreign, WhatTwoContainersShareIsToldOnceForEach) {
  const hook::ScratchCgroup other = make_cgroup();
  judge(cgroup_.cgroup(), "c1");
  judge(other.cgroup(), "c2");
  const UniqueFd socket = make_socket(SOCK_STREAM);
  std::vector<std::unique_ptr<Actor>> holders;
  for (int i = 0; i < 3; ++i) {
    for (const Cgroup* cgroup : {&cgroup_.cgroup(), &other.cgroup()}) {
      holders.push_back(std::make_unique<Actor>(*cgroup, [] { return 0; }));
    }
  }
  std::vector<std::uint64_t> told;
  for (const bailiff_foreign& each : held()) told.push_back(each.cgroup_id);
  EXPECT_THAT(told,
              UnorderedElementsAre(cgroup_.cgroup().id(), other.cgroup().id()));
}

TEST_F(Foreign, OnlyWhatReachesOthersIsTold) {
  judge(cgroup_.cgroup());
  const UniqueFd frames(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd local(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Actor holder(cgroup_.cgroup(), [] { return 0; });
  std::vector<int> families;
  for (const bailiff_foreign& each : held()) families.push_back(each.family);
  std::sort(families.begin(), families.end());
  EXPECT_THAT(families, ElementsAre(AF_INET, AF_PACKET));
}

TEST_F(Foreign, WhatIsDuplicatedIsToldOnceInEachReading) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  const UniqueFd again(::dup(socket.get()));
  const Actor holder(cgroup_.cgroup(), [] { return 0; });
  EXPECT_THAT(held_types(), ElementsAre(SOCK_DGRAM));
  EXPECT_THAT(held_types(), ElementsAre(SOCK_DGRAM));
}

TEST_F(ForeignUse, WhatIsUsedAndClosedAtOnceIsTold) {
  judge(cgroup_.cgroup());
  UniqueFd socket = connected_datagrams();
  Actor sender(cgroup_.cgroup(), [&] { return send_and_close(socket); });
  EXPECT_EQ(sender.act(), 1);
  EXPECT_THAT(held(), IsEmpty());
  const std::vector<bailiff_foreign> all = uses();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all.front().use, BAILIFF_FOREIGN_SENDS);
  EXPECT_EQ(all.front().fd, -1);
  EXPECT_EQ(all.front().tgid, static_cast<std::uint32_t>(sender.pid()));
  EXPECT_EQ(all.front().cgroup_id, cgroup_.cgroup().id());
  EXPECT_EQ(all.front().remote_port, 9);
  EXPECT_EQ(*sockets_->take_lost(), 0U);
}

TEST_F(ForeignUse, AUseIsToldOnceForEachPeer) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams(9);
  int port = 9;
  Actor sender(cgroup_.cgroup(), [&] {
    if (port > 10) connect_to(socket.get(), name_of(kPeer, 11));
    ++port;
    (void)!::send(socket.get(), "x", 1, 0);  // nobody listens
    return 0;
  });
  EXPECT_EQ(sender.act(), 0);
  EXPECT_EQ(sender.act(), 0);
  EXPECT_THAT(uses(), SizeIs(1));
  EXPECT_EQ(sender.act(), 0);
  const std::vector<bailiff_foreign> all = uses();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all.front().remote_port, 11);
}

TEST_F(Foreign, WhatConnectsIsToldAtOnceWithItsPeer) {
  judge(cgroup_.cgroup());
  const Listener listener;
  const UniqueFd socket = make_socket(SOCK_STREAM);
  Actor caller(cgroup_.cgroup(), [&] {
    return connect_to(socket.get(), name_of(kPeer, listener.port));
  });
  EXPECT_EQ(caller.act(), 0);
  const std::vector<bailiff_foreign> all = uses();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all.front().use, BAILIFF_FOREIGN_CONNECTS);
  EXPECT_EQ(all.front().state, 2);  // TCP_SYN_SENT
  EXPECT_EQ(all.front().remote_port, listener.port);
  const sockaddr_in peer = name_of(kPeer, 9);
  EXPECT_EQ(std::memcmp(all.front().remote_be, &peer.sin_addr, 4), 0);
}

TEST_F(ForeignUse, WhatIsAcceptedFromAForeignListenerIsForeign) {
  judge(cgroup_.cgroup());
  const Listener listener;
  UniqueFd accepted;
  Actor server(cgroup_.cgroup(), [&] {
    accepted = UniqueFd(::accept(listener.socket.get(), nullptr, nullptr));
    char byte = 0;
    return static_cast<int>(::recv(accepted.get(), &byte, 1, 0));
  });
  UniqueFd client = make_socket(SOCK_STREAM);
  ASSERT_EQ(connect_to(client.get(), name_of(kPeer, listener.port)), 0);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  EXPECT_EQ(server.act(), 1);
  EXPECT_THAT(kinds_of_use(), ElementsAre(BAILIFF_FOREIGN_RECEIVES));
  int connected = 0;
  for (const bailiff_foreign& each : held(server.pid())) {
    connected += each.state == 1 && each.local_port == listener.port;
  }
  EXPECT_EQ(connected, 1);
}

TEST_F(Foreign, ACutStreamIsReset) {
  judge(cgroup_.cgroup());
  const Listener listener;
  UniqueFd socket = make_socket(SOCK_STREAM);
  ASSERT_EQ(connect_to(socket.get(), name_of(kPeer, listener.port)), 0);
  const UniqueFd peer(::accept(listener.socket.get(), nullptr, nullptr));
  Actor sender(cgroup_.cgroup(), [&] {
    return ::send(socket.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
  });
  const std::vector<bailiff_foreign> all = held(sender.pid());
  const auto found = std::find_if(
      all.begin(), all.end(), [](const auto& each) { return each.state == 1; });
  ASSERT_NE(found, all.end());
  const Status cut = hook::cut_socket(static_cast<pid_t>(found->tid), found->fd,
                                      found->cookie);
  ASSERT_TRUE(cut) << cut.error().message;
  char byte = 0;
  EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(sender.act(), ECONNRESET);
}

TEST_F(Foreign, OverCutDatagramsNothingIsSent) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams();
  Actor sender(cgroup_.cgroup(), [&] {
    return ::send(socket.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
  });
  const std::vector<bailiff_foreign> all = held();
  ASSERT_THAT(all, SizeIs(1));
  ASSERT_TRUE(hook::cut_socket(sender.pid(), all[0].fd, all[0].cookie));
  EXPECT_EQ(sender.act(), EPIPE);
}

// Of datagrams, to whom they go is seen where no peer says so.
class ForeignDatagram : public Foreign {
 protected:
  // Over a socket that was told of.
  void attend() {
    ASSERT_THAT(held(), SizeIs(1));
    ASSERT_TRUE(sockets_->attend(true));
  }
  // What was told of the addresses, of one socket.
  std::vector<std::string> sent_to() {
    std::vector<std::string> all;
    for (const bailiff_foreign& each : uses()) {
      if (each.use != BAILIFF_FOREIGN_SENDS_TO) continue;
      char text[INET6_ADDRSTRLEN] = "";
      ::inet_ntop(each.family, each.remote_be, text, sizeof text);
      all.push_back(std::string(text) + " " + std::to_string(each.remote_port));
      last_ = each;
    }
    return all;
  }
  static int send_to(int fd, const sockaddr_in& to) {
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    return ::sendto(fd, "x", 1, 0, address, sizeof to) == 1 ? 0 : errno;
  }

  // A socket in a network of its own, of which no packet is long.
  static UniqueFd where_much_is_cut(int type, int protocol) {
    const UniqueFd before(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, protocol));
    ifreq request{};
    ::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    EXPECT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
    request.ifr_mtu = 1500;
    EXPECT_EQ(::ioctl(socket.get(), SIOCSIFMTU, &request), 0);
    EXPECT_EQ(::setns(before.get(), CLONE_NEWNET), 0);
    return socket;
  }

  // One with which the kernel keeps nothing, for want of memory.
  static UniqueFd without_memory() {
    const UniqueFd before(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_EQ(::system("ip link set lo up && "
                       "echo 1 >/proc/sys/net/core/optmem_max"),
              0);
    UniqueFd socket = make_socket(SOCK_DGRAM);
    EXPECT_EQ(::setns(before.get(), CLONE_NEWNET), 0);
    return socket;
  }

  bailiff_foreign last_{};
};

TEST_F(ForeignDatagram, WithoutMemoryForItsSocketIsToldAllTheSame) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = without_memory();
  Actor sender(cgroup_.cgroup(),
               [&] { return send_to(socket.get(), name_of(kPeer, 9)); });
  attend();
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 9"));
  EXPECT_EQ(last_.cgroup_id, cgroup_.cgroup().id());
  sender.act();
  EXPECT_THAT(sent_to(), IsEmpty());
}

TEST_F(ForeignDatagram, TellsWhereItGoes) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  std::uint16_t port = 9;
  Actor sender(cgroup_.cgroup(), [&] {
    // Each twice: nobody listens, which the second is told.
    send_to(socket.get(), name_of(kPeer, port));
    send_to(socket.get(), name_of(kPeer, port));
    return send_to(socket.get(), name_of(kPeer, port++));
  });
  attend();
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 9"));
  EXPECT_EQ(last_.cgroup_id, cgroup_.cgroup().id());
  EXPECT_EQ(last_.tgid, static_cast<std::uint32_t>(sender.pid()));
  EXPECT_EQ(last_.protocol, IPPROTO_UDP);
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 10"));
  ASSERT_TRUE(sockets_->attend(false));
  sender.act();
  EXPECT_THAT(sent_to(), IsEmpty());
}

TEST_F(ForeignDatagram, ToSeveralInTurnIsToldOnceOfEach) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  Actor sender(cgroup_.cgroup(), [&] {
    for (int i = 0; i < 10; ++i) {
      for (std::uint16_t port = 9; port < 12; ++port) {
        send_to(socket.get(), name_of(kPeer, port));
      }
    }
    return 0;
  });
  attend();
  EXPECT_EQ(sender.act(), 0);
  EXPECT_THAT(sent_to(),
              ElementsAre("127.66.1.9 9", "127.66.1.9 10", "127.66.1.9 11"));
}

// It may be listed by then.
TEST_F(ForeignDatagram, ToTheSameIsToldAgainAfterAWhile) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  Actor sender(cgroup_.cgroup(),
               [&] { return send_to(socket.get(), name_of(kPeer, 9)); });
  attend();
  std::vector<std::uint64_t> told_ns;
  while (told_ns.size() < 2) {
    sender.act();  // which may be told that nobody listens
    if (!sent_to().empty()) told_ns.push_back(last_.time_ns);
    pollfd ready{.fd = sockets_->fd(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, 100);
  }
  EXPECT_GE(told_ns[1], told_ns[0] + BAILIFF_REPEAT_NS);
}

TEST_F(ForeignDatagram, OfOneWithAPeerOnlyToOthersIsTold) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams(9);
  Actor sender(cgroup_.cgroup(), [&] {
    (void)!::send(socket.get(), "x", 1, 0);
    send_to(socket.get(), name_of("127.66.1.10", 9));
    return send_to(socket.get(), name_of("127.66.1.10", 9));
  });
  attend();
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.10 9"));
}

TEST_F(ForeignDatagram, OverIpv6IsToldAsTheSocketNamesIt) {
  judge(cgroup_.cgroup());
  const UniqueFd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const char* peer = "::ffff:127.66.1.9";
  int times = 0;
  Actor sender(cgroup_.cgroup(), [&] {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(9);
    ::inet_pton(AF_INET6, times++ == 0 ? peer : "::1", &name.sin6_addr);
    const auto* address = reinterpret_cast<const sockaddr*>(&name);
    for (int i = 0; i < 2; ++i) {
      (void)!::sendto(socket.get(), "x", 1, 0, address, sizeof name);
    }
    return 0;
  });
  attend();
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("::ffff:127.66.1.9 9"));
  sender.act();
  EXPECT_THAT(sent_to(), ElementsAre("::1 9"));
}

TEST_F(ForeignDatagram, BehindExtensionHeadersHasItsPort) {
  judge(cgroup_.cgroup());
  const UniqueFd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Destination options of eight bytes: padding.
  const std::uint8_t options[8] = {0, 0, 1, 4, 0, 0, 0, 0};
  ASSERT_EQ(::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_DSTOPTS, options,
                         sizeof options),
            0);
  Actor sender(cgroup_.cgroup(), [&] {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(9);
    name.sin6_addr = in6addr_loopback;
    const auto* address = reinterpret_cast<const sockaddr*>(&name);
    return ::sendto(socket.get(), "x", 1, 0, address, sizeof name) == 1 ? 0
                                                                        : errno;
  });
  attend();
  EXPECT_EQ(sender.act(), 0);
  EXPECT_THAT(sent_to(), ElementsAre("::1 9"));
  EXPECT_EQ(last_.protocol, IPPROTO_UDP);
}

TEST_F(ForeignDatagram, OfARawSocketIsWhatItSends) {
  judge(cgroup_.cgroup());
  const UniqueFd socket(
      ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  Actor sender(cgroup_.cgroup(), [&] {
    std::uint8_t segment[20] = {0, 7, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2};
    const sockaddr_in to = name_of(kPeer, 0);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    return static_cast<int>(
        ::sendto(socket.get(), segment, sizeof segment, 0, address, sizeof to));
  });
  attend();
  EXPECT_EQ(sender.act(), 20);
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 9"));
  EXPECT_EQ(last_.protocol, IPPROTO_TCP);
  EXPECT_EQ(last_.type, SOCK_RAW);
}

TEST_F(ForeignDatagram, InPiecesIsToldOnce) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = where_much_is_cut(SOCK_DGRAM, 0);
  Actor sender(cgroup_.cgroup(), [&] {
    const std::vector<char> much(9000);
    const sockaddr_in to = name_of(kPeer, 9);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    return static_cast<int>(::sendto(socket.get(), much.data(), much.size(), 0,
                                     address, sizeof to));
  });
  attend();
  EXPECT_EQ(sender.act(), 9000);
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 9"));
}

TEST_F(ForeignDatagram, ThatSaysItIsALaterPieceIsTold) {
  judge(cgroup_.cgroup());
  const UniqueFd socket(
      ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  Actor sender(cgroup_.cgroup(), [&] {
    std::uint8_t packet[28] = {0x45, 0, 0, 28, 0, 1, 0, 185, 64, IPPROTO_UDP};
    const sockaddr_in to = name_of(kPeer, 0);
    std::memcpy(packet + 16, &to.sin_addr, 4);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    return static_cast<int>(
        ::sendto(socket.get(), packet, sizeof packet, 0, address, sizeof to));
  });
  attend();
  EXPECT_EQ(sender.act(), 28);
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 0"));
}

TEST_F(ForeignDatagram, OfOthersIsNotLookedAt) {
  judge(cgroup_.cgroup());
  const UniqueFd foreign = make_socket(SOCK_DGRAM);
  const auto send_own = [&] {
    const UniqueFd own = make_socket(SOCK_DGRAM);
    return send_to(own.get(), name_of(kPeer, 9));
  };
  Actor sender(cgroup_.cgroup(), send_own);
  attend();
  EXPECT_EQ(sender.act(), 0);
  // The same socket, used by whoever made it.
  EXPECT_EQ(send_to(foreign.get(), name_of(kPeer, 9)), 0);
  EXPECT_THAT(sent_to(), IsEmpty());
}

TEST_F(ForeignDatagram, OverACutSocketGoesNowhere) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  Actor sender(cgroup_.cgroup(), [&] {
    const sockaddr_in to = name_of(kPeer, 9);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    const auto sent =
        ::sendto(socket.get(), "x", 1, MSG_NOSIGNAL, address, sizeof to);
    return sent == 1 ? 0 : errno;
  });
  const std::vector<bailiff_foreign> all = held();
  ASSERT_THAT(all, SizeIs(1));
  ASSERT_TRUE(hook::cut_socket(sender.pid(), all[0].fd, all[0].cookie));
  EXPECT_EQ(sender.act(), EPIPE);
}

TEST_F(ForeignUse, AThreadWithDescriptorsOfItsOwnHidesNothing) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams();
  int orders[2];
  int answers[2];
  ASSERT_EQ(::pipe(orders), 0);
  ASSERT_EQ(::pipe(answers), 0);
  std::thread thread;
  Actor sender(cgroup_.cgroup(), [&] {
    thread = std::thread([&] {
      ::unshare(CLONE_FILES);
      int error = 0;
      (void)!::write(answers[1], &error, sizeof error);
      char order = 0;
      (void)!::read(orders[0], &order, 1);
      error = ::send(socket.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
      (void)!::write(answers[1], &error, sizeof error);
    });
    int error = 0;
    (void)!::read(answers[0], &error, sizeof error);
    return ::close(socket.get());
  });
  ASSERT_EQ(sender.act(), 0);
  const std::vector<bailiff_foreign> all = held(sender.pid());
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_NE(all[0].tid, all[0].tgid);
  const Status cut = hook::cut_socket(static_cast<pid_t>(all[0].tid), all[0].fd,
                                      all[0].cookie);
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ(::write(orders[1], "x", 1), 1);
  int error = 0;
  EXPECT_EQ(::read(answers[0], &error, sizeof error), 4);
  EXPECT_EQ(error, EPIPE);
  for (const int fd : {orders[0], orders[1], answers[0], answers[1]}) {
    ::close(fd);
  }
}

TEST_F(Foreign, OnlyTheSocketThatWasFoundIsCut) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = connected_datagrams();
  Actor sender(cgroup_.cgroup(), [&] {
    return static_cast<int>(::send(socket.get(), "x", 1, 0));
  });
  const std::vector<bailiff_foreign> all = held();
  ASSERT_THAT(all, SizeIs(1));
  const Status cut =
      hook::cut_socket(sender.pid(), all[0].fd, all[0].cookie + 1);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kNotFound);
  EXPECT_EQ(sender.act(), 1);
}

TEST_F(Foreign, IsLookedForAsLongAsTheContainerIsJudged) {
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  const Actor holder(cgroup_.cgroup(), [] { return 0; });
  EXPECT_THAT(held(), IsEmpty());
  judge(cgroup_.cgroup());
  EXPECT_THAT(held(), SizeIs(1));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(held(), IsEmpty());
  // One that an earlier version attached has no entry.
  judge(cgroup_.cgroup());
  ASSERT_TRUE(hook::leave_judged(hook::Pins(dir()), "c1", kernel_));
  EXPECT_THAT(held(), IsEmpty());
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_THAT(held(), SizeIs(1));
}

TEST_F(Foreign, NoEntryOutlivesItsCgroup) {
  hook::Undo undo;
  const auto map = hook::judged_map(hook::Pins(dir()), kernel_, undo);
  ASSERT_TRUE(map);
  const auto entries = [&] {
    return kernel_.entries(*map, 8, sizeof(bailiff_judged))->size();
  };
  {
    const auto gone = make_cgroup();
    judge(gone.cgroup(), "gone");
    EXPECT_EQ(entries(), 1U);
  }
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_EQ(entries(), 0U);
}

// What is used while nothing is loaded, as while the service is down.
class ForeignLater : public Foreign {
 protected:
  std::vector<std::string> links() {
    return *kernel_.list(folder() + "/links");
  }
  // Uses a socket of somebody else's, and closes it; 0, or an errno.
  int connect_and_close(std::uint16_t port = 9) {
    UniqueFd socket = make_socket(SOCK_STREAM);
    Actor actor(cgroup_.cgroup(), [&] {
      const int result = connect_to(socket.get(), name_of(kPeer, port));
      const int err = errno;
      socket = UniqueFd();
      return result == 0 ? 0 : err;
    });
    return actor.act();
  }
};

TEST_F(ForeignLater, WhatConnectedIsTold) {
  judge(cgroup_.cgroup());
  sockets_.reset();
  EXPECT_EQ(connect_and_close(), ECONNREFUSED);
  load();
  const std::vector<bailiff_foreign> all = uses();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all.front().use, BAILIFF_FOREIGN_CONNECTS);
  EXPECT_EQ(all.front().cgroup_id, cgroup_.cgroup().id());
  EXPECT_EQ(all.front().remote_port, 9);
}

TEST_F(ForeignUse, WhatWasSentLaterIsTold) {
  judge(cgroup_.cgroup());
  sockets_.reset();
  UniqueFd socket = connected_datagrams();
  Actor sender(cgroup_.cgroup(), [&] { return send_and_close(socket); });
  EXPECT_EQ(sender.act(), 1);
  load();
  EXPECT_THAT(kinds_of_use(), ElementsAre(BAILIFF_FOREIGN_SENDS));
}

TEST_F(ForeignDatagram, SentLaterIsTold) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_DGRAM);
  Actor sender(cgroup_.cgroup(),
               [&] { return send_to(socket.get(), name_of(kPeer, 9)); });
  attend();
  EXPECT_THAT(held(), SizeIs(1));
  sockets_.reset();
  EXPECT_EQ(sender.act(), 0);
  load();
  EXPECT_THAT(sent_to(), ElementsAre("127.66.1.9 9"));
}

TEST_F(ForeignLater, NoUseIsMissedWhileLinksAreReplaced) {
  judge(cgroup_.cgroup());
  const UniqueFd socket = make_socket(SOCK_STREAM);
  // Each time to another: 127.0.0.1 is the first.
  std::uint32_t address = INADDR_LOOPBACK;
  Actor actor(cgroup_.cgroup(), [&] {
    sockaddr_in name = name_of(kPeer, 9);
    name.sin_addr.s_addr = htonl(address++);
    (void)connect_to(socket.get(), name);  // nobody listens
    return 0;
  });
  std::size_t connects = 0;
  std::set<std::uint32_t> told;
  const auto read = [&] {
    for (const bailiff_foreign& each : uses()) {
      std::uint32_t to = 0;
      std::memcpy(&to, each.remote_be, sizeof to);
      told.insert(to);
    }
  };
  for (int i = 0; i < 3; ++i) {
    auto next = std::async(std::launch::async, [&] { return load_anew(); });
    do {
      ASSERT_EQ(actor.act(), 0);
      ++connects;
      read();
    } while (next.wait_for(std::chrono::seconds(0)) !=
             std::future_status::ready);
    auto sockets = next.get();
    ASSERT_TRUE(sockets) << sockets.error().message;
    sockets_ = std::make_unique<hook::ForeignSockets>(*std::move(sockets));
  }
  read();
  EXPECT_EQ(told.size(), connects);
  EXPECT_EQ(*sockets_->take_lost(), 0U);
}

TEST_F(ForeignLater, LinksThatCannotBeReplacedAreStillAttached) {
  judge(cgroup_.cgroup());
  sockets_.reset();
  const std::string in_the_way = folder() + "/links/connects-new";
  ASSERT_TRUE(kernel_.make_folder(in_the_way));
  EXPECT_FALSE(load_anew());
  EXPECT_EQ(connect_and_close(), ECONNREFUSED);
  ASSERT_TRUE(kernel_.remove_folder(in_the_way));
  load();
  EXPECT_THAT(kinds_of_use(), ElementsAre(BAILIFF_FOREIGN_CONNECTS));
}

TEST_F(ForeignLater, LinksEndWithTheLastContainer) {
  const auto other = make_cgroup();
  judge(cgroup_.cgroup(), "c1");
  judge(other.cgroup(), "c2");
  sockets_.reset();
  EXPECT_THAT(links(), Contains("connects"));
  ASSERT_TRUE(hook::detach(dir(), "c2", kernel_));
  EXPECT_THAT(links(), Contains("connects"));
  EXPECT_EQ(connect_and_close(), ECONNREFUSED);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(links(), IsEmpty());
  // What nobody read yet is told, and links are for who is judged.
  load();
  EXPECT_THAT(kinds_of_use(), ElementsAre(BAILIFF_FOREIGN_CONNECTS));
  ASSERT_TRUE(sockets_->attend(false));
  EXPECT_THAT(links(), IsEmpty());
}

TEST_F(ForeignLater, LinksOfAContainerThatIsGoneEndWithIt) {
  {
    const auto gone = make_cgroup();
    judge(gone.cgroup(), "gone");
    sockets_.reset();
    EXPECT_THAT(links(), Contains("connects"));
  }
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_THAT(links(), IsEmpty());
}

TEST_F(ForeignLater, LinksThatAnotherRemovedArePinnedAgain) {
  judge(cgroup_.cgroup());
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(links(), IsEmpty());
  judge(cgroup_.cgroup());
  EXPECT_THAT(links(), Contains("connects"));
  sockets_.reset();
  EXPECT_EQ(connect_and_close(), ECONNREFUSED);
  load();
  EXPECT_THAT(kinds_of_use(), ElementsAre(BAILIFF_FOREIGN_CONNECTS));
}

TEST_F(ForeignLater, WhatFoundNoRoomIsToldAsLostOnce) {
  judge(cgroup_.cgroup());
  sockets_.reset();
  constexpr int kConnects = 5000;  // more than there is room for
  const UniqueFd socket = make_socket(SOCK_STREAM);
  Actor actor(cgroup_.cgroup(), [&] {
    for (int i = 0; i < kConnects; ++i) {
      (void)connect_to(socket.get(), name_of(kPeer, 9));
    }
    return 0;
  });
  EXPECT_EQ(actor.act(), 0);
  load();
  ASSERT_TRUE(sockets_->consume(kConnects));
  const std::size_t told = uses_.size();
  EXPECT_LT(told, static_cast<std::size_t>(kConnects));
  EXPECT_EQ(*sockets_->take_lost() + told, static_cast<std::size_t>(kConnects));
  EXPECT_EQ(*sockets_->take_lost(), 0U);
  load();
  EXPECT_EQ(*sockets_->take_lost(), 0U);
}

TEST_F(ForeignLater, ARingOfAnotherFormatIsRemovedUnread) {
  judge(cgroup_.cgroup());
  sockets_.reset();
  const auto ring = kernel_.create_map(
      {.type = hook::MapType::kRingBuffer, .name = "ring", .max_entries = 4096},
      nullptr);
  ASSERT_TRUE(ring) << ring.error().message;
  ASSERT_TRUE(kernel_.pin(ring->fd(), folder() + "/uses-0"));
  load();
  const std::string format = std::to_string(BAILIFF_FOREIGN_FORMAT);
  EXPECT_THAT(*kernel_.list(folder()),
              UnorderedElementsAre("homes-" + format, "links", "lost-" + format,
                                   "uses-" + format));
}

// Of processes that leave the container's cgroup.
class Leaving : public Foreign {
 protected:
  static int move(pid_t pid, const Cgroup& to) {
    const UniqueFd procs(
        ::open((to.path() + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    const std::string text = std::to_string(pid);
    return static_cast<int>(::write(procs.get(), text.data(), text.size()));
  }
  // A process of the container that moves itself.
  std::unique_ptr<Actor> leaver() {
    return std::make_unique<Actor>(
        cgroup_.cgroup(), [this] { return move(::getpid(), other_.cgroup()); });
  }
  // Which processes have left since the last time.
  std::vector<pid_t> left() {
    std::vector<pid_t> pids;
    for (const bailiff_foreign& each : uses()) {
      if (each.use != BAILIFF_FOREIGN_LEFT) continue;
      EXPECT_EQ(each.cgroup_id, cgroup_.cgroup().id());
      EXPECT_EQ(each.socket_cgroup, other_.cgroup().id());
      EXPECT_EQ(each.cookie, 0U);
      pids.push_back(static_cast<pid_t>(each.tgid));
    }
    return pids;
  }

  hook::ScratchCgroup other_ = make_cgroup();
};

TEST_F(Leaving, WhoMovesItselfIsTold) {
  judge(cgroup_.cgroup());
  const auto actor = leaver();
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_GT(actor->act(), 0);
  EXPECT_THAT(left(), ElementsAre(actor->pid()));
}

TEST_F(Leaving, WhoIsMovedIsTold) {
  judge(cgroup_.cgroup());
  const auto actor = leaver();
  EXPECT_GT(move(actor->pid(), other_.cgroup()), 0);
  EXPECT_THAT(left(), ElementsAre(actor->pid()));
  // Back, and gone once more.
  EXPECT_GT(move(actor->pid(), cgroup_.cgroup()), 0);
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_GT(actor->act(), 0);
  EXPECT_THAT(left(), ElementsAre(actor->pid()));
}

// Its first thread is not moved, and all else is.
TEST_F(Leaving, WhoseFirstThreadHasEndedIsTold) {
  judge(cgroup_.cgroup());
  const pid_t child = fork_into(cgroup_.cgroup());
  if (child == 0) {
    std::thread([] {
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  }
  const std::string first = "/proc/" + std::to_string(child) + "/ns/net";
  while (::access(first.c_str(), F_OK) == 0) std::this_thread::yield();
  EXPECT_GT(move(child, other_.cgroup()), 0);
  EXPECT_THAT(left(), ElementsAre(child));
  ASSERT_TRUE(sockets_->look_at_tasks());
  EXPECT_THAT(left(), ElementsAre(child));
  EXPECT_GT(move(child, cgroup_.cgroup()), 0);
  ASSERT_TRUE(sockets_->look_at_tasks());
  EXPECT_THAT(left(), IsEmpty());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(Leaving, WhatHasEndedOutsideIsToldNoMore) {
  judge(cgroup_.cgroup());
  const pid_t child = fork_into(cgroup_.cgroup());
  if (child == 0) {
    (void)move(::getpid(), other_.cgroup());
    ::_exit(0);
  }
  siginfo_t ended{};
  EXPECT_EQ(
      ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_THAT(left(), ElementsAre(child));
  ASSERT_TRUE(sockets_->look_at_tasks());
  EXPECT_THAT(left(), IsEmpty());
  ::waitpid(child, nullptr, 0);
}

TEST_F(Leaving, WhoIsStartedOutsideIsTold) {
  judge(cgroup_.cgroup());
  Actor actor(cgroup_.cgroup(), [this] {
    const pid_t child = fork_into(other_.cgroup());
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return static_cast<int>(child);
  });
  const pid_t child = actor.act();
  EXPECT_THAT(left(), ElementsAre(child));
}

TEST_F(Leaving, AChildOfWhoLeftIsTheContainersStill) {
  judge(cgroup_.cgroup());
  Actor actor(cgroup_.cgroup(), [this] {
    EXPECT_GT(move(::getpid(), other_.cgroup()), 0);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return static_cast<int>(child);
  });
  const pid_t child = actor.act();
  EXPECT_THAT(left(), ElementsAre(actor.pid(), child));
}

TEST_F(Leaving, WhoWasThereBeforeIsKnownByLooking) {
  const auto actor = leaver();
  judge(cgroup_.cgroup());
  ASSERT_TRUE(sockets_->look_at_tasks());
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_GT(actor->act(), 0);
  EXPECT_THAT(left(), ElementsAre(actor->pid()));
  // It is outside still.
  ASSERT_TRUE(sockets_->look_at_tasks());
  EXPECT_THAT(left(), ElementsAre(actor->pid()));
}

// As the first process of a container, which is there before it is judged.
TEST_F(Leaving, WhoWasThereBeforeIsKnownByItsProgram) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const std::string leave =
      "echo $$ >" + other_.cgroup().path() + "/cgroup.procs";
  const pid_t child = fork_into(cgroup_.cgroup());
  if (child == 0) {
    char byte = 0;
    (void)!::read(ends[0], &byte, 1);
    ::execl("/bin/sh", "sh", "-c", leave.c_str(), nullptr);
    ::_exit(1);
  }
  judge(cgroup_.cgroup());
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(left(), ElementsAre(child));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Leaving, WhoWasKnownIsSoWhenTheProgramsAreReplaced) {
  judge(cgroup_.cgroup());
  const auto actor = leaver();
  load();
  EXPECT_GT(actor->act(), 0);
  // By those that were there before, too, until the kernel has ended them.
  EXPECT_THAT(left(), AllOf(Not(IsEmpty()), Each(actor->pid())));
}

TEST_F(Leaving, WhoIsInACgroupBelowHasNotLeft) {
  judge(cgroup_.cgroup());
  const std::string inner = cgroup_.cgroup().path() + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  {
    const auto nested = Cgroup::open(
        *CgroupMount::find(), cgroup_.cgroup().relative_path() + "/inner");
    ASSERT_TRUE(nested);
    const auto actor = leaver();
    EXPECT_GT(move(actor->pid(), *nested), 0);
    EXPECT_THAT(left(), IsEmpty());
    EXPECT_GT(actor->act(), 0);
    EXPECT_THAT(left(), ElementsAre(actor->pid()));
  }
  EXPECT_EQ(::rmdir(inner.c_str()), 0);
}

TEST_F(Leaving, NobodyElseIs) {
  judge(cgroup_.cgroup());
  Actor actor(other_.cgroup(), [] { return 0; });
  EXPECT_GT(move(actor.pid(), cgroup_.cgroup()), 0);
  EXPECT_THAT(left(), IsEmpty());
  // It has become the container's.
  EXPECT_GT(move(actor.pid(), other_.cgroup()), 0);
  EXPECT_THAT(left(), ElementsAre(actor.pid()));
}

}  // namespace
}  // namespace bailiff::test
