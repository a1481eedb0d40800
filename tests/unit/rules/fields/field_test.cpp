// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace bailiff {
namespace {

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  };
  return std::all_of(name.begin(), name.end(), allowed) &&
         name.find('.') != std::string_view::npos;
}

TEST(Fields, AreIndexedById) {
  for (std::size_t i = 0; i < all_fields().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_fields()[i].id), i);
  }
}

TEST(Fields, AreFoundByTheirOwnName) {
  for (const Field& known : all_fields()) {
    EXPECT_EQ(find_field(known.name), known.id) << known.name;
    EXPECT_EQ(&field(known.id), &known);
  }
  EXPECT_FALSE(find_field("fd.sipp"));
  EXPECT_FALSE(find_field("fd"));
  EXPECT_FALSE(find_field(""));
  EXPECT_FALSE(find_field("zzz"));
}

TEST(Fields, AreDescribedInOneLine) {
  std::set<std::string_view> seen;
  for (const Field& known : all_fields()) {
    EXPECT_TRUE(is_name(known.name)) << known.name;
    EXPECT_TRUE(seen.insert(known.name).second) << known.name;
    EXPECT_FALSE(known.description.empty()) << known.name;
    EXPECT_NE(known.description.back(), '.') << known.name;
    EXPECT_EQ(known.description.find_first_of("\n|"), std::string_view::npos)
        << known.name;
  }
}

TEST(Fields, AreGroupedByClass) {
  for (std::size_t i = 1; i < all_fields().size(); ++i) {
    EXPECT_LE(all_fields()[i - 1].cls, all_fields()[i].cls)
        << all_fields()[i].name;
  }
}

TEST(Fields, CanBeUsedSomewhere) {
  for (const Field& known : all_fields()) {
    EXPECT_TRUE(known.usable_in_condition() || known.usable_in_output())
        << known.name;
  }
  EXPECT_FALSE(field(FieldId::kFdNet).usable_in_output());
  EXPECT_FALSE(field(FieldId::kEvtOutputtime).usable_in_condition());
  EXPECT_FALSE(field(FieldId::kContainerInfo).usable_in_condition());
  EXPECT_TRUE(field(FieldId::kEvtBuflenIn).usable_in_condition());
}

TEST(Fields, HaveTheTypeOfTheirFalcoType) {
  EXPECT_EQ(field(FieldId::kFdSport).falco_type, FalcoType::kPort);
  EXPECT_EQ(field(FieldId::kFdSport).type, FieldType::kNumber);
  EXPECT_EQ(field(FieldId::kFdSip).type, FieldType::kAddress);
  EXPECT_EQ(field(FieldId::kFdSnet).type, FieldType::kNetwork);
  EXPECT_EQ(field(FieldId::kEvtBuffer).type, FieldType::kBytes);
  EXPECT_EQ(field(FieldId::kProcFdusage).type, FieldType::kDouble);
  EXPECT_EQ(field(FieldId::kEvtRawarg).type, FieldType::kDynamic);
  EXPECT_EQ(field(FieldId::kProcDuration).type, FieldType::kNumber);
  EXPECT_EQ(field(FieldId::kContainerPrivileged).type, FieldType::kBool);
}

TEST(Fields, HaveFlags) {
  const Field& types = field(FieldId::kFdTypes);
  EXPECT_TRUE(types.is_list());
  EXPECT_FALSE(types.allows_right_side());
  EXPECT_TRUE(types.allows_transformer());
  EXPECT_FALSE(field(FieldId::kProcAname).allows_transformer());
  EXPECT_TRUE(field(FieldId::kProcAargs).allows_transformer());
  EXPECT_TRUE(field(FieldId::kEvtDir).deprecated());
  EXPECT_FALSE(field(FieldId::kEvtType).deprecated());
}

