// SPDX-License-Identifier: Apache-2.0
//
// Interfaces that a container's network gets when its programs are attached
// already: what leaves by them, and hearing of them.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_xdp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hook/attach/attach.h"
#include "hook/attach/update.h"
#include "hook/kernel/interface_events.h"
#include "hook/kernel/kernel.h"
#include "hook/kernel/network_namespace.h"
#include "oci/spec/container_record.h"
#include "oci/sys/cgroup.h"
#include "rules/base/digest.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"

namespace bailiff::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::chrono::seconds kLong{60};
constexpr const char* kListed = "203.0.113.66";
constexpr const char* kOther = "203.0.113.67";

CompiledPolicy listed_hosts() {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {kListed})));
  return builder.build();
}

// Waits until it is so.
bool comes_true(const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::sched_yield();
  }
  return true;
}

// Keeps where programs for frames were attached anew.
class Watched final : public hook::LinuxKernel {
 public:
  Result<hook::Link> attach_frames(const hook::Program& program, int netns,
                                   const hook::Interface& interface) override {
    attached.push_back(interface.name);
    return hook::LinuxKernel::attach_frames(program, netns, interface);
  }
  Result<UniqueFd> lock(const std::string& folder, Deadline deadline) override {
    ++locked;
    return hook::LinuxKernel::lock(folder, deadline);
  }

  std::vector<std::string> attached;
  int locked = 0;
};

class Interfaces : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  void protect_in(const ScratchNetwork& network, const std::string& id = "c1") {
    const auto programs =
        protect(policy_, cgroup(), dir(), id, kernel_, network.netns());
    ASSERT_TRUE(programs) << programs.error().message;
  }

  // Has what came judged, and with `keep`, has it stay; or has a reload do it.
  using Change = Result<hook::Attachment> (hook::Exchange::*)(
      const hook::AttachRequest&, const Cgroup&);
  Result<hook::Attachment> judge(
      const Cgroup& cgroup, const ScratchNetwork& network,
      const std::string& id, hook::Kernel& kernel, bool keep = true,
      Change change = &hook::Exchange::add_interfaces) {
    const std::string encoded = encode(policy_);
    const Plan plan = lower(policy_, Facts{.values = {}, .complete = true});
    ASSIGN_OR_RETURN(const auto exchange, hook::Exchange::begin(dir(), kernel));
    ASSIGN_OR_RETURN(
        hook::Attachment attachment,
        ((*exchange).*change)(
            {.bpf_dir = dir(),
             .container_id = id,
             .policy = policy_,
             .whole_policy = [&]() -> Result<const CompiledPolicy*> {
               return &policy_;
             },
             .policy_digest = policy_digest(encoded),
             .policy_id = conditions_digest(encoded).short_id(),
             .plan = plan,
             .network = {.netns = network.netns()}},
            cgroup));
    if (keep) RETURN_IF_ERROR(exchange->keep());
    return attachment;
  }
  Result<hook::Attachment> judge() {
    return judge(cgroup(), network_, "c1", kernel_);
  }

  bool lacks(const ScratchNetwork& network, const std::string& id = "c1") {
    const auto lacking =
        hook::lacks_programs(dir(), id, {.netns = network.netns()}, kernel_);
    EXPECT_TRUE(lacking) << lacking.error().message;
    return lacking && *lacking;
  }

  // The errno of a frame to the host.
  int send(const std::string& device, const char* host) const {
    return network_.send(device, ethernet(ETH_P_IP) + ip4(host, udp(1)),
                         &cgroup());
  }
  // Whether what leaves by the device is judged by the policy.
  bool is_judged(const std::string& device) const {
    EXPECT_EQ(send(device, kOther), 0);
    const int listed = send(device, kListed);
    EXPECT_TRUE(listed == 0 || listed == ENOBUFS) << listed;
    return listed == ENOBUFS;
  }

  std::vector<std::string> pins(const std::string& id = "c1") {
    const auto names = kernel_.list(dir() + "/links/" + id);
    EXPECT_TRUE(names) << names.error().message;
    return names ? *names : std::vector<std::string>();
  }
  static std::string pin_at(int index) {
    return "frame-" + std::to_string(index) + "-";
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
  const hook::ScratchCgroup cgroup_ = make_cgroup();
  ScratchNetwork network_;
  const CompiledPolicy policy_ = listed_hosts();
};

