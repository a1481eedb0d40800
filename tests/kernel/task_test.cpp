// SPDX-License-Identifier: Apache-2.0
// What is noted down with a process when it executes a program: the bits that
// connects are judged by, and the programs that are killed before they run.
#include "rules/abi/task.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "hook/attach/attach.h"
#include "hook/attach/observer.h"
#include "hook/attach/shared_maps.h"
#include "hook/kernel/ring_buffer.h"
#include "rules/eval/evaluate.h"
#include "sidecar/ingest/event_record.h"
#include "sidecar/ingest/observed_fields.h"
#include "tests/kernel/host.h"
#include "tests/kernel/refusing.h"

namespace bailiff::test {
namespace {

using sidecar::ConnectEvent;
using sidecar::ObservedEvent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

bool was_killed(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// What a shell does to send a datagram: it fails when that is refused.
constexpr char kReach[] = "exec 3<>/dev/udp/127.66.0.1/9 2>/dev/null";

class Task : public ::testing::Test {
 protected:
  Task() : cgroup_(make_cgroup()) {
    EXPECT_TRUE(hook::ensure_shared_maps(dir(), kernel_));
  }

  std::string dir() const { return bpffs_.path() + "/bailiff"; }
  int cgroup() const { return cgroup_.cgroup().fd(); }

  void refuse(const std::vector<std::string>& conditions, bool block = true) {
    policy_ = refusing(conditions, block);
    const auto programs =
        protect(policy_, cgroup_.cgroup(), dir(), "c1", kernel_);
    ASSERT_TRUE(programs) << programs.error().message;
  }

  // The status of the program, executed with these arguments.
  int run(const std::string& path, std::vector<std::string> arguments) const {
    return status_in(cgroup(), [&] {
      std::vector<char*> pointers;
      for (std::string& each : arguments) pointers.push_back(each.data());
      pointers.push_back(nullptr);
      ::execv(path.c_str(), pointers.data());
    });
  }
  int shell(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"bash", "-c"});
    return run("/bin/bash", std::move(arguments));
  }

  std::vector<ObservedEvent> execs() {
    std::vector<ObservedEvent> all;
    auto ring = hook::RingBuffer::open(
        hook::observer_ring(hook::Pins(dir())),
        [&](std::span<const std::byte> record) {
          Result<ObservedEvent> event = sidecar::parse_observed(record);
          ASSERT_TRUE(event) << event.error().message;
          if (event->kind == ObservedEvent::Kind::kExec) {
            all.push_back(*std::move(event));
          }
        });
    EXPECT_TRUE(ring && ring->consume());
    return all;
  }

  std::vector<ConnectEvent> connects() {
    std::vector<ConnectEvent> all;
    auto ring = hook::RingBuffer::open(
        dir() + "/events", [&](std::span<const std::byte> record) {
          Result<ConnectEvent> event = sidecar::parse_event(record);
          ASSERT_TRUE(event) << event.error().message;
          all.push_back(*std::move(event));
        });
    EXPECT_TRUE(ring && ring->consume());
    return all;
  }

  std::size_t entries(const std::string& map, std::size_t key,
                      std::size_t value) {
    const auto opened = kernel_.open_map(dir() + "/observer/" + map);
    EXPECT_TRUE(opened);
    const auto all = kernel_.entries(*opened, key, value);
    EXPECT_TRUE(all);
    return all->size();
  }
  std::size_t known_tasks() {
    return entries("tasks", sizeof(std::uint32_t), sizeof(bailiff_task));
  }
  std::size_t pages() {
    return entries("task-pages", sizeof(bailiff_task_page),
                   BAILIFF_TASK_PAGE_BYTES);
  }

  // As in the moment in which they are not written yet.
  void remove_pages(std::uint32_t from) {
    const auto map = kernel_.open_map(dir() + "/observer/task-pages");
    ASSERT_TRUE(map);
    const auto all = kernel_.entries(*map, sizeof(bailiff_task_page),
                                     BAILIFF_TASK_PAGE_BYTES);
    ASSERT_TRUE(all);
    for (const hook::MapEntry& entry : *all) {
      bailiff_task_page page{};
      std::memcpy(&page, entry.key.data(), sizeof(page));
      if (page.page < from) continue;
      ASSERT_TRUE(kernel_.erase(*map, hook::bytes_of(page)));
    }
  }

