// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/foreign_work.h"

#include <netinet/in.h>

#include <algorithm>
#include <span>
#include <utility>

#include "sidecar/ingest/connect_fields.h"

namespace bailiff::sidecar {
namespace {

constexpr std::string_view kConnects[] = {"connect"};
constexpr std::string_view kSends[] = {"connect", "sendto", "sendmsg",
                                       "sendmmsg"};
constexpr std::string_view kAccepts[] = {"accept4", "accept"};
constexpr std::string_view kReceives[] = {"recvfrom", "recvmsg", "recvmmsg"};

class Judge {
 public:
  Judge(ConnectEvent event, const Container& container,
        const ProcessFacts& process, std::uint64_t realtime_ns,
        std::uint64_t number, MatchMemory& memory)
      : event_(std::move(event)),
        container_(container),
        process_(process),
        realtime_ns_(realtime_ns),
        number_(number),
        memory_(memory),
        matcher_(container.generation->matcher()) {}

  // By which of the rules it is an event of one of the types.
  void as(std::span<const std::string_view> types, bool accepted,
          const std::vector<ForeignRule>& rules) {
    const bool datagrams = event_.l4proto != IPPROTO_TCP;
    std::vector<std::uint32_t> asked;
    for (const ForeignRule& each : rules) {
      if (datagrams || !each.datagrams) asked.push_back(each.rule);
    }
    std::sort(asked.begin(), asked.end());
    event_.accepted = accepted;
    const ConnectFields fields(event_, process_, container_.facts, realtime_ns_,
                               number_, ConnectFields::Use::kCondition);
    for (const std::string_view type : types) {
      event_.type = type;
      for (const std::uint32_t rule : matcher_->match(fields, asked, memory_)) {
        add(rule, rules);
      }
    }
  }
  std::vector<ForeignHit> hits() && { return std::move(hits_); }

 private:
  void add(std::uint32_t rule, const std::vector<ForeignRule>& rules) {
    if (std::any_of(hits_.begin(), hits_.end(),
                    [&](const ForeignHit& hit) { return hit.rule == rule; })) {
      return;
    }
    const auto found = std::find_if(
        rules.begin(), rules.end(),
        [&](const ForeignRule& each) { return each.rule == rule; });
    ForeignHit hit;
    hit.rule = rule;
    hit.deny = found->deny;
    hit.frames = found->frames ||
                 (found->frames_but_tcp && event_.l4proto != IPPROTO_TCP);
    hit.event = event_;
    hit.event.rule = rule;
    hits_.push_back(std::move(hit));
  }

  ConnectEvent event_;
  const Container& container_;
  const ProcessFacts& process_;
  const std::uint64_t realtime_ns_;
  const std::uint64_t number_;
  MatchMemory& memory_;
  const std::shared_ptr<const Matcher> matcher_;
  std::vector<ForeignHit> hits_;
};

}  // namespace

std::vector<ForeignHit> judge_foreign(
    const bailiff_foreign& socket, bool accepted,
    std::vector<std::string> names, const Container& container,
    const ProcessFacts& process, std::uint64_t realtime_ns,
    std::uint64_t number, MatchMemory& memory) {
  ConnectEvent event = connect_event(socket, accepted);
  event.policy_id = container.generation->policy_id();
  event.names = std::move(names);
  if (!event.names.empty()) event.name = event.names.front();
  const bool stream = event.l4proto == IPPROTO_TCP;
  const std::span<const std::string_view> out =
      stream ? std::span(kConnects) : std::span<const std::string_view>(kSends);
  Judge judge(std::move(event), container, process, realtime_ns, number,
              memory);
  if (!accepted) {
    judge.as(out, false, container.foreign_out);
    return std::move(judge).hits();
  }
  judge.as(stream ? std::span<const std::string_view>(kAccepts)
                  : std::span<const std::string_view>(kReceives),
           true, container.foreign_in);
  // As of a packet to the peer.
  judge.as(out, false, container.foreign_in);
  return std::move(judge).hits();
}

const ForeignHit* SeenForeign::strongest() const {
  const ForeignHit* strongest = nullptr;
  for (const ForeignHit& hit : hits) {
    const Response response = hit.decision.response;
    if (response == Response::kNone) continue;
    if (strongest == nullptr || response > strongest->decision.response) {
      strongest = &hit;
    }
  }
  return strongest;
}

std::vector<Draft> drafts_of(const SeenForeign& seen) {
  std::vector<Draft> drafts;
  if (seen.tell_socket) {
    drafts.push_back(foreign_draft(*seen.settings, seen.container->record,
                                   seen.socket, seen.realtime_ns));
  }
  for (const ForeignHit& hit : seen.hits) {
    const ConnectFields fields(hit.event, seen.process, seen.container->facts,
                               seen.realtime_ns, seen.number,
                               ConnectFields::Use::kOutput);
    Alert alert =
        rule_alert(*seen.settings, *seen.container, *seen.container->generation,
                   hit.rule, fields, seen.realtime_ns);
    alert.hook = to_string(hit.event.judged_at);
    alert.connections_cut = seen.cut ? 1 : 0;
    for (Draft& draft : policy_drafts(*seen.settings, alert,
                                      seen.container->generation->policy(),
                                      Enforcement::kObserve, hit.decision)) {
      drafts.push_back(std::move(draft));
    }
  }
  return drafts;
}

}  // namespace bailiff::sidecar
