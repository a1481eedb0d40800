// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/no_source.h"

namespace bailiff {

std::string_view why_no_source(FieldId id) {
  using enum FieldId;
  if (field(id).from != kFromNobody) return "";
  switch (id) {
    case kContainerIp:
    case kK8sPodIp:
      return "no manager writes it down for hooks, and it can change: compare "
             "'fd.lip' or 'fd.lnet'";
    case kContainerCniJson:
    case kK8sPodCniJson:
      return "managers keep it to themselves: put 'fd.lip' into the output";
    case kContainerHealthcheck:
    case kContainerLivenessProbe:
    case kContainerReadinessProbe:
      return "Falco tells nothing of it any more either: compare "
             "'proc.cmdline' "
             "with the command of the check";
    default:
      break;
  }
  if (field(id).cls == FieldClass::kKubernetes && field(id).deprecated()) {
    return "Falco tells nothing of it any more either, and only the API server "
           "knows it: give pods a label and compare 'k8s.pod.label'";
  }
  return "";
}

}  // namespace bailiff