  // The program, by another name.
  std::string named(const std::string& name, const std::string& program) {
    const std::string path = folder_.path() + "/" + name;
    std::filesystem::copy_file(program, path);
    return path;
  }

  ScratchBpffs bpffs_;
  ScratchFolder folder_;
  hook::LinuxKernel kernel_;
  hook::ScratchCgroup cgroup_;
  CompiledPolicy policy_;
};

TEST_F(Task, RefusesByTheCommandLineAndLetsAnotherOneOfTheProgramPass) {
  refuse({"evt.type = connect and proc.cmdline contains \"jndi\""});
  EXPECT_EQ(shell({kReach, "harmless"}), 0);
  EXPECT_NE(shell({kReach, "${jndi:ldap}"}), 0);
  const std::vector<ConnectEvent> all = connects();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all.front().denied);
  EXPECT_FALSE(all.front().candidate);
}

TEST_F(Task, AForkedProcessHasWhatItsParentRuns) {
  refuse({"evt.type = connect and proc.args contains secret"});
  EXPECT_NE(shell({std::string("( ") + kReach + " )", "secret"}), 0);
  EXPECT_EQ(shell({std::string("( ") + kReach + " )", "other"}), 0);
}

TEST_F(Task, AnotherProgramHasOtherBits) {
  refuse({"evt.type = connect and proc.args contains secret"});
  const std::string inner = std::string("exec bash -c '") + kReach + "' ";
  EXPECT_EQ(shell({inner + "other", "secret"}), 0);
  EXPECT_NE(shell({inner + "secret", "other"}), 0);
}

TEST_F(Task, KnowsTheParentAndEveryAncestor) {
  const std::string alpha = named("alpha", "/bin/bash");
  const std::string beta = named("beta", "/bin/bash");
  refuse({"evt.type = connect and proc.pname = alpha",
          "evt.type = connect and proc.aname in (nobody, gamma)"});
  const std::string reach = std::string("bash -c '") + kReach + "' || exit 1";
  EXPECT_NE(run(alpha, {"alpha", "-c", reach}), 0);
  EXPECT_EQ(run(beta, {"beta", "-c", reach}), 0);
  const std::string gamma = named("gamma", "/bin/bash");
  const std::string nested = beta + " -c \"" + reach + "\" || exit 1";
  EXPECT_NE(run(gamma, {"gamma", "-c", nested}), 0);
  EXPECT_EQ(run("/bin/bash", {"bash", "-c", nested}), 0);
}

// The test itself, which is in another cgroup.
TEST_F(Task, KnowsAnAncestorOutsideOfTheContainer) {
  std::ifstream file("/proc/self/comm");
  std::string own;
  std::getline(file, own);
  refuse({"evt.type = connect and proc.aname = \"" + own + "\""});
  EXPECT_NE(shell({kReach}), 0);
}

TEST_F(Task, OfAProcessWithoutBitsTheServiceDecides) {
  refuse({"evt.type = connect and proc.cmdline contains jndi"});
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {.port = 9}).error, 0);
  const std::vector<ConnectEvent> all = connects();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all.front().candidate);
  EXPECT_FALSE(all.front().denied);
}

TEST_F(Task, OfAProgramWhoseTestsAreMissingTheServiceDecides) {
  refuse({"evt.type = connect and proc.cmdline contains jndi",
          "evt.type in (execve, execveat) and proc.args contains evil"});
  remove_pages(0);
  EXPECT_EQ(shell({kReach, "jndi", "evil"}), 0);
  const std::vector<ConnectEvent> all = connects();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all.front().candidate);
  const std::vector<ObservedEvent> told = execs();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_FALSE(told.front().decided);
}

TEST_F(Task, OfAProgramWhoseRulesAreMissingTheServiceDecides) {
  refuse({"evt.type in (execve, execveat) and proc.args contains evil"});
  remove_pages(1);
  EXPECT_EQ(shell({"exit 0", "evil"}), 0);
  const std::vector<ObservedEvent> all = execs();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_FALSE(all.front().decided);
  EXPECT_EQ(known_tasks(), 0U);
}

