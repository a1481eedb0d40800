// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/fold.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "rules/lower/lower.h"
#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::all_of;
using test::any_of;
using test::check;
using test::constant;
using test::event_is;
using test::negated;

const Expr kNc = check(FieldId::kProcName, Op::kEq, {"nc"});
const Expr kWeb = check(FieldId::kContainerName, Op::kEq, {"web"});

Facts named(std::string name, bool complete = true) {
  Facts facts;
  facts.values["container.name"] = {std::move(name)};
  facts.complete = complete;
  return facts;
}

Expr folded(const Expr& expr, const Facts& facts = {}) {
  return fold(expr, facts, {});
}

TEST(Fold, AKnownFactDecidesItsCheck) {
  EXPECT_TRUE(is_true(folded(kWeb, named("web"))));
  EXPECT_TRUE(is_false(folded(kWeb, named("db"))));
  EXPECT_TRUE(is_false(folded(kWeb, named("db", /*complete=*/false))));
}

TEST(Fold, UnknownFactsStay) { EXPECT_EQ(folded(kWeb), kWeb); }

TEST(Fold, AFieldMissingFromCompleteFactsExtractsNothing) {
  const Expr differs = check(FieldId::kK8sNsName, Op::kNe, {"prod"});
  EXPECT_TRUE(is_false(folded(differs, named("web"))));
  EXPECT_TRUE(is_true(folded(negated(differs), named("web"))));
  EXPECT_EQ(folded(differs, named("web", /*complete=*/false)), differs);
  // Only fields of the container are constant.
  EXPECT_EQ(folded(kNc, named("web")), kNc);
}

Expr with_argument(FieldId field, std::string argument, std::string value) {
  Check check;
  check.field = field;
  check.argument = std::move(argument);
  check.op = Op::kEq;
  check.values = {std::move(value)};
  return {std::move(check)};
}

TEST(Fold, ALabelIsAFactOfItsOwn) {
  Facts facts = named("web");
  facts.values["k8s.pod.label[app]"] = {"shop"};
  const auto of_app = [](const char* value) {
    return with_argument(FieldId::kK8sPodLabel, "app", value);
  };
  EXPECT_TRUE(is_true(folded(of_app("shop"), facts)));
  EXPECT_TRUE(is_false(folded(of_app("blog"), facts)));
  EXPECT_TRUE(is_false(
      folded(with_argument(FieldId::kK8sPodLabel, "tier", "shop"), facts)));
}

TEST(Fold, WhatNobodyToldStaysInCompleteFacts) {
  Facts facts = named("web");
  facts.untold = {"k8s.pod.label"};
  const Expr label = with_argument(FieldId::kK8sPodLabel, "app", "shop");
  EXPECT_EQ(folded(label, facts), label);
  EXPECT_TRUE(is_false(
      folded(check(FieldId::kK8sPodLabels, Op::kEq, {"app:shop"}), facts)));
}

TEST(Fold, MountsAreFoundByPlaceOrGlob) {
  Facts facts = named("web");
  facts.values["container.mount.source"] = {"/srv", "/etc/ssl"};
  facts.values["container.mount.dest"] = {"/data", "/etc/ssl"};
  facts.values["container.mount.mode"] = {"ro", "rw"};
  facts.values["container.mount.rdwr"] = {"false", "true"};
  facts.values["container.mount.propagation"] = {"private", ""};
  const auto holds = [&](FieldId field, const char* argument,
                         const char* value) {
    return is_true(folded(with_argument(field, argument, value), facts));
  };
  using enum FieldId;
  EXPECT_TRUE(holds(kContainerMountDest, "/srv", "/data"));
  EXPECT_TRUE(holds(kContainerMountDest, "/etc*", "/etc/ssl"));
  EXPECT_TRUE(holds(kContainerMountDest, "1", "/etc/ssl"));
  EXPECT_TRUE(holds(kContainerMountDest, "/home", "N/A"));
  EXPECT_TRUE(holds(kContainerMountSource, "/data", "/srv"));
  EXPECT_TRUE(holds(kContainerMountMode, "/srv", "ro"));
  EXPECT_TRUE(holds(kContainerMountRdwr, "/etc/ssl", "true"));
  EXPECT_TRUE(holds(kContainerMount, "0", "/srv:/data:ro:false:private"));
  EXPECT_FALSE(holds(kContainerMountMode, "/home", "ro"));
  facts.complete = false;
  const Expr other = with_argument(kContainerMountDest, "/home", "N/A");
  EXPECT_EQ(folded(other, facts), other);
}

TEST(Fold, ListsDecideFacts) {
  const std::vector<List> lists = {
      {.name = "trusted", .items = {"web", "proxy"}, .includes = {}}};
  const Expr in = check(FieldId::kContainerName, Op::kIn, {}, {0});
  EXPECT_TRUE(is_true(fold(in, named("web"), lists)));
  EXPECT_TRUE(is_false(fold(in, named("db"), lists)));
}