TEST_F(Interfaces, ThatComeAreJudgedAndNoOthersAnew) {
  protect_in(network_);
  const auto before = interface_links(dir(), "c1");
  const int at_cgroup = attached_programs(cgroup());
  const UniqueFd tap = network_.add_device("tap1");
  EXPECT_FALSE(is_judged("tap1"));
  Watched kernel;
  const auto judged = judge(cgroup(), network_, "c1", kernel);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_THAT(kernel.attached, ElementsAre("tap1"));
  EXPECT_THAT(judged->unjudged, IsEmpty());
  // Of Ethernet, of what has no header before IP's, and the guard.
  EXPECT_THAT(judged->programs, SizeIs(3));
  EXPECT_TRUE(is_judged("tap1"));
  EXPECT_EQ(network_.frame_programs("tap1"), 1);
  EXPECT_TRUE(is_judged("tap0"));
  EXPECT_EQ(network_.frame_programs("tap0"), 1);
  EXPECT_EQ(attached_programs(cgroup()), at_cgroup);
  auto now = interface_links(dir(), "c1");
  EXPECT_EQ(now.erase("frame-" + std::to_string(network_.index("tap1"))), 1U);
  EXPECT_EQ(now, before);

  // And nothing the second time.
  const auto entries = bpffs_.entries();
  kernel.attached.clear();
  const auto again = judge(cgroup(), network_, "c1", kernel);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_THAT(kernel.attached, IsEmpty());
  EXPECT_EQ(again->programs, judged->programs);
  EXPECT_EQ(bpffs_.entries(), entries);
  EXPECT_TRUE(is_judged("tap1"));
}

// As Docker makes its containers.
TEST_F(Interfaces, AreJudgedInANetworkThatHadNone) {
  network_ = ScratchNetwork(ScratchNetwork::Devices::kNone);
  protect_in(network_);
  EXPECT_THAT(pins(), Not(Contains("setsockopt")));
  EXPECT_EQ(network_.set_option(cgroup(), AF_XDP, SOL_XDP, XDP_TX_RING), 0);
  const UniqueFd tap = network_.add_device("eth0");
  EXPECT_FALSE(is_judged("eth0"));
  const auto judged = judge();
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_THAT(judged->programs, SizeIs(2));
  EXPECT_TRUE(is_judged("eth0"));
  EXPECT_THAT(pins(), Contains("setsockopt"));
  EXPECT_EQ(network_.set_option(cgroup(), AF_XDP, SOL_XDP, XDP_TX_RING), EPERM);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(network_.comes_to(0, "eth0"));
  EXPECT_EQ(network_.set_option(cgroup(), AF_XDP, SOL_XDP, XDP_TX_RING), 0);
}

TEST_F(Interfaces, AreTakenOffWhenItIsNotKept) {
  protect_in(network_);
  const UniqueFd tap = network_.add_device("tap1");
  const auto entries = bpffs_.entries();
  ASSERT_TRUE(judge(cgroup(), network_, "c1", kernel_, /*keep=*/false));
  EXPECT_EQ(network_.frame_programs("tap1"), 0);
  EXPECT_TRUE(is_judged("tap0"));
  EXPECT_EQ(bpffs_.entries(), entries);
  ASSERT_TRUE(judge());
  EXPECT_TRUE(is_judged("tap1"));
}

