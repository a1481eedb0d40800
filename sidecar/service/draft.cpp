// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/draft.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "oci/spec/exempt.h"
#include "rules/eval/output.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/ingest/foreign_socket.h"

namespace bailiff::sidecar {
namespace {

constexpr const char* kTimeField = "evt.time";

// Items that a message has; the fields have all of them.
constexpr std::size_t kItemsInMessage = 8;

std::vector<std::string> sinks_for(
    const Settings& settings, Priority priority,
    const std::optional<std::vector<std::string>>& notify) {
  std::vector<std::string> sinks;
  for (const Settings::SinkFilter& sink : settings.sinks) {
    // Priorities are declared most severe first.
    if (priority > sink.least) continue;
    if (notify &&
        std::find(notify->begin(), notify->end(), sink.name) == notify->end()) {
      continue;
    }
    sinks.push_back(sink.name);
  }
  return sinks;
}

std::string some_of(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < kItemsInMessage; ++i) {
    text += (i == 0 ? "" : ",") + items[i];
  }
  if (items.size() <= kItemsInMessage) return text;
  return text + ",and " + std::to_string(items.size() - kItemsInMessage) +
         " more";
}

// Of Bailiff itself.  Without message and fields; a record without an id is
// that of no container.
Alert own_alert(const Settings& settings, std::string rule, Priority priority,
                const oci::ContainerRecord& record, std::uint64_t realtime_ns) {
  Alert alert;
  alert.hostname = settings.node;
  alert.time_ns = realtime_ns;
  alert.priority = priority;
  alert.rule = std::move(rule);
  alert.source = "bailiff";
  alert.container = alert_container(record);
  return alert;
}

}  // namespace

bool is_exempt(const Settings& settings, const oci::ContainerRecord& record) {
  return oci::is_exempt(settings.exempt, record.id, record.facts);
}

AlertContainer alert_container(const oci::ContainerRecord& record) {
  const oci::ContainerFacts& facts = record.facts;
  AlertContainer container{.id = record.id,
                           .name = facts.name,
                           .image = facts.image,
                           .pod = facts.pod,
                           .name_space = facts.namespace_name};
  if (!facts.namespace_name.empty()) {
    container.pod_trusted = facts.pod_identity_trusted;
  }
  return container;
}

Alert rule_alert(const Settings& settings, const Container& container,
                 const Generation& generation, std::uint32_t rule,
                 const FieldSource& event, std::uint64_t realtime_ns) {
  const Rule& matched = generation.policy().rules[rule];
  const OutputTemplate& output = generation.output(rule);
  Alert alert;
  alert.hostname = settings.node;
  alert.time_ns = realtime_ns;
  alert.priority = matched.priority;
  alert.rule = matched.name;
  alert.source = matched.source;
  alert.tags = matched.tags;
  alert.message = render(output, event);
  const auto add = [&alert](std::string name, OutputValue value) {
    const bool known =
        std::any_of(alert.output_fields.begin(), alert.output_fields.end(),
                    [&](const auto& field) { return field.first == name; });
    if (known || name == kTimeField) return;
    alert.output_fields.emplace_back(std::move(name), std::move(value));
  };
  for (OutputField& field : output_fields(output, event)) {
    add(std::move(field.name), std::move(field.value));
  }
  for (std::size_t i = 0; i < matched.extra_fields.size(); ++i) {
    const ExtraField& extra = matched.extra_fields[i];
    const OutputTemplate& one = generation.extra_outputs(rule)[i];
    if (extra.formatted) {
      add(extra.name, render(one, event));
      continue;
    }
    for (OutputField& field : output_fields(one, event)) {
      add(std::move(field.name), std::move(field.value));
    }
  }
  // In every alert, as a number, as Falco writes it.
  alert.output_fields.emplace_back(kTimeField,
                                   static_cast<std::int64_t>(realtime_ns));
  alert.container = alert_container(container.record);
  return alert;
}

