// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/observer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "hook/attach/attach.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/ring_buffer.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/call_parameters.h"
#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/observed_record.h"
#include "tests/harness/expr.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"

namespace bailiff::test {
namespace {

using sidecar::ObservedEvent;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = ObservedEvent::Kind;

// A policy with a rule on each of these event types.
CompiledPolicy policy_on(const std::vector<std::string>& types) {
  CompiledPolicy policy;
  Policy all{.name = "all"};
  for (const std::string& type : types) {
    Rule rule;
    rule.name = type;
    rule.condition = event_is(type);
    all.rules.push_back(static_cast<std::uint32_t>(policy.rules.size()));
    policy.rules.push_back(std::move(rule));
  }
  policy.policies.push_back(std::move(all));
  return policy;
}

// A new process in the cgroup does this and ends.
pid_t run_in(int cgroup, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int procs = ::openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs < 0 || ::write(procs, "0", 1) != 1) ::_exit(99);
    body();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 99);
  return pid;
}

class Observer : public ::testing::Test {
 protected:
  Observer() { EXPECT_TRUE(hook::ensure_shared_maps(dir(), kernel_)); }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  hook::Pins pins() const { return hook::Pins(dir()); }

  void watch(const hook::ScratchCgroup& cgroup,
             const std::vector<std::string>& types,
             const std::string& id = "c1") {
    const auto programs =
        protect(policy_on(types), cgroup.cgroup(), dir(), id, kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }

  // What the ring has now.
  std::vector<ObservedEvent> events() {
    std::vector<ObservedEvent> all;
    auto ring = hook::RingBuffer::open(
        hook::observer_ring(pins()), [&](std::span<const std::byte> record) {
          Result<ObservedEvent> event = sidecar::parse_observed(record);
          ASSERT_TRUE(event) << event.error().message;
          all.push_back(*std::move(event));
        });
    EXPECT_TRUE(ring && ring->consume());
    return all;
  }

  std::vector<std::string> paths_of(bailiff_call call) {
    std::vector<std::string> paths;
    for (const ObservedEvent& event : events()) {
      if (event.kind == Kind::kCall && event.call == call) {
        paths.push_back(event.path.value_or("?"));
      }
    }
    return paths;
  }

  // The last program that was started.
  ObservedEvent last_exec() {
    ObservedEvent last;
    for (ObservedEvent& event : events()) {
      if (event.kind == Kind::kExec) last = std::move(event);
    }
    return last;
  }

  std::vector<std::string> links() {
    return *kernel_.list(dir() + "/observer/links");
  }

  ScratchBpffs bpffs_;
  hook::LinuxKernel kernel_;
};

void touch_folder(const char* path) {
  ::mkdir(path, 0700);
  ::rmdir(path);
}

TEST_F(Observer, TellsOfTheCallsThatAreNeededAndOfNoOthers) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"mkdir"});
  run_in(cgroup.cgroup().fd(), [] { touch_folder("/tmp/bailiff-observed"); });
  touch_folder("/tmp/bailiff-outside");
  const std::vector<ObservedEvent> all = events();
  std::vector<std::string> calls;
  for (const ObservedEvent& event : all) {
    if (event.kind != Kind::kCall) continue;
    calls.push_back(std::string(event_type_of(event.call)) + " " +
                    event.path.value_or("?"));
  }
  EXPECT_THAT(calls, ElementsAre("mkdir /tmp/bailiff-observed"));
}

TEST_F(Observer, ACgroupTheContainerMadeIsTheContainers) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"mkdir"});
  const std::string nested = cgroup.cgroup().path() + "/nested";
  ASSERT_EQ(::mkdir(nested.c_str(), 0700), 0);
  const UniqueFd inner(::open(nested.c_str(), O_RDONLY | O_DIRECTORY));
  run_in(inner.get(), [] { touch_folder("/tmp/bailiff-nested"); });
  const std::vector<ObservedEvent> all = events();
  const auto found = std::find_if(
      all.begin(), all.end(),
      [](const ObservedEvent& event) { return event.kind == Kind::kCall; });
  ASSERT_NE(found, all.end());
  EXPECT_EQ(found->cgroup_id, cgroup.cgroup().id());
  EXPECT_EQ(::rmdir(nested.c_str()), 0);
}