// Of a fork, the tests of the names above it are all that is gone through.
TEST_F(Task, OfAProcessWhoseAncestorsCannotBeTestedTheServiceDecides) {
  refuse({"evt.type = connect and proc.aname = nobody"});
  int ready[2];
  int go[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  std::thread container([&] {
    EXPECT_EQ(
        status_in(cgroup(),
                  [&] {
                    if (::dup2(ready[1], 8) < 0 || ::dup2(go[0], 9) < 0) return;
                    const std::string script =
                        "echo >&8; read x <&9; ( " + std::string(kReach) + " )";
                    ::execl("/bin/bash", "bash", "-c", script.c_str(), nullptr);
                  }),
        0);
  });
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  remove_pages(0);
  EXPECT_EQ(::write(go[1], "\n", 1), 1);
  container.join();
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
  const std::vector<ConnectEvent> all = connects();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all.front().candidate);
}

TEST_F(Task, ARuleThatDoesNotHoldOtherwiseIsNoCandidate) {
  refuse({"evt.type = connect and fd.sport = 10 and proc.exe = sh"});
  EXPECT_EQ(connect_in(cgroup_.cgroup(), {.port = 9}).error, 0);
  EXPECT_THAT(connects(), IsEmpty());
}

TEST_F(Task, NegatedAndCombinedChecksAreDecided) {
  refuse(
      {"evt.type = connect and proc.exepath != /nowhere and "
       "not (proc.args startswith \"-c\" and proc.args endswith good)"});
  EXPECT_EQ(shell({kReach, "good"}), 0);
  EXPECT_NE(shell({kReach, "bad"}), 0);
}

TEST_F(Task, KillsAProgramBeforeItDoesAnything) {
  refuse({"evt.type in (execve, execveat) and proc.args contains evil"});
  const std::string made = folder_.path() + "/made";
  const std::string script = "echo > " + made;
  EXPECT_TRUE(was_killed(shell({script, "evil"})));
  EXPECT_FALSE(std::filesystem::exists(made));
  EXPECT_EQ(shell({script, "good"}), 0);
  EXPECT_TRUE(std::filesystem::exists(made));
  const std::vector<ObservedEvent> all = execs();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_TRUE(all[0].killed);
  ASSERT_TRUE(all[0].decided);
  ASSERT_THAT(*all[0].decided, SizeIs(1));
  EXPECT_EQ(all[0].decided->front().rule, 0U);
  EXPECT_FALSE(all[1].killed);
  EXPECT_THAT(*all[1].decided, IsEmpty());
}

#if defined(__x86_64__)
// A program without a library or a loader: mkdir(path, 0700) and exit(0).
std::string tiny_program(const std::string& path) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      text += static_cast<char>(value >> (8 * i) & 0xff);
    }
    return text;
  };
  constexpr std::uint64_t kBase = 0x400000;
  std::string code(
      "\xb8\x53\x00\x00\x00"          // eax = 83
      "\x48\x8d\x3d\x10\x00\x00\x00"  // rdi = path
      "\xbe\xc0\x01\x00\x00"          // esi = 0700
      "\x0f\x05"                      // syscall
      "\xb8\x3c\x00\x00\x00"          // eax = 60
      "\x31\xff\x0f\x05",             // edi = 0, syscall
      28);
  code += path + '\0';
  const std::uint64_t size = 120 + code.size();
  std::string elf(
      "\x7f"
      "ELF\2\1\1",
      7);
  elf += std::string(9, '\0') + number(2, 2) + number(62, 2) + number(1, 4) +
         number(kBase + 120, 8) + number(64, 8) + number(0, 8) + number(0, 4) +
         number(64, 2) + number(56, 2) + number(1, 2) + number(64, 2) +
         number(0, 2) + number(0, 2);
  elf += number(1, 4) + number(5, 4) + number(0, 8) + number(kBase, 8) +
         number(kBase, 8) + number(size, 8) + number(size, 8) +
         number(0x1000, 8);
  return elf + code;
}

