// SPDX-License-Identifier: Apache-2.0
//
// What a container's programs note down of what they let pass, so that it is
// judged once.  Written into a note is here what they would refuse: where it is
// believed, that shows.
#include "rules/emit/passed.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "hook/attach/attach.h"
#include "oci/sys/unique_fd.h"
#include "rules/emit/program.h"
#include "rules/lower/lower.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"

namespace bailiff::test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

struct Hosts {
  int family;
  const char* listed;
  const char* other;
};
constexpr Hosts kFour = {AF_INET, "203.0.113.66", "203.0.113.67"};
constexpr Hosts kSix = {AF_INET6, "2001:db8::66", "2001:db8::67"};

// As notes have them.
std::array<std::uint64_t, 2> words_of(const char* host) {
  std::array<std::uint64_t, 2> words{};
  const bool six = std::strchr(host, ':') != nullptr;
  EXPECT_EQ(::inet_pton(six ? AF_INET6 : AF_INET, host, words.data()), 1);
  return words;
}

CompiledPolicy listed_hosts(const std::vector<std::string>& items) {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", items)));
  return builder.build();
}

std::uint64_t frames_id_of(const CompiledPolicy& policy) {
  const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
  return emit::frames_id(plan, policy.lists,
                         conditions_digest(encode(policy)).short_id());
}

// The note of a socket, on the processor this runs on.
class Note {
 public:
  Note(const std::string& dir, int socket, std::uint64_t frames_id)
      : map_(::bpf_obj_get((dir + "/passed").c_str())),
        values_(static_cast<std::size_t>(::libbpf_num_possible_cpus())) {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
    EXPECT_EQ(::sched_setaffinity(0, sizeof here, &here), 0);
    socklen_t size = sizeof cookie_;
    EXPECT_EQ(::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie_, &size), 0);
    key_ = cookie_ ^ frames_id;
  }

  emit::PassedNote read() {
    emit::PassedNote note = place();
    if (note.ticks != 0) mix(note, key_);
    return note;
  }
  // As if `other` were the difference of that to the socket's cookie.
  void write(emit::PassedNote note, std::uint64_t other = 0) {
    mix(note, key_ ^ other);
    place() = note;
    const std::uint32_t first = 0;
    EXPECT_EQ(
        ::bpf_map_update_elem(map_.get(), &first, values_.data(), BPF_ANY), 0);
  }

 private:
  emit::PassedNote& place() {
    const std::uint32_t first = 0;
    EXPECT_EQ(::bpf_map_lookup_elem(map_.get(), &first, values_.data()), 0);
    return values_[static_cast<std::size_t>(::sched_getcpu())]
                  [cookie_ % emit::kPassedNotes];
  }
  static void mix(emit::PassedNote& note, std::uint64_t key) {
    note.ticks ^= key;
    for (std::uint64_t& word : note.address) word ^= key;
    note.port_and_protocol ^= key;
  }

  UniqueFd map_;
  std::vector<emit::Passed> values_;
  std::uint64_t cookie_ = 0;
  std::uint64_t key_ = 0;
};

// A thread of its own keeps the processor that is chosen for it.
template <typename Act>
void on_one_processor(const Act& act) {
  std::thread(act).join();
}

