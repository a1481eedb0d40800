// SPDX-License-Identifier: Apache-2.0
// rules/cli/inspect_json.h
// The JSON that explain writes and eval reads and writes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "rules/base/result.h"
#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"

namespace bailiff::cli {

// An array of {"rule","enforcement","hooks","events","fields","condition",
// "reason"} with a line end; "events" is null when it can be any.
std::string placements_json(const std::vector<Placement>& placements,
                            const CompiledPolicy& policy);

// A JSON array of strings, one line, with a line end.
std::string names_json(const std::vector<std::string>& names);

// An event in Falco's field names.  evt.dir is "<" and evt.num the number of
// the event unless it says otherwise: every event has them.
class JsonEvent final : public FieldSource {
 public:
  // `line` is a flat JSON object from field name to value; null is a field
  // that extracts nothing, an array one with several values.  Names that are
  // no field here are ignored: no rule can ask for them.  kInvalidArgument,
  // naming the field, for a value that is not of its type.
  static Result<JsonEvent> parse(std::string_view line, std::int64_t number);
  static Result<JsonEvent> read(const nlohmann::json& object,
                                std::int64_t number);

  // "name[2]" when the event has it, else element 2 of "name"; of texts such as
  // "HOME=/root" what is behind the key.  Of fields of ancestors (proc.aname)
  // element 0 is the process, and without an index it does not count; a text
  // that was given word by word (proc.args) is joined by blanks.
  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override;

 private:
  // By field and argument.
  std::map<std::pair<FieldId, std::string>, std::vector<Value>> values_;
};

}  // namespace bailiff::cli
