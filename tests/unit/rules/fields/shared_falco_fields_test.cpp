// SPDX-License-Identifier: Apache-2.0
//
// The tables against what Falco's engine says of itself and what its rules use.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "rules/fields/event_type.h"
#include "rules/fields/field.h"
#include "rules/fields/reference.h"

namespace bailiff {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

// The rows of a file, without the one that names the columns.
std::vector<std::vector<std::string>> rows(const std::string& name) {
  std::vector<std::vector<std::string>> all;
  std::ifstream in(std::string(BAILIFF_SHARED_DATA) + "/" + name);
  EXPECT_TRUE(in) << name;
  for (std::string line; std::getline(in, line);) {
    all.push_back(split(line, '\t'));
  }
  if (!all.empty()) all.erase(all.begin());
  return all;
}

// class, field, type, flags, print_format, description
std::vector<std::vector<std::string>> falco_fields() {
  return rows("falco-fields.tsv");
}

std::string falco_class(FieldClass cls) {
  switch (cls) {
    case FieldClass::kEvent:
      return "gen_event";
    case FieldClass::kSyscall:
      return "event";
    case FieldClass::kProcess:
      return "thread";
    case FieldClass::kUser:
      return "user";
    case FieldClass::kGroup:
      return "group";
    case FieldClass::kDescriptor:
      return "fd";
    case FieldClass::kPath:
      return "fspath";
    case FieldClass::kPoll:
      return "fdlist";
    case FieldClass::kUtility:
      return "utils";
    case FieldClass::kContainer:
    case FieldClass::kKubernetes:
      break;
  }
  return "";
}

TEST(SharedFalcoFields, AreAllKnownInFalcosOrder) {
  const auto falco = falco_fields();
  EXPECT_EQ(falco.size(), 232U);
  std::size_t last = 0;
  for (const std::vector<std::string>& row : falco) {
    const auto id = find_field(row[1]);
    ASSERT_TRUE(id) << row[1];
    EXPECT_EQ(falco_class(field(*id).cls), row[0]) << row[1];
    EXPECT_GE(static_cast<std::size_t>(*id), last) << row[1];
    last = static_cast<std::size_t>(*id);
  }
}

TEST(SharedFalcoFields, HaveFalcosTypes) {
  for (const std::vector<std::string>& row : falco_fields()) {
    const Field& known = field(*find_field(row[1]));
    EXPECT_EQ("PT_" + std::string(to_string(known.falco_type)), row[2])
        << row[1];
  }
}

TEST(SharedFalcoFields, HaveFalcosFlags) {
  for (const std::vector<std::string>& row : falco_fields()) {
    const Field& known = field(*find_field(row[1]));
    const auto parts = split(row[3], '|');
    const std::set<std::string> flags(parts.begin(), parts.end());
    const auto has = [&](const char* flag) { return flags.contains(flag); };
    EXPECT_EQ(known.is_list(), has("EPF_IS_LIST")) << row[1];
    EXPECT_EQ(known.allows_transformer(), !has("EPF_NO_TRANSFORMER")) << row[1];
    EXPECT_EQ(known.allows_right_side(), !has("EPF_NO_RHS")) << row[1];
    EXPECT_EQ(known.usable_in_output(), !has("EPF_FILTER_ONLY")) << row[1];
    EXPECT_EQ(known.usable_in_condition(), !has("EPF_PRINT_ONLY")) << row[1];
    EXPECT_EQ(known.has(FieldFlag::kTableOnly), has("EPF_TABLE_ONLY"))
        << row[1];
    EXPECT_EQ(known.deprecated(), has("EPF_DEPRECATED")) << row[1];
    EXPECT_EQ(known.has(FieldFlag::kHex), row[4] == "PF_HEX") << row[1];
    EXPECT_EQ(known.has(FieldFlag::kPadded), row[4] == "PF_10_PADDED_DEC")
        << row[1];
    // Falco marks evt.abspath as if it needed one, and takes it without.
    const bool needed = has("EPF_ARG_REQUIRED") && row[1] != "evt.abspath";
    EXPECT_EQ(known.needs_argument(), needed) << row[1];
    EXPECT_EQ(known.takes_argument(),
              has("EPF_ARG_REQUIRED") || has("EPF_ARG_ALLOWED"))
        << row[1];
  }
}

// What is in no file here is of Falco's container plugin.
TEST(SharedFalcoFields, AreAllThereIsOfTheirClasses) {
  std::set<std::string> falco;
  for (const std::vector<std::string>& row : falco_fields()) {
    falco.insert(row[1]);
  }
  for (const Field& known : all_fields()) {
    const std::string name(known.name);
    if (falco_class(known.cls).empty()) {
      EXPECT_FALSE(falco.contains(name)) << name;
    } else if (!falco.contains(name)) {
      EXPECT_TRUE(name.starts_with("proc.is_container_")) << name;
    }
  }
}

// file, rule, maturity, enabled, priority, source, evt_types, fields, …
TEST(SharedFalcoRules, UseKnownFieldsAndEvents) {
  const auto census = rows("falco-rules-census.tsv");
  EXPECT_EQ(census.size(), 97U);
  for (const std::vector<std::string>& row : census) {
    for (const std::string& name : split(row[6], ',')) {
      EXPECT_TRUE(find_event_type(name)) << row[1] << ": " << name;
    }
    for (const std::string& text : split(row[7], ' ')) {
      const auto found = longest_reference(text);
      ASSERT_TRUE(found) << row[1] << ": " << text;
      EXPECT_EQ(found->length, text.size()) << row[1] << ": " << text;
      EXPECT_EQ(to_string(found->reference), text);
      EXPECT_TRUE(field(found->reference.field).usable_in_condition()) << text;
    }
  }
}

}  // namespace
}  // namespace bailiff
