// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <span>
#include <thread>
#include <utility>

#include "hook/attach/attach.h"
#include "hook/attach/isolation.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/ring_buffer.h"
#include "rules/abi/event.h"
#include "rules/abi/foreign.h"
#include "rules/abi/observe.h"
#include "rules/abi/task.h"
#include "rules/base/digest.h"
#include "tests/harness/expr.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"
#include "tests/kernel/occupied.h"
#include "tests/kernel/packet_bytes.h"

namespace bailiff::test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// "Always" is refused by either, one more host by each.
CompiledPolicy refusing(const std::string& host) {
  PolicyBuilder builder;
  builder.rule("Always", sip_in(builder.list("always", {"127.66.0.9"})));
  builder.rule("Host", sip_in(builder.list("only " + host, {host})));
  return builder.build();
}

// The same, and a rule that takes what a process runs to be known.
CompiledPolicy telling(CompiledPolicy policy, const std::string& word) {
  Rule rule;
  rule.name = "Told";
  rule.source = "syscall";
  rule.condition =
      all_of({event_is("connect"),
              check(FieldId::kProcCmdline, Op::kContains, {"told " + word})});
  Policy told{.name = "Told"};
  told.rules = {static_cast<std::uint32_t>(policy.rules.size())};
  policy.rules.push_back(std::move(rule));
  policy.policies.push_back(std::move(told));
  return policy;
}