class Passed : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  void protect_by(const CompiledPolicy& policy) {
    const auto attached = protect(policy, cgroup_.cgroup(), dir(), "c1",
                                  kernel_, network_.netns());
    ASSERT_TRUE(attached) << attached.error().message;
    network_.forward_to(kFour.listed);
    network_.forward_to(kFour.other);
    std::string commands = "ip -6 addr add 2001:db8::1/64 dev tap0 nodad";
    for (const char* host : {kSix.listed, kSix.other}) {
      commands += std::string(" && ip -6 neigh add ") + host +
                  " lladdr 02:00:00:00:00:02 dev tap0";
    }
    ASSERT_EQ(network_.run_in(cgroup_.cgroup(),
                              [&] { return ::system(commands.c_str()); }),
              0);
    use(kFour);
  }
  // A socket that tells of what is refused on the way out.
  void use(const Hosts& hosts) {
    hosts_ = hosts;
    socket_ = network_.socket(cgroup_.cgroup(), SOCK_DGRAM, 0, hosts.family);
    const int on = 1;
    const bool six = hosts.family == AF_INET6;
    ASSERT_EQ(::setsockopt(socket_.get(), six ? SOL_IPV6 : SOL_IP,
                           six ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on),
              0);
  }
  void take_off(const char* hook) {
    const auto link = kernel_.open_link(dir() + "/links/c1/" + hook);
    ASSERT_TRUE(link);
    ASSERT_TRUE(kernel_.detach(*link));
  }
  // errno
  int send(const char* host, std::uint16_t port = 4444) const {
    sockaddr_storage to{};
    socklen_t size = 0;
    if (hosts_.family == AF_INET6) {
      auto& name = reinterpret_cast<sockaddr_in6&>(to);
      name.sin6_family = AF_INET6;
      name.sin6_port = htons(port);
      ::inet_pton(AF_INET6, host, &name.sin6_addr);
      size = sizeof name;
    } else {
      auto& name = reinterpret_cast<sockaddr_in&>(to);
      name.sin_family = AF_INET;
      name.sin_port = htons(port);
      ::inet_pton(AF_INET, host, &name.sin_addr);
      size = sizeof name;
    }
    return ::sendto(socket_.get(), "", 0, 0,
                    reinterpret_cast<const sockaddr*>(&to), size) == 0
               ? 0
               : errno;
  }
  int send_to_listed(std::uint16_t port = 4444) const {
    return send(hosts_.listed, port);
  }
  int send_to_other() const { return send(hosts_.other); }
  // Whether what is listed passes by what is noted down, sooner or later.  A
  // tick of the clock takes longer than a packet, so that among the next ones
  // is the time at some point.
  bool passes_by(Note& note, emit::PassedNote noted, int refusal) const {
    noted.address = words_of(hosts_.listed);
    bool passes = false;
    for (int i = 0; i < 1'000'000 && !passes; ++i, ++noted.ticks) {
      note.write(noted, emit::kPassedNotes);
      EXPECT_EQ(send_to_listed(), refusal);
      note.write(noted);
      EXPECT_EQ(send_to_listed(4445), refusal);
      passes = send_to_listed() == 0;
    }
    // That is no time yet.
    noted.ticks += 1U << 31;
    note.write(noted);
    EXPECT_EQ(send_to_listed(), refusal);
    return passes;
  }

  // What the programs note down of what they let pass.
  emit::PassedNote note_of_other(const CompiledPolicy& policy) {
    emit::PassedNote noted;
    on_one_processor([&] {
      Note note(dir(), socket_.get(), frames_id_of(policy));
      EXPECT_EQ(send_to_other(), 0);
      noted = note.read();
    });
    EXPECT_NE(noted.ticks, 0U);
    return noted;
  }
  void expect_believed(const CompiledPolicy& policy,
                       const emit::PassedNote& noted, int refusal) {
    on_one_processor([&] {
      for (const Hosts& hosts : {kFour, kSix}) {
        use(hosts);
        Note note(dir(), socket_.get(), frames_id_of(policy));
        EXPECT_TRUE(passes_by(note, noted, refusal)) << hosts.listed;
      }
    });
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
  UniqueFd socket_;
  Hosts hosts_ = kFour;
};

const std::vector<std::string> kBoth = {kFour.listed, kSix.listed};

TEST_F(Passed, IsWhatNoRuleHoldsFor) {
  const CompiledPolicy policy = listed_hosts(kBoth);
  protect_by(policy);
  on_one_processor([&] {
    for (const Hosts& hosts : {kFour, kSix}) {
      use(hosts);
      Note note(dir(), socket_.get(), frames_id_of(policy));
      EXPECT_EQ(send_to_listed(), EPERM);
      EXPECT_EQ(note.read().ticks, 0U);
      EXPECT_EQ(send_to_other(), 0);
      const emit::PassedNote noted = note.read();
      EXPECT_EQ(noted.address, words_of(hosts.other));
      EXPECT_EQ(noted.port_and_protocol,
                std::uint64_t{IPPROTO_UDP} << 16 | htons(4444));
      EXPECT_EQ(send_to_listed(), EPERM);
      EXPECT_EQ(note.read().address, noted.address);
    }
  });
}

