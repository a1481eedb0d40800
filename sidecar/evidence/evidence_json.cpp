// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/evidence_json.h"

#include <set>

#include <nlohmann/json.hpp>

#include "sidecar/evidence/secrets.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::ordered_json;

// What is in our folder, only root can have changed; a broken disk may.
Json parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json to_json(const PendingCapture& pending) {
  return {
      {"id", pending.id},
      {"container", {{"id", pending.container}}},
      {"state", pending.state},
      {"error", pending.error.empty() ? Json(nullptr) : Json(pending.error)}};
}

// Not deep: an alert is two objects in each other.
void mask(Json& json) {
  if (json.is_string()) {
    json = mask_text(json.get<std::string>());
  } else if (json.is_structured()) {
    for (Json& part : json) mask(part);
  }
}

}  // namespace

std::string evidence_list_json(const std::vector<std::string>& summaries,
                               const std::vector<PendingCapture>& pending) {
  Json list = Json::array();
  std::set<std::string> known;
  for (const std::string& summary : summaries) {
    list.push_back(parse(summary));
    known.insert(list.back().value("id", ""));
  }
  for (const PendingCapture& each : pending) {
    if (!known.contains(each.id)) list.push_back(to_json(each));
  }
  return dump({{"evidence", std::move(list)}});
}

std::string evidence_json(const std::string& summary,
                          const std::string& manifest) {
  Json json = parse(summary);
  json["manifest"] = parse(manifest);
  return dump(json);
}

std::string pending_json(const PendingCapture& pending) {
  return dump(to_json(pending));
}

std::string masked_json(const std::string& json) {
  Json parsed = parse(json);
  mask(parsed);
  return parsed.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bailiff::sidecar
