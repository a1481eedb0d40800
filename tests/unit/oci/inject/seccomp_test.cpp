// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/seccomp.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "tests/harness/seed.h"

namespace bailiff::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kInt = 0xffffffff;

// What the kernel does with a classic BPF program of seccomp's subset.
std::uint32_t run(const std::vector<sock_filter>& program,
                  const seccomp_data& data) {
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::uint32_t memory[BPF_MEMWORDS] = {};
  for (std::size_t i = 0; i < program.size(); ++i) {
    const sock_filter& code = program[i];
    const auto jump = [&](bool taken) { i += taken ? code.jt : code.jf; };
    switch (code.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + code.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= code.k;
        break;
      case BPF_JMP | BPF_JA:
        i += code.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(a == code.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(a > code.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(a >= code.k);
        break;
      case BPF_ST:
        memory[code.k] = a;
        break;
      case BPF_LD | BPF_MEM:
        a = memory[code.k];
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_JMP | BPF_JEQ | BPF_X:
        jump(a == x);
        break;
      case BPF_RET | BPF_K:
        return code.k;
      default:
        ADD_FAILURE() << "instruction " << code.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program does not return";
  return 0;
}

std::uint32_t action_of(const std::string& name, std::int64_t error) {
  if (name == kActAllow) return SCMP_ACT_ALLOW;
  if (name == kActLog) return SCMP_ACT_LOG;
  if (name == kActNotify) return SCMP_ACT_NOTIFY;
  if (name == "SCMP_ACT_KILL") return SCMP_ACT_KILL;
  return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error));
}

scmp_compare compare_of(const std::string& op) {
  if (op == "SCMP_CMP_NE") return SCMP_CMP_NE;
  if (op == "SCMP_CMP_LT") return SCMP_CMP_LT;
  if (op == "SCMP_CMP_LE") return SCMP_CMP_LE;
  if (op == "SCMP_CMP_EQ") return SCMP_CMP_EQ;
  if (op == "SCMP_CMP_GE") return SCMP_CMP_GE;
  if (op == "SCMP_CMP_GT") return SCMP_CMP_GT;
  return SCMP_CMP_MASKED_EQ;
}

// The filter as runc makes it of a profile.
class Filter {
 public:
  explicit Filter(const SeccompProfile& profile) {
    const std::uint32_t otherwise = action_of(profile.default_action, EPERM);
    const std::unique_ptr<void, void (*)(void*)> filter(
        ::seccomp_init(otherwise), [](void* each) { ::seccomp_release(each); });
    for (const std::string& name : profile.architectures) {
      const std::uint32_t arch = name == "SCMP_ARCH_X86"   ? SCMP_ARCH_X86
                                 : name == "SCMP_ARCH_X32" ? SCMP_ARCH_X32
                                                           : SCMP_ARCH_X86_64;
      ::seccomp_arch_add(filter.get(), arch);
    }
    for (const SeccompRule& rule : profile.rules) {
      const std::uint32_t action =
          action_of(rule.action, rule.errno_value.value_or(EPERM));
      if (action == otherwise) continue;
      for (const std::string& name : rule.names) {
        add(filter.get(), action, ::seccomp_syscall_resolve_name(name.c_str()),
            rule.args);
      }
    }
    const int file = ::memfd_create("filter", MFD_CLOEXEC);
    EXPECT_EQ(::seccomp_export_bpf(filter.get(), file), 0);
    program_.resize(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)) /
                    sizeof(sock_filter));
    EXPECT_GT(::pread(file, program_.data(),
                      program_.size() * sizeof(sock_filter), 0),
              0);
    ::close(file);
    EXPECT_LE(program_.size(), BPF_MAXINSNS);
  }

  // Whether libseccomp took each rule.
  bool taken() const { return taken_; }

  std::uint32_t operator()(int number, std::uint64_t a = 0, std::uint64_t b = 0,
                           std::uint32_t arch = AUDIT_ARCH_X86_64) const {
    return run(program_,
               {.nr = number, .arch = arch, .args = {a, b, 0, 0, 0, 0}});
  }

 private:
  void add(scmp_filter_ctx filter, std::uint32_t action, int number,
           const std::vector<SeccompArgument>& args) {
    if (number == __NR_SCMP_ERROR) return;
    std::vector<scmp_arg_cmp> conditions;
    std::set<std::uint64_t> places;
    for (const SeccompArgument& arg : args) {
      places.insert(arg.index);
      scmp_arg_cmp condition{};
      condition.arg = static_cast<unsigned>(arg.index);
      condition.op = compare_of(arg.op);
      condition.datum_a = arg.value;
      condition.datum_b = arg.value_two;
      conditions.push_back(condition);
    }
    if (places.size() == conditions.size()) {
      if (::seccomp_rule_add_array(filter, action, number,
                                   static_cast<unsigned>(conditions.size()),
                                   conditions.data()) != 0) {
        taken_ = false;
      }
      return;
    }
    // Several on one argument are several rules.
    for (const scmp_arg_cmp& condition : conditions) {
      ::seccomp_rule_add_array(filter, action, number, 1, &condition);
    }
  }

  std::vector<sock_filter> program_;
  bool taken_ = true;
};