std::vector<Draft> policy_drafts(const Settings& settings, const Alert& alert,
                                 const CompiledPolicy& policy,
                                 Enforcement enforcement,
                                 const Decision& decision) {
  std::vector<Draft> drafts;
  for (const PolicyDecision& each : decision.policies) {
    const Policy& by = policy.policies[each.policy];
    Draft draft;
    draft.alert = alert;
    draft.alert.uuid = new_uuid();
    draft.alert.policy = by.name;
    draft.alert.mode = to_string(by.mode);
    draft.alert.enforcement = to_string(enforcement);
    draft.alert.verdict = to_string(each.verdict);
    draft.alert.response = to_string(each.response);
    draft.alert.outcome = foregone_outcome(each);
    draft.awaits_response = draft.alert.outcome.empty();
    draft.asked = each.response;
    draft.sinks = sinks_for(settings, alert.priority, by.notify);
    drafts.push_back(std::move(draft));
  }
  return drafts;
}

Draft plain_draft(const Settings& settings, Alert alert,
                  Enforcement enforcement, std::string outcome) {
  Draft draft;
  draft.sinks = sinks_for(settings, alert.priority, std::nullopt);
  draft.alert = std::move(alert);
  draft.alert.uuid = new_uuid();
  draft.alert.mode = to_string(Mode::kEnforce);
  draft.alert.enforcement = to_string(enforcement);
  draft.alert.verdict = to_string(Verdict::kObserved);
  draft.alert.response = to_string(Response::kNone);
  draft.alert.outcome = std::move(outcome);
  return draft;
}

Draft unprotected_draft(const Settings& settings,
                        const oci::ContainerRecord& record) {
  Alert alert = own_alert(settings, "Unprotected container", Priority::kWarning,
                          record, record.time_ns);
  alert.message = "Unprotected container (container=" + record.id +
                  " on_failure=allow reason=" + record.degraded + ")";
  alert.output_fields = {
      {"bailiff.degraded", record.degraded},
      {kTimeField, static_cast<std::int64_t>(record.time_ns)}};
  return plain_draft(settings, std::move(alert), Enforcement::kObserve, "none");
}

Draft adopted_draft(const Settings& settings,
                    const oci::ContainerRecord& record) {
  Alert alert = own_alert(settings, "Adopted container", Priority::kNotice,
                          record, record.time_ns);
  alert.message = "Adopted container (container=" + record.id +
                  " programs=" + std::to_string(record.programs.size()) + ")";
  alert.output_fields = {
      {kTimeField, static_cast<std::int64_t>(record.time_ns)}};
  return plain_draft(settings, std::move(alert), Enforcement::kObserve, "none");
}

Alert lost_alert(const Settings& settings, const oci::ContainerRecord& record,
                 const Loss& loss, const std::string& cause,
                 std::uint64_t realtime_ns) {
  Alert alert = own_alert(settings, kLostEventsRule, Priority::kCritical,
                          record, realtime_ns);
  const std::string what =
      loss.hidden ? "the container took away the paths of its calls"
                  : "what the container did is not known in full";
  alert.message = "Lost events: " + what + " (container=" + record.id +
                  " count=" + std::to_string(loss.count) + " cause=" + cause +
                  ")";
  alert.output_fields = {
      {"bailiff.lost", static_cast<std::int64_t>(loss.count)},
      {"bailiff.lost_cause", cause},
      {kTimeField, static_cast<std::int64_t>(realtime_ns)}};
  return alert;
}

Draft unjudged_draft(const Settings& settings,
                     const oci::ContainerRecord& record, std::string_view call,
                     const std::string& process, std::uint32_t pid,
                     bool refused, std::uint64_t realtime_ns) {
  Alert alert = own_alert(settings, "Unjudged call", Priority::kWarning, record,
                          realtime_ns);
  alert.message = "Unjudged call: it was " +
                  std::string(refused ? "refused" : "let go on") +
                  " as on_failure says (call=" + std::string(call) +
                  " process=" + process + " pid=" + std::to_string(pid) +
                  " container=" + record.id + ")";
  alert.output_fields = {{"evt.type", std::string(call)},
                         {"proc.name", process},
                         {"proc.pid", static_cast<std::int64_t>(pid)},
                         {kTimeField, static_cast<std::int64_t>(realtime_ns)}};
  Draft draft =
      plain_draft(settings, std::move(alert), Enforcement::kNotify, "none");
  draft.alert.verdict =
      to_string(refused ? Verdict::kDenied : Verdict::kAllowed);
  return draft;
}

