// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/reference.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace bailiff {
namespace {

// The reference as text, or why there is none and the hint.
std::string resolved(std::string_view name,
                     std::optional<std::string_view> bracket = {}) {
  const ResolvedField result = resolve_field(name, bracket);
  if (result.reference) return to_string(*result.reference);
  return result.message + (result.hint.empty() ? "" : "; " + result.hint);
}

std::string argument(std::string_view name,
                     std::optional<std::string_view> bracket = {}) {
  const ResolvedField result = resolve_field(name, bracket);
  EXPECT_TRUE(result.reference) << name << ": " << result.message;
  return result.reference ? result.reference->argument : "";
}

// The longest reference and what is left behind it, or "nothing".
std::string longest(std::string_view text) {
  const auto found = longest_reference(text);
  if (!found) return "nothing";
  return to_string(found->reference) + " | " +
         std::string(text.substr(found->length));
}

TEST(ResolveField, TakesAPlainField) {
  EXPECT_EQ(resolved("proc.name"), "proc.name");
  EXPECT_EQ(resolve_field("proc.name").reference->field, FieldId::kProcName);
  EXPECT_EQ(resolved("proc.name", "0"), "field 'proc.name' takes no argument");
}

TEST(ResolveField, SuggestsForUnknownNames) {
  EXPECT_EQ(resolved("fd.sipp"),
            "unknown field 'fd.sipp'; did you mean 'fd.sip'?");
  EXPECT_EQ(resolved("evt"), "unknown field 'evt'");
  EXPECT_EQ(resolved("proc.env.HOME"),
            "unknown field 'proc.env.HOME'; did you mean 'proc.env[HOME]'?");
  EXPECT_TRUE(resolve_field("fd.sipp").unknown_name);
  EXPECT_EQ(resolve_field("fd.sipp", std::nullopt, false).hint, "");
}

TEST(ResolveField, TakesAnIndexOrNone) {
  EXPECT_EQ(resolved("proc.aname"), "proc.aname");
  EXPECT_EQ(argument("proc.aname"), "");
  EXPECT_EQ(argument("proc.aname", "2"), "2");
  EXPECT_EQ(argument("proc.aname", "0"), "0");
  EXPECT_EQ(argument("proc.aname", "002"), "2");
  EXPECT_EQ(argument("fd.types", "0"), "0");
  EXPECT_EQ(argument("proc.args", "1"), "1");
  EXPECT_EQ(resolved("proc.aname", "bash"),
            "'bash' is not an index of 'proc.aname'; write a number from 0, "
            "such as 'proc.aname[1]'");
  for (const std::string_view bad : {"-1", "+1", "1x", "0x1", "9999999999"}) {
    EXPECT_FALSE(resolve_field("proc.aname", bad).reference) << bad;
  }
  EXPECT_FALSE(resolve_field("proc.aname", "").reference);
  EXPECT_FALSE(resolve_field("proc.aname", "").unknown_name);
}

TEST(ResolveField, TakesAKey) {
  EXPECT_EQ(argument("proc.env"), "");
  EXPECT_EQ(argument("proc.env", "HOME"), "HOME");
  EXPECT_EQ(argument("proc.aenv", "2"), "2");
  EXPECT_EQ(argument("proc.aenv", "HOME"), "HOME");
  EXPECT_EQ(argument("container.mount.dest", "/x/*"), "/x/*");
  EXPECT_EQ(argument("container.mount", "0"), "0");
  EXPECT_EQ(resolved("container.mount"),
            "field 'container.mount' needs an argument; write "
            "'container.mount[0]', for instance");
  EXPECT_FALSE(resolve_field("container.mount.dest.x").reference);
}

TEST(ResolveField, TakesLabelsInBothForms) {
  EXPECT_EQ(argument("container.label", "app"), "app");
  EXPECT_EQ(argument("container.label.app"), "app");
  EXPECT_EQ(argument("k8s.pod.label", "app.kubernetes.io/name"),
            "app.kubernetes.io/name");
  EXPECT_EQ(argument("k8s.pod.label.app.kubernetes.io"), "app.kubernetes.io");
  EXPECT_EQ(resolved("k8s.pod.label"),
            "field 'k8s.pod.label' needs an argument; write "
            "'k8s.pod.label[app]', for instance");
  EXPECT_EQ(resolved("k8s.pod.label.app", "x"),
            "field 'k8s.pod.label.app' takes no argument");
}

TEST(ResolveField, TakesArgumentsOfEvents) {
  EXPECT_EQ(argument("evt.arg.flags"), "flags");
  EXPECT_EQ(argument("evt.arg", "0"), "0");
  EXPECT_EQ(argument("evt.rawarg.fd"), "fd");
  EXPECT_EQ(resolved("evt.arg"),
            "field 'evt.arg' needs an argument; write 'evt.arg.flags' or "
            "'evt.arg[0]', for instance");
  EXPECT_EQ(resolved("evt.arg.flgs"),
            "unknown event argument 'flgs'; did you mean 'evt.arg.flags'?");
  EXPECT_FALSE(resolve_field("evt.arg.flgs").unknown_name);
  EXPECT_EQ(resolved("evt.arg", "flags"),
            "field 'evt.arg' does not take 'flags' in brackets; write "
            "'evt.arg.flags'");
  EXPECT_EQ(resolved("evt.rawarg", "0"),
            "field 'evt.rawarg' does not take '0' in brackets; write "
            "'evt.rawarg.flags', for instance");
  EXPECT_FALSE(resolve_field("evt.arg.flags.x").reference);
}

TEST(ResolveField, TakesEventTypes) {
  EXPECT_EQ(argument("evt.type.is.open"), "open");
  EXPECT_EQ(resolved("evt.type.is.opne"),
            "unknown event type 'opne'; did you mean 'evt.type.is.open'?");
  EXPECT_TRUE(resolve_field("evt.type.is.opne").unknown_name);
  EXPECT_EQ(resolved("evt.type.is"),
            "field 'evt.type.is' needs an argument; write "
            "'evt.type.is.open', for instance");
  EXPECT_TRUE(resolve_field("evt.type.open").unknown_name);
}

TEST(ResolveField, TakesWhatElseStandsBehindAFullStop) {
  EXPECT_EQ(argument("thread.cgroup.cpuacct"), "cpuacct");
  EXPECT_EQ(argument("thread.cgroups"), "");
  EXPECT_EQ(resolved("thread.cgroup", "cpu"),
            "field 'thread.cgroup' does not take 'cpu' in brackets; write "
            "'thread.cgroup.cpu'");
  EXPECT_EQ(argument("evt.abspath"), "");
  EXPECT_EQ(argument("evt.abspath.src"), "src");
  EXPECT_EQ(argument("evt.abspath.dst"), "dst");
  EXPECT_EQ(resolved("evt.abspath.srcs"),
            "field 'evt.abspath' does not take 'srcs' behind a full stop; "
            "write 'evt.abspath.src', for instance");
}

TEST(ResolveField, FindsEveryField) {
  for (const Field& known : all_fields()) {
    const ResolvedField plain = resolve_field(known.name);
    EXPECT_EQ(plain.reference.has_value(), !known.needs_argument())
        << known.name;
    EXPECT_EQ(resolve_field(known.name, "").reference, std::nullopt)
        << known.name;
  }
}

TEST(ValueType, OfARawArgumentIsTheArguments) {
  EXPECT_EQ(value_type(FieldId::kEvtRawarg, "fd"), FalcoType::kFd);
  EXPECT_EQ(value_type(FieldId::kEvtRawarg, "oldpath"), FalcoType::kFspath);
  EXPECT_EQ(value_type(FieldId::kEvtRawarg, "nothing"), FalcoType::kDyn);
  EXPECT_EQ(value_type(FieldId::kEvtArg, "fd"), FalcoType::kCharbuf);
  EXPECT_EQ(value_type(FieldId::kFdSport, ""), FalcoType::kPort);
}

TEST(ReferenceText, IsReadAgainAsTheSame) {
  EXPECT_EQ(resolved("evt.arg.flags"), "evt.arg.flags");
  EXPECT_EQ(resolved("evt.arg", "0"), "evt.arg[0]");
  EXPECT_EQ(resolved("proc.aname", "2"), "proc.aname[2]");
  EXPECT_EQ(resolved("container.label.app"), "container.label[app]");
  EXPECT_EQ(resolved("proc.env", "A B"), "proc.env[\"A B\"]");
  EXPECT_EQ(resolved("proc.env", "A\"B"), "proc.env['A\"B']");
  EXPECT_EQ(resolved("thread.cgroup.cpu"), "thread.cgroup.cpu");
  for (const std::string_view text :
       {"evt.arg.flags", "evt.arg[0]", "proc.aname[2]", "container.label[app]",
        "proc.env[\"A B\"]", "proc.env['A\"B']", "evt.type.is.openat2",
        "evt.abspath.dst", "proc.aname", "container.mount[/x/*]"}) {
    EXPECT_EQ(longest(text), std::string(text) + " | ");
  }
}

TEST(LongestReference, LeavesWhatIsNoPartOfIt) {
  EXPECT_EQ(longest("proc.names"), "proc.name | s");
  EXPECT_EQ(longest("proc.name)"), "proc.name | )");
  EXPECT_EQ(longest("proc.name[0]"), "proc.name | [0]");
  EXPECT_EQ(longest("proc.aname[2] x"), "proc.aname[2] |  x");
  EXPECT_EQ(longest("proc.aname[x]"), "proc.aname | [x]");
  EXPECT_EQ(longest("proc.aname[2"), "proc.aname | [2");
  EXPECT_EQ(longest("proc.env[A B]"), "proc.env | [A B]");
  EXPECT_EQ(longest("evt.arg.flags.x"), "evt.arg.flags | .x");
  EXPECT_EQ(longest("evt.arg.newpathx"), "evt.arg.newpath | x");
  EXPECT_EQ(longest("evt.args"), "evt.args | ");
  EXPECT_EQ(longest("evt.type.is.openat2."), "evt.type.is.openat2 | .");
  EXPECT_EQ(longest("evt.type.is.x"), "evt.type | .is.x");
  EXPECT_EQ(longest("evt.abspath.s"), "evt.abspath | .s");
  EXPECT_EQ(longest("container.label.app: x"), "container.label[app] | : x");
  EXPECT_EQ(longest("k8s.pod.label.a.b.,"), "k8s.pod.label[a.b] | .,");
  EXPECT_EQ(longest("thread.cgroup.cpu2"), "thread.cgroup.cpu | 2");
}

TEST(LongestReference, IsNothingWithoutTheArgument) {
  EXPECT_EQ(longest("evt.arg"), "nothing");
  EXPECT_EQ(longest("evt.arg.qqq"), "nothing");
  EXPECT_EQ(longest("evt.rawarg[0]"), "nothing");
  EXPECT_EQ(longest("container.mount[]"), "nothing");
  EXPECT_EQ(longest("container.label[\"\"]"), "nothing");
  EXPECT_EQ(longest("container.label[\"a"), "nothing");
  EXPECT_EQ(longest("k8s.pod.label.1"), "nothing");
  EXPECT_EQ(longest("no.such"), "nothing");
  EXPECT_EQ(longest(""), "nothing");
}

TEST(Reference, AnIndexIsANumberAndNothingElse) {
  EXPECT_EQ(index_of("12"), 12U);
  for (const char* text : {"", "-1", "1x", "/etc", "99999999999999999999"}) {
    EXPECT_EQ(index_of(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bailiff
