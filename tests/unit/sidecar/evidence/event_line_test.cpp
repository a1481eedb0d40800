// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/event_line.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace bailiff::sidecar {
namespace {

using nlohmann::json;

class Event final : public FieldSource {
 public:
  using Values = std::map<std::pair<FieldId, std::string>, std::vector<Value>>;
  explicit Event(Values values) : values_(std::move(values)) {}
  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    const auto found = values_.find({field, std::string(argument)});
    return found == values_.end() ? std::vector<Value>{} : found->second;
  }

 private:
  Values values_;
};

TEST(EventLine, IsWhatEvalReads) {
  const Event event({
      {{FieldId::kEvtType, ""}, {std::string("mkdir")}},
      {{FieldId::kEvtArg, "path"}, {std::string("/x")}},
      {{FieldId::kProcAname, "0"}, {std::string("sh")}},
      {{FieldId::kProcAname, "1"}, {std::string("java")}},
      {{FieldId::kFdSip, ""}, {*parse_address("203.0.113.66")}},
      {{FieldId::kProcPid, ""}, {std::int64_t{42}}},
      {{FieldId::kProcCmdline, ""}, {std::string("sh --password=hunter2")}},
  });
  const json line = json::parse(event_line(event, 1, Secrets::kMask));
  EXPECT_EQ(line, json::parse(R"({
    "evt.time.iso8601": "1970-01-01T00:00:00.000000001Z", "evt.type": "mkdir", "evt.arg.path": "/x",
    "proc.aname": ["sh", "java"], "fd.sip": "203.0.113.66", "proc.pid": 42,
    "proc.cmdline": "sh --password=***"})"));
  EXPECT_EQ(json::parse(event_line(event, 1, Secrets::kKeep))["proc.cmdline"],
            "sh --password=hunter2");
}

}  // namespace
}  // namespace bailiff::sidecar
