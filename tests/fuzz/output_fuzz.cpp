// SPDX-License-Identifier: Apache-2.0
// The output template: every mistake lies within the text, and what is accepted
// can be rendered for an event that knows nothing, or says the same of
// everything.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "rules/eval/output.h"

namespace {

class Event final : public bailiff::FieldSource {
 public:
  explicit Event(std::vector<bailiff::Value> values)
      : values_(std::move(values)) {}
  std::vector<bailiff::Value> extract(bailiff::FieldId,
                                      std::string_view) const override {
    return values_;
  }

 private:
  std::vector<bailiff::Value> values_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const bailiff::ParsedOutput parsed = bailiff::parse_output_all(text);
  for (const bailiff::OutputError& error : parsed.errors) {
    if (error.begin > error.end || error.end > size) std::abort();
    if (error.message.empty()) std::abort();
  }
  const bool accepted = bailiff::parse_output(text).has_value();
  if (accepted != parsed.errors.empty()) std::abort();
  if (!accepted) return 0;
  for (const Event& event : {Event({}), Event({"a-b"}), Event({"x", "y"}),
                             Event({std::int64_t{-1}})}) {
    bailiff::render(parsed.output, event);
    for (const auto& field : bailiff::output_fields(parsed.output, event)) {
      if (field.name.empty()) std::abort();
    }
  }
  return 0;
}