TEST_F(Observer, TheCallsOfA32BitProgramAreTheSame) {
#if defined(__x86_64__)
  const auto cgroup = make_cgroup();
  watch(cgroup, {"mkdir"});
  run_in(cgroup.cgroup().fd(), [] {
    constexpr long kMkdir32 = 39;
    void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    ::strcpy(static_cast<char*>(low), "/nowhere/compat");
    long result = kMkdir32;
    // The other registers of a 64-bit caller are not kept.
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(low), "c"(0700)
                 : "memory", "r8", "r9", "r10", "r11");
  });
  EXPECT_THAT(paths_of(BAILIFF_CALL_MKDIR), ElementsAre("/nowhere/compat"));
#endif
}

// A kernel without x32 tells of its calls as of any that fails (ENOSYS).
TEST_F(Observer, TheCallsOfX32AreTheSame) {
#if defined(__x86_64__)
  const auto cgroup = make_cgroup();
  watch(cgroup, {"mkdir"});
  run_in(cgroup.cgroup().fd(), [] {
    // In memory that is there: such a kernel does not read it.
    char path[] = "/nowhere/x32";
    ::syscall(BAILIFF_X32_CALL | SYS_mkdir, path, 0700);
  });
  EXPECT_THAT(paths_of(BAILIFF_CALL_MKDIR), ElementsAre("/nowhere/x32"));
#endif
}

TEST_F(Observer, AttachesNothingForNobody) {
  EXPECT_THAT(links(), IsEmpty());
  const auto first = make_cgroup();
  const auto second = make_cgroup();
  watch(first, {"mkdir"}, "c1");
  watch(second, {"rmdir"}, "c2");
  EXPECT_THAT(links(), ElementsAre("on_call", "on_exec", "on_exit", "on_fork"));
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_THAT(links(), ElementsAre("on_call", "on_exec", "on_exit", "on_fork"));
  run_in(first.cgroup().fd(), [] { touch_folder("/tmp/bailiff-observed"); });
  run_in(second.cgroup().fd(), [] { touch_folder("/tmp/bailiff-observed"); });
  for (const ObservedEvent& event : events()) {
    EXPECT_EQ(event.cgroup_id, second.cgroup().id());
  }
  ASSERT_TRUE(hook::detach(dir(), "c2", kernel_));
  EXPECT_THAT(links(), IsEmpty());
}

TEST_F(Observer, WhatCrashedRuntimesLeftIsRemoved) {
  {
    const auto cgroup = make_cgroup();
    watch(cgroup, {"mkdir"});
    // As long as the container is there it has left nothing.
    const auto removed = hook::reconcile(dir(), kernel_);
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_THAT(*removed, IsEmpty());
    EXPECT_THAT(links(), Contains("on_call"));
  }
  const auto removed = hook::reconcile(dir(), kernel_);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_THAT(*removed, ElementsAre("c1"));
  EXPECT_THAT(links(), IsEmpty());
}

TEST_F(Observer, LeavesNoTraceWhicheverCallFails) {
  const auto cgroup = make_cgroup();
  const CompiledPolicy policy = policy_on({"mkdir", "connect"});
  const auto other = make_cgroup();
  for (const bool alone : {true, false}) {
    if (!alone) watch(other, {"rmdir"}, "c2");
    const std::vector<std::string> before = bpffs_.entries();
    for (int call = 0;; ++call) {
      ASSERT_LT(call, 1000);
      FaultyKernel faulty(call);
      const auto programs =
          protect(policy, cgroup.cgroup(), dir(), "c1", faulty);
      if (!faulty.failed()) {
        EXPECT_TRUE(programs) << programs.error().message;
        break;
      }
      SCOPED_TRACE("call " + std::to_string(call) + " fails");
      ASSERT_FALSE(programs);
      ASSERT_EQ(bpffs_.entries(), before);
      run_in(cgroup.cgroup().fd(), [] { touch_folder("/tmp/bailiff-none"); });
      ASSERT_THAT(events(), IsEmpty());
    }
    ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  }
}

TEST_F(Observer, TellsOfEachProcessFromItsForkToItsEnd) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  run_in(cgroup.cgroup().fd(), [] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/true", "true", "one", "two", nullptr);
      ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
  });
  std::vector<Kind> kinds;
  std::uint32_t child = 0;
  for (const ObservedEvent& event : events()) {
    kinds.push_back(event.kind);
    if (event.kind != Kind::kExec) continue;
    child = event.tgid;
    EXPECT_EQ(event.comm, "true");
    EXPECT_THAT(*event.args, ElementsAre("true", "one", "two"));
    EXPECT_THAT(*event.executable, ::testing::EndsWith("/bin/true"));
    ASSERT_GE(event.ancestors->size(), 2U);
    EXPECT_EQ(event.ancestors->at(1).pid,
              static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(event.process.ppid, event.ancestors->at(0).pid);
  }
  EXPECT_NE(child, 0U);
  // The child's end is told before its parent's.
  EXPECT_THAT(kinds,
              ElementsAre(Kind::kFork, Kind::kExec, Kind::kExit, Kind::kExit));
}

