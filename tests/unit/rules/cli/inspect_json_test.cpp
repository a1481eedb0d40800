// SPDX-License-Identifier: Apache-2.0
#include "rules/cli/inspect_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/expr.h"

namespace bailiff::cli {
namespace {

using test::address;
using testing::ElementsAre;
using testing::IsEmpty;

JsonEvent event(std::string_view line) {
  auto parsed = JsonEvent::parse(line, 7);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed ? *std::move(parsed) : *JsonEvent::parse("{}", 7);
}

std::string error_of(std::string_view line) {
  const auto parsed = JsonEvent::parse(line, 1);
  EXPECT_FALSE(parsed);
  return parsed ? "" : parsed.error().message;
}

TEST(JsonEvent, HasValuesOfTheTypesOfTheFields) {
  const JsonEvent one =
      event(R"({"evt.type":"connect","fd.sip":"::ffff:1.2.3.4","fd.sport":443,)"
            R"("container.privileged":true,"fd.snet":"10.0.0.1"})");
  EXPECT_THAT(one.extract(FieldId::kEvtType, ""),
              ElementsAre(Value("connect")));
  EXPECT_THAT(one.extract(FieldId::kFdSip, ""),
              ElementsAre(Value(address("1.2.3.4"))));
  EXPECT_THAT(one.extract(FieldId::kFdSport, ""),
              ElementsAre(Value(std::int64_t{443})));
  EXPECT_THAT(one.extract(FieldId::kContainerPrivileged, ""),
              ElementsAre(Value(true)));
  EXPECT_THAT(one.extract(FieldId::kFdSnet, ""),
              ElementsAre(Value(address("10.0.0.1"))));
}

TEST(JsonEvent, AbsentAndNullFieldsExtractNothing) {
  const JsonEvent one = event(R"({"proc.pname":null})");
  EXPECT_THAT(one.extract(FieldId::kProcName, ""), IsEmpty());
  EXPECT_THAT(one.extract(FieldId::kProcPname, ""), ElementsAre(Value(Null{})));
}

TEST(JsonEvent, EveryEventHasADirectionAndANumber) {
  const JsonEvent one = event("{}");
  EXPECT_THAT(one.extract(FieldId::kEvtDir, ""), ElementsAre(Value("<")));
  EXPECT_THAT(one.extract(FieldId::kEvtNum, ""),
              ElementsAre(Value(std::int64_t{7})));
  EXPECT_THAT(event(R"({"evt.num":3})").extract(FieldId::kEvtNum, ""),
              ElementsAre(Value(std::int64_t{3})));
}

TEST(JsonEvent, AnArrayHasSeveralValuesAndIndices) {
  const JsonEvent one = event(R"({"proc.args":["-l","-p"]})");
  EXPECT_THAT(one.extract(FieldId::kProcArgs, ""), ElementsAre(Value("-l -p")));
  EXPECT_THAT(one.extract(FieldId::kProcArgs, "1"), ElementsAre(Value("-p")));
  EXPECT_THAT(one.extract(FieldId::kProcArgs, "2"), IsEmpty());
  EXPECT_THAT(one.extract(FieldId::kProcArgs, "x"), IsEmpty());
}

TEST(JsonEvent, AncestorsComeBehindTheProcessItself) {
  const JsonEvent one = event(R"({"proc.aname":["java","sh","init"]})");
  EXPECT_THAT(one.extract(FieldId::kProcAname, ""),
              ElementsAre(Value("sh"), Value("init")));
  EXPECT_THAT(one.extract(FieldId::kProcAname, "0"),
              ElementsAre(Value("java")));
  EXPECT_THAT(one.extract(FieldId::kProcAname, "2"),
              ElementsAre(Value("init")));
  EXPECT_THAT(one.extract(FieldId::kProcAname, "3"), IsEmpty());
  EXPECT_THAT(
      event(R"({"proc.aname":["java"]})").extract(FieldId::kProcAname, ""),
      IsEmpty());
  EXPECT_THAT(event(R"({"proc.aname":"sh"})").extract(FieldId::kProcAname, ""),
              ElementsAre(Value("sh")));
}

TEST(JsonEvent, FindsArgumentsByTheirName) {
  const JsonEvent one =
      event(R"({"evt.arg.flags":"O_RDONLY","proc.env":["HOME=/root","A=b"]})");
  EXPECT_THAT(one.extract(FieldId::kEvtArg, "flags"),
              ElementsAre(Value("O_RDONLY")));
  EXPECT_THAT(one.extract(FieldId::kProcEnv, "HOME"),
              ElementsAre(Value("/root")));
  EXPECT_THAT(one.extract(FieldId::kProcEnv, "HOM"), IsEmpty());
}

TEST(JsonEvent, HasArgumentsOfFieldsByName) {
  const JsonEvent one = event(
      R"({"evt.arg.flags":"O_RDONLY","evt.rawarg.flags":1,"evt.arg":["3","x"],)"
      R"("container.label.app":"shop","proc.aname[2]":"sh"})");
  EXPECT_THAT(one.extract(FieldId::kEvtArg, "flags"),
              ElementsAre(Value("O_RDONLY")));
  EXPECT_THAT(one.extract(FieldId::kEvtRawarg, "flags"),
              ElementsAre(Value(std::int64_t{1})));
  EXPECT_THAT(one.extract(FieldId::kEvtArg, "1"), ElementsAre(Value("x")));
  EXPECT_THAT(one.extract(FieldId::kContainerLabel, "app"),
              ElementsAre(Value("shop")));
  EXPECT_THAT(one.extract(FieldId::kProcAname, "2"), ElementsAre(Value("sh")));
  EXPECT_THAT(one.extract(FieldId::kProcAname, "1"), IsEmpty());
  EXPECT_EQ(error_of(R"({"evt.rawarg.flags":"O_RDONLY"})"),
            "field 'evt.rawarg.flags': value of another type");
}

TEST(JsonEvent, IgnoresWhatNoRuleCanAskFor) { event(R"({"made.up":{"a":1}})"); }

TEST(JsonEvent, RefusesWhatIsNoEvent) {
  EXPECT_EQ(error_of("{"), "not JSON");
  EXPECT_EQ(error_of("[]"), "not a JSON object");
  EXPECT_EQ(error_of(R"({"fd.sport":"443"})"),
            "field 'fd.sport': value of another type");
  EXPECT_EQ(error_of(R"({"fd.sip":"example.org"})"),
            "field 'fd.sip': value of another type");
  EXPECT_EQ(error_of(R"({"fd.sport":1.5})"),
            "field 'fd.sport': value of another type");
}

TEST(NamesJson, IsOneLine) {
  EXPECT_EQ(names_json({}), "[]\n");
  EXPECT_EQ(names_json({"a \"b\"", "c"}), "[\"a \\\"b\\\"\",\"c\"]\n");
}

TEST(PlacementsJson, SaysAllOfAPlacement) {
  CompiledPolicy policy;
  policy.rules.resize(1);
  policy.rules[0].name = "r";
  const Placement placement = {.rule = 0,
                               .enforcement = Enforcement::kObserve,
                               .hooks = {HookPoint::kConnect4},
                               .events = {{"connect"}},
                               .fields = {FieldId::kFdSip},
                               .folded = "fd.sip exists",
                               .reason = "because"};
  EXPECT_EQ(placements_json({placement}, policy), R"([
  {
    "rule": "r",
    "enforcement": "observe",
    "hooks": [
      "connect4"
    ],
    "events": [
      "connect"
    ],
    "fields": [
      "fd.sip"
    ],
    "condition": "fd.sip exists",
    "reason": "because"
  }
]
)");
}

}  // namespace
}  // namespace bailiff::cli