Draft foreign_draft(const Settings& settings,
                    const oci::ContainerRecord& record,
                    const bailiff_foreign& socket, std::uint64_t realtime_ns) {
  const std::string process(socket.comm,
                            ::strnlen(socket.comm, sizeof(socket.comm)));
  const std::string name = name_of(socket);
  Alert alert = own_alert(settings, "Foreign socket", Priority::kWarning,
                          record, realtime_ns);
  alert.message =
      "Foreign socket: made outside of the container, so that nothing is "
      "refused before it leaves (socket=" +
      name + " process=" + process + " pid=" + std::to_string(socket.tgid) +
      " fd=" + (socket.fd < 0 ? "none" : std::to_string(socket.fd)) +
      " container=" + record.id + ")";
  alert.output_fields = {
      {"fd.name", name},
      {"proc.name", process},
      {"proc.pid", static_cast<std::int64_t>(socket.tgid)},
      {"bailiff.socket", static_cast<std::int64_t>(socket.cookie)},
      {"bailiff.socket_cgroup",
       static_cast<std::int64_t>(socket.socket_cgroup)}};
  if (socket.fd >= 0) {
    alert.output_fields.emplace_back("fd.num",
                                     static_cast<std::int64_t>(socket.fd));
  }
  alert.output_fields.emplace_back(kTimeField,
                                   static_cast<std::int64_t>(realtime_ns));
  return plain_draft(settings, std::move(alert), Enforcement::kObserve, "none");
}

Draft left_draft(const Settings& settings, const oci::ContainerRecord& record,
                 const bailiff_foreign& left, std::string outcome,
                 std::uint64_t realtime_ns) {
  const std::string process(left.comm, ::strnlen(left.comm, sizeof(left.comm)));
  Alert alert = own_alert(settings, "Left its cgroup", Priority::kCritical,
                          record, realtime_ns);
  alert.message =
      "Left its cgroup: nothing that a process does outside of it is judged "
      "(process=" +
      process + " pid=" + std::to_string(left.tgid) +
      " cgroup=" + std::to_string(left.socket_cgroup) + " outcome=" + outcome +
      " container=" + record.id + ")";
  alert.output_fields = {
      {"proc.name", process},
      {"proc.pid", static_cast<std::int64_t>(left.tgid)},
      {"bailiff.cgroup", static_cast<std::int64_t>(left.socket_cgroup)},
      {kTimeField, static_cast<std::int64_t>(realtime_ns)}};
  return plain_draft(settings, std::move(alert), Enforcement::kObserve,
                     std::move(outcome));
}

Draft effect_draft(const Settings& settings, const Effect& effect,
                   std::uint64_t realtime_ns) {
  const Begun& cause = effect.cause;
  if (!effect.actor.empty()) {
    const bool pause = cause.response == Response::kPause;
    Draft draft =
        operator_draft(settings, cause.record, pause ? "resume" : "release",
                       effect.actor, effect.reason, realtime_ns);
    draft.alert.outcome = effect.outcome;
    draft.alert.caused_by = cause.id;
    return draft;
  }
  Alert alert = own_alert(settings, "Response ended", Priority::kNotice,
                          cause.record, realtime_ns);
  const std::string response(to_string(cause.response));
  alert.output_fields = {{"bailiff.policy", cause.policy},
                         {"bailiff.rule", cause.rule},
                         {kTimeField, static_cast<std::int64_t>(realtime_ns)}};
  const std::string about = "response=" + response +
                            " outcome=" + effect.outcome +
                            " container=" + cause.record.id +
                            " policy=" + cause.policy + " rule=" + cause.rule;
  if (!effect.over.empty()) {
    alert.rule = "Response budget used up";
    alert.priority = Priority::kCritical;
    std::string budgets;
    for (const OverBudget& over : effect.over) {
      if (!budgets.empty()) budgets += ", ";
      budgets += over.scope + (over.name.empty() ? "" : " '" + over.name + "'");
    }
    alert.message = alert.rule +
                    ": what policies ask for is not done, only refused and "
                    "told of, until it is re-armed (budget=" +
                    budgets + " " + about + ")";
    alert.output_fields.emplace_back("bailiff.budget", budgets);
  } else {
    if (effect.recovered) alert.rule = "Response of an earlier run";
    alert.message = alert.rule + " (" + about + ")";
  }
  Draft draft = plain_draft(settings, std::move(alert), Enforcement::kObserve,
                            effect.outcome);
  draft.alert.policy = cause.policy;
  draft.alert.response = response;
  (effect.recovered ? draft.alert.response_id : draft.alert.caused_by) =
      cause.id;
  return draft;
}

