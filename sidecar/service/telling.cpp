// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/telling.h"

#include <utility>
#include <variant>

namespace bailiff::sidecar {
namespace {

// Only texts hold what a container was told in confidence.
void mask(OutputValue& value) {
  const auto mask_one = [](Value& one) {
    if (auto* text = std::get_if<std::string>(&one)) *text = mask_text(*text);
  };
  if (auto* one = std::get_if<Value>(&value)) return mask_one(*one);
  for (Value& each : std::get<std::vector<Value>>(value)) mask_one(each);
}

}  // namespace

std::vector<Draft> Telling::drafts() {
  const std::lock_guard lock(mutex_);
  if (!drafts_) drafts_ = make_();
  return *drafts_;
}

void Telling::answered(TicketPtr ticket, std::string evidence) {
  const std::lock_guard lock(mutex_);
  ticket_ = std::move(ticket);
  evidence_ = std::move(evidence);
}

std::string Telling::json(Secrets secrets) {
  std::vector<Draft> drafts = this->drafts();
  const std::lock_guard lock(mutex_);
  std::string json = "[";
  for (Draft& draft : drafts) {
    draft.alert.evidence = evidence_;
    if (ticket_ && ticket_->done()) {
      complete(draft, ticket_->result(), event_ns_);
    }
    if (secrets == Secrets::kMask) {
      draft.alert.message = mask_text(draft.alert.message);
      for (auto& [name, value] : draft.alert.output_fields) mask(value);
    }
    if (json.size() > 1) json += ',';
    json += to_json(draft.alert);
  }
  return json + "]";
}

}  // namespace bailiff::sidecar