// One goes, one comes in its place, and one comes that has no predecessor; the
// guard is new too.
TEST_F(Interfaces, LeaveNoTraceWhicheverCallFails) {
  constexpr int kPlace = 77;
  network_ = ScratchNetwork(ScratchNetwork::Devices::kNone);
  protect_in(network_);
  {
    const UniqueFd gone = network_.add_device("gone");
    const UniqueFd replaced = network_.add_device("replaced", kPlace);
    ASSERT_TRUE(judge());
  }
  ASSERT_TRUE(kernel_.unlink(dir() + "/links/c1/setsockopt"));
  const UniqueFd replacing = network_.add_device("replacing", kPlace);
  const UniqueFd coming = network_.add_device("coming");
  // Has what nobody uses removed.
  ASSERT_TRUE(hook::Exchange::begin(dir(), kernel_));
  const std::vector<std::string> before = bpffs_.entries();
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    FaultyKernel faulty(calls);
    const int descriptors = open_descriptors();
    // What fails behind the last is a part of its undoing.
    if (judge(cgroup(), network_, "c1", faulty, /*keep=*/false)) break;
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    ASSERT_TRUE(faulty.failed());
    ASSERT_EQ(network_.frame_programs("replacing"), 0);
    ASSERT_EQ(network_.frame_programs("coming"), 0);
    ASSERT_EQ(bpffs_.entries(), before);
    ASSERT_EQ(open_descriptors(), descriptors);
  }
  EXPECT_GT(calls, 40);
  const auto judged = judge();
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_TRUE(is_judged("replacing"));
  EXPECT_TRUE(is_judged("coming"));
  EXPECT_THAT(pins(), Contains("setsockopt"));
}

// What is left of a failure is too much, and not too little.
TEST_F(Interfaces, AreJudgedWhicheverCallOfKeepFails) {
  protect_in(network_);
  UniqueFd tap = network_.add_device("tap1");
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    FaultyKernel faulty(calls);
    if (judge(cgroup(), network_, "c1", faulty, /*keep=*/false)) break;
  }
  // Now the first one of what keeps it.
  const int first = calls;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    tap = UniqueFd();
    ASSERT_TRUE(judge());
    tap = network_.add_device("tap1");
    FaultyKernel faulty(calls);
    const auto judged = judge(cgroup(), network_, "c1", faulty);
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    ASSERT_EQ(network_.frame_programs("tap1"), 1);
    ASSERT_FALSE(lacks(network_));
    if (!faulty.failed()) {
      EXPECT_TRUE(judged) << judged.error().message;
      break;
    }
  }
  EXPECT_GT(calls, first);
  EXPECT_TRUE(is_judged("tap1"));
}

TEST_F(Interfaces, ThatAreGoneLeaveNoPin) {
  protect_in(network_);
  UniqueFd tap = network_.add_device("tap1");
  const int index = network_.index("tap1");
  ASSERT_TRUE(judge());
  EXPECT_THAT(pins(), Contains(StartsWith(pin_at(index))));
  tap = UniqueFd();
  ASSERT_TRUE(judge());
  EXPECT_THAT(pins(), Not(Contains(StartsWith(pin_at(index)))));
  EXPECT_THAT(interface_links(dir(), "c1"), SizeIs(2));
  EXPECT_TRUE(is_judged("tap0"));
}

TEST_F(Interfaces, OfTheIndexOfOneThatIsGoneAreJudged) {
  protect_in(network_);
  UniqueFd tap = network_.add_device("tap1", 77);
  ASSERT_TRUE(judge());
  ASSERT_TRUE(is_judged("tap1"));
  tap = UniqueFd();
  EXPECT_FALSE(lacks(network_));
  tap = network_.add_device("tap1", 77);
  EXPECT_TRUE(lacks(network_));
  EXPECT_FALSE(is_judged("tap1"));
  ASSERT_TRUE(judge());
  EXPECT_FALSE(lacks(network_));
  EXPECT_TRUE(is_judged("tap1"));
}

TEST_F(Interfaces, ThatWentIntoAnotherNetworkKeepTheirs) {
  protect_in(network_);
  const UniqueFd tap = network_.add_device("tap1");
  const int index = network_.index("tap1");
  ASSERT_TRUE(judge());
  const ScratchNetwork elsewhere(ScratchNetwork::Devices::kNone);
  network_.move("tap1", elsewhere);
  EXPECT_FALSE(lacks(network_));
  const auto entries = bpffs_.entries();
  ASSERT_TRUE(judge());
  EXPECT_EQ(bpffs_.entries(), entries);
  EXPECT_THAT(pins(), Contains(StartsWith(pin_at(index))));
  EXPECT_EQ(elsewhere.frame_programs("tap1"), 1);
  // And when it comes back.
  elsewhere.move("tap1", network_);
  EXPECT_FALSE(lacks(network_));
  ASSERT_TRUE(judge());
  EXPECT_TRUE(is_judged("tap1"));
  EXPECT_EQ(network_.frame_programs("tap1"), 1);
}