// Whoever makes it is outside, and was never in the container.
TEST_F(Observer, AProcessThatIsClonedIntoTheCgroupIsTheContainers) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  clone_args how{};
  how.flags = CLONE_INTO_CGROUP;
  how.exit_signal = SIGCHLD;
  how.cgroup = static_cast<std::uint64_t>(cgroup.cgroup().fd());
  const auto child =
      static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof how));
  if (child == 0) {
    ::execl("/bin/true", "true", "cloned", nullptr);
    ::_exit(1);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  std::vector<Kind> kinds;
  for (const ObservedEvent& event : events()) {
    kinds.push_back(event.kind);
    EXPECT_EQ(event.tgid, static_cast<std::uint32_t>(child));
    EXPECT_EQ(event.cgroup_id, cgroup.cgroup().id());
    EXPECT_EQ(event.process.ppid, static_cast<std::uint32_t>(::getpid()));
  }
  EXPECT_THAT(kinds, ElementsAre(Kind::kFork, Kind::kExec, Kind::kExit));
}

TEST_F(Observer, AProgramThatCannotBeStartedIsAnEventToo) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  run_in(cgroup.cgroup().fd(),
         [] { ::execl("/nowhere/program", "program", nullptr); });
  EXPECT_THAT(paths_of(BAILIFF_CALL_EXECVE), ElementsAre("/nowhere/program"));
}

TEST_F(Observer, KeepsTheBeginningOfAVeryLongCommandLine) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  const std::string longest(100'000, 'x');
  run_in(cgroup.cgroup().fd(), [&] {
    ::execl("/bin/true", "true", "first", longest.c_str(), nullptr);
  });
  const ObservedEvent exec = last_exec();
  ASSERT_TRUE(exec.args);
  ASSERT_EQ(exec.args->size(), 3U);
  EXPECT_EQ(exec.args->at(1), "first");
  EXPECT_EQ(exec.args->at(2).size(),
            BAILIFF_MAX_ARGUMENT_BYTES - sizeof "true" - sizeof "first");
}

// A copy of /bin/true that a child executes.
TEST_F(Observer, TellsAProgramInMemoryFromOneOnADisk) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  std::ifstream file("/bin/true", std::ios::binary);
  const std::string program((std::istreambuf_iterator<char>(file)), {});
  run_in(cgroup.cgroup().fd(), [&] {
    const int fd = ::memfd_create("hidden", MFD_CLOEXEC);
    if (::write(fd, program.data(), program.size()) < 0) ::_exit(1);
    char name[] = "hidden";
    char* arguments[] = {name, nullptr};
    char* environment[] = {nullptr};
    ::fexecve(fd, arguments, environment);
  });
  ObservedEvent exec = last_exec();
  EXPECT_EQ(exec.executable, "memfd:hidden");
  EXPECT_EQ(exec.program.flags & ~BAILIFF_PROGRAM_WRITABLE,
            BAILIFF_PROGRAM_MEMFD + 0U);

  const ScratchFolder folder;
  const std::string copy = folder.path() + "/deleted";
  std::ofstream(copy, std::ios::binary) << program;
  ASSERT_EQ(::chmod(copy.c_str(), 0700), 0);
  run_in(cgroup.cgroup().fd(), [&] {
    const int fd = ::open(copy.c_str(), O_RDONLY | O_CLOEXEC);
    ::unlink(copy.c_str());
    char* arguments[] = {nullptr, nullptr};
    char* environment[] = {nullptr};
    ::fexecve(fd, arguments, environment);
  });
  exec = last_exec();
  EXPECT_EQ(exec.executable, copy);
  EXPECT_EQ(exec.program.flags & ~BAILIFF_PROGRAM_WRITABLE, 0U);
}

