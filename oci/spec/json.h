// SPDX-License-Identifier: Apache-2.0
// oci/spec/json.h
// JSON of runtimes and managers: strict when read, nothing lost when written.
//
// For the .cpp files of this folder, the only ones that know the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/base/result.h"

namespace bailiff::oci {

// Keeps the order of keys.
using Json = nlohmann::ordered_json;

// Arrays and objects in each other.  A config.json needs 7; a document with
// more is refused, so that no reader of it recurses deeply.
inline constexpr std::size_t kMaxJsonDepth = 64;

// Reads one document of at most `max_bytes` and nothing after it.  `what` is
// what errors call it: "'/run/b/config.json'".  Refused beyond the grammar:
//   - a key that is twice in one object: runc takes the last, crun the first,
//     and what we check must be what they run;
//   - an integer that fits neither int64 nor uint64: it would become a double;
//   - deeper nesting than kMaxJsonDepth.
// Errors name the byte and the field it is in.
Result<Json> parse_json(std::string_view text, const std::string& what,
                        std::size_t max_bytes);

// Compact text.  Every key, order, integer and string is as it was read;
// fractions are written as the shortest text of the same double.
Result<std::string> write_json(const Json& json);

// Reads the members of one object by type.  An absent member and `null` are the
// same, as they are for the runtimes.  Errors name the field by its full path:
// "'/b/config.json': field 'process.args[1]': expected a string, found a
// number".
class FieldReader {
 public:
  // Borrows `object`.  `path` is "" at the top.
  static Result<FieldReader> open(const Json& object, std::string what,
                                  std::string path = "");

  Result<std::optional<std::string>> string(std::string_view key) const;
  Result<std::optional<std::int64_t>> integer(std::string_view key) const;
  // Not negative.
  Result<std::optional<std::uint64_t>> natural(std::string_view key) const;
  Result<std::optional<bool>> boolean(std::string_view key) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::map<std::string, std::string>> string_map(
      std::string_view key) const;
  Result<std::optional<FieldReader>> object(std::string_view key) const;
  Result<std::vector<FieldReader>> objects(std::string_view key) const;

  std::string path_of(std::string_view key) const;
  Error wrong(const std::string& path, const std::string& problem) const;

 private:
  FieldReader(const Json& object, std::string what, std::string path)
      : object_(&object), what_(std::move(what)), path_(std::move(path)) {}

  // nullptr when absent or null.
  const Json* find(std::string_view key) const;
  Error expected(const std::string& path, const char* type,
                 const Json& found) const;

  const Json* object_;
  std::string what_;
  std::string path_;
};

}  // namespace bailiff::oci
