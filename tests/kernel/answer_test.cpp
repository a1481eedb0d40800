// SPDX-License-Identifier: Apache-2.0
//
// What containers are told by a resolver, on sockets over loopback.
#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/maps.h"
#include "hook/attach/pins.h"
#include "hook/attach/told_names.h"
#include "hook/kernel/kernel.h"
#include "hook/kernel/ring_buffer.h"
#include "oci/sys/errno_error.h"
#include "rules/abi/event.h"
#include "rules/emit/dns_name.h"
#include "rules/policy/compiled_policy.h"
#include "tests/harness/dns_bytes.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using dns::answer;
using dns::Bytes;
using dns::kA;
using dns::kAaaa;
using dns::kCname;
using dns::kQuestionAt;
using dns::name;
using dns::pointer;
using dns::question;
using dns::record;

constexpr char kResolver[] = "127.66.0.53";
constexpr char kEvilHost[] = "198.51.100.7";
constexpr char kOtherHost[] = "198.51.100.8";

sockaddr_in address_of(const char* host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

Bytes a(const char* host, std::uint32_t ttl = 300) {
  Bytes value(4);
  ::inet_pton(AF_INET, host, value.data());
  return record(pointer(kQuestionAt), kA, ttl, value);
}
Bytes cname(const std::string& target) {
  return record(pointer(kQuestionAt), kCname, 300, name(target));
}

int bound(int type, std::uint16_t port = 53) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in here = address_of(kResolver, port);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here),
            0);
  return fd;
}

// Says `reply` to who asks, until it is gone.
class Resolver {
 public:
  Resolver(Bytes reply, int type = SOCK_DGRAM)
      : fd_(bound(type)), type_(type), reply_(std::move(reply)) {
    if (type_ == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd_, 4), 0);
    }
    thread_ = std::thread([this] { serve(); });
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() {
    ::shutdown(fd_, SHUT_RDWR);
    // Of a datagram socket that is not connected only this wakes it.
    const int to = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in here = address_of(kResolver, 53);
    ::sendto(to, "", 0, 0, reinterpret_cast<const sockaddr*>(&here),
             sizeof here);
    ::close(to);
    thread_.join();
    ::close(fd_);
  }

 private:
  void serve() {
    for (;;) {
      char bytes[512];
      if (type_ == SOCK_STREAM) {
        const int peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) return;
        if (::recv(peer, bytes, sizeof bytes, 0) > 0) {
          ::send(peer, reply_.data(), reply_.size(), MSG_NOSIGNAL);
        }
        ::recv(peer, bytes, sizeof bytes, 0);
        ::close(peer);
        continue;
      }
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const auto got = ::recvfrom(fd_, bytes, sizeof bytes, 0,
                                  reinterpret_cast<sockaddr*>(&peer), &size);
      if (got <= 0) return;
      ::sendto(fd_, reply_.data(), reply_.size(), 0,
               reinterpret_cast<const sockaddr*>(&peer), size);
    }
  }

  int fd_;
  int type_;
  Bytes reply_;
  std::thread thread_;
};

int connect_error(const char* host, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = address_of(host, port);
  const int result =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  const int error = result == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

constexpr int kNotAsked = 100;  // the question was refused
constexpr int kNoAnswer = 101;  // nothing came, as far as one can tell

// Asks, and returns what became of it; 0: there was an answer.
int ask(const Bytes& asked, int type) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const sockaddr_in to = address_of(kResolver, 53);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return kNotAsked;
  }
  if (::send(fd, asked.data(), asked.size(), MSG_NOSIGNAL) < 0) {
    return kNotAsked;
  }
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  // An answer over loopback is there before send(2) returns, or just behind.
  if (::poll(&ready, 1, type == SOCK_STREAM ? 1000 : 500) != 1) {
    return kNoAnswer;
  }
  char bytes[512];
  return ::recv(fd, bytes, sizeof bytes, 0) > 0 ? 0 : kNoAnswer;
}

Check name_in(std::uint32_t list) {
  Check check;
  check.field = FieldId::kFdSipName;
  check.op = Op::kIn;
  check.lists = {list};
  return check;
}

