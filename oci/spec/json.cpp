// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/json.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <unordered_set>
#include <utility>

#include "oci/sys/errno_error.h"

namespace bailiff::oci {
namespace {

// Keys are foreign text of any length; an error shows so much of one.
constexpr std::size_t kMaxShownKey = 64;

std::string shown(std::string_view key) {
  if (key.size() <= kMaxShownKey) return std::string(key);
  return std::string(key.substr(0, kMaxShownKey)) + "...";
}

std::string append_key(std::string path, std::string_view key) {
  if (!path.empty()) path += '.';
  return path + shown(key);
}

// Builds the tree from the parser's events.  The library's own builder takes
// the last of equal keys without a word and makes doubles of big integers.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos) {
      return fail("the integer " + shown(text) + " is out of range");
    }
    return add(value);
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) override {
    return fail("binary values are not JSON");
  }
  bool start_object(std::size_t /*unknown*/) override {
    return open(Json::object());
  }
  bool start_array(std::size_t /*unknown*/) override {
    return open(Json::array());
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& value) override {
    Level& level = levels_.back();
    level.key = value;
    if (!level.keys.insert(value).second) return fail("the key is there twice");
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    error_at_ = position;
    return false;
  }

  Json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }
  // Byte the grammar broke at, counted from 1; 0: it did not.
  std::size_t error_at() const { return error_at_; }

  std::string path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.node->is_array()) {
        path += '[' + std::to_string(level.node->size()) + ']';
      } else if (!level.key.empty()) {
        path = append_key(std::move(path), level.key);
      }
    }
    return path;
  }

 private:
  struct Level {
    // Stable: a container only grows while the level of its last member is
    // closed.
    Json* node;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  Json* place(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.node->is_array()) {
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    // Appends without the search of operator[]: the key is new, and a search
    // for each would take quadratic time on many annotations.
    auto& members = *level.node->get_ptr<Json::object_t*>();
    members.push_back({level.key, std::move(value)});
    return &members.back().second;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (levels_.size() == kMaxJsonDepth) {
      return fail("nested deeper than " + std::to_string(kMaxJsonDepth));
    }
    Json* node = place(std::move(container));
    levels_.push_back({node, {}, {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Level> levels_;
  std::string problem_;
  std::size_t error_at_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& what,
                        std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Error{Code::kExhausted, what + " has " +
                                       std::to_string(text.size()) +
                                       " bytes, more than the " +
                                       std::to_string(max_bytes) + " allowed"};
  }
  TreeBuilder tree;
  if (Json::sax_parse(text, &tree)) return tree.take();
  const std::string path = tree.path();
  const std::string where =
      path.empty() ? std::string() : " in field '" + path + "'";
  if (!tree.problem().empty()) {
    return invalid_argument(what + ": " + tree.problem() + where);
  }
  if (tree.error_at() > text.size()) {
    return invalid_argument(what + " ends early, after byte " +
                            std::to_string(text.size()) + where);
  }
  return invalid_argument(what + " is not JSON at byte " +
                          std::to_string(tree.error_at()) + where);
}

Result<std::string> write_json(const Json& json) {
  try {
    return json.dump();
  } catch (const std::exception&) {
    // The only reason: text that did not come from parse_json().
    return invalid_argument("a string to be written as JSON is not UTF-8");
  }
}

Result<FieldReader> FieldReader::open(const Json& object, std::string what,
                                      std::string path) {
  if (object.is_object()) {
    return FieldReader(object, std::move(what), std::move(path));
  }
  FieldReader reader(object, std::move(what), "");
  if (path.empty()) {
    return invalid_argument(reader.what_ + ": expected an object, found " +
                            object.type_name());
  }
  return reader.expected(path, "an object", object);
}

const Json* FieldReader::find(std::string_view key) const {
  const auto& members = *object_->get_ptr<const Json::object_t*>();
  const auto found =
      std::find_if(members.begin(), members.end(),
                   [key](const auto& member) { return member.first == key; });
  if (found == members.end() || found->second.is_null()) return nullptr;
  return &found->second;
}

std::string FieldReader::path_of(std::string_view key) const {
  return append_key(path_, key);
}

Error FieldReader::wrong(const std::string& path,
                         const std::string& problem) const {
  return invalid_argument(what_ + ": field '" + path + "': " + problem);
}

Error FieldReader::expected(const std::string& path, const char* type,
                            const Json& found) const {
  return wrong(
      path, std::string("expected ") + type + ", found " + found.type_name());
}

Result<std::optional<std::string>> FieldReader::string(
    std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return expected(path_of(key), "a string", *value);
  return std::optional(*value->get_ptr<const std::string*>());
}

Result<std::optional<std::int64_t>> FieldReader::integer(
    std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (!value->is_number_integer()) {
    return expected(path_of(key), "an integer", *value);
  }
  if (value->is_number_unsigned() &&
      *value->get_ptr<const std::uint64_t*>() >
          std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return wrong(path_of(key), "the integer is out of range");
  }
  return std::optional(value->get<std::int64_t>());
}

Result<std::optional<std::uint64_t>> FieldReader::natural(
    std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::uint64_t>();
  // One that is not negative is read as an unsigned one.
  if (!value->is_number_unsigned()) {
    return expected(path_of(key), "an integer from 0", *value);
  }
  return std::optional(value->get<std::uint64_t>());
}

Result<std::optional<bool>> FieldReader::boolean(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) {
    return expected(path_of(key), "true or false", *value);
  }
  return std::optional(value->get<bool>());
}

Result<std::vector<std::string>> FieldReader::strings(
    std::string_view key) const {
  std::vector<std::string> strings;
  const Json* value = find(key);
  if (value == nullptr) return strings;
  if (!value->is_array()) return expected(path_of(key), "an array", *value);
  for (const Json& element : *value) {
    if (!element.is_string()) {
      return expected(path_of(key) + '[' + std::to_string(strings.size()) + ']',
                      "a string", element);
    }
    strings.push_back(*element.get_ptr<const std::string*>());
  }
  return strings;
}

Result<std::map<std::string, std::string>> FieldReader::string_map(
    std::string_view key) const {
  std::map<std::string, std::string> map;
  const Json* value = find(key);
  if (value == nullptr) return map;
  if (!value->is_object()) return expected(path_of(key), "an object", *value);
  for (const auto& [name, member] : *value->get_ptr<const Json::object_t*>()) {
    if (!member.is_string()) {
      return expected(append_key(path_of(key), name), "a string", member);
    }
    map.emplace(name, *member.get_ptr<const std::string*>());
  }
  return map;
}

Result<std::optional<FieldReader>> FieldReader::object(
    std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<FieldReader>();
  ASSIGN_OR_RETURN(FieldReader reader, open(*value, what_, path_of(key)));
  return std::optional(std::move(reader));
}

Result<std::vector<FieldReader>> FieldReader::objects(
    std::string_view key) const {
  std::vector<FieldReader> readers;
  const Json* value = find(key);
  if (value == nullptr) return readers;
  if (!value->is_array()) return expected(path_of(key), "an array", *value);
  for (const Json& element : *value) {
    ASSIGN_OR_RETURN(
        FieldReader reader,
        open(element, what_,
             path_of(key) + '[' + std::to_string(readers.size()) + ']'));
    readers.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace bailiff::oci
