// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/output.h"

#include <gtest/gtest.h>

#include "tests/harness/expr.h"

namespace bailiff {
namespace {

using test::address;
using test::FakeEvent;

OutputTemplate parsed(std::string_view text) {
  const auto output = parse_output(text);
  EXPECT_TRUE(output) << (output ? "" : output.error().message);
  return output ? *output : OutputTemplate();
}

TEST(Render, PutsValuesIntoTheText) {
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"})
      .with(FieldId::kFdSip, {address("203.0.113.66")})
      .with(FieldId::kFdSport, {std::int64_t{1389}});
  EXPECT_EQ(render(parsed("%proc.name to %fd.sip:%fd.sport!"), event),
            "nc to 203.0.113.66:1389!");
}

TEST(Render, NullIsNotAvailable) {
  EXPECT_EQ(render(parsed("parent=%proc.pname"), FakeEvent()), "parent=<NA>");
}

TEST(Render, SeveralValuesAreAList) {
  FakeEvent event;
  event.with(FieldId::kProcArgs, {"-l", "-p"}).with(FieldId::kFdTypes, {"x"});
  EXPECT_EQ(render(parsed("%proc.args"), event), "(-l,-p)");
  EXPECT_EQ(render(parsed("%fd.types"), event), "(x)");
}

TEST(Render, TransformsWhatIsInACall) {
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"});
  EXPECT_EQ(render(parsed("%toupper(proc.name) %tolower(proc.pname)"), event),
            "NC <NA>");
  const auto fields = output_fields(parsed("%toupper(proc.name)"), event);
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].name, "proc.name");
  EXPECT_EQ(fields[0].value, OutputValue("nc"));
}

TEST(Render, PrintsNumbersAsTheirFieldDoes) {
  FakeEvent event;
  event.with(FieldId::kEvtRawtimeNs, {std::int64_t{7}})
      .with(FieldId::kFdDev, {std::int64_t{255}});
  EXPECT_EQ(render(parsed("%evt.rawtime.ns %fd.dev"), event), "000000007 FF");
}

TEST(Render, AWidthPadsAndCuts) {
  FakeEvent event;
  event.with(FieldId::kProcName, {"curl"});
  EXPECT_EQ(render(parsed("[%6proc.name][%2proc.name]"), event),
            "[curl  ][cu]");
}

TEST(Render, ContainerInfoIsEmpty) {
  EXPECT_EQ(render(parsed("<%container.info>"), FakeEvent()), "<>");
}

TEST(OutputFields, HoldsEachFieldOnce) {
  FakeEvent event;
  event.with(FieldId::kProcName, {"nc"})
      .with(FieldId::kFdSport, {std::int64_t{443}});
  const auto fields = output_fields(
      parsed("%fd.sport %proc.name %fd.sport %proc.pname"), event);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0].name, "fd.sport");
  EXPECT_EQ(fields[0].value, OutputValue(std::int64_t{443}));
  EXPECT_EQ(fields[1].name, "proc.name");
  EXPECT_EQ(fields[1].value, OutputValue("nc"));
  EXPECT_EQ(fields[2].name, "proc.pname");
  EXPECT_EQ(fields[2].value, OutputValue(Null{}));
}

TEST(OutputFields, GiveTheValuesOfAListOneByOne) {
  FakeEvent event;
  event.with(FieldId::kFdTypes, {"file", "pipe"})
      .with(FieldId::kProcArgs, {"-l", "-p"});
  const auto fields =
      output_fields(parsed("%fd.types %fd.types[1] %proc.args"), event);
  ASSERT_EQ(fields.size(), 3U);
  const std::vector<Value> list = {"file", "pipe"};
  EXPECT_EQ(fields[0].value, OutputValue(list));
  EXPECT_EQ(fields[1].value, OutputValue(list));
  EXPECT_EQ(fields[2].value, OutputValue("(-l,-p)"));
  EXPECT_EQ(output_fields(parsed("%fd.types"), FakeEvent())[0].value,
            OutputValue(Null{}));
}

}  // namespace
}  // namespace bailiff
