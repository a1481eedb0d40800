// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/test_policies.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "rules/cli/files.h"
#include "rules/cli/load_files.h"
#include "rules/document/policy_file.h"
#include "rules/document/service_config.h"
#include "rules/policy/policies.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/cli/answers.h"
#include "sidecar/cli/stored_events.h"
#include "sidecar/cli/table.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxConfigFileBytes = std::size_t{1} << 20;

// What is known of a rule whose file was not given.
struct KnownRule {
  Priority priority = Priority::kDebug;
  std::set<std::string> tags;
};
using KnownRules = std::map<std::string, KnownRule>;

// A time of the options; nullopt: it is none, and `err` says so.
std::optional<std::uint64_t> time_of(const Terminal& terminal,
                                     const char* option,
                                     const std::string& text) {
  if (text.empty()) return 0;
  const std::optional<std::uint64_t> time = parse_since(text, now_ns());
  if (!time) {
    terminal.err << "bailiff: " << option << ": '" << printable(text)
                 << "' is neither a time (RFC 3339) nor how long ago "
                    "(10m, 1h)\n";
  }
  return time;
}

std::optional<ServiceConfig> config_of(const Terminal& terminal,
                                       const std::string& path) {
  if (path.empty()) return ServiceConfig{};
  const Result<std::string> text = cli::read_file(path, kMaxConfigFileBytes);
  if (!text) {
    terminal.err << "bailiff: " << printable(text.error().message) << '\n';
    return std::nullopt;
  }
  SourceSet sources;
  const std::uint32_t source = sources.add(path, *text);
  Diagnostics diagnostics;
  std::optional<ServiceConfig> config =
      parse_service_config(*text, source, diagnostics);
  terminal.err << render(diagnostics, sources);
  return config;
}

// The events, from wherever they come; may be read more than once.
class Source {
 public:
  Source(HttpClient& client, const Terminal& terminal,
         const PolicyTestOptions& options, StoredFilter filter)
      : client_(client),
        terminal_(terminal),
        name_(options.events),
        filter_(std::move(filter)) {}

  // False, and `err` says why.
  bool open() {
    if (!of_file()) return true;
    file_.open(name_);
    if (file_) return true;
    terminal_.err << "bailiff: open '" << printable(name_)
                  << "': cannot be read\n";
    return false;
  }
  bool of_file() const { return !name_.empty(); }
  int read(const TakeStored& take) {
    if (of_file()) return read_stored(file_, name_, terminal_, filter_, take);
    return read_stored(client_, terminal_, filter_, take);
  }
  // Without saying again what is wrong with it; to be read once more.
  int look_through(const TakeStored& take) {
    if (!of_file()) return read(take);
    std::ostringstream nowhere;
    read_stored(file_, name_, {.out = nowhere, .err = nowhere}, filter_, take);
    file_.clear();
    if (file_.seekg(0)) return kExitOk;
    terminal_.err << "bailiff: '" << printable(name_)
                  << "' can be read once only: give the rule files too\n";
    return kExitUsage;
  }
  // Names of the service's own rules.
  int add_rules(KnownRules& rules) {
    const Result<HttpAnswer> answer = client_.get("/v1/rules");
    if (!answer) return report(terminal_, answer.error());
    if (answer->status != 200) return report(terminal_, *answer);
    const Json body = Json::parse(answer->body);
    for (const Json& rule : body.at("rules")) {
      rules[rule.at("rule").get<std::string>()];
    }
    return kExitOk;
  }

 private:
  HttpClient& client_;
  const Terminal& terminal_;
  const std::string name_;
  const StoredFilter filter_;
  std::ifstream file_;
};

bool has_rule_files(const Loaded& loaded) {
  for (std::uint32_t i = 0; i < loaded.sources.size(); ++i) {
    Diagnostics ignored;
    const auto stream = yaml::parse(loaded.sources[i].text(), i, ignored);
    // One that is no YAML has been told of, and is no reason for another try.
    if (!stream || !is_policy_file(*stream)) return true;
  }
  return false;
}