class Answer : public ::testing::Test {
 protected:
  explicit Answer(bool deny = true) { enforce(cgroup_, "c1", deny); }
  void enforce(const hook::ScratchCgroup& cgroup, const std::string& id,
               bool deny = true) {
    PolicyBuilder builder;
    builder.rule("Listed",
                 name_in(builder.list("names", {".evil.example", "c2.test"})),
                 deny);
    const auto programs =
        protect(builder.build(), cgroup.cgroup(), dir(), id, kernel_);
    EXPECT_TRUE(programs) << programs.error().message;
  }
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  template <typename Act>
  int inside(const Act& act) const {
    return inside(cgroup_, act);
  }
  template <typename Act>
  static int inside(const hook::ScratchCgroup& cgroup, const Act& act) {
    const pid_t pid = fork_into(cgroup.cgroup());
    if (pid == 0) ::_exit(act());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int asks(const std::string& text, int type = SOCK_DGRAM) const {
    Bytes bytes = question(text);
    if (type == SOCK_STREAM) {
      bytes = dns::operator+(dns::big_endian(bytes.size()), bytes);
    }
    return inside([&] { return ask(bytes, type); });
  }
  int connects(const char* host, std::uint16_t port = 9) const {
    return inside([&] { return connect_error(host, port); });
  }
  // As if so many seconds had gone by: what was learnt is so much older.
  void pass(std::uint32_t seconds) {
    const auto states = kernel_.open_map(dir() + "/containers");
    ASSERT_TRUE(states);
    const std::uint64_t id = cgroup_.cgroup().id();
    const auto key = hook::bytes_of(id);
    auto state = std::make_unique<bailiff_container_state>();
    ASSERT_TRUE(kernel_.look_up(
        *states, key, std::as_writable_bytes(std::span(state.get(), 1))));
    for (auto& set : state->names.sets) {
      for (auto& entry : set) {
        for (auto& until : entry.until) until -= until == 0 ? 0 : seconds;
      }
    }
    ASSERT_TRUE(kernel_.update(*states, key, hook::bytes_of(*state)));
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_ = make_cgroup();
};

class WatchedAnswer : public Answer {
 protected:
  WatchedAnswer() : Answer(false) {}
};

TEST_F(Answer, ThatLeadsToAListedNameHasItsAddressesRefused) {
  const Resolver resolver(
      answer("good.test", {cname("www.Evil.example"), a(kEvilHost)}));
  EXPECT_NE(connects(kEvilHost), EPERM);
  EXPECT_EQ(asks("good.test"), 0);
  EXPECT_EQ(connects(kEvilHost), EPERM);
  EXPECT_NE(connects(kOtherHost), EPERM);
  // What the test takes itself comes on top.
  pass(200);
  EXPECT_EQ(connects(kEvilHost), EPERM);
  pass(101);
  EXPECT_NE(connects(kEvilHost), EPERM) << "expired";
}

TEST_F(Answer, TellsTheServiceTheNamesOfAnAddress) {
  const auto names = [&](const char* host) {
    const auto told = hook::told_names(hook::Pins(dir()), cgroup_.cgroup().id(),
                                       *parse_address(host), kernel_);
    EXPECT_TRUE(told) << told.error().message;
    return told ? *told : std::vector<std::uint64_t>{};
  };
  const Resolver resolver(
      answer("good.test", {cname("c2.test"), a(kEvilHost)}));
  EXPECT_TRUE(names(kEvilHost).empty());
  EXPECT_EQ(asks("good.test"), 0);
  const std::vector<std::uint64_t> c2 = {emit::name_hash("c2.test")[0]};
  EXPECT_EQ(names(kEvilHost), c2);
  EXPECT_EQ(names("64:ff9b::198.51.100.7"), c2) << "by way of NAT64";
  EXPECT_TRUE(names(kOtherHost).empty());
  pass(301);
  EXPECT_TRUE(names(kEvilHost).empty()) << "expired";
  const auto gone = hook::told_names(hook::Pins(dir()), 1,
                                     *parse_address(kEvilHost), kernel_);
  EXPECT_TRUE(gone && gone->empty());
}

TEST_F(Answer, IsOfTheContainerThatAsked) {
  const hook::ScratchCgroup other = make_cgroup();
  enforce(other, "c2");
  const auto connects_there = [&] {
    return inside(other, [] { return connect_error(kEvilHost, 9); });
  };
  const Resolver resolver(
      answer("good.test", {cname("c2.test"), a(kEvilHost)}));
  EXPECT_EQ(asks("good.test"), 0);
  EXPECT_EQ(connects(kEvilHost), EPERM);
  EXPECT_NE(connects_there(), EPERM);
  const Bytes asked = question("good.test");
  EXPECT_EQ(inside(other, [&] { return ask(asked, SOCK_DGRAM); }), 0);
  EXPECT_EQ(connects_there(), EPERM);
}

TEST_F(Answer, IsNotThereWithoutAQuestion) {
  const Resolver resolver(answer("www.evil.example", {a(kEvilHost)}));
  EXPECT_EQ(asks("www.evil.example"), kNotAsked);
  EXPECT_NE(connects(kEvilHost), EPERM);
}

TEST_F(Answer, OfAnotherNameHasNothingRefused) {
  const Resolver resolver(
      answer("good.test", {cname("notevil.example"), a(kEvilHost)}));
  EXPECT_EQ(asks("good.test"), 0);
  EXPECT_NE(connects(kEvilHost), EPERM);
}

TEST_F(Answer, OverTcpIsReadToo) {
  const Bytes bytes = answer("good.test", {cname("c2.test"), a(kEvilHost)});
  const Resolver resolver(dns::operator+(dns::big_endian(bytes.size()), bytes),
                          SOCK_STREAM);
  EXPECT_EQ(asks("good.test", SOCK_STREAM), 0);
  EXPECT_EQ(connects(kEvilHost), EPERM);
}

TEST_F(Answer, ToNothingThatWasAskedIsRefusedAndTeachesNothing) {
  for (const Bytes& other :
       {answer("good.test", {cname("c2.test"), a(kEvilHost)}, 0x8180, 0x4321),
        answer("better.test", {cname("c2.test"), a(kEvilHost)})}) {
    const Resolver resolver(other);
    EXPECT_EQ(asks("good.test"), kNoAnswer);
    EXPECT_NE(connects(kEvilHost), EPERM);
  }
  const Resolver resolver(answer("good.test", {a(kEvilHost)}, 0x8180, 0x4321));
  EXPECT_EQ(asks("good.test"), 0) << "of no listed name";
}

TEST_F(Answer, ThatCannotBeReadIsRefused) {
  Bytes bytes = answer("good.test", {cname("c2.test"), a(kEvilHost)});
  bytes.pop_back();
  {
    const Resolver resolver(bytes);
    EXPECT_EQ(asks("good.test"), kNoAnswer);
    EXPECT_NE(connects(kEvilHost), EPERM);
  }
  bytes[2] |= 2;
  const Resolver resolver(bytes);
  EXPECT_EQ(asks("good.test"), 0) << "it says that it is cut off";
}

TEST_F(Answer, HasTheAddressesOfAListedNameRefusedToAPacket) {
  const Resolver resolver(answer(
      "good.test", {cname("c2.test"), a("127.66.0.54"), a("198.51.100.9")}));
  EXPECT_EQ(asks("good.test"), 0);
  const int error = inside([] {
    const int raw = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253);
    const sockaddr_in to = address_of("198.51.100.9", 0);
    return ::sendto(raw, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) < 0
               ? errno
               : 0;
  });
  EXPECT_TRUE(error == EPERM || error == ENETUNREACH) << error;
}

// Nothing but the names of clients is asked for, by the service.
TEST(AnswerForAnObservedRule, IsLearnt) {
  ScratchBpffs bpffs;
  hook::LinuxKernel kernel;
  const hook::ScratchCgroup scratch = make_cgroup();
  PolicyBuilder builder;
  Check client = name_in(builder.list("names", {"c2.test"}));
  client.field = FieldId::kFdCipName;
  builder.rule("Strangers", client, true);
  CompiledPolicy policy = builder.build();
  policy.rules[0].condition =
      all_of({event_is("accept"), negated(Expr{client})});
  const std::string dir = bpffs.path() + "/bailiff";
  const auto programs = protect(policy, scratch.cgroup(), dir, "c1", kernel);
  ASSERT_TRUE(programs) << programs.error().message;
  const Resolver resolver(answer("c2.test", {a(kEvilHost)}));
  const Bytes asked = question("c2.test");
  const pid_t pid = fork_into(scratch.cgroup());
  if (pid == 0) ::_exit(ask(asked, SOCK_DGRAM));
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  const auto told = hook::told_names(hook::Pins(dir), scratch.cgroup().id(),
                                     *parse_address(kEvilHost), kernel);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, std::vector{emit::name_hash("c2.test")[0]});
}