class Exchange : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  static int error_of(const Cgroup& cgroup, const std::string& address) {
    return connect_in(cgroup, {.address = address}).error;
  }
  static bool obeys_first(const Cgroup& cgroup) {
    return error_of(cgroup, "127.66.0.1") == EPERM &&
           error_of(cgroup, "127.66.0.2") == 0 &&
           error_of(cgroup, "127.66.0.9") == EPERM;
  }
  static bool obeys_second(const Cgroup& cgroup) {
    return error_of(cgroup, "127.66.0.1") == 0 &&
           error_of(cgroup, "127.66.0.2") == EPERM &&
           error_of(cgroup, "127.66.0.9") == EPERM;
  }

  // Of containers c0, c1, …
  Status exchange(const CompiledPolicy& policy,
                  const std::vector<const Cgroup*>& cgroups,
                  hook::Kernel& kernel, bool keep = true) {
    const std::string encoded = encode(policy);
    const Plan plan = lower(policy, Facts{.values = {}, .complete = true});
    ASSIGN_OR_RETURN(const auto exchange, hook::Exchange::begin(dir(), kernel));
    for (std::size_t i = 0; i < cgroups.size(); ++i) {
      ASSIGN_OR_RETURN(
          const hook::Attachment attachment,
          exchange->add(
              {.bpf_dir = dir(),
               .container_id = "c" + std::to_string(i),
               .policy = policy,
               .whole_policy = [&]() -> Result<const CompiledPolicy*> {
                 return &policy;
               },
               .policy_digest = policy_digest(encoded),
               .policy_id = conditions_digest(encoded).short_id(),
               .plan = plan,
               .network = {.netns = netns_}},
              *cgroups[i]));
    }
    RETURN_IF_ERROR(exchange->publish_lists(policy, policy_digest(encoded)));
    if (!keep) return Ok{};
    // What a failure leaves is too much, and not too little.
    kept_ = true;
    return exchange->keep();
  }

  std::vector<bailiff_connect_event> events() const {
    std::vector<bailiff_connect_event> events;
    auto ring = hook::RingBuffer::open(
        dir() + "/events", [&](std::span<const std::byte> bytes) {
          bailiff_connect_event event{};
          std::memcpy(&event, bytes.data(),
                      std::min(sizeof(event), bytes.size()));
          events.push_back(event);
        });
    EXPECT_TRUE(ring && ring->consume());
    return events;
  }

  // What the observer is told: a name and a digest of each entry.
  std::vector<std::string> observed_state() {
    struct Told {
      const char* name;
      std::size_t key;
      std::size_t value;
    };
    constexpr Told kMaps[] = {
        {"observed", sizeof(std::uint64_t), sizeof(bailiff_observed)},
        {"config", sizeof(std::uint32_t), sizeof(bailiff_observe_config)},
        {"task-pages", sizeof(bailiff_task_page), BAILIFF_TASK_PAGE_BYTES}};
    std::vector<std::string> state;
    for (const Told& told : kMaps) {
      const auto map = kernel_.open_map(dir() + "/observer/" + told.name);
      if (!map) continue;
      const auto entries = kernel_.entries(*map, told.key, told.value);
      EXPECT_TRUE(entries);
      for (const hook::MapEntry& entry : *entries) {
        std::string bytes;
        for (const auto* part : {&entry.key, &entry.value}) {
          bytes.append(reinterpret_cast<const char*>(part->data()),
                       part->size());
        }
        state.push_back(told.name + (" " + digest_of(bytes).hex()));
      }
    }
    std::sort(state.begin(), state.end());
    return state;
  }

  void puts_all_back(const CompiledPolicy& from, const CompiledPolicy& to) {
    const auto one = make_cgroup();
    const auto two = make_cgroup();
    ASSERT_TRUE(protect(from, one.cgroup(), dir(), "c0", kernel_));
    ASSERT_TRUE(protect(from, two.cgroup(), dir(), "c1", kernel_));
    const std::vector<std::string> before = bpffs_.entries();
    const std::vector<std::string> observed = observed_state();
    int call = 0;
    for (;; ++call) {
      ASSERT_LT(call, 1000);
      SCOPED_TRACE("call " + std::to_string(call) + " fails");
      FaultyKernel faulty(call);
      const int descriptors = open_descriptors();
      const Status changed =
          exchange(to, {&one.cgroup(), &two.cgroup()}, faulty);
      ASSERT_EQ(open_descriptors(), descriptors);
      if (kept_) break;
      ASSERT_FALSE(changed);
      ASSERT_EQ(bpffs_.entries(), before);
      ASSERT_EQ(observed_state(), observed);
      ASSERT_EQ(attached_programs(one.cgroup()), kHookCount);
      // Connecting takes a process each: not after every call.
      if (call % 7 != 0) continue;
      ASSERT_TRUE(obeys_first(one.cgroup()));
      ASSERT_TRUE(obeys_first(two.cgroup()));
    }
    EXPECT_GT(call, 50);
    EXPECT_TRUE(obeys_second(one.cgroup()));
    EXPECT_TRUE(obeys_second(two.cgroup()));
    // What could not be taken off goes with the next one.
    ASSERT_TRUE(exchange(to, {&one.cgroup(), &two.cgroup()}, kernel_));
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  int netns_ = -1;
  bool kept_ = false;
  const CompiledPolicy first_ = refusing("127.66.0.1");
  const CompiledPolicy second_ = refusing("127.66.0.2");
};

TEST_F(Exchange, BringsRunningContainersToAnotherPolicy) {
  const auto one = make_cgroup();
  const auto two = make_cgroup();
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  ASSERT_TRUE(protect(first_, two.cgroup(), dir(), "c1", kernel_));
  ASSERT_TRUE(obeys_first(one.cgroup()));
  const Status changed =
      exchange(second_, {&one.cgroup(), &two.cgroup()}, kernel_);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(obeys_second(one.cgroup()));
  EXPECT_TRUE(obeys_second(two.cgroup()));
  EXPECT_EQ(attached_programs(one.cgroup()), kHookCount);
  // Nothing of the first policy is left.
  EXPECT_THAT(bpffs_.entries(), Not(Contains(HasSubstr("127%2E66%2E0%2E1"))));
}