// Of rules only those that fired have told their tags and, in a file of events,
// their names.  What policies name besides may be there, or not.
void add_named(const Loaded& loaded, bool names_known, KnownRules& rules) {
  const auto any = [&rules](const auto& holds) {
    return std::any_of(rules.begin(), rules.end(), holds);
  };
  for (std::uint32_t i = 0; i < loaded.sources.size(); ++i) {
    Diagnostics ignored;
    const auto stream = yaml::parse(loaded.sources[i].text(), i, ignored);
    if (!stream) continue;
    for (const PolicyItem& item : read_policy_file(*stream, ignored)) {
      for (const RuleSelector& selector : item.rules) {
        if (!names_known && selector.pattern && !any([&](const auto& rule) {
              return matches_glob(selector.pattern->text, rule.first);
            })) {
          rules[selector.pattern->text];
        }
        if (!selector.tags) continue;
        for (const PlacedText& tag : *selector.tags) {
          if (!any([&](const auto& rule) {
                return rule.second.tags.contains(tag.text);
              })) {
            rules["rules tagged " + tag.text].tags.insert(tag.text);
          }
        }
      }
    }
  }
}

// A rule file in which each of them has a name and nothing that is asked.
std::string stubs_of(const KnownRules& rules) {
  std::string text;
  for (const auto& [name, rule] : rules) {
    text += "- rule: " + dumped(name) +
            "\n  desc: stub\n  condition: evt.num > 0\n  output: stub\n"
            "  warn_evttypes: false\n  priority: " +
            std::string(to_string(rule.priority)) +
            "\n  tags: " + dumped(Json(rule.tags)) + "\n";
  }
  return text.empty() ? "[]\n" : text;
}

std::string shown(const std::optional<Said>& said) {
  if (!said) return "-";
  const std::string outcome =
      said->outcome.empty() ? said->response : said->outcome;
  return said->verdict.empty() ? outcome : said->verdict + ", " + outcome;
}

std::string name_of(const AlertContainer& container) {
  constexpr std::size_t kShown = 12;
  return container.name.empty() ? container.id.substr(0, kShown)
                                : container.name;
}

std::string budget_of(const OverBudget& over) {
  return over.scope + (over.name.empty() ? "" : " '" + over.name + "'");
}