// Whoever may make interfaces may choose their index.
TEST_F(Interfaces, OfTheIndexOfOneThatWentElsewhereAreJudged) {
  constexpr int kIndex = 77;
  protect_in(network_);
  const UniqueFd tap = network_.add_device("tap1", kIndex);
  ASSERT_TRUE(judge());
  const ScratchNetwork elsewhere(ScratchNetwork::Devices::kNone);
  network_.move("tap1", elsewhere);
  const UniqueFd other = network_.add_device("tap2", kIndex);
  EXPECT_TRUE(lacks(network_));
  ASSERT_TRUE(judge());
  EXPECT_FALSE(lacks(network_));
  EXPECT_TRUE(is_judged("tap2"));
  EXPECT_EQ(elsewhere.frame_programs("tap1"), 1);
  // Nothing more the second time, and all of it goes.
  const auto entries = bpffs_.entries();
  ASSERT_TRUE(judge());
  EXPECT_EQ(bpffs_.entries(), entries);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_TRUE(network_.comes_to(0, "tap2"));
  EXPECT_TRUE(elsewhere.comes_to(0, "tap1"));
}

TEST_F(Interfaces, OfTheIndexOfOneThatWentElsewhereAreJudgedByAReload) {
  constexpr int kIndex = 77;
  const UniqueFd tap = network_.add_device("tap1", kIndex);
  protect_in(network_);
  const ScratchNetwork elsewhere(ScratchNetwork::Devices::kNone);
  network_.move("tap1", elsewhere);
  const UniqueFd other = network_.add_device("tap2", kIndex);
  ASSERT_FALSE(is_judged("tap2"));
  const auto added = judge(cgroup(), network_, "c1", kernel_, /*keep=*/true,
                           &hook::Exchange::add);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_TRUE(is_judged("tap2"));
}

TEST_F(Interfaces, OfAContainerThatIsNotJudgedAreLeft) {
  for (const char* id : {"c1", "nobody"}) {
    const auto judged = judge(cgroup(), network_, id, kernel_);
    ASSERT_TRUE(judged) << judged.error().message;
    EXPECT_THAT(judged->programs, IsEmpty());
    EXPECT_THAT(judged->unjudged, IsEmpty());
    EXPECT_EQ(network_.frame_programs("tap0"), 0);
    EXPECT_EQ(attached_programs(cgroup()), 0);
  }
  // Nor when it was until now.
  protect_in(network_);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  ASSERT_TRUE(network_.comes_to(0));
  ASSERT_TRUE(judge());
  EXPECT_EQ(network_.frame_programs("tap0"), 0);
}

TEST_F(Interfaces, OfWhomOneIdIsNotAreLeft) {
  const auto other = make_cgroup();
  protect_in(network_);
  const UniqueFd tap = network_.add_device("tap1");
  const auto judged = judge(other.cgroup(), network_, "c1", kernel_);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().code, Code::kInvalidArgument);
  EXPECT_EQ(network_.frame_programs("tap1"), 0);
  EXPECT_EQ(attached_programs(other.cgroup()), 0);
}

TEST_F(Interfaces, LackProgramsUntilTheyHaveThem) {
  // Of nobody, too.
  EXPECT_TRUE(lacks(network_));
  const ScratchNetwork empty(ScratchNetwork::Devices::kNone);
  EXPECT_FALSE(lacks(empty));
  protect_in(network_);
  EXPECT_FALSE(lacks(network_));
  EXPECT_TRUE(lacks(network_, "c2"));
  const UniqueFd tap = network_.add_device("tap1");
  EXPECT_TRUE(lacks(network_));
  ASSERT_TRUE(judge());
  EXPECT_FALSE(lacks(network_));
  // Those of another container are not its own.
  EXPECT_TRUE(lacks(network_, "c2"));
}