// PACKET (17) is refused, 18 held, everything else passes.
SeccompCall socket_call() {
  return {.call = BAILIFF_CALL_SOCKET,
          .argument = 0,
          .cells = {{kInt, 17, SeccompVerdict::kRefuse},
                    {kInt, 18, SeccompVerdict::kHold},
                    {kInt, 16, SeccompVerdict::kPass},
                    {kInt, 19, SeccompVerdict::kPass},
                    {kInt & ~std::uint64_t{3}, 20, SeccompVerdict::kPass},
                    {kInt & ~std::uint64_t{7}, 24, SeccompVerdict::kPass},
                    {kInt & ~std::uint64_t{15}, 0, SeccompVerdict::kPass},
                    {kInt & ~std::uint64_t{31}, 32, SeccompVerdict::kPass}}};
}
SeccompCall held(bailiff_call call) {
  return {.call = call, .cells = {{.verdict = SeccompVerdict::kHold}}};
}
SeccompCall refused(bailiff_call call) {
  return {.call = call, .cells = {{.verdict = SeccompVerdict::kRefuse}}};
}

SeccompRequest request(std::vector<SeccompCall> calls) {
  return {.calls = std::move(calls),
          .policy = "digest",
          .listener = "/run/bailiff/seccomp.sock",
          .token = "token"};
}

SeccompProfile extended(std::optional<SeccompProfile> profile,
                        std::vector<SeccompCall> calls) {
  Result<SeccompProfile> done =
      extend(std::move(profile), request(std::move(calls)));
  EXPECT_TRUE(done) << done.error().message;
  return done ? *std::move(done) : SeccompProfile();
}

constexpr std::uint32_t kRefusedByUs = SCMP_ACT_ERRNO(EPERM);

// Of a profile that refuses what it does not name.
SeccompProfile strict(std::vector<SeccompRule> rules) {
  return {.default_action = kActErrno,
          .architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"},
          .rules = std::move(rules)};
}

TEST(ExtendSeccomp, WithoutAProfileEverythingElseIsAllowed) {
  const SeccompProfile profile =
      extended({}, {socket_call(), held(BAILIFF_CALL_MKDIR)});
  EXPECT_EQ(profile.listener_path, "/run/bailiff/seccomp.sock");
  EXPECT_EQ(profile.listener_metadata, "token");
  const Filter filter(profile);
  EXPECT_EQ(filter(SCMP_SYS(socket), 17), kRefusedByUs);
  EXPECT_EQ(filter(SCMP_SYS(socket), std::uint64_t{1} << 32 | 17),
            kRefusedByUs);
  EXPECT_EQ(filter(SCMP_SYS(socket), 18), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2), SCMP_ACT_ALLOW);
  EXPECT_EQ(filter(SCMP_SYS(mkdir)), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(read)), SCMP_ACT_ALLOW);
  EXPECT_EQ(filter(SCMP_SYS(io_uring_setup)), SCMP_ACT_ERRNO(ENOSYS));
  // Of a ring that was made outside, and handed in.
  EXPECT_EQ(filter(SCMP_SYS(io_uring_enter)), SCMP_ACT_ERRNO(ENOSYS));
  EXPECT_EQ(filter(SCMP_SYS(io_uring_register)), SCMP_ACT_ERRNO(ENOSYS));
  // i386: socket, socketcall, mkdir; x32: mkdir.
  EXPECT_EQ(filter(359, 17, 0, AUDIT_ARCH_I386), kRefusedByUs);
  EXPECT_EQ(filter(359, 2, 0, AUDIT_ARCH_I386), SCMP_ACT_ALLOW);
  EXPECT_EQ(filter(102, 1, 0, AUDIT_ARCH_I386), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(39, 0, 0, AUDIT_ARCH_I386), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(0x40000000 | SCMP_SYS(mkdir)), SCMP_ACT_NOTIFY);
}