TEST_F(Task, NotOneInstructionOfAKilledProgramRuns) {
  refuse({"evt.type in (execve, execveat) and proc.name = tiny-evil"});
  const std::string made = folder_.path() + "/made";
  for (const std::string name : {"tiny-good", "tiny-evil"}) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << tiny_program(made);
    ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  }
  EXPECT_EQ(run(folder_.path() + "/tiny-good", {"x"}), 0);
  ASSERT_EQ(::rmdir(made.c_str()), 0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(was_killed(run(folder_.path() + "/tiny-evil", {"x"})));
    EXPECT_FALSE(std::filesystem::exists(made));
  }
}
#endif

TEST_F(Task, KillsAProgramInMemory) {
  refuse({"evt.type in (execve, execveat) and proc.is_exe_from_memfd = true"});
  std::ifstream file("/bin/true", std::ios::binary);
  const std::string program((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(was_killed(status_in(cgroup(), [&] {
    const int fd = ::memfd_create("hidden", MFD_CLOEXEC);
    if (::write(fd, program.data(), program.size()) < 0) return;
    char name[] = "hidden";
    char* arguments[] = {name, nullptr};
    char* environment[] = {nullptr};
    ::fexecve(fd, arguments, environment);
  })));
  EXPECT_EQ(run("/bin/true", {"true"}), 0);
}

// On x86-64 the kernel says of either that it was execve, once it has loaded
// the program.
TEST_F(Task, TellsExecveatFromExecve) {
  refuse({"evt.type = execveat and proc.name != bash"});
  const auto execute = [&](int fd, const char* path, int flags) {
    return status_in(cgroup(), [&] {
      char name[] = "true";
      char* arguments[] = {name, nullptr};
      char* environment[] = {nullptr};
      ::syscall(SYS_execveat, fd, path, arguments, environment, flags);
    });
  };
  const int file = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
  const int folder = ::open("/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  EXPECT_TRUE(was_killed(execute(file, "", AT_EMPTY_PATH)));
  EXPECT_TRUE(was_killed(execute(folder, "true", 0)));
  ::close(file);
  ::close(folder);
  EXPECT_EQ(run("/bin/true", {"true"}), 0);
  const std::vector<ObservedEvent> all = execs();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].call, BAILIFF_CALL_EXECVEAT);
  EXPECT_EQ(all[1].call, BAILIFF_CALL_EXECVEAT);
  EXPECT_EQ(all[2].call, BAILIFF_CALL_EXECVE);
}

TEST_F(Task, AScriptIsKilledByItsOwnName) {
  refuse({"evt.type in (execve, execveat) and proc.name = installer"});
  const std::string script = folder_.path() + "/installer";
  const std::string made = folder_.path() + "/made";
  std::ofstream(script) << "#!/bin/sh\necho > " << made << "\n";
  ASSERT_EQ(::chmod(script.c_str(), 0700), 0);
  EXPECT_TRUE(was_killed(run(script, {"installer"})));
  EXPECT_FALSE(std::filesystem::exists(made));
}

TEST_F(Task, KillsWhatAThreadOrAVforkExecutes) {
  refuse({"evt.type in (execve, execveat) and proc.args = evil"});
  EXPECT_TRUE(was_killed(status_in(cgroup(), [] {
    std::thread thread([] { ::execl("/bin/true", "true", "evil", nullptr); });
    thread.join();
  })));
  const int status = status_in(cgroup(), [] {
    char name[] = "true";
    char evil[] = "evil";
    char* arguments[] = {name, evil, nullptr};
    char* environment[] = {nullptr};
    pid_t child = 0;
    // Of glibc: over CLONE_VFORK | CLONE_VM.
    if (::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments,
                      environment) != 0) {
      ::_exit(1);
    }
    int of_child = 0;
    if (::waitpid(child, &of_child, 0) != child) ::_exit(2);
    ::_exit(was_killed(of_child) ? 0 : 3);
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Task, RulesAboutTheParentOfTheContainersFirstProcessAreLeftOpen) {
  refuse({"evt.type in (execve, execveat) and proc.pcmdline contains outer"});
  const std::string inner = "/bin/true; exit $?";
  EXPECT_EQ(shell({inner, "other"}), 0);
  const std::vector<ObservedEvent> all = execs();
  ASSERT_FALSE(all.empty());
  ASSERT_THAT(*all[0].decided, SizeIs(1));
  EXPECT_TRUE(all[0].decided->front().open);
  // 128 + SIGKILL, of the child.
  EXPECT_EQ(WEXITSTATUS(shell({inner, "outer"})), 137);
}

TEST_F(Task, MonitoringKillsNobody) {
  refuse({"evt.type in (execve, execveat) and proc.name = true"}, false);
  EXPECT_EQ(run("/bin/true", {"true"}), 0);
  const std::vector<ObservedEvent> all = execs();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_FALSE(all[0].killed);
  EXPECT_THAT(*all[0].decided, SizeIs(1));
}

TEST_F(Task, AStormOfProgramsLeavesNothingBehind) {
  refuse({"evt.type in (execve, execveat) and proc.args contains evil"});
  const std::string storm =
      "for i in $(seq 100); do /bin/true ev\"\"il$i & /bin/true good$i & done; "
      "wait";
  shell({storm});
  shell({storm});
  std::size_t killed = 0;
  for (const ObservedEvent& event : execs()) {
    if (event.killed) ++killed;
  }
  EXPECT_EQ(killed, 200U);
  EXPECT_EQ(known_tasks(), 0U);
  EXPECT_GT(pages(), 0U);
  ASSERT_TRUE(hook::detach(dir(), "c1", kernel_));
  EXPECT_EQ(pages(), 0U);
}

TEST_F(Task, FiveHundredRulesWithTextsOfTheirOwn) {
  std::vector<std::string> conditions;
  for (int i = 0; i < 500; ++i) {
    const std::string number = std::to_string(i);
    conditions.push_back(
        "evt.type = connect and fd.sport != " + std::to_string(20'000 + i) +
        " and (proc.cmdline contains \"word" + number +
        ".\" or proc.exepath startswith /opt/x" + number +
        "/) and not proc.pname in (p" + number + ", q)");
  }
  refuse(conditions);
  EXPECT_NE(shell({kReach, "word499."}), 0);
  EXPECT_NE(shell({kReach, "word0."}), 0);
  EXPECT_EQ(shell({kReach, "word500."}), 0);
  const std::vector<ConnectEvent> all = connects();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].rule, 499U);
  EXPECT_EQ(all[1].rule, 0U);
}

// Every kind of check, on every text, against rules/eval.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  // Bytes that are no NUL, of few kinds, so that texts have parts in common.
  std::string text(std::size_t most) {
    static const std::string kPieces[] = {
        "a", "B", "b", "ab", "/", "-", " ", "\xc3\xa4", "\xff", "A", "Z", "[@"};
    std::string text;
    const std::size_t size = below(most + 1);
    while (text.size() < size) text += kPieces[below(std::size(kPieces))];
    return text.substr(0, size);
  }

  Check check(const std::vector<std::string>& seen) {
    static const FieldId kFields[] = {
        FieldId::kProcName, FieldId::kProcExe,     FieldId::kProcExepath,
        FieldId::kProcArgs, FieldId::kProcCmdline, FieldId::kProcPname,
        FieldId::kProcAname};
    static const Op kOps[] = {Op::kEq,       Op::kNe,        Op::kIn,
                              Op::kContains, Op::kIcontains, Op::kStartswith,
                              Op::kEndswith};
    Check check;
    check.field = kFields[below(std::size(kFields))];
    check.op = kOps[below(std::size(kOps))];
    // The test's own ancestors are more than these.
    if (check.field == FieldId::kProcAname && below(2) == 0) {
      check.argument = std::to_string(1 + below(3));
    }
    const std::size_t count = check.op == Op::kIn ? 1 + below(4) : 1;
    for (std::size_t i = 0; i < count; ++i) {
      check.values.push_back(operand(seen));
    }
    return check;
  }

 private:
  // Often a part of something that will be there.
  std::string operand(const std::vector<std::string>& seen) {
    if (below(4) == 0) return text(BAILIFF_MAX_TASK_TEXT);
    const std::string& whole = seen[below(seen.size())];
    const std::size_t from = below(3) == 0 ? 0 : below(whole.size() + 1);
    std::string part = whole.substr(from);
    if (below(3) != 0) part.resize(below(part.size() + 1));
    if (part.size() > BAILIFF_MAX_TASK_TEXT) part.resize(BAILIFF_MAX_TASK_TEXT);
    return part;
  }

  std::mt19937 random_;
};

