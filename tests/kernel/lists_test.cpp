// SPDX-License-Identifier: Apache-2.0
//
// Lists that change while containers run, and lists of what is allowed.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <utility>

#include "oci/sys/unique_fd.h"
#include "rules/policy/load.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::StartsWith;

constexpr std::uint32_t kAlways = 0x7f420001;   // 127.66.0.1
constexpr std::uint32_t kGrowing = 0x7f430000;  // 127.67.0.0
constexpr std::uint32_t kSteps = 32;

std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + "." +
         std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." +
         std::to_string(address & 255);
}

// The list at a step: what it always has, in the midst of much else, and one
// address more than at the step before.
CompiledPolicy policy_at(std::uint32_t step) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    items.push_back(dotted(0x7f500000 + step * 8192 + i));
  }
  items.push_back(dotted(kAlways));
  for (std::uint32_t i = 0; i <= step; ++i) {
    items.push_back(dotted(kGrowing + i));
  }
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("c2", std::move(items))));
  return builder.build();
}

// What the process that connects all the time shares with the test.
struct Watch {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> rounds{0};
  std::atomic<std::uint64_t> let_through{0};  // although listed all the time
  std::atomic<std::uint64_t> halves{0};       // older items gone, newer there
};

bool refused(std::uint32_t address) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(address);
  const bool refused =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno == EPERM;
  ::close(fd);
  return refused;
}

// From the newest address to the oldest: the list only grows, so that once one
// is refused all that follow have to be.
void watch(Watch& shared) {
  while (!shared.stop) {
    bool newer = false;
    for (std::uint32_t i = kSteps; i-- > 0;) {
      const bool here = refused(kGrowing + i);
      if (newer && !here) ++shared.halves;
      newer = newer || here;
      if (!refused(kAlways)) ++shared.let_through;
    }
    ++shared.rounds;
  }
}

class Lists : public ::testing::Test {
 protected:
  std::string dir() const { return bpffs_.path() + "/bailiff"; }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
};

TEST_F(Lists, AreSwappedForTwoHundredContainersWithoutAGap) {
  constexpr std::size_t kContainers = 200;
  std::vector<hook::ScratchCgroup> cgroups;
  for (std::size_t i = 0; i < kContainers; ++i) {
    cgroups.push_back(make_cgroup());
    const auto programs = protect(policy_at(0), cgroups.back().cgroup(), dir(),
                                  "c" + std::to_string(i), kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }
  void* const memory = ::mmap(nullptr, sizeof(Watch), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* const shared = new (memory) Watch;
  const pid_t watcher = fork_into(cgroups[77].cgroup());
  if (watcher == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    watch(*shared);
    ::_exit(0);
  }
  // It has seen each version from beginning to end, and each change.
  const auto await_rounds = [&](std::uint64_t more) {
    const std::uint64_t until = shared->rounds + more;
    while (shared->rounds < until &&
           ::waitpid(watcher, nullptr, WNOHANG) == 0) {
      ::sched_yield();
    }
  };
  for (std::uint32_t step = 1; step < kSteps; ++step) {
    await_rounds(2);
    const Status published = publish(dir(), policy_at(step), kernel_);
    EXPECT_TRUE(published) << published.error().message;
  }
  await_rounds(2);
  shared->stop = true;
  int status = -1;
  EXPECT_EQ(::waitpid(watcher, &status, 0), watcher);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(shared->let_through, 0U);
  EXPECT_EQ(shared->halves, 0U);
  ::munmap(memory, sizeof(Watch));

  const Connect newest{.address = dotted(kGrowing + kSteps - 1)};
  for (const hook::ScratchCgroup& cgroup : cgroups) {
    ASSERT_EQ(connect_in(cgroup.cgroup(), newest).error, EPERM);
  }
}

// Whatever there is no memory for: the last good list stays, and the user is
// told which list it was.
TEST_F(Lists, ThatDoNotFitLeaveTheLastGoodOne) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_at(0), cgroup.cgroup(), dir(), "c1", kernel_));
  bool told = false;
  for (int call = 0;; ++call) {
    FaultyKernel full(call,
                      {Code::kExhausted, "cannot allocate memory", ENOMEM});
    const Status published = publish(dir(), policy_at(1), full);
    if (!full.failed()) break;
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, Code::kExhausted);
    told = told ||
           published.error().message ==
               "list 'c2' with 5003 entries: cannot allocate memory; raise "
               "the memory limit of the process's cgroup, or shorten "
               "the list";
    ASSERT_EQ(connect_in(cgroup.cgroup(), {.address = dotted(kAlways)}).error,
              EPERM);
    ASSERT_EQ(
        connect_in(cgroup.cgroup(), {.address = dotted(kGrowing + 1)}).error,
        0);
  }
  EXPECT_TRUE(told);
}

