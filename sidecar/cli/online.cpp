// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/online.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/cli/answers.h"
#include "sidecar/cli/table.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::json;

constexpr int kPage = 1000;
// A service that is being restarted is back before this is over.
constexpr int kReconnects = 30;
constexpr std::chrono::seconds kReconnectPause{1};

// Diagnostics have lines; nothing else in them may steer the terminal.
void print_lines(std::ostream& out, const std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    out << printable(text.substr(begin, end - begin)) << '\n';
    if (end == std::string::npos) return;
    begin = end + 1;
  }
}

int exit_code_of(int status) {
  switch (status) {
    case 400:
    case 414:
    case 415:
      return kExitUsage;
    case 422:
      return kExitFailed;
    case 403:
    case 404:
    case 405:
    case 409:
    case 501:
      return kExitNotPossible;
    default:  // a number, not an enumeration
      return kExitNoService;
  }
}

// A member as text: "" when it is absent or null.
std::string text_of(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) return found->dump();
  std::string joined;
  for (const Json& item : *found) {
    if (!joined.empty()) joined += ", ";
    joined += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return joined;
}

const Json& object_of(const Json& object, const std::string& name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : kNone;
}

// Shows a service's answer, which is of our own version or of another one: what
// does not have the expected shape is reported, not assumed.
int show(const Terminal& terminal, const Result<HttpAnswer>& answer,
         const std::function<int(const Json&)>& print) {
  if (!answer) return report(terminal, answer.error());
  if (answer->status >= 300) return report(terminal, *answer);
  if (terminal.json) {
    terminal.out << answer->body;
    return kExitOk;
  }
  try {
    return print(Json::parse(answer->body));
  } catch (const Json::exception& e) {
    return not_understood(terminal, e.what());
  }
}

// What a person reads of a timestamp; "" of none.
std::string seconds_of(const std::string& timestamp) {
  return timestamp.empty() ? "" : timestamp.substr(0, 19) + "Z";
}

std::string short_id(const std::string& id) { return id.substr(0, 12); }

// A response's first characters: of what led to it, and after '<' of what it
// led to.
std::string link_of(const Json& ours) {
  constexpr std::size_t kShown = 8;
  const std::string cause = text_of(ours, "caused_by").substr(0, kShown);
  return cause.empty() ? text_of(ours, "response_id").substr(0, kShown)
                       : "< " + cause;
}

// "paused until 2026-11-27T…", "isolated".
std::string state_of(const Json& container) {
  std::string state = text_of(container, "state");
  const auto in_force = container.find("responses");
  if (in_force == container.end() || !in_force->is_array()) return state;
  std::string until;
  for (const Json& each : *in_force) {
    if (text_of(each, "response") == "isolate" && state != "isolated") {
      state += ", isolated";
    }
    if (until.empty()) until = text_of(each, "until");
  }
  return until.empty() ? state : state + " until " + seconds_of(until);
}

Table events_table() {
  return Table({{"TIME", 24},
                {"PRIORITY", 8},
                {"VERDICT", 10},
                {"OUTCOME", 8},
                {"LINK", 10},
                {"CONTAINER", 16},
                {"POLICY", 12},
                {"RULE", 0}});
}

void add_event(Table& table, const Json& alert) {
  const Json& ours = object_of(alert, "bailiff");
  const Json& container = object_of(ours, "container");
  std::string name = text_of(container, "name");
  if (name.empty()) name = short_id(text_of(container, "id"));
  // Milliseconds are what a person reads.
  std::string time = text_of(alert, "time");
  if (time.size() == 30) time = time.substr(0, 23) + "Z";
  table.add({time, text_of(alert, "priority"), text_of(ours, "verdict"),
             text_of(ours, "outcome"), link_of(ours), name,
             text_of(ours, "policy"), text_of(alert, "rule")});
}

void print_event(const Terminal& terminal, const Json& alert) {
  if (terminal.json) {
    terminal.out << dumped(alert) << '\n';
    return;
  }
  Table table = events_table();
  add_event(table, alert);
  table.print_rows(terminal.out);
}

void print_titles(const Terminal& terminal) {
  if (!terminal.json) events_table().print(terminal.out);
}