TEST(Fold, ConstantsGoAsFarAsTheyReach) {
  const Facts web = named("web");
  EXPECT_EQ(folded(all_of({kWeb, kNc}), web), kNc);
  EXPECT_TRUE(is_true(folded(any_of({kNc, kWeb}), web)));
  EXPECT_TRUE(is_false(folded(all_of({kNc, negated(kWeb)}), web)));
  EXPECT_EQ(folded(any_of({negated(kWeb), kNc}), web), kNc);
  EXPECT_TRUE(is_true(folded(all_of({kWeb, kWeb}), web)));
  EXPECT_TRUE(is_false(folded(any_of({negated(kWeb)}), web)));
}

TEST(Fold, FlattensAndCancelsDoubleNegation) {
  const Expr uid = check(FieldId::kUserUid, Op::kEq, {std::int64_t{0}});
  EXPECT_EQ(folded(all_of({kNc, all_of({uid, kWeb})})),
            all_of({kNc, uid, kWeb}));
  EXPECT_EQ(folded(negated(negated(kNc))), kNc);
  EXPECT_EQ(folded(all_of({all_of({kNc})})), kNc);
}

TEST(Fold, EventsCountFromOne) {
  const auto number = [](Op op, std::int64_t operand) {
    return folded(check(FieldId::kEvtNum, op, {operand}));
  };
  EXPECT_TRUE(is_false(number(Op::kEq, 0)));
  EXPECT_TRUE(is_true(number(Op::kNe, 0)));
  EXPECT_TRUE(is_true(number(Op::kGe, 0)));
  EXPECT_TRUE(is_true(number(Op::kGe, 1)));
  EXPECT_TRUE(is_true(number(Op::kGt, 0)));
  EXPECT_TRUE(is_false(number(Op::kLt, 1)));
  EXPECT_TRUE(is_false(number(Op::kLe, 0)));
  EXPECT_TRUE(is_true(folded(check(FieldId::kEvtNum, Op::kExists))));
  EXPECT_TRUE(
      is_false(folded(check(FieldId::kEvtNum, Op::kIn, {std::int64_t{0}}))));
  for (const Op op : {Op::kEq, Op::kNe, Op::kGt, Op::kLe}) {
    EXPECT_FALSE(std::holds_alternative<Constant>(number(op, 1).node));
  }
}

TEST(Fold, EventsAreCompletedOnes) {
  EXPECT_TRUE(is_true(folded(check(FieldId::kEvtDir, Op::kEq, {"<"}))));
  EXPECT_TRUE(is_false(folded(check(FieldId::kEvtDir, Op::kEq, {">"}))));
  EXPECT_TRUE(is_true(folded(check(FieldId::kEvtDir, Op::kNe, {">"}))));
}

TEST(Fold, NoContainerIsTheHost) {
  EXPECT_TRUE(is_true(folded(check(FieldId::kContainerId, Op::kNe, {"host"}))));
  EXPECT_TRUE(
      is_false(folded(check(FieldId::kContainerId, Op::kEq, {"host"}))));
  // Also where the facts leave the id out.
  EXPECT_TRUE(is_true(
      folded(check(FieldId::kContainerId, Op::kNe, {"host"}), named("web"))));
  EXPECT_TRUE(
      is_true(folded(check(FieldId::kContainerId, Op::kExists), named("web"))));
}

TEST(KnownOfEvent, ConnectIsJudgedAsIfItSucceeded) {
  const auto known = known_of_event("connect", {});
  EXPECT_TRUE(is_true(simplify(event_is("connect"), known)));
  EXPECT_TRUE(is_false(simplify(event_is("open"), known)));
  EXPECT_TRUE(is_true(
      simplify(check(FieldId::kEvtRawres, Op::kGe, {std::int64_t{0}}), known)));
  EXPECT_TRUE(is_false(
      simplify(check(FieldId::kEvtRes, Op::kEq, {"ECONNREFUSED"}), known)));
}

TEST(KnownOfEvent, AContainersStartHasNoConnection) {
  const auto known = known_of_event("container", {});
  EXPECT_TRUE(is_true(simplify(event_is("container"), known)));
  EXPECT_TRUE(is_false(simplify(check(FieldId::kFdSip, Op::kExists), known)));
  EXPECT_EQ(simplify(kNc, known), kNc);
}

TEST(OverApproximate, RespectsPolarity) {
  const Expr cmdline = check(FieldId::kProcCmdline, Op::kContains, {"jndi"});
  const auto open = [](const Check& check) {
    return check.field == FieldId::kProcCmdline;
  };
  EXPECT_EQ(over_approximate(all_of({kNc, cmdline}), open), kNc);
  EXPECT_EQ(over_approximate(all_of({kNc, negated(cmdline)}), open), kNc);
  EXPECT_TRUE(is_true(over_approximate(any_of({kNc, cmdline}), open)));
  EXPECT_EQ(over_approximate(negated(any_of({kNc, cmdline})), open),
            negated(kNc));
  EXPECT_TRUE(is_true(over_approximate(negated(all_of({kNc, cmdline})), open)));
}

}  // namespace
}  // namespace bailiff