TEST_F(Exchange, PutsAllBackUnlessItIsKept) {
  const auto one = make_cgroup();
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  const std::vector<std::string> before = bpffs_.entries();
  ASSERT_TRUE(exchange(second_, {&one.cgroup()}, kernel_, /*keep=*/false));
  EXPECT_TRUE(obeys_first(one.cgroup()));
  EXPECT_EQ(bpffs_.entries(), before);
}

TEST_F(Exchange, PutsAllBackWhicheverCallFails) {
  puts_all_back(first_, second_);
}

TEST_F(Exchange, PutsAllBackOfWhatIsObserved) {
  puts_all_back(telling(first_, "one"), telling(second_, "two"));
}

TEST_F(Exchange, PutsAllBackOfWhatIsObservedFromNowOn) {
  // As the service does; to load the programs after every call takes minutes.
  ASSERT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
  puts_all_back(first_, telling(second_, "two"));
}

TEST_F(Exchange, PutsAllBackOfWhatIsObservedNoLonger) {
  puts_all_back(telling(first_, "one"), second_);
  EXPECT_THAT(observed_state(), Each(Not(HasSubstr("observed"))));
  EXPECT_THAT(observed_state(), Each(Not(HasSubstr("task-pages"))));
  EXPECT_THAT(bpffs_.entries(), Each(Not(HasSubstr("observer/links/"))));
}

TEST_F(Exchange, LeavesNoMomentUnjudged) {
  const auto one = make_cgroup();
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  std::atomic<bool> done = false;
  std::atomic<int> tries = 0;
  std::atomic<int> passed = 0;
  std::thread prober([&] {
    while (!done) {
      for (const bool send : {false, true}) {
        const Connected result =
            connect_in(one.cgroup(),
                       {.address = "127.66.0.9", .send = send, .times = 500});
        if (result.error != EPERM) ++passed;
        tries += 500;
      }
    }
  });
  for (int round = 0; round < 20 || tries < 10'000; ++round) {
    const Status changed =
        exchange(round % 2 == 0 ? second_ : first_, {&one.cgroup()}, kernel_);
    EXPECT_TRUE(changed) << changed.error().message;
    if (!changed) break;
  }
  done = true;
  prober.join();
  EXPECT_EQ(passed, 0);
}

TEST_F(Exchange, TakesOffWhatIsNoLongerJudged) {
  const auto one = make_cgroup();
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  ASSERT_TRUE(exchange(CompiledPolicy{}, {&one.cgroup()}, kernel_));
  EXPECT_EQ(attached_programs(one.cgroup()), 0);
  EXPECT_EQ(error_of(one.cgroup(), "127.66.0.9"), 0);
  EXPECT_THAT(bpffs_.entries(), Each(Not(HasSubstr("links/"))));
  EXPECT_THAT(bpffs_.entries(), Each(Not(HasSubstr("programs/"))));
  // And back again.
  ASSERT_TRUE(exchange(first_, {&one.cgroup()}, kernel_));
  EXPECT_TRUE(obeys_first(one.cgroup()));
}

TEST_F(Exchange, ProtectsAContainerThatRunsUnprotected) {
  const auto one = make_cgroup();
  const Sleeper sleeper(one.cgroup());
  ASSERT_TRUE(exchange(first_, {&one.cgroup()}, kernel_));
  EXPECT_TRUE(obeys_first(one.cgroup()));
  EXPECT_EQ(attached_programs(one.cgroup()), kHookCount);
  const auto told = events();
  ASSERT_THAT(told, Not(IsEmpty()));
  for (const bailiff_connect_event& event : told) {
    EXPECT_EQ(event.header.cgroup_id, one.cgroup().id());
    EXPECT_EQ(event.header.policy_id,
              conditions_digest(encode(first_)).short_id());
  }
}