Json json_of(const std::optional<Said>& said) {
  if (!said) return nullptr;
  return {{"verdict", said->verdict},
          {"response", said->response},
          {"outcome", said->outcome}};
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// What the reader has to know to believe the result.
std::vector<std::string> notes_of(const ReplaySummary& summary,
                                  const PolicyTestOptions& options,
                                  bool only_names) {
  std::vector<std::string> notes;
  if (summary.alerts > 0) {
    notes.emplace_back(
        "conditions were not evaluated of alerts: each says that its rule "
        "held");
  }
  if (only_names) {
    notes.emplace_back(
        "no rule file was given: where a rule is decided is taken from the "
        "events");
  }
  if (summary.timeless > 0) {
    notes.push_back(std::to_string(summary.timeless) +
                    " events have no time: limits and budgets take each to "
                    "have come with the one before it");
  }
  if (only_names && summary.evaluated > 0) {
    notes.push_back(std::to_string(summary.evaluated) +
                    " events of fields were left out: they take rule files");
  }
  if (options.config.empty()) {
    notes.emplace_back(
        "limits are the defaults and nothing is exempt: --config names a "
        "bailiff.yaml");
  }
  if (!options.container.empty() || !options.rule.empty()) {
    notes.emplace_back("budgets count only what the filter lets pass");
  }
  return notes;
}

void print_text(const ReplaySummary& summary,
                const std::vector<std::string>& notes, std::ostream& out) {
  out << '\n';
  for (const ReplaySummary::Exhausted& each : summary.exhausted) {
    out << "BUDGET USED UP: " << printable(budget_of(each.over)) << " at "
        << format_timestamp(each.over.since_ns)
        << (each.times > 1 ? ", " + std::to_string(each.times) + " times" : "")
        << '\n';
  }
  if (summary.refused_by_budget > 0) {
    out << "BUDGET USED UP: " << summary.refused_by_budget
        << " responses would not have been carried out\n";
  }
  out << summary.events << " events";
  if (summary.first_ns != 0) {
    out << " from " << format_timestamp(summary.first_ns) << " to "
        << format_timestamp(summary.last_ns);
  }
  out << ", " << summary.alerts << " alerts, " << summary.evaluated
      << " of fields, " << summary.about_service << " about the service; "
      << summary.differing << " differ, " << summary.unknown
      << " are not known\n";
  const auto counts = [&out](const char* title,
                             const std::map<std::string, std::uint64_t>& all) {
    out << title;
    for (const auto& [name, count] : all) {
      out << ' ' << printable(name) << '=' << count;
    }
    out << (all.empty() ? " none\n" : "\n");
  };
  counts("responses:", summary.responses);
  counts("outcomes:", summary.outcomes);
  for (const auto& [policy, rule] : summary.never_fired) {
    out << "policy '" << printable(policy) << "': no stored event fired '"
        << printable(rule) << "'\n";
  }
  for (const auto& [rule, count] : summary.unheld) {
    out << "rule '" << printable(rule) << "': no policy holds it, " << count
        << " events\n";
  }
  if (!summary.workloads.empty()) {
    out << '\n';
    Table table(
        {{"WORKLOAD", 0}, {"EVENTS", 0}, {"RESPONSES", 0}, {"OVER", 0}});
    for (const auto& [name, each] : summary.workloads) {
      table.add({name, std::to_string(each.events),
                 std::to_string(each.responses), std::to_string(each.refused)});
    }
    table.print(out);
  }
  for (const std::string& note : notes) out << "note: " << note << '\n';
}

void print_json(const ReplaySummary& summary,
                const std::vector<std::string>& notes, std::ostream& out) {
  Json exhausted = Json::array();
  for (const ReplaySummary::Exhausted& each : summary.exhausted) {
    exhausted.push_back({{"scope", each.over.scope},
                         {"name", text_or_null(each.over.name)},
                         {"since", format_timestamp(each.over.since_ns)},
                         {"times", each.times}});
  }
  Json workloads = Json::array();
  for (const auto& [name, each] : summary.workloads) {
    workloads.push_back({{"workload", name},
                         {"events", each.events},
                         {"responses", each.responses},
                         {"over_budget", each.refused}});
  }
  Json never = Json::array();
  for (const auto& [policy, rule] : summary.never_fired) {
    never.push_back({{"policy", policy}, {"rule", rule}});
  }
  const auto time = [](std::uint64_t ns) {
    return ns == 0 ? Json(nullptr) : Json(format_timestamp(ns));
  };
  const Json json = {{"events", summary.events},
                     {"alerts", summary.alerts},
                     {"evaluated", summary.evaluated},
                     {"about_service", summary.about_service},
                     {"first", time(summary.first_ns)},
                     {"last", time(summary.last_ns)},
                     {"differing", summary.differing},
                     {"unknown", summary.unknown},
                     {"responses", Json(summary.responses)},
                     {"outcomes", Json(summary.outcomes)},
                     {"workloads", std::move(workloads)},
                     {"exhausted", std::move(exhausted)},
                     {"over_budget", summary.refused_by_budget},
                     {"never_fired", std::move(never)},
                     {"unheld", Json(summary.unheld)},
                     {"notes", notes}};
  out << "\n],\"summary\":" << dumped(json) << "}\n";
}

// Rows as they come, so that none is held.  Nothing is printed before there is
// one, or the end: what goes wrong until then leaves no output behind.
class Printer {
 public:
  Printer(const Terminal& terminal, bool all)
      : terminal_(terminal), all_(all) {}
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;
  // Without a summary what was begun is JSON all the same.
  ~Printer() {
    if (terminal_.json && begun_ && !ended_) terminal_.out << "\n]}\n";
  }

  void row(const ReplayRow& row) {
    if (!all_ && !row.differs()) return;
    if (terminal_.json) {
      const AlertContainer& container = row.container;
      const Json json = {
          {"time", row.time_ns == 0 ? Json(nullptr)
                                    : Json(format_timestamp(row.time_ns))},
          {"container",
           {{"id", text_or_null(container.id)},
            {"name", text_or_null(container.name)},
            {"image", text_or_null(container.image)},
            {"pod", text_or_null(container.pod)},
            {"namespace", text_or_null(container.name_space)}}},
          {"rule", row.rule},
          {"policy", text_or_null(row.policy)},
          {"then", json_of(row.before)},
          {"now", json_of(row.now)},
          {"differs", row.differs()},
          {"unknown", text_or_null(row.unknown)}};
      terminal_.out << (begin() ? "\n" : ",\n") << dumped(json);
      return;
    }
    // Milliseconds are what a person reads.
    std::string time;
    if (row.time_ns != 0) {
      time = format_timestamp(row.time_ns).substr(0, 23) + "Z";
    }
    begin();
    Table one = table();
    one.add({time, name_of(row.container), row.rule, row.policy,
             shown(row.before),
             row.unknown.empty() ? shown(row.now)
                                 : "not known (" + row.unknown + ")"});
    one.print_rows(terminal_.out);
  }

  void end(const ReplaySummary& summary,
           const std::vector<std::string>& notes) {
    begin();
    ended_ = true;
    if (terminal_.json) {
      print_json(summary, notes, terminal_.out);
    } else {
      print_text(summary, notes, terminal_.out);
    }
  }

 private:
  // Whether nothing was printed before.
  bool begin() {
    if (std::exchange(begun_, true)) return false;
    if (terminal_.json) {
      terminal_.out << "{\"rows\":[";
    } else {
      table().print(terminal_.out);
    }
    return true;
  }
  static Table table() {
    return Table({{"TIME", 24},
                  {"CONTAINER", 16},
                  {"RULE", 24},
                  {"POLICY", 16},
                  {"THEN", 20},
                  {"NOW", 0}});
  }

  const Terminal& terminal_;
  const bool all_;
  bool begun_ = false, ended_ = false;
};

int run(HttpClient& client, const Terminal& terminal,
        const PolicyTestOptions& options) {
  StoredFilter filter{.container = options.container, .rule = options.rule};
  const auto since = time_of(terminal, "--since", options.since);
  const auto until = time_of(terminal, "--until", options.until);
  if (!since || !until) return kExitUsage;
  filter.since_ns = *since;
  filter.until_ns = *until;
  const std::optional<ServiceConfig> config =
      config_of(terminal, options.config);
  if (!config) return kExitFailed;

  Source source(client, terminal, options, std::move(filter));
  if (!source.open()) return kExitFailed;
  Loaded loaded = cli::load_files(options.files);
  const bool only_names = !has_rule_files(loaded);
  if (only_names) {
    KnownRules rules;
    if (!source.of_file()) {
      if (const int code = source.add_rules(rules); code != kExitOk) {
        return code;
      }
    }
    const int code = source.look_through([&rules](const StoredEvent& event) {
      if (event.fields || event.alert.source == "bailiff") return;
      KnownRule& rule = rules[event.alert.rule];
      rule.priority = event.alert.priority;
      rule.tags.insert(event.alert.tags.begin(), event.alert.tags.end());
    });
    if (code != kExitOk) return code;
    // A service tells the names of its rules, and not their tags.
    add_named(loaded, !source.of_file(), rules);
    loaded = cli::load_files(options.files,
                             {{.name = "(rules)", .text = stubs_of(rules)}});
  }
  terminal.err << render(loaded.diagnostics, loaded.sources);
  if (!loaded.policy) return kExitFailed;
  if (loaded.policy->policies.empty()) {
    terminal.err << "bailiff: no policy is in these files\n";
    return kExitFailed;
  }

  Printer printer(terminal, options.all);
  Replay replay({.policy = *loaded.policy,
                 .only_names = only_names,
                 .limits = config->limits,
                 .exempt = config->exempt},
                [&](const ReplayRow& row) { printer.row(row); });
  const int exit_code =
      source.read([&](StoredEvent event) { replay.add(std::move(event)); });
  // Of half of the events nothing is summed up.
  if (exit_code != kExitOk && exit_code != kExitFailed) return exit_code;
  const ReplaySummary summary = replay.finish();
  printer.end(summary, notes_of(summary, options, only_names));
  terminal.out.flush();
  return exit_code;
}

}  // namespace

int test_policies(HttpClient& client, const Terminal& terminal,
                  const PolicyTestOptions& options) {
  try {
    return run(client, terminal, options);
  } catch (const Json::exception& e) {
    return not_understood(terminal, e.what());
  }
}

}  // namespace bailiff::sidecar
