// SPDX-License-Identifier: Apache-2.0
#include "rules/document/required_versions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/document/mapping_reader.h"

namespace bailiff {
namespace {

using yaml::Node;
using yaml::NodeKind;

// A version "major.minor.patch".
using Version = std::array<std::uint32_t, 3>;

// The rule engine behind Falco 0.44, whose language this is.
constexpr Version kEngineVersion = {0, 63, 0};

constexpr std::string_view kBuiltIn = "container";

std::string to_string(const Version& version) {
  return std::to_string(version[0]) + "." + std::to_string(version[1]) + "." +
         std::to_string(version[2]);
}

// "1.2.3", whatever stands behind it, which is how Falco reads one.
std::optional<Version> parse_version(std::string_view text) {
  Version version{};
  for (std::size_t i = 0; i < version.size(); ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), version[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return version;
}

// A number alone is the minor version, as it was before Falco 0.37.
std::optional<Version> parse_engine_version(std::string_view text) {
  std::uint32_t minor = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, minor);
  if (parsed.ec == std::errc() && parsed.ptr == end) {
    return Version{0, minor, 0};
  }
  return parse_version(text);
}

bool satisfies(const Version& have, const Version& wanted) {
  return have[0] == wanted[0] && have >= wanted;
}

class PluginReader {
 public:
  PluginReader(const yaml::Stream& stream, Diagnostics& diagnostics)
      : stream_(stream), diagnostics_(diagnostics) {}

  void entry(const Node& node) {
    constexpr char kType[] = "required plugin versions entry";
    if (!mapping(node, "plugin version", kType)) return;
    requirement(node, kType);
    MappingReader reader = named(node, kType);
    const Node* alternatives = reader.find("alternatives");
    if (alternatives != nullptr && alternatives->kind != NodeKind::kSequence) {
      good_ = false;
      reader.error(alternatives->span,
                   "plugin version alternatives must be a sequence, not " +
                       std::string(to_string(alternatives->kind)));
    } else if (alternatives != nullptr) {
      for (const yaml::NodeId child : alternatives->children) {
        constexpr char kOther[] = "required plugin versions alternative";
        if (mapping(stream_[child], "plugin version alternative", kOther)) {
          requirement(stream_[child], kOther);
        }
      }
    }
    if (good_ &&
        std::find(names_.begin(), names_.end(), kBuiltIn) == names_.end()) {
      report_invalid(diagnostics_, reader.span(),
                     "no required plugin is available, only 'container' is",
                     kType, names_.front());
    }
  }

 private:
  MappingReader named(const Node& node, const char* type) {
    MappingReader probe(stream_, node, diagnostics_);
    const Node* name = probe.find("name");
    return {stream_, node, diagnostics_, type,
            name != nullptr ? name->text : std::string()};
  }

  bool mapping(const Node& node, const std::string& what, const char* type) {
    if (node.kind == NodeKind::kMapping) return true;
    good_ = false;
    MappingReader(stream_, node, diagnostics_, type)
        .error(node.span, "a " + what + " must be a mapping, not " +
                              std::string(to_string(node.kind)));
    return false;
  }

  void requirement(const Node& node, const char* type) {
    MappingReader reader = named(node, type);
    reader.require("name");
    reader.require("version");
    const std::optional<PlacedText> name = reader.text("name");
    const std::optional<PlacedText> version = reader.text("version");
    if (!name || !version) {
      good_ = false;
      return;
    }
    if (!parse_version(version->text)) {
      good_ = false;
      report_invalid(diagnostics_, version->span,
                     "version '" + version->text + "' of plugin '" +
                         name->text + "' is not of the form 'x.y.z'",
                     type, name->text);
    }
    if (std::find(names_.begin(), names_.end(), name->text) != names_.end()) {
      good_ = false;
      report_invalid(diagnostics_, name->span,
                     "plugin '" + name->text + "' is its own alternative", type,
                     name->text);
    }
    names_.push_back(name->text);
  }

  const yaml::Stream& stream_;
  Diagnostics& diagnostics_;
  std::vector<std::string> names_;  // of the entry and its alternatives
  bool good_ = true;
};

}  // namespace

void check_required_engine_version(const yaml::Stream& stream, const Node& item,
                                   Diagnostics& diagnostics) {
  constexpr char kKey[] = "required_engine_version";
  MappingReader reader(stream, item, diagnostics, kKey);
  const std::optional<PlacedText> text = reader.text(kKey);
  reader.finish(Severity::kWarning);
  if (!text) return;
  const std::optional<Version> version = parse_engine_version(text->text);
  if (!version) {
    reader.error(text->span, "engine version '" + text->text +
                                 "' is not of the form 'x.y.z'");
  } else if (!satisfies(kEngineVersion, *version)) {
    report_invalid(diagnostics, text->span,
                   "rules require engine version " + to_string(*version) +
                       ", but the engine version is " +
                       to_string(kEngineVersion),
                   kKey, {});
  }
}

void check_required_plugin_versions(const yaml::Stream& stream,
                                    const Node& item,
                                    Diagnostics& diagnostics) {
  constexpr char kKey[] = "required_plugin_versions";
  MappingReader reader(stream, item, diagnostics, "required plugin versions");
  const Node* entries = reader.find(kKey);
  reader.finish(Severity::kWarning);
  if (entries->kind != NodeKind::kSequence) {
    reader.error(entries->span,
                 "'required_plugin_versions' must be a sequence, not " +
                     std::string(to_string(entries->kind)));
    return;
  }
  for (const yaml::NodeId child : entries->children) {
    PluginReader(stream, diagnostics).entry(stream[child]);
  }
}

}  // namespace bailiff