// Its links are there, and none of them is of a program that tells.
TEST_F(Exchange, ProtectsAContainerThatIsIsolated) {
  const auto one = make_cgroup();
  const std::vector<IpNetwork> allowed = {*parse_network("127.66.0.0/16")};
  ASSERT_TRUE(hook::isolate(dir(), "c0", one.cgroup(), allowed, kernel_));
  const int isolating = attached_programs(one.cgroup());
  ASSERT_TRUE(exchange(first_, {&one.cgroup()}, kernel_));
  EXPECT_EQ(attached_programs(one.cgroup()), isolating + kHookCount);
  EXPECT_TRUE(obeys_first(one.cgroup()));
  const auto told = events();
  ASSERT_THAT(told, Not(IsEmpty()));
  for (const bailiff_connect_event& event : told) {
    EXPECT_EQ(event.header.cgroup_id, one.cgroup().id());
  }
}

TEST_F(Exchange, RefusesAnIdThatIsInUseElsewhere) {
  const auto one = make_cgroup();
  const auto two = make_cgroup();
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  const Status changed = exchange(second_, {&two.cgroup()}, kernel_);
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message, HasSubstr("in another cgroup"));
  EXPECT_TRUE(obeys_first(one.cgroup()));
}

// Two containers of one network, c0 and c1, and what each sends as frames.
class ExchangeOfPod : public Exchange {
 protected:
  ExchangeOfPod() { netns_ = network_.netns(); }

  void protect_both(const CompiledPolicy& policy) {
    ASSERT_TRUE(protect_as(policy, one(), "c0"));
    ASSERT_TRUE(protect_as(policy, two(), "c1"));
  }
  Result<std::vector<Digest>> protect_as(const CompiledPolicy& policy,
                                         const Cgroup& cgroup,
                                         const std::string& id) {
    return protect(policy, cgroup, dir(), id, kernel_, netns_);
  }
  // So that they stay: the verifier takes long over those for frames.
  void use_programs_elsewhere() {
    ASSERT_TRUE(protect(first_, three_.cgroup(), dir(), "c2", kernel_,
                        elsewhere_.netns()));
    ASSERT_TRUE(protect(second_, four_.cgroup(), dir(), "c3", kernel_,
                        elsewhere_.netns()));
  }
  const Cgroup& one() const { return one_.cgroup(); }
  const Cgroup& two() const { return two_.cgroup(); }
  // Links of either, by interface.
  std::map<std::string, std::uint32_t> links_of(const std::string& id) const {
    return interface_links(dir(), id);
  }
  bool judges_at_both(int programs) const {
    return network_.comes_to(programs, "tap0") &&
           network_.comes_to(programs, "tun0");
  }

  static Bytes frame_to(const char* host) {
    return ethernet(ETH_P_IP) + ip4(host, udp(1));
  }
  int frame_error(const Cgroup& cgroup, const char* host) const {
    return network_.send("tap0", frame_to(host), &cgroup);
  }
  bool frames_obey_first(const Cgroup& cgroup) const {
    return frame_error(cgroup, "127.66.0.1") == ENOBUFS &&
           frame_error(cgroup, "127.66.0.2") == 0 &&
           frame_error(cgroup, "127.66.0.9") == ENOBUFS;
  }
  bool frames_obey_second(const Cgroup& cgroup) const {
    return frame_error(cgroup, "127.66.0.1") == 0 &&
           frame_error(cgroup, "127.66.0.2") == ENOBUFS &&
           frame_error(cgroup, "127.66.0.9") == ENOBUFS;
  }