std::string filter_of(const EventsOptions& options, std::uint64_t since_ns) {
  std::string query;
  const auto add = [&query](const std::string& name, const std::string& value) {
    if (!value.empty()) query += "&" + name + "=" + percent_encode(value);
  };
  add("container", options.container);
  add("rule", options.rule);
  add("priority", options.priority);
  if (since_ns != 0) add("since", format_timestamp(since_ns));
  return query;
}

int list_events(HttpClient& client, const Terminal& terminal,
                const std::string& filter) {
  bool titled = false;
  const int exit_code =
      for_each_event(client, terminal, filter, [&](const Json& event) {
        if (!std::exchange(titled, true)) print_titles(terminal);
        print_event(terminal, event);
        return static_cast<bool>(terminal.out);
      });
  if (exit_code == kExitOk && !titled) print_titles(terminal);
  terminal.out.flush();
  return exit_code;
}

int follow_events(HttpClient& client, const Terminal& terminal,
                  const std::string& target) {
  print_titles(terminal);
  std::string last_id;
  bool connected = false;
  int lost = 0;
  while (true) {
    const Result<HttpAnswer> answer = client.stream(
        target, last_id, [&](std::string_view id, std::string_view json) {
          lost = 0;
          last_id = id;
          print_event(terminal, Json::parse(json));
          return static_cast<bool>(terminal.out.flush());
        });
    if (answer && answer->status != 200) return report(terminal, *answer);
    if (answer) return kExitOk;  // nobody reads any more
    // A stream that broke was there; a service that never was is no reason to
    // wait for one.
    connected =
        connected || !last_id.empty() || answer.error().code == Code::kIo;
    if (!connected || ++lost > kReconnects) {
      return report(terminal, answer.error());
    }
    std::this_thread::sleep_for(kReconnectPause);
  }
}

std::string effect_of(const Json& list) {
  if (text_of(list, "added") == "0" && text_of(list, "removed") == "0") {
    return "";
  }
  return list.value("in_force", true) ? "in force" : "without effect";
}

void print_item(const Terminal& terminal, const Json& item) {
  if (terminal.json) {
    terminal.out << dumped(item) << '\n';
    return;
  }
  terminal.out << printable(text_of(item, "item"));
  const Json& change = object_of(item, "change");
  if (!change.empty()) {
    const std::string until = seconds_of(text_of(change, "until"));
    terminal.out << "  (added by " << printable(text_of(change, "actor"))
                 << (until.empty() ? "" : " until " + until) << ')';
  }
  terminal.out << '\n';
}

// Page by page: neither side holds a list of a million items as text.
int print_items(HttpClient& client, const Terminal& terminal,
                const std::string& target) {
  std::string after = "0";
  std::string digest;
  while (true) {
    const Result<HttpAnswer> answer =
        client.get(target + "?limit=10000&after=" + after);
    if (!answer) return report(terminal, answer.error());
    if (answer->status != 200) return report(terminal, *answer);
    try {
      const Json page = Json::parse(answer->body);
      const std::string now = text_of(page, "policy_digest");
      if (!digest.empty() && digest != now) {
        terminal.err << "bailiff: the list was changed while it was read: ask "
                        "again\n";
        return kExitFailed;
      }
      digest = now;
      for (const Json& item : page.at("items")) print_item(terminal, item);
      after = text_of(page, "next");
    } catch (const Json::exception& e) {
      return not_understood(terminal, e.what());
    }
    if (!terminal.out.flush() || after.empty()) return kExitOk;
  }
}

}  // namespace

int report(const Terminal& terminal, const Error& error) {
  terminal.err << "bailiff: " << printable(error.message) << '\n';
  switch (error.code) {
    case Code::kInvalidArgument:
      return kExitUsage;
    case Code::kPermission:
    case Code::kUnsupported:
      return kExitNotPossible;
    case Code::kNotFound:
    case Code::kExhausted:
    case Code::kIo:
      break;
  }
  return kExitNoService;
}

int report(const Terminal& terminal, const HttpAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  std::string message = "the service answered " + std::to_string(answer.status);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    message = body["error"].value("message", message);
  }
  terminal.err << "bailiff: ";
  print_lines(terminal.err, message);
  return exit_code_of(answer.status);
}

