// SPDX-License-Identifier: Apache-2.0
// rules/document/append_output.h
// What a configuration adds to the outputs of rules: Falco's `append_output`.
#pragma once

#include <string>
#include <vector>

namespace bailiff {

// One more entry of an alert's output_fields.
struct ExtraField {
  std::string name;
  std::string output;  // a template: "%evt.hostname"
  // The value is the text of the template, and not the field's own: what
  // Falco calls formatted.
  bool formatted = false;
  bool operator==(const ExtraField&) const = default;
};

struct AppendOutput {
  // Which rules: those of the source, with all of the tags, of the name; each
  // says nothing where it is empty.
  std::string source;
  std::vector<std::string> tags;
  std::string rule;
  std::string extra_output;  // a template
  std::vector<ExtraField> extra_fields;
  bool suggested_output = false;  // kSuggestedOutput
  bool operator==(const AppendOutput&) const = default;
};

// Who it was, as Falco's container plugin suggests to tell it.
inline constexpr char kSuggestedOutput[] =
    "container_id=%container.id "
    "container_image_repository=%container.image.repository "
    "container_image_tag=%container.image.tag "
    "container_name=%container.name "
    "k8s_ns_name=%k8s.ns.name "
    "k8s_pod_name=%k8s.pod.name";

// Where nothing is configured: the suggestion, as in the configuration Falco
// comes with.
inline std::vector<AppendOutput> default_append_output() {
  return {{.suggested_output = true}};
}

}  // namespace bailiff