// A memory cgroup of version 1 or 2, whichever there is, in which a process may
// take that many bytes.
class MemoryCgroup {
 public:
  explicit MemoryCgroup(std::size_t bytes) {
    constexpr const char* kVersion1 = "/sys/fs/cgroup/memory";
    const bool first = ::access(kVersion1, F_OK) == 0;
    path_ = std::string(first ? kVersion1 : "/sys/fs/cgroup") +
            "/bailiff-test-memory-" + std::to_string(::getpid());
    EXPECT_EQ(::mkdir(path_.c_str(), 0755), 0) << path_;
    limits_ = write(first ? "memory.limit_in_bytes" : "memory.max", bytes);
  }
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup() { EXPECT_EQ(::rmdir(path_.c_str()), 0); }
  // Whether memory is counted where cgroups of tests are.
  bool limits() const { return limits_; }
  // This process; what it has stays with the cgroup it was in.
  bool join() const { return write("cgroup.procs", ::getpid()); }

 private:
  template <typename Number>
  bool write(const char* file, Number number) const {
    std::ofstream to(path_ + "/" + file);
    to << number << std::flush;
    return to.good();
  }

  std::string path_;
  bool limits_ = false;
};

// The kernel's own word: what a map does not fit into is no reason for it to
// end processes.
TEST_F(Lists, TheKernelHasNoRoomForLeaveTheLastGoodOne) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_at(0), cgroup.cgroup(), dir(), "c1", kernel_));
  CompiledPolicy large = policy_at(1);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    large.lists[0].items.push_back(dotted(0x0b000000 + 2 * i));
  }
  const MemoryCgroup little(4 << 20);
  ASSERT_TRUE(little.limits()) << "needs the memory controller";
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read(ends[0]);
  UniqueFd write(ends[1]);
  const pid_t service = ::fork();
  if (service == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // What is made once is made in the same place the next time, so that the
    // map alone is what there is no room for.
    ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const bool made = publish(dir(), large, kernel_).has_value() &&
                      publish(dir(), policy_at(0), kernel_).has_value() &&
                      little.join();
    const Status published = publish(dir(), large, kernel_);
    const std::string said = !made       ? "not begun"
                             : published ? "published"
                                         : published.error().message;
    (void)!::write(write.get(), said.data(), said.size());
    ::_exit(0);
  }
  write = UniqueFd();
  char said[256] = {};
  EXPECT_GT(::read(read.get(), said, sizeof said - 1), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(service, &status, 0), service);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_THAT(
      said, AllOf(StartsWith("list 'c2' with 1005003 entries: create map '"),
                  EndsWith("Cannot allocate memory; raise the memory limit of "
                           "the process's cgroup, or shorten the list")));
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = dotted(kAlways)}).error,
            EPERM);
  EXPECT_EQ(
      connect_in(cgroup.cgroup(), {.address = dotted(kGrowing + 1)}).error, 0);
}

TEST_F(Lists, WithAnItemThatIsNoAddressLeaveTheLastGoodOne) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(policy_at(0), cgroup.cgroup(), dir(), "c1", kernel_));
  CompiledPolicy wrong = policy_at(1);
  wrong.lists[0].items.push_back("127.66.0.300");
  const Status published = publish(dir(), wrong, kernel_);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().message,
            "list 'c2': item '127.66.0.300' is not an IP address");
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = dotted(kAlways)}).error,
            EPERM);
}

// The default-deny policy: what is not allowed is refused.
CompiledPolicy allow_only(const std::string& networks,
                          const std::string& condition) {
  LoadInput input;
  input.files.push_back(
      {.name = "rules.yaml",
       .text = "- list: allowed\n  items: [" + networks +
               "]\n- rule: Elsewhere\n  desc: d\n  condition: >\n    "
               "evt.type = connect and " +
               condition + "\n  output: o\n  priority: WARNING\n"});
  input.files.push_back({.name = "policies.yaml",
                         .text = "policies:\n  - name: Egress\n    rules: "
                                 "[Elsewhere]\n    block: true\n"});
  Loaded loaded = load(std::move(input));
  EXPECT_TRUE(loaded.policy);
  return loaded.policy ? *std::move(loaded.policy) : CompiledPolicy();
}