TEST_F(Passed, IsNotJudgedAgainAsAPacket) {
  const CompiledPolicy policy = listed_hosts(kBoth);
  protect_by(policy);
  const emit::PassedNote noted = note_of_other(policy);
  for (const char* hook : {"sendmsg4", "sendmsg6"}) take_off(hook);
  expect_believed(policy, noted, EPERM);
}

TEST_F(Passed, IsNotJudgedAgainAmongFrames) {
  const CompiledPolicy policy = listed_hosts(kBoth);
  protect_by(policy);
  const emit::PassedNote noted = note_of_other(policy);
  for (const char* hook : {"sendmsg4", "sendmsg6", "egress"}) take_off(hook);
  expect_believed(policy, noted, ENOBUFS);
}

// With all hooks there, what one notes another believes: a datagram is judged
// where its host is named, and what its egress would note of it is the same.
TEST_F(Passed, IsNotedAlikeByAllWhoNote) {
  const CompiledPolicy policy = listed_hosts(kBoth);
  protect_by(policy);
  on_one_processor([&] {
    for (const Hosts& hosts : {kFour, kSix}) {
      use(hosts);
      Note note(dir(), socket_.get(), frames_id_of(policy));
      EXPECT_EQ(send_to_other(), 0);
      const emit::PassedNote named = note.read();
      note.write({});
      take_off(hosts.family == AF_INET ? "sendmsg4" : "sendmsg6");
      EXPECT_EQ(send_to_other(), 0);
      const emit::PassedNote packet = note.read();
      EXPECT_EQ(packet.address, named.address);
      EXPECT_EQ(packet.port_and_protocol, named.port_and_protocol);
      EXPECT_NE(packet.ticks, 0U);
    }
  });
}

// What is where the port would be in a fragment is anything.
TEST_F(Passed, IsNoFragment) {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list(
                             "ends", {std::string(kFour.other) + "|4444"})));
  const CompiledPolicy policy = builder.build();
  protect_by(policy);
  socket_ = network_.socket(cgroup_.cgroup(), SOCK_RAW, IPPROTO_RAW);
  const auto send_packet = [&](std::uint16_t fragment) {
    const Bytes packet =
        ip4(kFour.other, udp(4444), IPPROTO_UDP, 5, fragment) + Bytes(16);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    ::inet_pton(AF_INET, kFour.other, &to.sin_addr);
    return ::sendto(socket_.get(), packet.data(), packet.size(), 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
               ? errno
               : 0;
  };
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send_packet(0), EPERM);
    for (const std::uint16_t fragment : {0x0001, 0x2001}) {
      EXPECT_EQ(send_packet(fragment), 0);
      EXPECT_EQ(note.read().ticks, 0U);
      EXPECT_EQ(send_packet(0), EPERM);
      EXPECT_EQ(send_packet(0x2000), EPERM);
    }
  });
}

TEST_F(Passed, EndsWithTheListsThatWereAsked) {
  const CompiledPolicy policy = listed_hosts({kFour.listed});
  const CompiledPolicy both = listed_hosts({kFour.listed, kFour.other});
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(4444);
    ::inet_pton(AF_INET, kFour.other, &to.sin_addr);
    ASSERT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to),
                        sizeof to),
              0);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(publish(dir(), policy, kernel_));
      EXPECT_EQ(::send(socket_.get(), "", 0, 0), 0);
      EXPECT_NE(note.read().ticks, 0U);
      ASSERT_TRUE(publish(dir(), both, kernel_));
      EXPECT_EQ(note.read().ticks, 0U);
      EXPECT_EQ(::send(socket_.get(), "", 0, 0), -1);
      EXPECT_EQ(errno, EPERM);
    }
  });
}

// The kernel may learn one at any time.
TEST_F(Passed, IsNothingWhereNamesAreAskedFor) {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {kFour.listed})));
  Check name;
  name.field = FieldId::kFdSipName;
  name.op = Op::kIn;
  name.lists = {builder.list("names", {"c2.example"})};
  builder.rule("Named", name);
  const CompiledPolicy policy = builder.build();
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send_to_other(), 0);
    EXPECT_EQ(note.read().ticks, 0U);
  });
}

}  // namespace
}  // namespace bailiff::test
