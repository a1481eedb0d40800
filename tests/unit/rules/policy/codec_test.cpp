// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff {
namespace {

Expr check(FieldId field, Op op, std::vector<Value> values,
           std::vector<std::uint32_t> lists = {}) {
  Check check;
  check.field = field;
  check.op = op;
  check.values = std::move(values);
  check.lists = std::move(lists);
  return {check};
}

// tolower(concat(proc.name, "x", proc.aname[2])) = anyof (…), a comparison of
// fields, and a list of one field.
Expr terms() {
  const Term name = {FieldReference{.field = FieldId::kProcName}};
  const Term second = {
      FieldReference{.field = FieldId::kProcAname, .argument = "2"}};
  const Term both = {CallTerm{.transform = Transform::kConcat,
                              .arguments = {name, {std::string("x")}, second}}};
  TermCheck lower;
  lower.left = {
      CallTerm{.transform = Transform::kTolower, .arguments = {both}}};
  lower.quantifier = Quantifier::kAnyof;
  lower.values = {"a", "b"};
  lower.lists = {2};
  TermCheck same;
  same.left = name;
  same.right = {both};
  TermCheck option;
  option.left = {
      CallTerm{.transform = Transform::kGetopt,
               .arguments = {Term{ListTerm{{name}}}, Term{std::string("n")}},
               .option = "n"}};
  option.op = Op::kExists;
  TermCheck length;
  length.left = {CallTerm{.transform = Transform::kLen, .arguments = {name}}};
  length.op = Op::kIn;
  length.values = {std::int64_t{1}, std::uint64_t{1} << 63};
  return {And{{{lower}, {same}, {option}, {length}}}};
}

// One of everything the format can hold.
CompiledPolicy sample() {
  CompiledPolicy policy;
  policy.on_failure = OnError::kAllow;
  policy.exempt = {"kube-system/*", "id:0a1b"};
  policy.exempt = {"kube-system/*", "id:0123"};
  policy.lists = {{.name = "c2", .items = {"1.2.3.4"}, .includes = {1}},
                  {.name = "more", .items = {"::1", "x"}, .includes = {}},
                  {.name = "names", .items = {"a", "b"}, .includes = {3}},
                  {.name = "others", .items = {"c"}, .includes = {}}};
  Rule rule;
  rule.name = "r";
  rule.description = "d";
  rule.source = "syscall";
  rule.priority = Priority::kWarning;
  rule.tags = {"a", "b"};
  rule.output = "%proc.name";
  rule.condition = {And{{
      check(FieldId::kEvtType, Op::kEq, {std::string("connect")}),
      {Not{check(FieldId::kContainerPrivileged, Op::kNe, {true})}},
      {Or{{check(FieldId::kFdSip, Op::kIn,
                 {*parse_address("9.9.9.9"), *parse_address("2001:db8::1")},
                 {0, 1}),
           check(FieldId::kFdSnet, Op::kIn,
                 {*parse_network("10.0.0.0/8"), *parse_network("fe80::/10"),
                  *parse_endpoint("1.2.3.4|65535"),
                  *parse_endpoint("2001:db8::1|1")}),
           check(FieldId::kFdSport, Op::kGe, {std::int64_t{-1}}),
           check(FieldId::kProcName, Op::kExists, {}),
           check(FieldId::kContainerImage, Op::kIn, {}, {2}),
           {Constant{true}}}}},
  }}};
  policy.rules = {rule, rule};
  policy.rules[1].name = "s";
  policy.rules[1].condition = terms();
  policy.rules[1].enabled = false;
  Policy kill;
  kill.name = "p";
  kill.scope = check(FieldId::kContainerName, Op::kEq, {std::string("n")});
  kill.rules = {0};
  kill.mode = Mode::kMonitor;
  kill.block = true;
  kill.capture = true;
  kill.response = Response::kKill;
  kill.on_loss = Response::kPause;
  kill.terms = {.grace_ms = 1,
                .pause_limit_ms = 2,
                .pause_then = PauseThen::kResume,
                .isolate_limit_ms = 3};
  kill.notify = {"soc"};
  Policy watch;
  watch.name = "q";
  policy.policies = {kill, watch};
  return policy;
}

std::size_t head_bytes(std::string_view bytes) {
  return *policy_head_bytes(bytes);
}

// The bytes with the digests of the head made right again, of which `parts`
// tell of lists that lie behind it.
std::string sealed(std::string bytes, std::size_t parts = 0) {
  const std::size_t end = head_bytes(bytes) - 16;
  const std::size_t begin = kPolicyPrefixBytes;
  const Digest conditions = digest_of(
      std::string_view(bytes).substr(begin, end - 16 - begin - parts));
  std::copy(conditions.bytes.begin(), conditions.bytes.end(),
            bytes.begin() + end - 16);
  const Digest digest = digest_of(std::string_view(bytes).substr(0, end));
  std::copy(digest.bytes.begin(), digest.bytes.end(), bytes.begin() + end);
  return bytes;
}

std::string refusal(std::string_view bytes) {
  const Result<CompiledPolicy> policy = decode(bytes);
  return policy ? "accepted" : policy.error().message;
}

TEST(Codec, ReadsBackWhatItWrote) {
  const Result<CompiledPolicy> policy = decode(encode(sample()));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(*policy, sample());
  const Result<CompiledPolicy> empty = decode(encode({}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(*empty, CompiledPolicy{});
}

TEST(Codec, TheSamePolicyGivesTheSameBytes) {
  EXPECT_EQ(encode(sample()), encode(sample()));
  // A change of format has to change the version with it.
  EXPECT_EQ(policy_digest(encode({})).hex(),
            digest_of(encode({}).substr(0, encode({}).size() - 16)).hex());
  EXPECT_EQ(encode({}).substr(0, 12), std::string("BAILIFF\n\5\0\0\0", 12));
}

TEST(Codec, TheHeadIsEnoughForAllButWhatTheKernelLooksUp) {
  const std::string bytes = encode(sample());
  const std::string head = bytes.substr(0, head_bytes(bytes));
  EXPECT_EQ(head_bytes(bytes.substr(0, kPolicyPrefixBytes)), head.size());
  CompiledPolicy expected = sample();
  for (const int apart : {0, 1}) {
    expected.lists[apart].items.clear();
    expected.lists[apart].complete = false;
  }
  for (const std::string& input : {head, bytes}) {
    const Result<CompiledPolicy> policy = decode_head(input);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(*policy, expected);
    EXPECT_EQ(policy_digest(input), policy_digest(bytes));
    EXPECT_EQ(conditions_digest(input), conditions_digest(bytes));
  }
  EXPECT_EQ(decode_head(head.substr(0, head.size() - 1)).error().message,
            "compiled policy: truncated");
}

TEST(Codec, TheHeadDoesNotGrowWithWhatTheKernelLooksUp) {
  CompiledPolicy policy = sample();
  const std::size_t before = head_bytes(encode(policy));
  const Digest digest = policy_digest(encode(policy));
  const Digest conditions = conditions_digest(encode(policy));
  policy.lists[0].items.insert(policy.lists[0].items.end(), 1000, "1.2.3.5");
  EXPECT_EQ(head_bytes(encode(policy)), before);
  EXPECT_NE(policy_digest(encode(policy)), digest);
  EXPECT_EQ(conditions_digest(encode(policy)), conditions);
  policy.rules[0].condition = {Constant{true}};
  EXPECT_NE(conditions_digest(encode(policy)), conditions);
}

TEST(Codec, NamesOfHostsAreLookedUpByTheKernel) {
  CompiledPolicy policy;
  policy.lists = {{.name = "n", .items = {"evil.example"}, .includes = {}}};
  Rule rule;
  rule.condition = check(FieldId::kFdSipName, Op::kIn, {}, {0});
  policy.rules.push_back(rule);
  const Result<CompiledPolicy> head = decode_head(encode(policy));
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_FALSE(head->lists[0].complete);
  policy.rules[0].condition = check(FieldId::kProcName, Op::kIn, {}, {0});
  EXPECT_TRUE(decode_head(encode(policy))->lists[0].complete);
}

TEST(Codec, ItemsAreInTheHeadWhenOneCheckHasToReadThem) {
  CompiledPolicy policy = sample();
  policy.policies[1].scope = check(FieldId::kContainerName, Op::kIn, {}, {1});
  const Result<CompiledPolicy> head = decode_head(encode(policy));
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->lists[0].complete);
  EXPECT_TRUE(head->lists[1].complete);
  EXPECT_EQ(head->lists[1].items, policy.lists[1].items);
}

// Or it would be refused for its version and never get further.
TEST(Codec, ReadsTheSeedOfItsFuzzer) {
  std::ifstream file("tests/fuzz/corpus/compiled_policy/log4shell",
                     std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto policy = decode(bytes);
  ASSERT_TRUE(policy) << policy.error().message
                      << "; 'bailiff compile' the example anew";
  EXPECT_EQ(encode(*policy), bytes);
}

TEST(Codec, RefusesEveryTruncation) {
  const std::string bytes = encode(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::string why = refusal(bytes.substr(0, length));
    EXPECT_NE(why.find("truncated"), std::string::npos) << length << why;
  }
}

TEST(Codec, RefusesEveryAlteredByte) {
  const std::string bytes = encode(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 0x41);
    EXPECT_NE(refusal(altered), "accepted") << i;
  }
}

TEST(Codec, RefusesToKillTheProcessOfWhatIsNotKnown) {
  CompiledPolicy policy = sample();
  policy.policies[0].on_loss = Response::kKillProcess;
  EXPECT_EQ(refusal(encode(policy)),
            "compiled policy: response to losses that is 'kill_process'");
}

TEST(Codec, NamesWhatIsWrong) {
  EXPECT_EQ(refusal("#!/bin/sh\n"),
            "compiled policy: not a compiled policy file");
  std::string bytes = encode(sample());
  bytes[8] = 9;
  EXPECT_EQ(refusal(bytes),
            "compiled policy: format version 9, this program reads version 5; "
            "compile the policy again");
  bytes = encode(sample());
  bytes[12] = 31;
  bytes[13] = 0;
  EXPECT_EQ(refusal(bytes), "compiled policy: its head cannot have 31 bytes");
  std::string longer = encode(sample());
  const std::size_t head = head_bytes(longer);
  longer.insert(head - 32, "x");
  longer[12] = static_cast<char>(longer[12] + 1);
  ASSERT_EQ(head_bytes(longer), head + 1);
  EXPECT_EQ(refusal(sealed(longer)),
            "compiled policy: bytes at the end of the head");
  bytes = encode(sample());
  EXPECT_EQ(refusal(bytes + "x"), "compiled policy: bytes after the last list");
  bytes.back() = 'y';
  EXPECT_EQ(refusal(bytes),
            "compiled policy: list 'more' is altered (the digest does not "
            "match)");
}

// With a right digest every byte is believed only as far as it makes sense:
// whatever is accepted must encode to what was read.
TEST(Codec, SurvivesEveryAlteredByteWithARightDigest) {
  constexpr std::size_t kPartsBytes = 2 * (4 + 16);
  const std::string bytes = encode(sample());
  for (std::size_t i = kPolicyPrefixBytes; i < head_bytes(bytes) - 32; ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string altered = bytes;
      altered[i] = static_cast<char>(altered[i] ^ change);
      altered = sealed(altered, kPartsBytes);
      const Result<CompiledPolicy> policy = decode(altered);
      if (policy) {
        EXPECT_EQ(encode(*policy), altered) << i;
      }
    }
  }
}

TEST(Codec, RefusesIndicesOutOfBounds) {
  CompiledPolicy policy = sample();
  policy.policies[0].rules = {2};
  EXPECT_EQ(refusal(encode(policy)),
            "compiled policy: index of rules out of bounds");
  policy = sample();
  policy.policies[0].rules = {1};
  EXPECT_EQ(refusal(encode(policy)),
            "compiled policy: policy with a rule that is not enabled");
  policy = sample();
  policy.lists[1].includes = {4};
  EXPECT_EQ(refusal(encode(policy)),
            "compiled policy: index of lists out of bounds");
  policy = sample();
  policy.rules[1].enabled = true;
  policy.policies[0].rules = {1, 0};
  EXPECT_EQ(refusal(encode(policy)),
            "compiled policy: policy with rules out of order");
}

TEST(Codec, RefusesConditionsThatMeanNothing) {
  const auto with = [](Expr expr) {
    CompiledPolicy policy = sample();
    policy.rules[0].condition = std::move(expr);
    return refusal(encode(policy));
  };
  EXPECT_EQ(with({And{}}), "compiled policy: 'and' or 'or' of nothing");
  EXPECT_EQ(with(check(FieldId::kFdSport, Op::kEq, {std::string("x")})),
            "compiled policy: value of another type than its field");
  EXPECT_EQ(with(check(FieldId::kFdSport, Op::kEq, {})),
            "compiled policy: wrong number of values for '='");
  EXPECT_EQ(with(check(FieldId::kFdSport, Op::kExists, {std::int64_t{1}})),
            "compiled policy: wrong number of values for 'exists'");
  EXPECT_EQ(with(check(FieldId::kFdSip, Op::kEq, {}, {0})),
            "compiled policy: wrong number of values for '='");
  EXPECT_EQ(with(check(static_cast<FieldId>(9999), Op::kExists, {})),
            "compiled policy: unknown field 9999");
}

TEST(Codec, BoundsDepth) {
  const auto nested = [](int depth) {
    CompiledPolicy policy = sample();
    Expr expr = {Constant{true}};
    for (int i = 0; i < depth; ++i) expr = {Not{std::move(expr)}};
    policy.rules[0].condition = std::move(expr);
    return refusal(encode(policy));
  };
  EXPECT_EQ(nested(kMaxExprDepth), "accepted");
  EXPECT_EQ(nested(kMaxExprDepth + 1),
            "compiled policy: condition nested deeper than 1000");
}

}  // namespace
}  // namespace bailiff