TEST_F(Interfaces, ContainersOfOnePodShareTheLink) {
  const auto mate = make_cgroup();
  protect_in(network_);
  ASSERT_TRUE(
      protect(policy_, mate.cgroup(), dir(), "c2", kernel_, network_.netns()));
  const UniqueFd tap = network_.add_device("tap1");
  ASSERT_TRUE(judge());
  EXPECT_TRUE(lacks(network_, "c2"));
  const auto judged = judge(mate.cgroup(), network_, "c2", kernel_);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_FALSE(lacks(network_, "c2"));
  EXPECT_THAT(interface_links(dir(), "c1"), SizeIs(3));
  EXPECT_EQ(interface_links(dir(), "c1"), interface_links(dir(), "c2"));
  EXPECT_EQ(network_.frame_programs("tap1"), 1);
  // It is there until the last of them is gone.
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  const Bytes frame = ethernet(ETH_P_IP) + ip4(kListed, udp(1));
  EXPECT_EQ(network_.send("tap1", frame, &mate.cgroup()), ENOBUFS);
  ASSERT_TRUE(hook::detach(dir(), "c2", kernel_));
  EXPECT_TRUE(network_.comes_to(0, "tap1"));
}

TEST_F(Interfaces, AreSaidToBeUnjudgedWhereTheKernelCannot) {
  WithoutTcx old;
  const auto judged = judge(cgroup(), network_, "c1", old);
  ASSERT_TRUE(judged);
  EXPECT_THAT(judged->unjudged, IsEmpty());
  protect_in(ScratchNetwork(ScratchNetwork::Devices::kNone));
  const auto unjudged = judge(cgroup(), network_, "c1", old);
  ASSERT_TRUE(unjudged) << unjudged.error().message;
  EXPECT_THAT(unjudged->unjudged, ElementsAre(HasSubstr("no tcx")));
  EXPECT_THAT(unjudged->programs, IsEmpty());
  EXPECT_THAT(pins(), Not(Contains("setsockopt")));
}

// By what is known of a container that runs.
class InterfacesOfARecord : public Interfaces {
 protected:
  InterfacesOfARecord() {
    protect_in(network_);
    record_.id = "c1";
    record_.pid = process_->pid();
    record_.cgroup_id = cgroup().id();
    record_.policy = policy_digest(encode(policy_)).hex();
    record_.programs = {"of before"};
    const UniqueFd netns(::dup(network_.netns()));
    record_.netns = hook::network_namespace_id(netns)->second;
  }

  Result<hook::UpdatedContainers> judge_recorded(hook::Kernel& kernel) {
    const std::string encoded = encode(policy_);
    return hook::judge_interfaces(
        dir(),
        {.policy = policy_,
         .whole = [&]() -> Result<const CompiledPolicy*> { return &policy_; },
         .digest = policy_digest(encoded),
         .id = conditions_digest(encoded).short_id()},
        record_,
        [&](const std::vector<oci::ContainerRecord>& records) {
          written_.push_back(records);
          return write_;
        },
        kernel);
  }

  std::optional<Networked> process_{std::in_place, cgroup(), network_.netns()};
  oci::ContainerRecord record_;
  std::vector<std::vector<oci::ContainerRecord>> written_;
  Status write_ = Ok{};
};