TEST_F(Task, TestsMeanWhatTheEvaluatorSaysTheyMean) {
  const std::string program = named("prog-Ab", "/bin/true");
  Generator generator(20'260'726);
  std::vector<std::vector<std::string>> runs = {{""},
                                                {"", ""},
                                                {"", "", ""},
                                                {"x", "", "y", ""},
                                                {"", std::string(4095, 'a')}};
  for (int i = 0; i < 60; ++i) {
    std::vector<std::string> arguments;
    const std::size_t count = 1 + generator.below(5);
    for (std::size_t k = 0; k < count; ++k) {
      arguments.push_back(generator.text(i % 10 == 0 ? 3000 : 40));
    }
    runs.push_back(std::move(arguments));
  }
  std::vector<std::string> seen = {program, "prog-Ab", "bash", "kernel"};
  for (const auto& arguments : runs) {
    std::string line = "prog-Ab";
    for (std::size_t k = 1; k < arguments.size(); ++k) {
      line += " " + arguments[k];
    }
    seen.push_back(line);
    seen.push_back(arguments[0]);
  }

  policy_ = refusing({"evt.type in (execve, execveat)"}, false);
  const Rule pattern = policy_.rules.front();
  policy_.rules.clear();
  policy_.policies.front().rules.clear();
  for (std::uint32_t i = 0; i < 50; ++i) {
    Rule rule = pattern;
    rule.name = "r" + std::to_string(i);
    And both;
    both.operands = {pattern.condition, {generator.check(seen)}};
    rule.condition = {std::move(both)};
    policy_.rules.push_back(std::move(rule));
    policy_.policies.front().rules.push_back(i);
  }
  const auto programs =
      protect(policy_, cgroup_.cgroup(), dir(), "c1", kernel_);
  ASSERT_TRUE(programs) << programs.error().message;
  for (const auto& arguments : runs) {
    ASSERT_EQ(run(program, arguments), 0);
  }

  sidecar::ProcessTable table;
  const Facts facts{.values = {}, .complete = true};
  const ListIndex lists(policy_);
  std::size_t held = 0;
  std::size_t told = 0;
  for (const ObservedEvent& event : execs()) {
    ++told;
    sidecar::Observed observed;
    observed.event = event;
    observed.lineage = table.take(event);
    const sidecar::ObservedFields fields(observed, facts);
    ASSERT_TRUE(event.decided);
    std::vector<std::uint32_t> kernel;
    for (const auto& one : *event.decided) {
      EXPECT_FALSE(one.open);
      kernel.push_back(one.rule);
    }
    std::vector<std::uint32_t> evaluator;
    for (std::uint32_t i = 0; i < policy_.rules.size(); ++i) {
      if (evaluate(policy_.rules[i].condition, fields, lists)) {
        evaluator.push_back(i);
      }
    }
    held += evaluator.size();
    EXPECT_EQ(kernel, evaluator);
  }
  EXPECT_EQ(told, runs.size());
  // Neither all of them nor none.
  EXPECT_GT(held, runs.size());
  EXPECT_LT(held, runs.size() * 40);
}

TEST_F(Task, SocketsAreRefusedByWhatTheProgramWasGiven) {
  refuse(
      {"evt.type = socket and evt.arg.domain = AF_INET and "
       "proc.cmdline contains trap"});
  EXPECT_NE(shell({std::string(kReach) + "; exit $?", "trap"}), 0);
  EXPECT_EQ(shell({std::string(kReach) + "; exit $?", "other"}), 0);
}

}  // namespace
}  // namespace bailiff::test