TEST(Fields, SayWhetherTheyNeedAnArgument) {
  EXPECT_FALSE(field(FieldId::kProcName).takes_argument());
  EXPECT_TRUE(field(FieldId::kProcAname).takes_argument());
  EXPECT_FALSE(field(FieldId::kProcAname).needs_argument());
  EXPECT_FALSE(field(FieldId::kEvtAbspath).needs_argument());
  EXPECT_TRUE(field(FieldId::kEvtArg).needs_argument());
  EXPECT_TRUE(field(FieldId::kContainerMountDest).needs_argument());
}

TEST(LongestFieldPrefix, TakesTheLongestName) {
  EXPECT_EQ(longest_field_prefix("proc.name"), FieldId::kProcName);
  EXPECT_EQ(longest_field_prefix("proc.names"), FieldId::kProcName);
  EXPECT_EQ(longest_field_prefix("evt.time.iso8601"), FieldId::kEvtTimeIso8601);
  EXPECT_EQ(longest_field_prefix("evt.time.iso"), FieldId::kEvtTime);
  EXPECT_EQ(longest_field_prefix("evt.argsx"), FieldId::kEvtArgs);
  EXPECT_EQ(longest_field_prefix("evt.arg.x"), FieldId::kEvtArg);
  EXPECT_FALSE(longest_field_prefix("evt.nam"));
  EXPECT_FALSE(longest_field_prefix("a"));
  EXPECT_FALSE(longest_field_prefix("zzz"));
  EXPECT_FALSE(longest_field_prefix(""));
}

// As if every name were tried.
TEST(LongestFieldPrefix, AgreesWithTheTable) {
  for (const Field& known : all_fields()) {
    for (const char* behind : {"", "x", ".", ".s", "s", "\xff"}) {
      const std::string text = std::string(known.name) + behind;
      const Field* longest = nullptr;
      for (const Field& one : all_fields()) {
        const bool longer =
            longest == nullptr || one.name.size() > longest->name.size();
        if (longer && text.starts_with(one.name)) longest = &one;
      }
      ASSERT_NE(longest, nullptr);
      EXPECT_EQ(longest_field_prefix(text), longest->id) << text;
    }
  }
}

TEST(NearestField, FindsTheNameThatWasMeant) {
  EXPECT_EQ(nearest_field("fd.sipp"), "fd.sip");
  EXPECT_EQ(nearest_field("proc.exe_path"), "proc.exepath");
  EXPECT_EQ(nearest_field("k8s.namespace"), "");
}

TEST(NearestField, FinishesAName) {
  EXPECT_EQ(nearest_field("container.image.repo"),
            "container.image.repository");
  EXPECT_EQ(nearest_field("util.c"), "util.cnt");
  EXPECT_EQ(nearest_field("util"), "util.cnt");
  EXPECT_EQ(nearest_field("k8s"), "");
}

TEST(FalcoTypes, HaveAName) {
  EXPECT_EQ(to_string(FalcoType::kUint64), "UINT64");
  EXPECT_EQ(to_string(FalcoType::kDyn), "DYN");
  EXPECT_EQ(field_type_of(FalcoType::kPort), FieldType::kNumber);
  EXPECT_EQ(field_type_of(FalcoType::kDyn), FieldType::kDynamic);
}

TEST(NumberRange, IsThatOfTheFalcoType) {
  EXPECT_EQ(number_range(FalcoType::kPort).largest, 65535U);
  EXPECT_EQ(number_range(FalcoType::kPort).smallest, 0);
  EXPECT_EQ(number_range(FalcoType::kInt16).smallest, -32768);
  EXPECT_EQ(number_range(FalcoType::kUint32).largest, 4294967295U);
  EXPECT_EQ(number_range(FalcoType::kInt64).smallest, INT64_MIN);
  EXPECT_EQ(number_range(FalcoType::kReltime).largest, UINT64_MAX);
}

TEST(NumberRange, IsKnownForEveryNumber) {
  for (const Field& known : all_fields()) {
    if (known.type != FieldType::kNumber) continue;
    const NumberRange range = number_range(known.falco_type);
    EXPECT_LE(range.smallest, 0) << known.name;
    EXPECT_GE(range.largest, 255U) << known.name;
  }
}

}  // namespace
}  // namespace bailiff