TEST_F(Observer, TellsWhetherAProgramCouldBeWrittenByWhoRunsIt) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  const ScratchFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string copy = folder.path() + "/copy";
  std::filesystem::copy_file("/bin/true", copy);
  constexpr uid_t kOwner = 4001;
  constexpr gid_t kGroup = 4002;
  ASSERT_EQ(::chown(copy.c_str(), kOwner, kGroup), 0);
  const struct {
    mode_t mode;
    uid_t uid;
    gid_t group;  // one of several
    bool writable;
  } kCases[] = {{0555, 0, 0, true},             // CAP_DAC_OVERRIDE
                {0755, kOwner, 0, true},        // the owner
                {0577, kOwner, kGroup, false},  // who is no other
                {0775, 5000, kGroup, true},     // of the group
                {0757, 5000, kGroup, false},
                {0757, 5000, 0, true},  // anybody
                {0775, 5000, 0, false}};
  for (const auto& each : kCases) {
    ASSERT_EQ(::chmod(copy.c_str(), each.mode), 0);
    run_in(cgroup.cgroup().fd(), [&] {
      const gid_t groups[] = {6000, each.group == 0 ? 6001 : each.group};
      if (::setgroups(2, groups) != 0 || ::setgid(each.uid) != 0 ||
          ::setuid(each.uid) != 0) {
        ::_exit(1);
      }
      ::execl(copy.c_str(), "copy", nullptr);
    });
    EXPECT_EQ((last_exec().program.flags & BAILIFF_PROGRAM_WRITABLE) != 0,
              each.writable)
        << std::oct << each.mode << " " << std::dec << each.uid;
  }
}

TEST_F(Observer, AScriptHasItsOwnNameAndItsInterpretersProgram) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"execve"});
  const ScratchFolder folder;
  const std::string script = folder.path() + "/installer";
  std::ofstream(script) << "#!/bin/true -x\n";
  ASSERT_EQ(::chmod(script.c_str(), 0700), 0);
  run_in(cgroup.cgroup().fd(),
         [&] { ::execl(script.c_str(), "installer", "now", nullptr); });
  const ObservedEvent exec = last_exec();
  EXPECT_EQ(exec.comm, "installer");
  EXPECT_THAT(*exec.args, ElementsAre("/bin/true", "-x", script, "now"));
  EXPECT_THAT(*exec.executable, ::testing::EndsWith("/bin/true"));
}

// Opens a FIFO, which waits, takes the path away meanwhile, and has the call
// return as `ends` says, which is given the thread that waits.
template <typename Ends>
void open_and_take_the_path_away(const std::string& fifo, Ends ends) {
  auto* path =
      static_cast<char*>(::mmap(nullptr, PATH_MAX, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  fifo.copy(path, PATH_MAX - 1);
  std::thread reader([path] { ::syscall(SYS_open, path, O_RDONLY); });
  const std::string tasks = "/proc/" + std::to_string(::getpid()) + "/task";
  for (std::string where; !where.starts_with("wait_for_partner");) {
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::ifstream(task.path() / "wchan") >> where;
      if (where.starts_with("wait_for_partner")) break;
    }
  }
  ::munmap(path, PATH_MAX);
  ends(reader);
  reader.join();
}

ObservedEvent opened(const std::vector<ObservedEvent>& all) {
  const auto found =
      std::find_if(all.begin(), all.end(), [](const ObservedEvent& event) {
        return event.kind == Kind::kCall && event.call == BAILIFF_CALL_OPEN;
      });
  EXPECT_NE(found, all.end());
  return found == all.end() ? ObservedEvent() : *found;
}

TEST_F(Observer, AnOpenedFileHasANameThoughItsPathWasTakenAway) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"open"});
  const ScratchFolder folder;
  const std::string fifo = folder.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  run_in(cgroup.cgroup().fd(), [&] {
    open_and_take_the_path_away(fifo, [&](const std::thread& /*reader*/) {
      static_cast<void>(::openat(AT_FDCWD, fifo.c_str(), O_WRONLY | O_CLOEXEC));
    });
  });
  const ObservedEvent event = opened(events());
  EXPECT_FALSE(event.path);
  EXPECT_EQ(event.file, fifo);
  EXPECT_FALSE(sidecar::hides_path(event));
  const auto descriptor = sidecar::describe_descriptor(event);
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->name, fifo);
}

TEST_F(Observer, AFailedOpenWhosePathWasTakenAwayIsKnownToHideIt) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"open"});
  const ScratchFolder folder;
  const std::string fifo = folder.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  run_in(cgroup.cgroup().fd(), [&] {
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int /*signal*/) {};
    ::sigaction(SIGUSR1, &interrupt, nullptr);
    open_and_take_the_path_away(fifo, [](std::thread& reader) {
      ::pthread_kill(reader.native_handle(), SIGUSR1);
    });
  });
  const ObservedEvent event = opened(events());
  EXPECT_LT(event.result, 0);
  EXPECT_FALSE(event.path);
  EXPECT_TRUE(sidecar::hides_path(event));
}