// Two rules, each a candidate about one of the two names of an address.
TEST(AnswerWithTwoNames, IsToldOfWithBothByTheRecordOfEachRule) {
  ScratchBpffs bpffs;
  hook::LinuxKernel kernel;
  const hook::ScratchCgroup scratch = make_cgroup();
  PolicyBuilder builder;
  builder.rule("One", name_in(builder.list("one", {"one.test"})), false);
  builder.rule("Two", name_in(builder.list("two", {"two.test"})), false);
  CompiledPolicy policy = builder.build();
  for (Rule& rule : policy.rules) {
    Check exe;
    exe.field = FieldId::kProcExepath;
    exe.op = Op::kEq;
    exe.values = {Value("/no/such/program")};
    rule.condition = {And{{rule.condition, {exe}}}};
  }
  const std::string dir = bpffs.path() + "/bailiff";
  ASSERT_TRUE(protect(policy, scratch.cgroup(), dir, "c1", kernel));
  const auto inside = [&](const auto& act) {
    const pid_t pid = fork_into(scratch.cgroup());
    if (pid == 0) ::_exit(act());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  for (const char* name : {"one.test", "two.test"}) {
    const Resolver resolver(answer(name, {a(kEvilHost)}));
    EXPECT_EQ(inside([&] { return ask(question(name), SOCK_DGRAM); }), 0);
  }
  inside([] { return connect_error(kEvilHost, 9); });

  std::vector<bailiff_named_event> events;
  auto ring = hook::RingBuffer::open(
      dir + "/events", [&](std::span<const std::byte> bytes) {
        bailiff_named_event event{};
        ASSERT_GE(bytes.size(), sizeof event);
        std::memcpy(&event, bytes.data(), sizeof event);
        if (event.event.hook == BAILIFF_HOOK_CONNECT) events.push_back(event);
      });
  ASSERT_TRUE(ring);
  ASSERT_TRUE(ring->consume());
  ASSERT_EQ(events.size(), 2U);
  for (std::uint32_t rule = 0; rule < 2; ++rule) {
    EXPECT_EQ(events[rule].event.header.size, sizeof(bailiff_named_event));
    EXPECT_EQ(events[rule].event.header.rule, rule);
    EXPECT_TRUE(events[rule].event.header.flags & BAILIFF_EVENT_CANDIDATE);
    EXPECT_EQ(events[rule].names[0], emit::name_hash("one.test")[0]);
    EXPECT_EQ(events[rule].names[1], emit::name_hash("two.test")[0]);
    EXPECT_EQ(events[rule].names[2], 0U);
  }
}

TEST_F(WatchedAnswer, IsDeliveredWhateverItIs) {
  Bytes bytes = answer("good.test", {cname("c2.test"), a(kEvilHost)});
  bytes.pop_back();
  const Resolver resolver(bytes);
  EXPECT_EQ(asks("good.test"), 0);
  EXPECT_EQ(asks("c2.test"), 0);
  EXPECT_NE(connects(kEvilHost), EPERM);
}

}  // namespace
}  // namespace bailiff::test