TEST(ExtendSeccomp, ASharedRuleLosesOnlyTheCall) {
  const SeccompProfile profile =
      extended(strict({{.names = {"read", "mkdir", "mkdirat"},
                        .action = kActAllow,
                        .source = 0}}),
               {held(BAILIFF_CALL_MKDIR)});
  ASSERT_EQ(profile.rules.size(), 2);
  EXPECT_THAT(profile.rules[0].names, ElementsAre("read", "mkdirat"));
  EXPECT_THAT(profile.rules[1].names, ElementsAre("mkdir"));
  EXPECT_EQ(profile.rules[1].action, kActNotify);
  EXPECT_EQ(profile.default_action, kActErrno);
}

TEST(ExtendSeccomp, WhatTheProfileRefusesStaysRefused) {
  const Filter filter(extended(
      strict({{.names = {"read"}, .action = kActAllow},
              {.names = {"ptrace"}, .action = "SCMP_ACT_KILL"}}),
      {held(BAILIFF_CALL_MKDIR), refused(BAILIFF_CALL_PTRACE), socket_call()}));
  EXPECT_EQ(filter(SCMP_SYS(mkdir)), SCMP_ACT_ERRNO(EPERM));
  EXPECT_EQ(filter(SCMP_SYS(ptrace)), SCMP_ACT_KILL);
  EXPECT_EQ(filter(SCMP_SYS(socket), 18), SCMP_ACT_ERRNO(EPERM));
  EXPECT_EQ(filter(102, 1, 0, AUDIT_ARCH_I386), SCMP_ACT_ERRNO(EPERM));
}

TEST(ExtendSeccomp, KeepsConditionsOnOtherArguments) {
  const Filter filter(
      extended(strict({{.names = {"socketcall"}, .action = kActAllow},
                       {.names = {"socket"},
                        .action = kActAllow,
                        .args = {{1, 3, 0, "SCMP_CMP_NE"}}}}),
               {socket_call()}));
  EXPECT_EQ(filter(SCMP_SYS(socket), 17, 1), kRefusedByUs);
  EXPECT_EQ(filter(SCMP_SYS(socket), 18, 1), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2, 1), SCMP_ACT_ALLOW);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2, 3), SCMP_ACT_ERRNO(EPERM));
  EXPECT_EQ(filter(SCMP_SYS(socket), 18, 3), SCMP_ACT_ERRNO(EPERM));
  EXPECT_EQ(filter(102, 1, 0, AUDIT_ARCH_I386), SCMP_ACT_NOTIFY);
}

// As ptrace is in Docker's profile, for a kernel and for a capability.
TEST(ExtendSeccomp, ACallThatIsAllowedTwiceIsSplitOnce) {
  const Filter filter(
      extended(strict({{.names = {"socketcall", "socket"}, .action = kActAllow},
                       {.names = {"socket"}, .action = kActAllow}}),
               {socket_call()}));
  EXPECT_TRUE(filter.taken());
  EXPECT_EQ(filter(SCMP_SYS(socket), 17), kRefusedByUs);
  EXPECT_EQ(filter(SCMP_SYS(socket), 18), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2), SCMP_ACT_ALLOW);
}

TEST(ExtendSeccomp, HoldsWhatTheProfileTellsApartItself) {
  const Filter filter(extended(strict({{.names = {"socket"},
                                        .action = kActAllow,
                                        .args = {{0, 16, 0, "SCMP_CMP_NE"}}}}),
                               {socket_call()}));
  EXPECT_EQ(filter(SCMP_SYS(socket), 17), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 16), SCMP_ACT_ERRNO(EPERM));
}

TEST(ExtendSeccomp, HoldsTheRestBesideARefusalOfSome) {
  const Filter filter(
      extended(SeccompProfile{.default_action = kActAllow,
                              .rules = {{.names = {"socket"},
                                         .action = kActErrno,
                                         .errno_value = EPROTONOSUPPORT,
                                         .args = {{0, 2, 0, "SCMP_CMP_EQ"},
                                                  {1, 6, 2, kOpMaskedEqual}}}}},
               {socket_call()}));
  const std::uint32_t theirs = SCMP_ACT_ERRNO(EPROTONOSUPPORT);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2, 2), theirs);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2, 3), theirs);
  EXPECT_EQ(filter(SCMP_SYS(socket), 2, 4), SCMP_ACT_NOTIFY);
  EXPECT_EQ(filter(SCMP_SYS(socket), 17, 2), SCMP_ACT_NOTIFY);
}

