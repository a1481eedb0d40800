// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "rules/eval/evaluate.h"

namespace bailiff {

void FieldSource::view(FieldId field, std::string_view argument,
                       Views& views) const {
  for (Value& value : extract(field, argument)) views.keep(std::move(value));
}

std::vector<Value> owned(const FieldSource& source, FieldId field,
                         std::string_view argument) {
  Views views;
  source.view(field, argument, views);
  std::vector<Value> values;
  for (std::size_t i = 0; i < views.size(); ++i) {
    values.push_back(value_of(views[i]));
  }
  return values;
}

}  // namespace bailiff