  // Fails an exchange to the second policy at each call in turn, both having
  // the first.
  void puts_all_back_of(const std::vector<const Cgroup*>& cgroups) {
    protect_both(first_);
    const std::vector<std::string> before = bpffs_.entries();
    const auto links = links_of("c0");
    int call = 0;
    for (;; ++call) {
      ASSERT_LT(call, 1000);
      SCOPED_TRACE("call " + std::to_string(call) + " fails");
      FaultyKernel faulty(call);
      const Status changed = exchange(second_, cgroups, faulty);
      if (kept_) break;
      ASSERT_FALSE(changed);
      ASSERT_EQ(bpffs_.entries(), before);
      ASSERT_EQ(links_of("c0"), links);
      ASSERT_EQ(links_of("c1"), links);
      ASSERT_EQ(network_.frame_programs("tap0"), 1);
      ASSERT_EQ(network_.frame_programs("tun0"), 1);
      if (call % 7 != 0) continue;
      ASSERT_TRUE(frames_obey_first(one()));
      ASSERT_TRUE(frames_obey_first(two()));
    }
    EXPECT_GT(call, 50);
    ASSERT_TRUE(exchange(second_, cgroups, kernel_));
  }

  // Counts the frames to a host that is always refused which pass, sent by the
  // container over and over again until `done`.
  void probe(const Cgroup& cgroup, const std::atomic<bool>& done,
             std::atomic<int>& tries, std::atomic<int>& passed) const {
    constexpr int kTimes = 500;
    const Bytes frame = frame_to("127.66.0.9");
    while (!done) {
      const int error = network_.run_in(cgroup, [&] {
        const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_protocol = htons(ETH_P_IP);
        to.sll_ifindex = static_cast<int>(::if_nametoindex("tap0"));
        for (int i = 0; i < kTimes; ++i) {
          const auto* name = reinterpret_cast<const sockaddr*>(&to);
          if (::sendto(fd, frame.data(), frame.size(), 0, name, sizeof to) >=
                  0 ||
              errno != ENOBUFS) {
            return 1;
          }
        }
        return 0;
      });
      if (error != 0) ++passed;
      tries += kTimes;
    }
  }

  const hook::ScratchCgroup one_ = make_cgroup();
  const hook::ScratchCgroup two_ = make_cgroup();
  const hook::ScratchCgroup three_ = make_cgroup();
  const hook::ScratchCgroup four_ = make_cgroup();
  const ScratchNetwork network_;
  const ScratchNetwork elsewhere_;
};

TEST_F(ExchangeOfPod, BringsBothToAnotherPolicy) {
  protect_both(first_);
  ASSERT_TRUE(frames_obey_first(one()));
  ASSERT_TRUE(frames_obey_first(two()));
  const auto before = links_of("c0");
  const Status changed = exchange(second_, {&one(), &two()}, kernel_);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(frames_obey_second(one()));
  EXPECT_TRUE(frames_obey_second(two()));
  EXPECT_EQ(links_of("c0"), links_of("c1"));
  EXPECT_NE(links_of("c0"), before);
  EXPECT_TRUE(judges_at_both(1));
}

TEST_F(ExchangeOfPod, LeavesTheLinksOfWhatIsTheSame) {
  protect_both(first_);
  const auto before = links_of("c0");
  ASSERT_TRUE(exchange(first_, {&one(), &two()}, kernel_));
  EXPECT_EQ(links_of("c0"), before);
  EXPECT_EQ(links_of("c1"), before);
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_TRUE(frames_obey_first(one()));
}

TEST_F(ExchangeOfPod, BringsOneToAnotherPolicyAndBack) {
  protect_both(first_);
  const auto before = links_of("c1");
  ASSERT_TRUE(exchange(second_, {&one()}, kernel_));
  EXPECT_TRUE(frames_obey_second(one()));
  EXPECT_TRUE(frames_obey_first(two()));
  EXPECT_TRUE(judges_at_both(2));
  EXPECT_EQ(links_of("c1"), before);
  EXPECT_NE(links_of("c0"), before);
  ASSERT_TRUE(exchange(first_, {&one()}, kernel_));
  EXPECT_TRUE(frames_obey_first(one()));
  EXPECT_TRUE(frames_obey_first(two()));
  EXPECT_EQ(links_of("c0"), before);
  EXPECT_TRUE(judges_at_both(1));
}

