// SPDX-License-Identifier: Apache-2.0
// sidecar/ingest/field_text.h
// Texts that several event sources make the same way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/eval/value_view.h"
#include "rules/fields/field.h"
#include "rules/lower/lower.h"

namespace bailiff::sidecar {

// The arguments behind the first, joined by blanks: proc.args.
std::string join_arguments(const std::vector<std::string>& args);
// Name and arguments: proc.cmdline.
std::string command_line(std::string_view name,
                         const std::vector<std::string>& args);

// fd.l4proto, of an IPPROTO_*.
std::string_view protocol_name(std::uint8_t l4proto);

// A field that is constant for a container, container.info included; nothing
// for one the facts do not have.  Borrows `facts`.
void view_container_field(const Facts& facts, FieldId field,
                          std::string_view argument, Views& views);

}  // namespace bailiff::sidecar