TEST_F(Lists, OfAllowedNetworksLetNothingElsePass) {
  const auto cgroup = make_cgroup();
  const auto connects = [&](const std::string& address, bool ipv6) {
    return connect_in(cgroup.cgroup(), {.address = address, .ipv6 = ipv6})
        .error;
  };
  ASSERT_TRUE(
      protect(allow_only("\"127.10.0.0/16\", \"127.20.30.0/28\", \"::1/128\"",
                         "not fd.snet in (allowed)"),
              cgroup.cgroup(), dir(), "c1", kernel_));
  for (const char* allowed :
       {"127.10.0.0", "127.10.255.255", "127.20.30.0", "127.20.30.15"}) {
    EXPECT_EQ(connects(allowed, false), 0) << allowed;
    EXPECT_EQ(connects(allowed, true), 0) << allowed;
  }
  for (const char* other : {"127.9.255.255", "127.11.0.0", "127.20.30.16",
                            "127.20.29.255", "127.0.0.1", "8.8.8.8"}) {
    EXPECT_EQ(connects(other, false), EPERM) << other;
    EXPECT_EQ(connects(other, true), EPERM) << other;
  }
  EXPECT_EQ(connects("::1", true), 0);
  for (const char* other : {"::2", "2001:db8::1", "fd00::1"}) {
    EXPECT_EQ(connects(other, true), EPERM) << other;
  }
}

TEST_F(Lists, OfAllowedNetworksWithoutIpv6RefuseAllOfIt) {
  const auto cgroup = make_cgroup();
  ASSERT_TRUE(protect(allow_only("\"127.10.0.0/16\"",
                                 "not fd.snet in (\"127.1.0.0/16\", allowed)"),
                      cgroup.cgroup(), dir(), "c1", kernel_));
  const Connect loopback{.address = "::1", .ipv6 = true};
  EXPECT_EQ(connect_in(cgroup.cgroup(), loopback).error, EPERM);
  for (const char* allowed : {"127.10.0.1", "127.1.2.3"}) {
    EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = allowed}).error, 0);
    EXPECT_EQ(
        connect_in(cgroup.cgroup(), {.address = allowed, .ipv6 = true}).error,
        0);
  }
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.2.0.1"}).error, EPERM);
}

TEST_F(Lists, ThatAllowNothingRefuseEverything) {
  const auto cgroup = make_cgroup();
  const CompiledPolicy before =
      allow_only("\"127.10.0.0/16\"", "not fd.snet in (allowed)");
  ASSERT_TRUE(protect(before, cgroup.cgroup(), dir(), "c1", kernel_));
  CompiledPolicy after = before;
  after.lists[0].items.clear();
  ASSERT_TRUE(publish(dir(), after, kernel_));
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.10.0.1"}).error,
            EPERM);
  after.lists[0].items = {"0.0.0.0/0", "::/0"};
  ASSERT_TRUE(publish(dir(), after, kernel_));
  EXPECT_EQ(connect_in(cgroup.cgroup(), {.address = "127.10.0.1"}).error, 0);
}

// Addresses with a port of their own.
class ListsOfPorts : public Lists {
 protected:
  static CompiledPolicy listing(std::vector<std::string> items) {
    PolicyBuilder builder;
    builder.rule("Listed", sip_in(builder.list("c2", std::move(items))));
    return builder.build();
  }
  int connects(const std::string& address, std::uint16_t port,
               bool ipv6 = false) const {
    return connect_in(cgroup_.cgroup(),
                      {.address = address, .port = port, .ipv6 = ipv6})
        .error;
  }

  hook::ScratchCgroup cgroup_ = make_cgroup();
};

