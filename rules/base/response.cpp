// SPDX-License-Identifier: Apache-2.0
#include "rules/base/response.h"

namespace bailiff {

std::string_view to_string(Response response) {
  switch (response) {
    case Response::kNone:
      return "none";
    case Response::kKillProcess:
      return "kill_process";
    case Response::kIsolate:
      return "isolate";
    case Response::kPause:
      return "pause";
    case Response::kStop:
      return "stop";
    case Response::kKill:
      return "kill";
  }
  return "";
}

std::string_view to_string(PauseThen then) {
  switch (then) {
    case PauseThen::kKill:
      return "kill";
    case PauseThen::kResume:
      return "resume";
  }
  return "";
}

}  // namespace bailiff