TEST(ExtendSeccomp, ARuleThatSaysWhatTheDefaultDoesHidesNoRefusal) {
  const Filter filter(extended(
      SeccompProfile{.default_action = kActAllow,
                     .rules = {{.names = {"mkdir"}, .action = kActAllow},
                               {.names = {"mkdir"},
                                .action = "SCMP_ACT_KILL",
                                .args = {{1, 8, 0, "SCMP_CMP_EQ"}}}}},
      {held(BAILIFF_CALL_MKDIR)}));
  EXPECT_EQ(filter(SCMP_SYS(mkdir), 0, 8), SCMP_ACT_KILL);
  EXPECT_EQ(filter(SCMP_SYS(mkdir), 0, 7), SCMP_ACT_NOTIFY);
}

TEST(ExtendSeccomp, RefusesWhatItCannotSay) {
  const auto refusing = [](std::uint64_t value) {
    return SeccompRule{.names = {"socket"},
                       .action = kActErrno,
                       .args = {{0, value, 0, "SCMP_CMP_EQ"}}};
  };
  const auto done = extend(SeccompProfile{.default_action = kActAllow,
                                          .rules = {refusing(1), refusing(2)}},
                           request({socket_call()}));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("allows 'socket' but for"));
}

TEST(ExtendSeccomp, RefusesAForeignListener) {
  SeccompProfile profile = strict({});
  profile.listener_path = "/run/other.sock";
  EXPECT_THAT(
      extend(profile, request({held(BAILIFF_CALL_MKDIR)})).error().message,
      HasSubstr("'/run/other.sock'"));
  EXPECT_FALSE(extend(strict({{.names = {"mount"}, .action = kActNotify}}),
                      request({held(BAILIFF_CALL_MKDIR)})));
}