Draft operator_draft(const Settings& settings,
                     const oci::ContainerRecord& record,
                     const std::string& response, const std::string& actor,
                     const std::string& reason, std::uint64_t realtime_ns) {
  Alert alert = own_alert(settings, "Operator response", Priority::kNotice,
                          record, realtime_ns);
  alert.message = "Operator response (response=" + response +
                  " actor=" + actor + " reason=" + reason + ")";
  alert.output_fields = {{"bailiff.actor", actor},
                         {"bailiff.reason", reason},
                         {kTimeField, static_cast<std::int64_t>(realtime_ns)}};
  Draft draft =
      plain_draft(settings, std::move(alert), Enforcement::kExternal, "");
  draft.alert.response = response;
  return draft;
}

Draft list_draft(const Settings& settings, const ListNews& news) {
  const bool ended = !news.ended.empty();
  Alert alert =
      own_alert(settings, ended ? "List change ended" : "Operator response",
                Priority::kNotice, {}, news.time_ns);
  alert.message = alert.rule + " (response=change_list list=" + news.list;
  const auto add_items = [&alert](const std::string& what,
                                  const std::vector<std::string>& items) {
    if (items.empty()) return;
    alert.message += " " + what + "=" + some_of(items);
    alert.output_fields.emplace_back(
        "bailiff." + what, std::vector<Value>(items.begin(), items.end()));
  };
  add_items("added", news.added);
  add_items("removed", news.removed);
  alert.message += " actor=" + news.actor + " reason=" + news.reason;
  if (news.until_ns != 0) {
    const std::string until = format_timestamp(news.until_ns);
    alert.message += " until=" + until;
    alert.output_fields.emplace_back("bailiff.until", until);
  }
  alert.message += ")";
  alert.output_fields.emplace_back("bailiff.list", news.list);
  alert.output_fields.emplace_back("bailiff.actor", news.actor);
  alert.output_fields.emplace_back("bailiff.reason", news.reason);
  alert.output_fields.emplace_back(kTimeField,
                                   static_cast<std::int64_t>(news.time_ns));
  Draft draft = plain_draft(settings, std::move(alert), Enforcement::kExternal,
                            ended ? "ended" : "changed");
  draft.alert.uuid = news.id;
  draft.alert.response = "change_list";
  (ended ? draft.alert.caused_by : draft.alert.response_id) =
      ended ? news.ended : news.id;
  return draft;
}

ResponseRequest request_of(const CompiledPolicy& policy,
                           const Decision& decision, std::string rule,
                           const oci::ContainerRecord& record,
                           ProcessName process) {
  const Policy& by = policy.policies[decision.by];
  return {.response = decision.response,
          .record = record,
          .terms = by.terms,
          .policy = by.name,
          .rule = std::move(rule),
          .process = process};
}

void complete(Draft& draft, const ResponseResult& result,
              std::uint64_t event_ns) {
  constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
  if (!draft.awaits_response) return;
  draft.awaits_response = false;
  draft.alert.outcome = result.outcome;
  draft.alert.response_id = result.id;
  // Asked for by another rule of the event, or by an earlier event.
  if (result.response > draft.asked && !is_error(result.outcome)) {
    draft.alert.outcome = "superseded";
  }
  // An event may have happened when the container was dead already: it lay in
  // the buffer while an earlier one was answered.
  draft.alert.latency_us =
      result.monotonic_ns > event_ns
          ? (result.monotonic_ns - event_ns) / kNanosecondsPerMicrosecond
          : 0;
}

}  // namespace bailiff::sidecar
