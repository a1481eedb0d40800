// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/container_fields.h
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "oci/spec/container_record.h"
#include "rules/eval/evaluate.h"
#include "rules/lower/lower.h"

namespace bailiff::sidecar {

// The fields of the event that reports a new container (evt.type=container).
// The process is the one the container was configured to run: when the record
// was written it had not been started yet.
class ContainerEventFields final : public FieldSource {
 public:
  // Borrows `record` and `container`.
  ContainerEventFields(const oci::ContainerRecord& record,
                       const Facts& container, std::uint64_t number)
      : record_(record), container_(container), number_(number) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view argument,
            Views& views) const override;

 private:
  const oci::ContainerRecord& record_;
  const Facts& container_;
  std::uint64_t number_;
};

}  // namespace bailiff::sidecar