// As deep as its names may be long.
TEST_F(Observer, ADeepFolderTakesNothingElsesRoom) {
  const auto cgroup = make_cgroup();
  watch(cgroup, {"renameat2"});
  const ScratchFolder folder;
  UniqueFd deepest(::open(folder.path().c_str(), O_PATH | O_CLOEXEC));
  const std::string name(NAME_MAX, 'd');
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::mkdirat(deepest.get(), name.c_str(), 0700), 0);
    deepest =
        UniqueFd(::openat(deepest.get(), name.c_str(), O_PATH | O_CLOEXEC));
    ASSERT_TRUE(deepest);
  }
  run_in(cgroup.cgroup().fd(), [&] {
    const std::string from = "from" + std::string(PATH_MAX - 10, 'f');
    const std::string to = "to" + std::string(PATH_MAX - 10, 't');
    // glibc makes another call of it.
    ::syscall(SYS_renameat2, deepest.get(), from.c_str(), deepest.get(),
              to.c_str(), 0);
  });
  const std::vector<ObservedEvent> all = events();
  const auto renamed = std::find_if(
      all.begin(), all.end(),
      [](const ObservedEvent& event) { return event.kind == Kind::kCall; });
  ASSERT_NE(renamed, all.end());
  ASSERT_TRUE(renamed->path && renamed->path2);
  EXPECT_TRUE(renamed->path->starts_with("fromfff"));
  EXPECT_TRUE(renamed->path2->starts_with("tottt"));
  ASSERT_TRUE(renamed->base && renamed->base2);
  EXPECT_TRUE(renamed->base->starts_with(name));
  EXPECT_EQ(*renamed->base, *renamed->base2);
}

TEST_F(Observer, CountsWhatFoundNoRoomForItsContainer) {
  constexpr int kCalls = 60'000;
  const auto busy = make_cgroup();
  const auto quiet = make_cgroup();
  watch(busy, {"mkdir"}, "c1");
  watch(quiet, {"mkdir"}, "c2");
  run_in(busy.cgroup().fd(), [] {
    for (int i = 0; i < kCalls; ++i) ::mkdir("/nowhere/at/all", 0700);
  });
  const Result<std::vector<hook::LostRecords>> lost =
      hook::take_lost(pins(), kernel_);
  ASSERT_TRUE(lost) << lost.error().message;
  ASSERT_EQ(lost->size(), 1U);
  EXPECT_EQ(lost->front().cgroup_id, busy.cgroup().id());
  // With the process's own end, which found no room either.
  EXPECT_EQ(lost->front().count + events().size(), kCalls + 1U);
  EXPECT_THAT(*hook::take_lost(pins(), kernel_), IsEmpty());
}

// The kernel ends the entry of who lost longest ago when it needs the room.
TEST_F(Observer, TakesWhatWasLostThoughAnEntryIsGoneByThen) {
  const auto map = kernel_.open_map(dir() + "/observer/lost");
  ASSERT_TRUE(map);
  constexpr std::uint64_t kCount = 7;
  for (const std::uint64_t cgroup : {std::uint64_t{1}, std::uint64_t{2}}) {
    ASSERT_TRUE(
        kernel_.update(*map, hook::bytes_of(cgroup), hook::bytes_of(kCount)));
  }
  constexpr int kOpened = 1;
  constexpr int kRead = 1;
  FaultyKernel faulty(kOpened + kRead, {Code::kNotFound, "injected", ENOENT});
  const auto lost = hook::take_lost(pins(), faulty);
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_TRUE(faulty.failed());
  ASSERT_EQ(lost->size(), 2U);
  EXPECT_EQ((*lost)[0].count, kCount);
  EXPECT_EQ((*lost)[1].count, kCount);
}

TEST(ObserverLevels, AreThoseOfTheContainers) {
  EXPECT_EQ(hook::level_of("/default/c1", true), 2U);
  EXPECT_EQ(hook::level_of("/c1", true), 1U);
  EXPECT_EQ(hook::level_of("/c1", false), 0U);
  const bailiff_observe_config two =
      hook::config_for({{.calls = 1, .level = 3},
                        {.calls = 4, .level = 2},
                        {.calls = 4, .level = 2}});
  EXPECT_EQ(two.calls, 5U);
  ASSERT_EQ(two.count, 2U);
  EXPECT_EQ(two.levels[0], 2U);
  EXPECT_EQ(two.levels[1], 3U);
  // Where it cannot be told, each is looked at.
  EXPECT_EQ(hook::config_for({{.level = 0}}).count, BAILIFF_MAX_CGROUP_LEVEL);
}

}  // namespace
}  // namespace bailiff::test
