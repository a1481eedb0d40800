// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/call_parameters.h
// The parameters of an observed event: evt.arg and evt.args.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sidecar/ingest/descriptor.h"
#include "sidecar/ingest/observed_record.h"
#include "sidecar/ingest/process_table.h"

namespace bailiff::sidecar {

struct Parameter {
  std::string raw;       // "-100"
  std::string resolved;  // "AT_FDCWD"; "": there is nothing to add
};

// Whether a path that the kernel has read could not be read any more when the
// call had returned: the caller took it away, and no rule can know it.
bool hides_path(const ObservedEvent& event);

// Borrows its parts.
class CallParameters {
 public:
  CallParameters(const ObservedEvent& event, const Process& process,
                 const std::optional<Descriptor>& descriptor)
      : event_(event), process_(process), descriptor_(descriptor) {}

  // By name, or by place from 0.  nullopt: the event has no such parameter, or
  // it could not be read.
  std::optional<Parameter> find(std::string_view name_or_place) const;
  // What evt.arg says: resolved, where that adds something.
  std::optional<std::string> text(std::string_view name_or_place) const;
  // "res=0 path=/tmp/x mode=0755 "; a parameter that is not told is left out.
  std::string all() const;

 private:
  std::optional<Parameter> of_program(std::string_view name) const;
  std::optional<Parameter> of_call(std::string_view name) const;
  Parameter result() const;
  Parameter descriptor(std::int64_t number) const;

  const ObservedEvent& event_;
  const Process& process_;
  const std::optional<Descriptor>& descriptor_;
};

}  // namespace bailiff::sidecar