// Whatever the profile and the request: nothing the profile refuses comes to be
// allowed or held, and what it allows is at least as the request says.
TEST(ExtendSeccomp, NeverWeakensAProfile) {
  std::mt19937_64 random(test::random_seed());
  const char* const actions[] = {kActAllow, kActAllow, kActLog, kActErrno,
                                 "SCMP_ACT_KILL"};
  const char* const ops[] = {"SCMP_CMP_NE", "SCMP_CMP_EQ", "SCMP_CMP_LT",
                             "SCMP_CMP_GE", kOpMaskedEqual};
  const std::vector<std::string> names = {"socket", "mkdir", "unshare", "read"};
  const SeccompCall calls[] = {socket_call(),
                               held(BAILIFF_CALL_MKDIR),
                               {.call = BAILIFF_CALL_UNSHARE,
                                .argument = 0,
                                .cells = {{4, 4, SeccompVerdict::kRefuse},
                                          {4, 0, SeccompVerdict::kPass}}}};
  int extended_profiles = 0;
  for (int round = 0; round < 400; ++round) {
    SeccompProfile profile;
    profile.default_action = random() % 2 == 0 ? kActErrno : kActAllow;
    for (std::size_t i = random() % 5; i > 0; --i) {
      SeccompRule rule;
      for (const std::string& name : names) {
        if (random() % 2 == 0) rule.names.push_back(name);
      }
      if (rule.names.empty()) continue;
      rule.action = actions[random() % 5];
      rule.errno_value = 71;
      for (std::uint64_t index = 0; index < 2; ++index) {
        if (random() % 3 != 0) continue;
        rule.args.push_back(
            {index, random() % 20, random() % 4, ops[random() % 5]});
      }
      profile.rules.push_back(std::move(rule));
    }
    std::vector<SeccompCall> wanted;
    for (const SeccompCall& call : calls) {
      if (random() % 2 == 0) wanted.push_back(call);
    }
    const auto done = extend(profile, request(wanted));
    if (!done) continue;
    const Filter before(profile);
    if (!before.taken()) continue;
    ++extended_profiles;
    const Filter after(*done);
    std::string told;
    for (const SeccompProfile* each :
         std::initializer_list<const SeccompProfile*>{&profile, &*done}) {
      told += "default " + each->default_action + "\n";
      for (const SeccompRule& rule : each->rules) {
        told += testing::PrintToString(rule.names) + " " + rule.action;
        for (const SeccompArgument& arg : rule.args) {
          told += " [" + std::to_string(arg.index) + " " + arg.op + " " +
                  std::to_string(arg.value) + " " +
                  std::to_string(arg.value_two) + "]";
        }
        told += "\n";
      }
    }
    SCOPED_TRACE(told);
    ASSERT_TRUE(after.taken());
    const auto compare = [&](int number, const SeccompCall* call) {
      for (std::uint64_t a = 0; a < 24; ++a) {
        for (std::uint64_t b = 0; b < 5; ++b) {
          const std::uint32_t was = before(number, a, b);
          const std::uint32_t is = after(number, a, b);
          if ((was != SCMP_ACT_ALLOW && was != SCMP_ACT_LOG) ||
              call == nullptr) {
            ASSERT_EQ(is, was) << number << " " << a << " " << b;
            continue;
          }
          for (const SeccompCell& cell : call->cells) {
            if ((a & cell.mask) != cell.bits) continue;
            const bool right =
                is == SCMP_ACT_NOTIFY ||
                (cell.verdict == SeccompVerdict::kRefuse &&
                 is == kRefusedByUs) ||
                (cell.verdict == SeccompVerdict::kPass && is == was);
            ASSERT_TRUE(right) << number << " " << a << " " << b << " " << is;
          }
        }
      }
    };
    const auto find = [&](bailiff_call call) -> const SeccompCall* {
      for (const SeccompCall& each : wanted) {
        if (each.call == call) return &each;
      }
      return nullptr;
    };
    compare(SCMP_SYS(socket), find(BAILIFF_CALL_SOCKET));
    compare(SCMP_SYS(mkdir), find(BAILIFF_CALL_MKDIR));
    compare(SCMP_SYS(unshare), find(BAILIFF_CALL_UNSHARE));
    compare(SCMP_SYS(read), nullptr);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(extended_profiles, 100);
}

ConfigDocument document(const std::string& text) {
  Result<ConfigDocument> parsed = ConfigDocument::parse(text, "'config.json'");
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *std::move(parsed);
}

TEST(InjectSeccomp, DoingItTwiceChangesNothingAndNoneRestores) {
  const std::string text =
      R"({"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO",)"
      R"("defaultErrnoRet":38,"flags":["SECCOMP_FILTER_FLAG_LOG"],"extra":1,)"
      R"("syscalls":[{"names":["mkdir","read"],"action":"SCMP_ACT_ALLOW",)"
      R"("comment":"kept"}]}}})";
  ConfigDocument config = document(text);
  const SeccompRequest wanted = request({held(BAILIFF_CALL_MKDIR)});
  ASSERT_TRUE(inject_seccomp(config, wanted));
  const std::string once = *config.text();
  EXPECT_THAT(once, HasSubstr("SCMP_ACT_NOTIFY"));
  EXPECT_THAT(once, HasSubstr(R"("flags":["SECCOMP_FILTER_FLAG_LOG"])"));
  EXPECT_THAT(once, HasSubstr(R"("extra":1)"));
  EXPECT_THAT(once, HasSubstr(R"("comment":"kept")"));
  ConfigDocument again = document(once);
  ASSERT_TRUE(inject_seccomp(again, wanted));
  EXPECT_EQ(*again.text(), once);
  ASSERT_TRUE(inject_seccomp(again, {}));
  EXPECT_EQ(*again.text(), text);
}

TEST(InjectSeccomp, TheHookSeesWhatWasThereBefore) {
  ConfigDocument config = document(R"({"linux":{}})");
  ASSERT_TRUE(inject_seccomp(config, request({held(BAILIFF_CALL_MKDIR)})));
  const auto read = parse_config(*config.text(), "'config.json'");
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has_seccomp);
  EXPECT_EQ(read->seccomp_policy, "digest");
}

TEST(InjectSeccomp, RefusesAKeyThatSomeRuntimesWouldReadAsAnother) {
  ConfigDocument config = document(
      R"({"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW",)"
      R"("syscalls":[{"Names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}}})");
  EXPECT_FALSE(inject_seccomp(config, request({held(BAILIFF_CALL_MKDIR)})));
}

}  // namespace
}  // namespace bailiff::oci
