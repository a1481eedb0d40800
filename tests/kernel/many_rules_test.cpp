// SPDX-License-Identifier: Apache-2.0
//
// As many rules and lists as a large installation has in one policy.
#include "tests/kernel/many_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "hook/kernel/ring_buffer.h"
#include "rules/abi/event.h"
#include "rules/abi/limits.h"
#include "rules/eval/evaluate.h"
#include "tests/harness/expr.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

// What rules/eval makes of a connection by the prober of connect_in().
class Judge {
 public:
  explicit Judge(const CompiledPolicy& policy)
      : policy_(policy), lists_(policy) {}

  std::set<std::uint32_t> fired(const Connect& to, pid_t pid) const {
    const IpAddress destination = address(to.address);
    const bool v4 = destination.family == 4;
    const std::int64_t port = to.port;
    const FakeEvent event =
        FakeEvent()
            .with(FieldId::kEvtType, {std::string("connect")})
            .with(FieldId::kFdSip, {destination})
            .with(FieldId::kFdSnet, {destination})
            .with(FieldId::kFdSport, {port})
            .with(FieldId::kFdTypechar, {std::string(v4 ? "4" : "6")})
            .with(FieldId::kFdL4proto, {std::string(to.tcp ? "tcp" : "udp")})
            .with(FieldId::kProcName, {std::string("bailiff-prober")})
            .with(FieldId::kProcPid, {std::int64_t{pid}})
            .with(FieldId::kThreadTid, {std::int64_t{pid}})
            .with(FieldId::kUserUid, {std::int64_t{::getuid()}})
            .with(FieldId::kGroupGid, {std::int64_t{::getgid()}});
    std::set<std::uint32_t> rules;
    for (std::uint32_t i = 0; i < policy_.rules.size(); ++i) {
      if (evaluate(policy_.rules[i].condition, event, lists_)) rules.insert(i);
    }
    return rules;
  }

 private:
  const CompiledPolicy& policy_;
  ListIndex lists_;
};

class ManyRules : public ::testing::Test {
 protected:
  ManyRules() : cgroup_(make_cgroup()) {}

  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  std::set<std::uint32_t> told() {
    std::set<std::uint32_t> rules;
    auto ring = hook::RingBuffer::open(
        dir() + "/events", [&](std::span<const std::byte> bytes) {
          bailiff_event event{};
          ASSERT_GE(bytes.size(), sizeof(event));
          std::memcpy(&event, bytes.data(), sizeof(event));
          rules.insert(event.rule);
        });
    EXPECT_TRUE(ring && ring->consume());
    return rules;
  }

  // Attaches the policy and connects here and there: what the kernel refuses
  // and tells is what the conditions mean.
  void expect_obeyed(const CompiledPolicy& policy) {
    const auto programs =
        protect(policy, cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
    const Judge judge(policy);
    const Policy& refusing = policy.policies[0];
    std::size_t refused = 0;
    std::size_t fired = 0;
    for (int i = 0; i < 60; ++i) {
      Connect to;
      to.port = static_cast<std::uint16_t>(1024 + 7 * (i * 41 % 500));
      to.tcp = i % 4 == 0;
      to.ipv6 = i % 3 == 0;
      const std::string number = std::to_string(i * 5 % 250);
      switch (i % 5) {
        case 0:
          to.address = "127.64.0." + number;
          break;
        case 1:
          to.address = "127.202." + number + ".130";
          break;
        case 2:
          to.address = "127.9.9.9";
          break;
        case 3:
          to.address = "127.203.0." + number;
          break;
        case 4:
          to.address = "2001:db8:" + number + "::1";
          to.ipv6 = true;
          break;
      }
      const Connected connected = connect_in(cgroup_.cgroup(), to);
      const std::set<std::uint32_t> expected = judge.fired(to, connected.pid);
      const bool refuse = std::any_of(
          refusing.rules.begin(), refusing.rules.end(),
          [&](std::uint32_t rule) { return expected.contains(rule); });
      EXPECT_EQ(connected.error == EPERM, refuse) << to.address;
      EXPECT_EQ(told(), expected) << to.address;
      refused += refuse ? 1 : 0;
      fired += expected.size();
    }
    // Neither would show anything if it were always the same.
    EXPECT_GT(refused, 5U);
    EXPECT_LT(refused, 60U);
    EXPECT_GT(fired, refused);
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
};

TEST_F(ManyRules, FiveHundredOverTwentyListsAreObeyed) {
  expect_obeyed(many_rules(500, 20));
}

TEST_F(ManyRules, AThousandOverTwentyListsAreObeyed) {
  expect_obeyed(many_rules(1000, 20));
}

TEST_F(ManyRules, TwoHundredMayEachHaveAListOfTheirOwn) {
  expect_obeyed(many_rules(200, 200));
}

TEST_F(ManyRules, AsManyAsAProgramHoldsMayHaveAsManyLists) {
  expect_obeyed(
      many_rules(BAILIFF_MAX_PROGRAM_RULES, BAILIFF_MAX_PROGRAM_RULES));
}

}  // namespace
}  // namespace bailiff::test
