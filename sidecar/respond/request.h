// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/request.h
#pragma once

#include <string>

#include "oci/spec/container_record.h"
#include "rules/base/response.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {

// A response somebody asks for.
struct ResponseRequest {
  Response response = Response::kNone;
  const oci::ContainerRecord& record;  // borrowed for the call
  ResponseTerms terms = {};
  // The policy and the rule that ask for it; "" when a person does.
  std::string policy = {}, rule = {};
  std::string actor = {}, reason = {};  // of a person
  ProcessName process = {};             // kKillProcess
};

}  // namespace bailiff::sidecar
