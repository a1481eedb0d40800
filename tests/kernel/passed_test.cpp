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

constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";

std::uint32_t bytes_of_address(const char* host) {
  in_addr address{};
  ::inet_pton(AF_INET, host, &address);
  return address.s_addr;
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

class Passed : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  void protect_by(const CompiledPolicy& policy) {
    const auto attached = protect(policy, cgroup_.cgroup(), dir(), "c1",
                                  kernel_, network_.netns());
    ASSERT_TRUE(attached) << attached.error().message;
    network_.forward_to(kListed);
    network_.forward_to(kOther);
    socket_ = network_.socket(cgroup_.cgroup(), SOCK_DGRAM);
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  }
  void take_off(const char* hook) {
    const auto link = kernel_.open_link(dir() + "/links/c1/" + hook);
    ASSERT_TRUE(link);
    ASSERT_TRUE(kernel_.detach(*link));
  }
  // errno
  int send(const char* host, std::uint16_t port = 4444) const {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = bytes_of_address(host);
    return ::sendto(socket_.get(), "", 0, 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0
               ? 0
               : errno;
  }
  // Whether what is listed passes by what is noted down, sooner or later.  A
  // tick of the clock takes longer than a packet, so that among the next ones
  // is the time at some point.
  bool passes_by(Note& note, emit::PassedNote noted, int refusal) const {
    noted.address = {bytes_of_address(kListed), 0};
    bool passes = false;
    for (int i = 0; i < 1'000'000 && !passes; ++i, ++noted.ticks) {
      note.write(noted, emit::kPassedNotes);
      EXPECT_EQ(send(kListed), refusal);
      note.write(noted);
      EXPECT_EQ(send(kListed, 4445), refusal);
      passes = send(kListed) == 0;
    }
    // That is no time yet.
    noted.ticks += 1U << 31;
    note.write(noted);
    EXPECT_EQ(send(kListed), refusal);
    return passes;
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
  UniqueFd socket_;
};

// A thread of its own keeps the processor that is chosen for it.
template <typename Act>
void on_one_processor(const Act& act) {
  std::thread(act).join();
}

TEST_F(Passed, IsWhatNoRuleHoldsFor) {
  const CompiledPolicy policy = listed_hosts({kListed});
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send(kListed), EPERM);
    EXPECT_EQ(note.read().ticks, 0U);
    EXPECT_EQ(send(kOther), 0);
    const emit::PassedNote noted = note.read();
    EXPECT_THAT(noted.address, ElementsAre(bytes_of_address(kOther), 0U));
    EXPECT_EQ(noted.port_and_protocol,
              std::uint64_t{IPPROTO_UDP} << 16 | htons(4444));
    EXPECT_EQ(send(kListed), EPERM);
    EXPECT_EQ(note.read().address, noted.address);
  });
}

TEST_F(Passed, IsNotJudgedAgainAsAPacket) {
  const CompiledPolicy policy = listed_hosts({kListed});
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send(kOther), 0);
    const emit::PassedNote noted = note.read();
    take_off("sendmsg4");
    EXPECT_TRUE(passes_by(note, noted, EPERM));
  });
}

TEST_F(Passed, IsNotJudgedAgainAmongFrames) {
  const CompiledPolicy policy = listed_hosts({kListed});
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send(kOther), 0);
    const emit::PassedNote noted = note.read();
    take_off("sendmsg4");
    take_off("egress");
    EXPECT_TRUE(passes_by(note, noted, ENOBUFS));
  });
}

// What is where the port would be in a fragment is anything.
TEST_F(Passed, IsNoFragment) {
  PolicyBuilder builder;
  builder.rule("Listed",
               sip_in(builder.list("ends", {std::string(kOther) + "|4444"})));
  const CompiledPolicy policy = builder.build();
  protect_by(policy);
  socket_ = network_.socket(cgroup_.cgroup(), SOCK_RAW, IPPROTO_RAW);
  const auto send_packet = [&](std::uint16_t fragment) {
    const Bytes packet =
        ip4(kOther, udp(4444), IPPROTO_UDP, 5, fragment) + Bytes(16);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = bytes_of_address(kOther);
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
  const CompiledPolicy policy = listed_hosts({kListed});
  const CompiledPolicy both = listed_hosts({kListed, kOther});
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(4444);
    to.sin_addr.s_addr = bytes_of_address(kOther);
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
  builder.rule("Listed", sip_in(builder.list("hosts", {kListed})));
  Check name;
  name.field = FieldId::kFdSipName;
  name.op = Op::kIn;
  name.lists = {builder.list("names", {"c2.example"})};
  builder.rule("Named", name);
  const CompiledPolicy policy = builder.build();
  protect_by(policy);
  on_one_processor([&] {
    Note note(dir(), socket_.get(), frames_id_of(policy));
    EXPECT_EQ(send(kOther), 0);
    EXPECT_EQ(note.read().ticks, 0U);
  });
}

}  // namespace
}  // namespace bailiff::test