TEST_F(ExchangeOfPod, JudgesWhoStaysWhenTheOtherLeavesBefore) {
  protect_both(first_);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(frames_obey_first(one()));
  ASSERT_TRUE(exchange(second_, {&one()}, kernel_));
  EXPECT_TRUE(frames_obey_second(one()));
  EXPECT_TRUE(judges_at_both(1));
}

TEST_F(ExchangeOfPod, JudgesWhoStaysWhenTheOtherLeavesAfter) {
  protect_both(first_);
  ASSERT_TRUE(exchange(second_, {&one(), &two()}, kernel_));
  ASSERT_TRUE(hook::detach(dir(), "c0", kernel_));
  ASSERT_TRUE(hook::reconcile(dir(), kernel_));
  EXPECT_TRUE(frames_obey_second(two()));
  EXPECT_TRUE(judges_at_both(1));
  // Or is exempt from now on.
  ASSERT_TRUE(protect_as(second_, one(), "c0"));
  ASSERT_TRUE(exchange(CompiledPolicy{}, {&one()}, kernel_));
  EXPECT_TRUE(frames_obey_second(two()));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(judges_at_both(0));
}

TEST_F(ExchangeOfPod, PutsAllBackWhicheverCallFails) {
  use_programs_elsewhere();
  puts_all_back_of({&one(), &two()});
  EXPECT_TRUE(frames_obey_second(one()));
  EXPECT_TRUE(frames_obey_second(two()));
  EXPECT_EQ(links_of("c0"), links_of("c1"));
  EXPECT_TRUE(judges_at_both(1));
}

TEST_F(ExchangeOfPod, PutsAllBackOfOneWhicheverCallFails) {
  use_programs_elsewhere();
  puts_all_back_of({&one()});
  EXPECT_TRUE(frames_obey_second(one()));
  EXPECT_TRUE(frames_obey_first(two()));
  EXPECT_TRUE(judges_at_both(2));
}

TEST_F(ExchangeOfPod, MakesUpForWhatCouldNotBeTakenOff) {
  use_programs_elsewhere();
  protect_both(first_);
  // Later calls of keep() are about what nobody uses any more.
  constexpr int kFailures = 24;
  int kept = 0;
  for (int call = 0; kept < kFailures; ++call) {
    ASSERT_LT(call, 1000);
    SCOPED_TRACE("call " + std::to_string(call) + " fails");
    FaultyKernel faulty(call);
    kept_ = false;
    (void)exchange(second_, {&one(), &two()}, faulty);
    if (!kept_) continue;
    ASSERT_TRUE(faulty.failed());
    ++kept;
    // The first policy may refuse, too, what it did.
    for (const char* host : {"127.66.0.2", "127.66.0.9"}) {
      ASSERT_EQ(frame_error(one(), host), ENOBUFS);
      ASSERT_EQ(frame_error(two(), host), ENOBUFS);
    }
    ASSERT_TRUE(exchange(first_, {&one(), &two()}, kernel_));
    ASSERT_TRUE(frames_obey_first(one()));
    ASSERT_TRUE(frames_obey_first(two()));
    ASSERT_TRUE(judges_at_both(1));
  }
}

TEST_F(ExchangeOfPod, LeavesNoMomentInWhichFramesAreNotJudged) {
  use_programs_elsewhere();
  protect_both(first_);
  std::atomic<bool> done = false;
  std::atomic<int> tries = 0;
  std::atomic<int> passed = 0;
  std::thread prober([&] { probe(one(), done, tries, passed); });
  std::thread other([&] { probe(two(), done, tries, passed); });
  for (int round = 0; round < 20 || tries < 20'000; ++round) {
    // Together, and one after the other.
    const CompiledPolicy& policy = round % 2 == 0 ? second_ : first_;
    const auto cgroups =
        round % 3 == 0 ? std::vector{&one()} : std::vector{&one(), &two()};
    const Status changed = exchange(policy, cgroups, kernel_);
    EXPECT_TRUE(changed) << changed.error().message;
    if (!changed) break;
  }
  done = true;
  prober.join();
  other.join();
  EXPECT_EQ(passed, 0);
}