int not_understood(const Terminal& terminal, const std::string& why) {
  terminal.err << "bailiff: the answer is not understood: " << printable(why)
               << '\n';
  return kExitNoService;
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int for_each_event(HttpClient& client, const Terminal& terminal,
                   const std::string& filter,
                   const std::function<bool(const Json&)>& take) {
  std::int64_t after = 0;
  while (true) {
    const Result<HttpAnswer> answer =
        client.get("/v1/events?limit=" + std::to_string(kPage) +
                   "&after=" + std::to_string(after) + filter);
    if (!answer) return report(terminal, answer.error());
    if (answer->status != 200) return report(terminal, *answer);
    const Json page = Json::parse(answer->body);
    const Json& events = page.at("events");
    for (const Json& event : events) {
      if (!take(event)) return kExitOk;
    }
    if (events.size() < kPage) return kExitOk;
    after = page.at("next").get<std::int64_t>();
  }
}

int show_containers(HttpClient& client, const Terminal& terminal) {
  return show(terminal, client.get("/v1/containers"), [&](const Json& body) {
    Table table({{"CONTAINER", 12},
                 {"NAME", 0},
                 {"IMAGE", 0},
                 {"STATE", 0},
                 {"PID", 0},
                 {"POLICIES", 0}});
    for (const Json& container : body.at("containers")) {
      const std::string degraded = text_of(container, "degraded");
      std::string state = state_of(container);
      if (!degraded.empty()) state += " (" + degraded + ")";
      table.add({short_id(text_of(container, "id")), text_of(container, "name"),
                 text_of(container, "image"), state, text_of(container, "pid"),
                 text_of(container, "policies")});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int show_events(HttpClient& client, const Terminal& terminal,
                const EventsOptions& options) {
  std::uint64_t since_ns = 0;
  if (!options.since.empty()) {
    const std::optional<std::uint64_t> since =
        parse_since(options.since, now_ns());
    if (!since) {
      terminal.err << "bailiff: --since: '" << printable(options.since)
                   << "' is neither a time (RFC 3339) nor how long ago "
                      "(10m, 1h)\n";
      return kExitUsage;
    }
    since_ns = *since;
  }
  const std::string filter = filter_of(options, since_ns);
  try {
    if (!options.follow) return list_events(client, terminal, filter);
    const std::string begin = options.since.empty() ? "after=-10" : "after=0";
    return follow_events(client, terminal,
                         "/v1/events/stream?" + begin + filter);
  } catch (const Json::exception& e) {
    return not_understood(terminal, e.what());
  }
}

int operate(HttpClient& client, const Terminal& terminal,
            const std::string& verb, const OperateOptions& options) {
  Json body = {{"reason", options.reason}};
  const auto add = [&body](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("grace", options.grace);
  add("limit", options.limit);
  add("then", options.then);
  const Result<HttpAnswer> answer = client.post(
      "/v1/containers/" + percent_encode(options.container) + "/" + verb,
      dumped(body));
  return show(terminal, answer, [&](const Json& outcome) {
    terminal.out << printable(options.container) << ": "
                 << printable(text_of(outcome, "outcome")) << '\n';
    return kExitOk;
  });
}

int rearm(HttpClient& client, const Terminal& terminal,
          const std::string& reason) {
  const Json body = {{"reason", reason}};
  const Result<HttpAnswer> answer =
      client.post("/v1/responses/rearm", dumped(body));
  return show(terminal, answer, [&](const Json& outcome) {
    const std::string rearmed = text_of(outcome, "rearmed");
    terminal.out << (rearmed.empty() ? "nothing was used up"
                                     : "re-armed: " + printable(rearmed))
                 << '\n';
    return kExitOk;
  });
}

int capture_container(HttpClient& client, const Terminal& terminal,
                      const std::string& name, const std::string& reason) {
  const Json body = {{"reason", reason}};
  const Result<HttpAnswer> answer = client.post(
      "/v1/containers/" + percent_encode(name) + "/capture", dumped(body));
  return show(terminal, answer, [&](const Json& outcome) {
    terminal.out << printable(name) << ": "
                 << printable(text_of(outcome, "outcome")) << ", evidence "
                 << printable(text_of(outcome, "evidence")) << " "
                 << printable(text_of(outcome, "state")) << '\n';
    return kExitOk;
  });
}

int show_evidence(HttpClient& client, const Terminal& terminal) {
  return show(terminal, client.get("/v1/evidence"), [&](const Json& body) {
    Table table({{"ID", 0},
                 {"CONTAINER", 0},
                 {"STATE", 0},
                 {"BYTES", 0},
                 {"MEMBERS", 0},
                 {"MISSING", 0},
                 {"WHY", 0}});
    for (const Json& each : body.at("evidence")) {
      const Json& container = object_of(each, "container");
      const Json& trigger = object_of(each, "trigger");
      std::string name = text_of(container, "name");
      if (name.empty()) name = short_id(text_of(container, "id"));
      std::string why = text_of(trigger, "rules");
      if (why.empty()) why = text_of(trigger, "reason");
      if (why.empty()) why = text_of(each, "error");
      table.add({text_of(each, "id"), name, text_of(each, "state"),
                 text_of(object_of(each, "archive"), "bytes"),
                 text_of(each, "members"), text_of(each, "missing"), why});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int export_evidence(HttpClient& client, const Terminal& terminal,
                    const std::string& id, const std::string& file) {
  const std::string target = "/v1/evidence/" + percent_encode(id) + "/archive";
  if (file == "-") {
    const Result<HttpAnswer> answer =
        client.download(target, [&](std::string_view bytes) {
          terminal.out << bytes;
          return static_cast<bool>(terminal.out.flush());
        });
    if (!answer) return report(terminal, answer.error());
    return answer->status == 200 ? kExitOk : report(terminal, *answer);
  }
  const std::string path =
      file.empty() ? percent_encode(id) + ".tar.zst" : file;
  const UniqueFd out(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) {
    terminal.err << "bailiff: "
                 << printable(errno_error("make '" + path + "'").message)
                 << '\n';
    return kExitNotPossible;
  }
  Status written = Ok{};
  const Result<HttpAnswer> answer =
      client.download(target, [&](std::string_view bytes) {
        written = write_all(out.get(), path, bytes);
        return static_cast<bool>(written);
      });
  if (answer && answer->status == 200) {
    if (!terminal.json) terminal.out << printable(path) << '\n';
    return kExitOk;
  }
  ::unlink(path.c_str());
  if (!written) {
    terminal.err << "bailiff: " << printable(written.error().message) << '\n';
    return kExitNotPossible;
  }
  return answer ? report(terminal, *answer) : report(terminal, answer.error());
}

int show_status(HttpClient& client, const Terminal& terminal) {
  const Result<HttpAnswer> health = client.get("/healthz");
  if (!health) return report(terminal, health.error());
  if (health->status != 200) return report(terminal, *health);
  Result<HttpAnswer> readiness = client.get("/readyz");
  if (!readiness) return report(terminal, readiness.error());
  // Not being ready is what this command is there to show.
  if (readiness->status != 200 && readiness->status != 503) {
    return report(terminal, *readiness);
  }
  const bool ready = readiness->status == 200;
  readiness->status = 200;
  try {
    Json body = Json::parse(readiness->body);
    const Json version = Json::parse(health->body).at("version");
    if (terminal.json) {
      body["service_version"] = version;
      body["cli_version"] = BAILIFF_VERSION;
      terminal.out << body.dump() << '\n';
      return ready ? kExitOk : kExitFailed;
    }
    terminal.out << (ready ? "ready" : "not ready") << ", bailiffd "
                 << printable(version.get<std::string>()) << ", bailiff "
                 << BAILIFF_VERSION << "\n\n";
    Table table({{"CHECK", 0}, {"STATE", 0}, {"DETAIL", 0}});
    for (const Json& check : body.at("checks")) {
      table.add({text_of(check, "name"),
                 check.at("ok").get<bool>() ? "ok" : "failed",
                 text_of(check, "detail")});
    }
    table.print(terminal.out);
  } catch (const Json::exception& e) {
    return not_understood(terminal, e.what());
  }
  return ready ? kExitOk : kExitFailed;
}

int show_policies(HttpClient& client, const Terminal& terminal) {
  return show(terminal, client.get("/v1/policies"), [&](const Json& body) {
    Table table({{"POLICY", 0},
                 {"MODE", 0},
                 {"BLOCK", 0},
                 {"CAPTURE", 0},
                 {"RESPONSE", 0},
                 {"ON LOSS", 0},
                 {"SCOPE", 0},
                 {"RULES", 0}});
    for (const Json& policy : body.at("policies")) {
      const bool block = policy.at("block").get<bool>();
      const bool capture = policy.value("capture", false);
      const std::string scope = text_of(policy, "scope");
      table.add({text_of(policy, "name"), text_of(policy, "mode"),
                 block ? "yes" : "no", capture ? "yes" : "no",
                 text_of(policy, "response"), text_of(policy, "on_loss"),
                 scope.empty() ? "every container" : scope,
                 text_of(policy, "rules")});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int show_lists(HttpClient& client, const Terminal& terminal) {
  return show(terminal, client.get("/v1/lists"), [&](const Json& body) {
    Table table({{"LIST", 0},
                 {"KIND", 0},
                 {"ENTRIES", 0},
                 {"ADDED", 0},
                 {"REMOVED", 0},
                 {"BY HAND", 0}});
    for (const Json& list : body.at("lists")) {
      const std::string kind = text_of(list, "kind");
      table.add({text_of(list, "name"), kind.empty() ? "gone" : kind,
                 text_of(list, "entries"), text_of(list, "added"),
                 text_of(list, "removed"), effect_of(list)});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int show_list(HttpClient& client, const Terminal& terminal,
              const std::string& name, bool all) {
  const std::string target = "/v1/lists/" + percent_encode(name);
  if (all) return print_items(client, terminal, target);
  return show(terminal, client.get(target + "?limit=0"), [&](const Json& body) {
    terminal.out << printable(name) << ": " << text_of(body, "entries")
                 << " entries, " << text_of(body, "added") << " added and "
                 << text_of(body, "removed") << " removed by hand";
    if (!body.value("in_force", true)) terminal.out << ", without effect";
    terminal.out << '\n';
    if (body.at("changes").empty()) return kExitOk;
    terminal.out << '\n';
    Table table({{"ITEM", 0},
                 {"CHANGE", 0},
                 {"UNTIL", 0},
                 {"SINCE", 0},
                 {"BY", 0},
                 {"REASON", 0}});
    for (const Json& change : body.at("changes")) {
      table.add({text_of(change, "item"), text_of(change, "change"),
                 seconds_of(text_of(change, "until")),
                 seconds_of(text_of(change, "since")), text_of(change, "actor"),
                 text_of(change, "reason")});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int change_list(HttpClient& client, const Terminal& terminal,
                const std::string& verb, const ChangeListOptions& options) {
  Json body = {{verb, options.items}, {"reason", options.reason}};
  if (!options.for_time.empty()) body["for"] = options.for_time;
  const Result<HttpAnswer> answer =
      client.patch("/v1/lists/" + percent_encode(options.list), dumped(body));
  return show(terminal, answer, [&](const Json& outcome) {
    const std::string list = printable(options.list);
    for (const Json& each : outcome.at("unchanged")) {
      terminal.out << list << ": '" << printable(text_of(each, "item")) << "' "
                   << printable(text_of(each, "why")) << '\n';
    }
    const std::string until = seconds_of(text_of(outcome, "until"));
    terminal.out << list << ": " << outcome.at("added").size() << " added, "
                 << outcome.at("removed").size() << " removed"
                 << (until.empty() ? "" : " until " + until) << ", "
                 << text_of(outcome, "entries") << " entries\n";
    return kExitOk;
  });
}

int reload(HttpClient& client, const Terminal& terminal) {
  return show(terminal, client.post("/v1/reload", "{}"), [&](const Json&) {
    terminal.out << "reloaded\n";
    return kExitOk;
  });
}

int show_alerts(HttpClient& client, const Terminal& terminal, bool failed) {
  const std::string target =
      std::string("/v1/alerts?limit=1000") + (failed ? "&failed=true" : "");
  return show(terminal, client.get(target), [&](const Json& body) {
    Table table({{"ID", 0},
                 {"SINK", 0},
                 {"STATE", 0},
                 {"ATTEMPTS", 0},
                 {"RULE", 0},
                 {"ERROR", 0}});
    for (const Json& alert : body.at("alerts")) {
      table.add({text_of(alert, "id"), text_of(alert, "sink"),
                 text_of(alert, "state"), text_of(alert, "attempts"),
                 text_of(alert, "rule"), text_of(alert, "error")});
    }
    table.print(terminal.out);
    return kExitOk;
  });
}

int retry_alert(HttpClient& client, const Terminal& terminal,
                const std::string& id) {
  const Result<HttpAnswer> answer =
      client.post("/v1/alerts/" + percent_encode(id) + "/retry", "{}");
  return show(terminal, answer, [&](const Json&) {
    terminal.out << "delivery " << printable(id) << " is pending again\n";
    return kExitOk;
  });
}

}  // namespace bailiff::sidecar
