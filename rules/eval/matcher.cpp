// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/matcher.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <variant>

#include "rules/eval/match_plan.h"

namespace bailiff {

void MatchMemory::begin(const MatchPlan& plan) {
  constexpr std::uint32_t kLastEvent = UINT32_MAX >> 1;
  if (event_ == kLastEvent) {
    std::fill(slots_.begin(), slots_.end(), Slot());
    std::fill(decided_.begin(), decided_.end(), 0);
    event_ = 0;
  }
  ++event_;
  // What another matcher left there is of an earlier event.
  if (slots_.size() < plan.fields.size()) slots_.resize(plan.fields.size());
  if (decided_.size() < plan.nodes.size()) decided_.resize(plan.nodes.size());
  views_.clear();
  fired_.clear();
}

// One event.  What is done for each node goes by plain pointers, and what is
// done seldom is a function of its own, so that the rest does not pay for it:
// both are a good part of the whole.
class Matcher::Match {
 public:
  Match(const MatchPlan& plan, const FieldSource& event, MatchMemory& memory)
      : plan_(plan), event_(event), views_(memory.views_) {
    memory.begin(plan);
    number_ = memory.event_;
    fields_ = plan.fields.data();
    nodes_ = plan.nodes.data();
    edges_ = plan.edges.data();
    field_leaves_ = plan.field_leaves.data();
    slots_ = memory.slots_.data();
    decided_ = memory.decided_.data();
  }

  const MatchPlan::Candidates& candidates() {
    extract(MatchPlan::kEventType);
    const std::span<ExtractedValue> type = values(MatchPlan::kEventType);
    if (type.size() != 1) return plan_.of_other_types;
    const auto* name = std::get_if<std::string_view>(&type[0].view);
    if (name == nullptr) return plan_.of_other_types;
    const auto known = plan_.types.find(*name);
    return known == plan_.types.end() ? plan_.of_other_types
                                      : plan_.candidates[known->second];
  }

  bool holds(MatchPlan::Edge edge) {
    const std::uint32_t decided = decided_[edge.node()];
    const bool value =
        decided >> 1 == number_ ? (decided & 1) != 0 : decide(edge.node());
    return value != edge.negated();
  }

 private:
  [[gnu::noinline]] bool decide(DecisionGraph::Node index) {
    const MatchPlan::Node& node = nodes_[index];
    bool value = false;
    switch (node.kind) {
      case MatchPlan::Node::Kind::kAnd:
        value = all_hold(node);
        break;
      case MatchPlan::Node::Kind::kFieldLeaf:
        value = field_holds(field_leaves_[node.begin]);
        break;
      case MatchPlan::Node::Kind::kOtherLeaf:
        value = other_holds(plan_.other_leaves[node.begin]);
        break;
    }
    decided_[index] = number_ << 1 | (value ? 1U : 0U);
    return value;
  }

  bool all_hold(const MatchPlan::Node& node) {
    const MatchPlan::Edge* const end = edges_ + node.end;
    for (const MatchPlan::Edge* edge = edges_ + node.begin; edge < end;
         ++edge) {
      if (!holds(*edge)) return false;
    }
    return true;
  }

  bool field_holds(const MatchPlan::FieldLeaf& leaf) {
    if (slots_[leaf.field].event != number_) extract(leaf.field);
    return leaf.check.holds(values(leaf.field));
  }

  [[gnu::noinline]] bool other_holds(const MatchPlan::OtherLeaf& leaf) const {
    return leaf.holds([&](const FieldReference& field) {
      return event_.extract(field.field, field.argument);
    });
  }

  [[gnu::noinline]] void extract(std::uint32_t field) {
    MatchMemory::Slot& slot = slots_[field];
    slot.begin = static_cast<std::uint32_t>(views_.size());
    if (const auto port = plan_.ports[field]) {
      std::vector<Value> values =
          event_.extract(fields_[field].field, fields_[field].argument);
      add_endpoints(values, event_.extract(*port, ""));
      for (Value& value : values) views_.keep(std::move(value));
    } else {
      event_.view(fields_[field].field, fields_[field].argument, views_);
    }
    slot.end = static_cast<std::uint32_t>(views_.size());
    slot.event = number_;
  }

  std::span<ExtractedValue> values(std::uint32_t field) {
    return views_.values(slots_[field].begin, slots_[field].end);
  }

  const MatchPlan& plan_;
  const FieldSource& event_;
  Views& views_;
  std::uint32_t number_;
  const FieldReference* fields_;
  const MatchPlan::Node* nodes_;
  const MatchPlan::Edge* edges_;
  const MatchPlan::FieldLeaf* field_leaves_;
  MatchMemory::Slot* slots_;
  std::uint32_t* decided_;
};

Matcher::Matcher(const CompiledPolicy& policy) : plan_(plan_match(policy)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

std::span<const std::uint32_t> Matcher::match(const FieldSource& event,
                                              MatchMemory& memory) const {
  Match match(*plan_, event, memory);
  for (const MatchPlan::Candidate& candidate : match.candidates()) {
    if (match.holds(candidate.root)) memory.fired_.push_back(candidate.rule);
  }
  return memory.fired_;
}

std::span<const std::uint32_t> Matcher::match(
    const FieldSource& event, std::span<const std::uint32_t> rules,
    MatchMemory& memory) const {
  Match match(*plan_, event, memory);
  const MatchPlan::Candidates& candidates = match.candidates();
  for (const std::uint32_t rule : rules) {
    const auto candidate = std::lower_bound(
        candidates.begin(), candidates.end(), rule,
        [](const MatchPlan::Candidate& each, std::uint32_t wanted) {
          return each.rule < wanted;
        });
    if (candidate != candidates.end() && candidate->rule == rule &&
        match.holds(candidate->root)) {
      memory.fired_.push_back(rule);
    }
  }
  return memory.fired_;
}

}  // namespace bailiff