TEST_F(ExchangeOfPod, LeavesAllAsItWasWithoutRoomForMorePrograms) {
  protect_both(first_);
  const std::vector<std::string> before = bpffs_.entries();
  const auto links = links_of("c0");
  {
    const auto others = occupy(network_, 62, kernel_);
    const Status changed = exchange(second_, {&one(), &two()}, kernel_);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, Code::kExhausted);
    EXPECT_THAT(changed.error().message, HasSubstr("takes 63 programs"));
    EXPECT_TRUE(exchange(first_, {&one(), &two()}, kernel_));
  }
  EXPECT_EQ(bpffs_.entries(), before);
  EXPECT_EQ(links_of("c0"), links);
  EXPECT_EQ(links_of("c1"), links);
  EXPECT_TRUE(frames_obey_first(one()));
  EXPECT_TRUE(frames_obey_first(two()));
}

// Somebody removed pins: what is attached next is loaded anew.
TEST_F(ExchangeOfPod, SharesAgainWhatWasLoadedTwice) {
  ASSERT_TRUE(protect_as(first_, one(), "c0"));
  const std::string programs = dir() + "/programs";
  const auto names = kernel_.list(programs);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    ASSERT_TRUE(kernel_.unlink(programs + "/" + name));
  }
  ASSERT_TRUE(protect_as(first_, two(), "c1"));
  ASSERT_TRUE(judges_at_both(2));
  const auto before = links_of("c0");
  ASSERT_TRUE(exchange(first_, {&one(), &two()}, kernel_, /*keep=*/false));
  EXPECT_EQ(links_of("c0"), before);
  const Status changed = exchange(first_, {&one(), &two()}, kernel_);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(links_of("c0"), links_of("c1"));
  EXPECT_TRUE(judges_at_both(1));
  EXPECT_TRUE(frames_obey_first(one()));
  EXPECT_TRUE(frames_obey_first(two()));
}

// What the programs for frames of the container say they are.
TEST_F(Exchange, KnowsWhatJudgesFramesBeforeItIsReplaced) {
  const auto one = make_cgroup();
  const auto frames = [&] {
    const auto map = kernel_.open_map(dir() + "/judged");
    bailiff_judged judged{};
    const std::uint64_t id = one.cgroup().id();
    EXPECT_TRUE(map &&
                kernel_.look_up(*map, std::as_bytes(std::span(&id, 1)),
                                std::as_writable_bytes(std::span(&judged, 1))));
    return std::pair(judged.frames[0], judged.frames[1]);
  };
  ASSERT_TRUE(protect(first_, one.cgroup(), dir(), "c0", kernel_));
  const auto [first, same] = frames();
  EXPECT_EQ(first, same);
  {
    const std::string encoded = encode(second_);
    const Plan plan = lower(second_, Facts{.values = {}, .complete = true});
    const auto exchange = hook::Exchange::begin(dir(), kernel_);
    ASSERT_TRUE(exchange);
    ASSERT_TRUE((*exchange)->add(
        {.bpf_dir = dir(),
         .container_id = "c0",
         .policy = second_,
         .whole_policy = [&]() -> Result<const CompiledPolicy*> {
           return &second_;
         },
         .policy_digest = policy_digest(encoded),
         .policy_id = conditions_digest(encoded).short_id(),
         .plan = plan},
        one.cgroup()));
    EXPECT_EQ(frames().first, first);
    EXPECT_NE(frames().second, first);
  }
  EXPECT_EQ(frames(), std::pair(first, first));
  ASSERT_TRUE(exchange(second_, {&one.cgroup()}, kernel_));
  EXPECT_NE(frames().first, first);
  EXPECT_EQ(frames().first, frames().second);
}

}  // namespace
}  // namespace bailiff::test