TEST_F(InterfacesOfARecord, AreJudgedAndTheRecordIsWritten) {
  const UniqueFd tap = network_.add_device("tap1");
  const auto judged = judge_recorded(kernel_);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_TRUE(is_judged("tap1"));
  EXPECT_THAT(judged->unjudged, IsEmpty());
  EXPECT_EQ(judged->left, "");
  ASSERT_THAT(judged->records, SizeIs(1));
  const std::vector<std::string>& programs = judged->records[0].programs;
  ASSERT_THAT(programs, SizeIs(4));
  EXPECT_EQ(programs[0], "of before");
  ASSERT_THAT(written_, ElementsAre(SizeIs(1)));
  EXPECT_EQ(to_json(written_[0][0]), to_json(judged->records[0]));
  EXPECT_EQ(judged->records[0].id, "c1");
  EXPECT_EQ(judged->records[0].policy, record_.policy);

  // The same programs somewhere else are nothing to write.
  record_ = judged->records[0];
  const UniqueFd another = network_.add_device("tap2");
  const auto again = judge_recorded(kernel_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(is_judged("tap2"));
  EXPECT_THAT(again->records, IsEmpty());
  EXPECT_THAT(written_, SizeIs(1));
}

TEST_F(InterfacesOfARecord, NothingIsLockedForWhereNoneCame) {
  Watched kernel;
  const auto entries = bpffs_.entries();
  const auto judged = judge_recorded(kernel);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_EQ(kernel.locked, 0);
  EXPECT_THAT(kernel.attached, IsEmpty());
  EXPECT_THAT(judged->records, IsEmpty());
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_EQ(bpffs_.entries(), entries);
}

TEST_F(InterfacesOfARecord, AreLeftWhenTheRecordCannotBeWritten) {
  const UniqueFd tap = network_.add_device("tap1");
  const auto entries = bpffs_.entries();
  write_ = Error{Code::kIo, "disk is full"};
  const auto judged = judge_recorded(kernel_);
  ASSERT_FALSE(judged);
  EXPECT_THAT(judged.error().message, HasSubstr("disk is full"));
  EXPECT_EQ(network_.frame_programs("tap1"), 0);
  EXPECT_EQ(bpffs_.entries(), entries);
}

TEST_F(InterfacesOfARecord, OfOneThatLeftItsNetworkAreNotOfTheNewOne) {
  const Networked other(cgroup(), network_.netns());
  process_->leave_network();
  const UniqueFd tap = network_.add_device("tap1");
  const auto judged = judge_recorded(kernel_);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_TRUE(is_judged("tap1"));
}

TEST_F(InterfacesOfARecord, OfOneWithoutProcessesAreNotLookedFor) {
  process_.reset();
  const UniqueFd tap = network_.add_device("tap1");
  const auto judged = judge_recorded(kernel_);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_EQ(network_.frame_programs("tap1"), 0);
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(InterfacesOfARecord, OfOneThatIsGoneAreNotFound) {
  {
    const auto gone = make_cgroup();
    record_.cgroup_id = gone.cgroup().id();
  }
  const auto judged = judge_recorded(kernel_);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().code, Code::kNotFound);
}

TEST_F(InterfacesOfARecord, ThatNobodyJudgesAreTold) {
  const UniqueFd tap = network_.add_device("tap1");
  WithoutTcx old;
  const auto judged = judge_recorded(old);
  // Others of its interfaces are judged: so this one has to be.
  ASSERT_FALSE(judged);
  EXPECT_THAT(judged.error().message, HasSubstr("no tcx for 'tap1'"));
}

class InterfaceEvents : public ::testing::Test {
 protected:
  static hook::InterfaceEvents hear(const ScratchNetwork& network) {
    const UniqueFd netns(::dup(network.netns()));
    auto events = hook::InterfaceEvents::open(netns);
    if (!events) throw std::runtime_error(events.error().message);
    return *std::move(events);
  }
  static bool came(hook::InterfaceEvents& events) {
    const auto came = events.read();
    EXPECT_TRUE(came) << came.error().message;
    return came && *came;
  }
  static bool is_readable(const hook::InterfaceEvents& events) {
    pollfd poll{.fd = events.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }
  // Sets a device up or down.
  void set_up(const char* device, bool up) const {
    const Status done =
        hook::in_network_namespace(network_.netns(), [&]() -> Status {
          const UniqueFd socket(
              ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
          ifreq request{};
          ::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
          request.ifr_flags = up ? IFF_UP : 0;
          EXPECT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
          return Ok{};
        });
    ASSERT_TRUE(done);
  }

  ScratchNetwork network_{ScratchNetwork::Devices::kNone};
};

TEST_F(InterfaceEvents, TellOfOneThatComesOnce) {
  const UniqueFd before = network_.add_device("tap0");
  hook::InterfaceEvents events = hear(network_);
  EXPECT_FALSE(came(events));
  const UniqueFd tap = network_.add_device("tap1");
  EXPECT_TRUE(is_readable(events));
  EXPECT_TRUE(came(events));
  EXPECT_FALSE(came(events));
  // Not of what becomes of it, nor of others' networks.
  for (const bool up : {false, true, false}) {
    set_up("tap1", up);
    EXPECT_TRUE(is_readable(events));
    EXPECT_FALSE(came(events));
  }
  const ScratchNetwork elsewhere;
  EXPECT_FALSE(is_readable(events));
  const UniqueFd other = network_.add_device("tap2");
  EXPECT_TRUE(came(events));
}

TEST_F(InterfaceEvents, TellAgainOfOneThatWentAndCame) {
  hook::InterfaceEvents events = hear(network_);
  UniqueFd tap = network_.add_device("tap1", 77);
  EXPECT_TRUE(came(events));
  tap = UniqueFd();
  EXPECT_FALSE(came(events));
  tap = network_.add_device("tap1", 77);
  EXPECT_TRUE(came(events));
  // Also when it is read late.
  tap = UniqueFd();
  tap = network_.add_device("tap1", 77);
  EXPECT_TRUE(came(events));
  EXPECT_FALSE(came(events));
}

TEST_F(InterfaceEvents, TellOfOneThatIsMovedIn) {
  hook::InterfaceEvents events = hear(network_);
  const ScratchNetwork elsewhere(ScratchNetwork::Devices::kNone);
  const UniqueFd tap = elsewhere.add_device("tap1");
  elsewhere.move("tap1", network_);
  EXPECT_TRUE(came(events));
  network_.move("tap1", elsewhere);
  EXPECT_FALSE(came(events));
  elsewhere.move("tap1", network_);
  EXPECT_TRUE(came(events));
}

TEST_F(InterfaceEvents, TellOfWhatMayHaveBeenLost) {
  hook::InterfaceEvents events = hear(network_);
  const UniqueFd tap = network_.add_device("tap1");
  EXPECT_TRUE(came(events));
  const int least = 1;
  ASSERT_EQ(
      ::setsockopt(events.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least),
      0);
  for (int i = 0; i < 20; ++i) set_up("tap1", i % 2 == 1);
  EXPECT_TRUE(came(events));
  EXPECT_FALSE(came(events));
}

// Whoever may configure a network may also say that something happened to it.
TEST_F(InterfaceEvents, DoNotBelieveAProcess) {
  constexpr int kClaimed = 4711;
  hook::InterfaceEvents events = hear(network_);
  const Status sent =
      hook::in_network_namespace(network_.netns(), [&]() -> Status {
        const UniqueFd socket(
            ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        struct {
          nlmsghdr header{};
          ifinfomsg link{};
        } message;
        message.header.nlmsg_len = sizeof message;
        message.header.nlmsg_type = RTM_NEWLINK;
        message.link.ifi_index = kClaimed;
        sockaddr_nl group{};
        group.nl_family = AF_NETLINK;
        group.nl_groups = RTMGRP_LINK;
        EXPECT_EQ(
            ::sendto(socket.get(), &message, sizeof message, 0,
                     reinterpret_cast<const sockaddr*>(&group), sizeof group),
            static_cast<ssize_t>(sizeof message));
        return Ok{};
      });
  ASSERT_TRUE(sent);
  ASSERT_TRUE(is_readable(events));
  EXPECT_FALSE(came(events));
  const UniqueFd tap = network_.add_device("tap1", kClaimed);
  EXPECT_TRUE(came(events));
}

TEST_F(InterfaceEvents, KeepTheNetworkAndLetGoOfIt) {
  auto network = hook::make_network_namespace();
  ASSERT_TRUE(network);
  // A device of which the other end goes with the network.
  const std::string command =
      "ip link add peer0 type veth peer name peer1 "
      "netns /proc/" +
      std::to_string(::getpid()) + "/fd/" + std::to_string(network_.netns());
  ASSERT_TRUE(hook::in_network_namespace(network->get(), [&]() -> Status {
    EXPECT_EQ(::system(command.c_str()), 0);
    return Ok{};
  }));
  hook::LinuxKernel kernel;
  const auto is_there = [&] {
    const auto found = kernel.interfaces(network_.netns());
    EXPECT_TRUE(found);
    return found && !found->empty();
  };
  {
    auto events = hook::InterfaceEvents::open(*network);
    ASSERT_TRUE(events) << events.error().message;
    *network = UniqueFd();
    EXPECT_TRUE(is_there());
    EXPECT_FALSE(came(*events));
  }
  EXPECT_TRUE(comes_true([&] { return !is_there(); }));
}

}  // namespace
}  // namespace bailiff::test