TEST_F(ListsOfPorts, AreRefusedThereAndNowhereElse) {
  ASSERT_TRUE(protect(listing({"127.66.0.1|443", "127.66.0.1|8443",
                               "127.66.0.2", "::1|443", "127.66.0.3:22"}),
                      cgroup_.cgroup(), dir(), "c1", kernel_));
  for (const bool ipv6 : {false, true}) {
    EXPECT_EQ(connects("127.66.0.1", 443, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.1", 8443, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.1", 444, ipv6), 0);
    EXPECT_EQ(connects("127.66.0.2", 443, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.2", 9, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.3", 22, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.3", 443, ipv6), 0);
    EXPECT_EQ(connects("127.66.0.4", 443, ipv6), 0);
  }
  EXPECT_EQ(connects("::1", 443, true), EPERM);
  EXPECT_EQ(connects("::1", 80, true), 0);
}

TEST_F(ListsOfPorts, AreRefusedForDatagramsToo) {
  ASSERT_TRUE(protect(listing({"127.66.0.1|443", "::1|443"}), cgroup_.cgroup(),
                      dir(), "c1", kernel_));
  const auto sends = [&](const std::string& address, std::uint16_t port,
                         bool ipv6) {
    return connect_in(
               cgroup_.cgroup(),
               {.address = address, .port = port, .send = true, .ipv6 = ipv6})
        .error;
  };
  EXPECT_EQ(sends("127.66.0.1", 443, false), EPERM);
  EXPECT_EQ(sends("127.66.0.1", 444, false), 0);
  EXPECT_EQ(sends("::1", 443, true), EPERM);
  EXPECT_EQ(sends("::1", 444, true), 0);
}

// The programs of running containers are made before it is known what the next
// version of a list has.
TEST_F(ListsOfPorts, ComeAndGoWhileContainersRun) {
  ASSERT_TRUE(
      protect(listing({"127.66.0.9"}), cgroup_.cgroup(), dir(), "c1", kernel_));
  EXPECT_EQ(connects("127.66.0.1", 443), 0);
  ASSERT_TRUE(
      publish(dir(), listing({"127.66.0.9", "127.66.0.1|443"}), kernel_));
  EXPECT_EQ(connects("127.66.0.1", 443), EPERM);
  EXPECT_EQ(connects("127.66.0.1", 80), 0);
  EXPECT_EQ(connects("127.66.0.9", 80), EPERM);
  ASSERT_TRUE(publish(dir(), listing({"127.66.0.1"}), kernel_));
  EXPECT_EQ(connects("127.66.0.1", 80), EPERM);
  EXPECT_EQ(connects("127.66.0.9", 80), 0);
}

// More lists than are looked up in place: then a function is called for each.
TEST_F(ListsOfPorts, AreToldApartAmongManyLists) {
  PolicyBuilder builder;
  for (int i = 0; i < 20; ++i) {
    builder.rule("Listed " + std::to_string(i),
                 sip_in(builder.list("list_" + std::to_string(i),
                                     {"127.66.1." + std::to_string(i) + "|443",
                                      "127.66.2." + std::to_string(i),
                                      "::1|" + std::to_string(100 + i)})));
  }
  ASSERT_TRUE(protect(builder.build(), cgroup_.cgroup(), dir(), "c1", kernel_));
  for (int i = 0; i < 20; i += 3) {
    const std::string last = std::to_string(i);
    EXPECT_EQ(connects("127.66.1." + last, 443), EPERM);
    EXPECT_EQ(connects("127.66.1." + last, 80), 0);
    EXPECT_EQ(connects("127.66.2." + last, 80), EPERM);
    EXPECT_EQ(connects("::1", static_cast<std::uint16_t>(100 + i), true),
              EPERM);
  }
  EXPECT_EQ(connects("127.66.1.20", 443), 0);
  EXPECT_EQ(connects("::1", 443, true), 0);
}

// A rule that allows but some peers, each at its port.
TEST_F(ListsOfPorts, LetNothingElsePassWhereTheyAreWhatIsAllowed) {
  ASSERT_TRUE(protect(allow_only("\"127.10.0.0/16\", \"127.20.0.1|443\"",
                                 "not fd.snet in (allowed)"),
                      cgroup_.cgroup(), dir(), "c1", kernel_));
  EXPECT_EQ(connects("127.10.1.1", 80), 0);
  EXPECT_EQ(connects("127.20.0.1", 443), 0);
  EXPECT_EQ(connects("127.20.0.1", 80), EPERM);
}

TEST_F(ListsOfPorts, MayBeWrittenInTheRule) {
  ASSERT_TRUE(protect(
      allow_only("\"127.10.0.0/16\"",
                 "fd.sip in (127.66.0.1|443, 127.66.0.2, \"::1|80\") and not "
                 "fd.snet in (allowed)"),
      cgroup_.cgroup(), dir(), "c1", kernel_));
  for (const bool ipv6 : {false, true}) {
    EXPECT_EQ(connects("127.66.0.1", 443, ipv6), EPERM);
    EXPECT_EQ(connects("127.66.0.1", 80, ipv6), 0);
    EXPECT_EQ(connects("127.66.0.2", 80, ipv6), EPERM);
  }
  EXPECT_EQ(connects("::1", 80, true), EPERM);
  EXPECT_EQ(connects("::1", 81, true), 0);
}

}  // namespace
}  // namespace bailiff::test
