// SPDX-License-Identifier: Apache-2.0
// rules/document/mapping_reader.h
// Reads the keys of a YAML mapping one by one, with a diagnostic at its place
// for each that is not as it should be.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/document/placed_texts.h"
#include "rules/document/yaml.h"

namespace bailiff {

// "30s", "10m", "1h", "2d" or "500ms" in milliseconds; nullopt: no such text.
std::optional<std::int64_t> parse_duration(std::string_view text);

// Adds the error (LOAD_ERR_YAML_VALIDATE) that a node is not of the kind its
// place in the file asks for.
void report_shape(Diagnostics& diagnostics, Span span, std::string message);
// Adds the error (LOAD_ERR_VALIDATE) that what is written cannot be meant.
void report_invalid(Diagnostics& diagnostics, Span span, std::string message,
                    std::string item_type, std::string item_name);

class MappingReader {
 public:
  // `mapping` must be a mapping; it, the stream and `diagnostics` are borrowed
  // for the reader's life.  `item_type` and `item_name` go into diagnostics.
  MappingReader(const yaml::Stream& stream, const yaml::Node& mapping,
                Diagnostics& diagnostics, std::string item_type = {},
                std::string item_name = {});

  // The value of the key, nullptr when it is absent.  Marks the key as known.
  // Where a key is given twice the first counts, as in Falco.
  const yaml::Node* find(std::string_view key);
  bool has(std::string_view key) { return find(key) != nullptr; }

  // The value in the type asked for; nullopt when the key is absent, or after
  // a diagnostic.
  std::optional<PlacedText> text(std::string_view key);      // not empty
  std::optional<LocatedText> located(std::string_view key);  // not empty
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> number(std::string_view key, std::int64_t least,
                                     std::int64_t greatest);
  std::optional<std::int64_t> duration_ms(std::string_view key);
  // A sequence of scalars that are not empty.
  std::optional<std::vector<PlacedText>> texts(std::string_view key);
  // A sequence of scalars, empty ones among them.
  std::optional<PlacedTexts> scalars(std::string_view key);
  // The index of the value in `words`.
  std::optional<std::size_t> one_of(
      std::string_view key, std::initializer_list<std::string_view> words);

  // An error unless the key is there.
  void require(std::string_view key);
  // A diagnostic for each key never asked for and each key given twice.
  void finish(Severity unknown_keys);

  void error(Span span, std::string message, std::string hint = {});
  void warning(Span span, std::string code, std::string message,
               std::string hint = {});

  const yaml::Stream& stream() const { return stream_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  // The mapping's first byte, or its first key where there is one.
  Span span() const;
  // Of the key itself; the mapping's when it is absent.
  Span key_span(std::string_view key) const;

 private:
  struct Entry {
    const yaml::Node* key;
    const yaml::Node* value;
    bool known = false;
  };

  std::optional<PlacedText> scalar(const yaml::Node& node,
                                   std::string_view what);
  void add(Severity severity, std::string code, Span span, std::string message,
           std::string hint);

  const yaml::Stream& stream_;
  const yaml::Node& mapping_;
  Diagnostics& diagnostics_;
  std::string item_type_;
  std::string item_name_;
  std::vector<Entry> entries_;
  std::vector<std::string_view> asked_;
};

}  // namespace bailiff
