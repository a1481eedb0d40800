// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rules/base/response.h"
#include "rules/document/mapping_reader.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/http/index_html.h"

namespace bailiff::sidecar {
namespace {

using Json = nlohmann::json;

constexpr int kDefaultLimit = 100;
constexpr int kMaxLimit = 1000;
constexpr std::size_t kMaxReasonBytes = 1024;
// Of a list, on one page: some hundred KiB.
constexpr int kDefaultItems = 1000;
constexpr int kMaxItems = 10'000;
// A sender that is told the service cannot store now comes back after this.
constexpr char kRetryAfterSeconds[] = "5";

enum class Route {
  kPage,
  kHealth,
  kReadiness,
  kMetrics,
  kViolations,
  kEvents,
  kEventStream,
  kContainers,
  kContainer,
  kRespond,
  kRearm,
  kCapture,
  kEvidenceList,
  kEvidence,
  kEvidenceArchive,
  kRules,
  kPolicies,
  kLists,
  kList,
  kChangeList,
  kReload,
  kAlerts,
  kRetryAlert,
};

struct Match {
  Route route;
  std::string_view method;
  std::string_view name;    // what ':' stands for
  Verb verb = Verb::kKill;  // kRespond
};

struct FixedPath {
  std::string_view path;
  std::string_view method;
  Route route;
};

constexpr std::array kFixedPaths = {
    FixedPath{"/", "GET", Route::kPage},
    FixedPath{"/healthz", "GET", Route::kHealth},
    FixedPath{"/readyz", "GET", Route::kReadiness},
    FixedPath{"/metrics", "GET", Route::kMetrics},
    FixedPath{"/v1/violations", "POST", Route::kViolations},
    FixedPath{"/v1/events", "GET", Route::kEvents},
    FixedPath{"/v1/events/stream", "GET", Route::kEventStream},
    FixedPath{"/v1/containers", "GET", Route::kContainers},
    FixedPath{"/v1/evidence", "GET", Route::kEvidenceList},
    FixedPath{"/v1/rules", "GET", Route::kRules},
    FixedPath{"/v1/policies", "GET", Route::kPolicies},
    FixedPath{"/v1/lists", "GET", Route::kLists},
    FixedPath{"/v1/reload", "POST", Route::kReload},
    FixedPath{"/v1/responses/rearm", "POST", Route::kRearm},
    FixedPath{"/v1/alerts", "GET", Route::kAlerts},
};

constexpr std::array kVerbs = {Verb::kKill,   Verb::kStop,    Verb::kPause,
                               Verb::kResume, Verb::kIsolate, Verb::kRelease};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() ||
      text.substr(text.size() - suffix.size()) != suffix) {
    return false;
  }
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<Match> find_container_route(std::string_view name,
                                          std::string_view method) {
  if (method == "POST") {
    for (const Verb verb : kVerbs) {
      if (take_suffix(name, "/" + std::string(to_string(verb)))) {
        return Match{Route::kRespond, "POST", name, verb};
      }
    }
    if (take_suffix(name, "/capture")) {
      return Match{Route::kCapture, "POST", name, {}};
    }
  }
  return Match{Route::kContainer, "GET", name, {}};
}

// The route of a path; `method` tells apart two with one path.
std::optional<Match> find_route(std::string_view path,
                                std::string_view method) {
  for (const FixedPath& fixed : kFixedPaths) {
    if (path == fixed.path) return Match{fixed.route, fixed.method, {}, {}};
  }
  std::string_view rest = path;
  if (take_prefix(rest, "/v1/containers/") && !rest.empty()) {
    return find_container_route(rest, method);
  }
  rest = path;
  if (take_prefix(rest, "/v1/alerts/") && take_suffix(rest, "/retry")) {
    return Match{Route::kRetryAlert, "POST", rest, {}};
  }
  rest = path;
  if (take_prefix(rest, "/v1/evidence/") && !rest.empty()) {
    if (take_suffix(rest, "/archive")) {
      return Match{Route::kEvidenceArchive, "GET", rest, {}};
    }
    return Match{Route::kEvidence, "GET", rest, {}};
  }
  rest = path;
  if (take_prefix(rest, "/v1/lists/") && !rest.empty()) {
    if (method == "PATCH") return Match{Route::kChangeList, "PATCH", rest, {}};
    return Match{Route::kList, "GET", rest, {}};
  }
  return std::nullopt;
}

std::string_view error_code(int status) {
  switch (status) {
    case 400:
    case 414:
    case 431:
      return "invalid_request";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
      return "too_large";
    case 415:
      return "unsupported_media_type";
    case 422:
      return "invalid_policy";
    case 503:
      return "unavailable";
    default:  // a number, not an enumeration
      return "internal";
  }
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

ApiAnswer json_answer(const Json& json, int status = 200) {
  return {.status = status, .body = dump(json)};
}

ApiAnswer unavailable(const std::string& message) {
  ApiAnswer answer = error_answer(503, message);
  answer.headers = {{"Retry-After", kRetryAfterSeconds}};
  return answer;
}

// The field that "field 'NAME': …" names.
std::string named_field(std::string_view message) {
  if (!take_prefix(message, "field '")) return "";
  return std::string(message.substr(0, message.find('\'')));
}

Json null_if_empty(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// The query of a request; the first bad value is its error.
class QueryReader {
 public:
  explicit QueryReader(const ApiRequest& request) : request_(request) {}

  // The value of `name`, "" when absent.  Names asked for are the known ones.
  std::string text(const std::string& name) {
    known_.push_back(name);
    std::string value;
    int count = 0;
    for (const auto& [key, text] : request_.query) {
      if (key != name) continue;
      value = text;
      ++count;
    }
    if (count > 1) fail(name, "is given more than once");
    return value;
  }

  std::int64_t number(const std::string& name, std::int64_t absent,
                      std::int64_t least, std::int64_t most) {
    const std::string value = text(name);
    if (value.empty()) return absent;
    std::int64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || at != end || number < least || number > most) {
      fail(name, "'" + value + "' is not a number from " +
                     std::to_string(least) + " to " + std::to_string(most));
      return absent;
    }
    return number;
  }

  bool flag(const std::string& name) {
    const std::string value = text(name);
    if (!value.empty() && value != "true" && value != "false") {
      fail(name, "'" + value + "' is neither true nor false");
    }
    return value == "true";
  }

  void fail(const std::string& name, const std::string& problem) {
    if (!error_) {
      error_ = error_answer(400, "parameter '" + name + "': " + problem, name);
    }
  }

  // After the last name: refuses the names nobody asked for.
  std::optional<ApiAnswer> error() {
    for (const auto& [key, value] : request_.query) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        fail(key, "is unknown");
      }
    }
    return error_;
  }

 private:
  const ApiRequest& request_;
  std::vector<std::string> known_;
  std::optional<ApiAnswer> error_;
};

// A negative `after` counts from the newest: -200 is the last 200.
constexpr std::int64_t kAnyCursor = std::int64_t(1) << 62;

AlertQuery read_query(QueryReader& reader, Store& store) {
  AlertQuery query;
  query.after = reader.number("after", 0, -kAnyCursor, kAnyCursor);
  if (query.after < 0) {
    query.after = std::max<std::int64_t>(0, store.newest() + query.after);
  }
  query.limit =
      static_cast<int>(reader.number("limit", kDefaultLimit, 1, kMaxLimit));
  query.container = reader.text("container");
  query.rule = reader.text("rule");
  if (const std::string text = reader.text("priority"); !text.empty()) {
    query.priority = parse_priority(text);
    if (!query.priority) {
      reader.fail("priority", "'" + text + "' is not a Falco priority");
    }
  }
  if (const std::string text = reader.text("since"); !text.empty()) {
    const std::optional<std::uint64_t> since = parse_since(text, now_ns());
    if (!since) {
      reader.fail("since", "'" + text +
                               "' is neither a time (RFC 3339) nor how long "
                               "ago (10m, 1h)");
    }
    query.since_ns = since.value_or(0);
  }
  return query;
}

ApiAnswer answer_events(Backend& backend, const ApiRequest& request) {
  QueryReader reader(request);
  const AlertQuery query = read_query(reader, backend.store());
  if (auto error = reader.error()) return *error;
  Result<EventPage> page = read_events(backend.store(), query);
  if (!page) return unavailable(page.error().message);
  // The alerts are JSON already.
  std::string body = "{\"events\":[";
  for (const StoredAlert& alert : page->alerts) {
    if (body.back() != '[') body += ',';
    body += alert.json;
  }
  body += "],\"next\":" + std::to_string(page->next) + "}\n";
  return {.body = std::move(body)};
}

ApiAnswer answer_stream(Backend& backend, const ApiRequest& request) {
  QueryReader reader(request);
  AlertQuery query = read_query(reader, backend.store());
  query.limit = kMaxLimit;
  if (auto error = reader.error()) return *error;
  // What a client says it has seen wins over where it once began.
  if (const std::string& id = request.last_event_id; !id.empty()) {
    const char* end = id.data() + id.size();
    const auto [at, error] = std::from_chars(id.data(), end, query.after);
    if (error != std::errc() || at != end || query.after < 0) {
      return error_answer(
          400, "header 'Last-Event-ID': '" + id + "' is no id of this stream",
          "Last-Event-ID");
    }
  }
  return {.content_type = "text/event-stream", .stream = query};
}

ApiAnswer answer_readiness(Backend& backend) {
  bool ready = true;
  Json checks = Json::array();
  for (const ReadinessCheck& check : backend.readiness()) {
    ready = ready && check.ok;
    checks.push_back(
        {{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  return json_answer({{"ready", ready}, {"checks", std::move(checks)}},
                     ready ? 200 : 503);
}

ApiAnswer answer_violation(Backend& backend, const ApiRequest& request) {
  Result<std::string> id = backend.violation(request.body);
  if (id) return json_answer({{"id", *id}}, 202);
  const std::string& message = id.error().message;
  switch (id.error().code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
      return error_answer(400, message, named_field(message));
    case Code::kUnsupported:
    case Code::kPermission:
    case Code::kExhausted:
    case Code::kIo:
      break;
  }
  return unavailable(message);
}

Json in_force_json(const InForce& in_force) {
  return {{"response", in_force.response},
          {"id", in_force.id},
          {"policy", null_if_empty(in_force.policy)},
          {"actor", null_if_empty(in_force.actor)},
          {"until", in_force.until_ns == 0
                        ? Json(nullptr)
                        : Json(format_timestamp(in_force.until_ns))}};
}

Json container_json(const ContainerView& view) {
  Json in_force = Json::array();
  for (const InForce& each : view.in_force) {
    in_force.push_back(in_force_json(each));
  }
  return {
      {"id", view.id},
      {"name", null_if_empty(view.identity.name)},
      {"image", null_if_empty(view.identity.image)},
      {"namespace", null_if_empty(view.identity.name_space)},
      {"pod", null_if_empty(view.identity.pod)},
      {"state", view.state},
      {"responses", std::move(in_force)},
      {"pid", view.pid},
      {"cgroup", view.cgroup},
      {"policies", view.policies},
      {"policy_digest", view.policy_digest},
      {"degraded", null_if_empty(view.degraded)},
      {"started", view.started_ns == 0
                      ? Json(nullptr)
                      : Json(format_timestamp(view.started_ns))},
  };
}

// Of an operation on something that was named.
ApiAnswer operation_error(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return error_answer(404, error.message);
    case Code::kInvalidArgument:  // the name fits several
    case Code::kUnsupported:
    case Code::kPermission:
      return error_answer(409, error.message);
    case Code::kExhausted:
    case Code::kIo:
      break;
  }
  return unavailable(error.message);
}

ApiAnswer answer_containers(Backend& backend) {
  Json containers = Json::array();
  for (const ContainerView& view : backend.containers()) {
    containers.push_back(container_json(view));
  }
  return json_answer({{"containers", std::move(containers)}});
}

ApiAnswer answer_container(Backend& backend, std::string_view name) {
  Result<ContainerView> view = backend.container(std::string(name));
  if (!view) return operation_error(view.error());
  return json_answer(container_json(*view));
}

// Whether the body of an operation may have the field.
bool takes_field(std::optional<Verb> verb, std::string_view field) {
  if (field == "reason") return true;
  if (!verb) return false;
  if (field == "limit") {
    return *verb == Verb::kPause || *verb == Verb::kIsolate;
  }
  if (field == "then") return *verb == Verb::kPause;
  return field == "grace" && *verb == Verb::kStop;
}

// These return the error, or nullopt when `into` has it.
std::optional<std::string> read_reason(const std::string& text,
                                       std::string& into) {
  if (text.size() > kMaxReasonBytes) {
    return "is longer than " + std::to_string(kMaxReasonBytes) + " bytes";
  }
  into = text;
  return std::nullopt;
}

std::optional<std::string> read_term(const std::string& text,
                                     std::optional<std::int64_t>& into) {
  const std::optional<std::int64_t> time = parse_duration(text);
  if (!time || *time < 1 || *time > kMaxTermMs) {
    return "'" + text + "' is no duration from 1ms to 365d, such as 10m";
  }
  into = time;
  return std::nullopt;
}

std::optional<std::string> read_field(const std::string& field,
                                      const std::string& text,
                                      OperatorRequest& into) {
  if (field == "reason") return read_reason(text, into.reason);
  if (field == "then") {
    if (text != "kill" && text != "resume") {
      return "'" + text + "' is neither kill nor resume";
    }
    into.then_kill = text == "kill";
    return std::nullopt;
  }
  return read_term(text, field == "grace" ? into.grace_ms : into.limit_ms);
}

// Reads the members of a body one by one: `read` has a problem, or nullopt.
std::optional<ApiAnswer> read_members(
    const std::string& text,
    const std::function<std::optional<std::string>(const std::string& key,
                                                   const Json& value)>& read) {
  const Json body = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return error_answer(400, "the body is not a JSON object");
  }
  for (const auto& [key, value] : body.items()) {
    if (const auto problem = read(key, value)) {
      return error_answer(400, "field '" + key + "': " + *problem, key);
    }
  }
  return std::nullopt;
}

// The body of an operation; `verb` of one on a container.
std::optional<ApiAnswer> read_operation(const ApiRequest& request,
                                        std::optional<Verb> verb,
                                        OperatorRequest& into) {
  into.actor = request.actor;
  return read_members(request.body,
                      [&](const std::string& key,
                          const Json& value) -> std::optional<std::string> {
                        if (!takes_field(verb, key)) return "is unknown";
                        if (!value.is_string()) return "must be a string";
                        return read_field(key, value.get<std::string>(), into);
                      });
}

ApiAnswer answer_respond(Backend& backend, const Match& match,
                         const ApiRequest& request) {
  OperatorRequest operation;
  if (auto error = read_operation(request, match.verb, operation)) {
    return *std::move(error);
  }
  Result<std::string> outcome =
      backend.respond(match.verb, std::string(match.name), operation);
  if (!outcome) return operation_error(outcome.error());
  return json_answer({{"outcome", *outcome}});
}

ApiAnswer answer_rearm(Backend& backend, const ApiRequest& request) {
  OperatorRequest operation;
  if (auto error = read_operation(request, std::nullopt, operation)) {
    return *std::move(error);
  }
  return json_answer({{"rearmed", backend.rearm(operation)}});
}

ApiAnswer answer_capture(Backend& backend, std::string_view name,
                         const ApiRequest& request) {
  OperatorRequest operation;
  if (auto error = read_operation(request, std::nullopt, operation)) {
    return *std::move(error);
  }
  const Result<CaptureView> capture =
      backend.capture(std::string(name), operation.reason, operation.actor);
  if (!capture) return operation_error(capture.error());
  return json_answer({{"outcome", "captured"},
                      {"evidence", capture->id},
                      {"state", capture->state}});
}

ApiAnswer answer_evidence(const Result<std::string>& json) {
  if (!json) return operation_error(json.error());
  return {.body = *json};
}

// What a container had in its files is for root's eyes, as it is in the folder.
ApiAnswer answer_archive(Backend& backend, std::string_view id,
                         const ApiRequest& request) {
  if (!request.is_root) {
    return error_answer(403,
                        "an archive is given to root over the unix socket "
                        "only");
  }
  Result<UniqueFd> archive =
      backend.evidence_archive(std::string(id), request.actor);
  if (!archive) return operation_error(archive.error());
  return {.content_type = "application/zstd",
          .file = std::make_shared<const UniqueFd>(*std::move(archive))};
}

ApiAnswer answer_policies(Backend& backend) {
  Json policies = Json::array();
  for (const PolicyView& policy : backend.policies()) {
    policies.push_back({{"name", policy.name},
                        {"scope", null_if_empty(policy.scope)},
                        {"rules", policy.rules},
                        {"mode", policy.mode},
                        {"block", policy.block},
                        {"capture", policy.capture},
                        {"response", policy.response},
                        {"on_loss", policy.on_loss}});
  }
  return json_answer({{"policies", std::move(policies)}});
}

Json time_json(std::uint64_t time_ns) {
  return time_ns == 0 ? Json(nullptr) : Json(format_timestamp(time_ns));
}

Json change_json(const ListChange& change) {
  return {{"item", change.item},
          {"change", change.added ? "added" : "removed"},
          {"id", change.id},
          {"actor", change.actor},
          {"reason", change.reason},
          {"since", time_json(change.since_ns)},
          {"until", time_json(change.until_ns)}};
}

Json list_json(const ListView& list) {
  return {{"name", list.name},       {"kind", null_if_empty(list.kind)},
          {"entries", list.entries}, {"added", list.added},
          {"removed", list.removed}, {"in_force", list.in_force}};
}

ApiAnswer answer_lists(Backend& backend) {
  Json lists = Json::array();
  for (const ListView& list : backend.lists()) lists.push_back(list_json(list));
  return json_answer({{"lists", std::move(lists)}});
}

ApiAnswer answer_list(Backend& backend, std::string_view name,
                      const ApiRequest& request) {
  QueryReader reader(request);
  const std::int64_t after = reader.number("after", 0, 0, kAnyCursor);
  const auto limit =
      static_cast<int>(reader.number("limit", kDefaultItems, 0, kMaxItems));
  if (auto error = reader.error()) return *error;
  const Result<ListPage> page = backend.list(std::string(name), after, limit);
  if (!page) return operation_error(page.error());
  Json body = list_json(page->list);
  body["changes"] = Json::array();
  for (const ListChange& change : page->changes) {
    body["changes"].push_back(change_json(change));
  }
  body["items"] = Json::array();
  for (const ListPage::Item& item : page->items) {
    body["items"].push_back(
        {{"item", item.item},
         {"list", item.list},
         {"from", item.change ? "hand" : "file"},
         {"change", item.change ? change_json(*item.change) : Json(nullptr)}});
  }
  body["next"] = page->next ? Json(*page->next) : Json(nullptr);
  body["policy_digest"] = page->policy_digest;
  return json_answer(body);
}

// The error, or nullopt when `into` has it.
std::optional<std::string> read_items(const Json& value,
                                      std::vector<std::string>& into) {
  if (!value.is_array()) return "must be an array of strings";
  for (const Json& item : value) {
    if (!item.is_string()) return "must be an array of strings";
    into.push_back(item.get<std::string>());
  }
  return std::nullopt;
}

// The body of a change of a list.
std::optional<ApiAnswer> read_change(const ApiRequest& request,
                                     ListRequest& into) {
  into.actor = request.actor;
  auto refused =
      read_members(request.body,
                   [&](const std::string& key,
                       const Json& value) -> std::optional<std::string> {
                     if (key == "add") return read_items(value, into.add);
                     if (key == "remove") return read_items(value, into.remove);
                     if (key != "reason" && key != "for") return "is unknown";
                     if (!value.is_string()) return "must be a string";
                     const auto& text = value.get_ref<const std::string&>();
                     return key == "reason" ? read_reason(text, into.reason)
                                            : read_term(text, into.for_ms);
                   });
  if (refused) return refused;
  if (into.add.empty() && into.remove.empty()) {
    return error_answer(400, "there is nothing to add or to remove", "add");
  }
  return std::nullopt;
}

ApiAnswer answer_change(Backend& backend, std::string_view name,
                        const ApiRequest& request) {
  ListRequest change;
  if (auto error = read_change(request, change)) return *std::move(error);
  const Result<ListOutcome> outcome =
      backend.change_list(std::string(name), change);
  if (!outcome) {
    if (outcome.error().code == Code::kInvalidArgument) {
      return error_answer(400, outcome.error().message);
    }
    return operation_error(outcome.error());
  }
  Json unchanged = Json::array();
  for (const ListOutcome::Unchanged& each : outcome->unchanged) {
    unchanged.push_back({{"item", each.item}, {"why", each.why}});
  }
  return json_answer({{"list", name},
                      {"id", outcome->id},
                      {"added", outcome->added},
                      {"removed", outcome->removed},
                      {"unchanged", std::move(unchanged)},
                      {"until", time_json(outcome->until_ns)},
                      {"entries", outcome->entries}});
}

ApiAnswer answer_alerts(Backend& backend, const ApiRequest& request) {
  QueryReader reader(request);
  const bool failed = reader.flag("failed");
  const auto limit =
      static_cast<int>(reader.number("limit", kDefaultLimit, 1, kMaxLimit));
  if (auto error = reader.error()) return *error;
  Result<std::vector<DeliveryState>> states =
      backend.store().deliveries(failed, limit);
  if (!states) return unavailable(states.error().message);
  Json alerts = Json::array();
  for (const DeliveryState& state : *states) {
    alerts.push_back({{"id", state.id},
                      {"uuid", state.uuid},
                      {"rule", state.rule},
                      {"sink", state.sink},
                      {"state", state.state},
                      {"attempts", state.attempts},
                      {"error", null_if_empty(state.error)}});
  }
  return json_answer({{"alerts", std::move(alerts)}});
}

ApiAnswer answer_retry(Backend& backend, std::string_view name,
                       const ApiRequest& request) {
  std::int64_t id = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, id);
  if (error != std::errc() || at != end) {
    return error_answer(404, "no delivery '" + std::string(name) + "'");
  }
  if (Status status = backend.retry(id, request.actor); !status) {
    return operation_error(status.error());
  }
  return json_answer({{"id", id}, {"state", "pending"}});
}

// The page's own script and style are the only ones that may run in it: what
// a container puts into an alert stays text.
ApiAnswer answer_page() {
  const std::string nonce = new_uuid();
  static constexpr std::string_view kMark = "@NONCE@";
  std::string page(kIndexHtml);
  for (std::size_t at = page.find(kMark); at != std::string::npos;
       at = page.find(kMark, at)) {
    page.replace(at, kMark.size(), nonce);
  }
  return {
      .body = std::move(page),
      .content_type = "text/html; charset=utf-8",
      .headers = {{"Content-Security-Policy",
                   "default-src 'none'; connect-src 'self'; base-uri 'none'; "
                   "form-action 'none'; frame-ancestors 'none'; "
                   "script-src 'nonce-" +
                       nonce + "'; style-src 'nonce-" + nonce + "'"},
                  {"Referrer-Policy", "no-referrer"}}};
}

ApiAnswer answer_reload(Backend& backend, const ApiRequest& request) {
  if (Status status = backend.reload(request.actor); !status) {
    return error_answer(422, status.error().message);
  }
  return json_answer({{"reloaded", true}});
}

ApiAnswer answer_route(Backend& backend, const Match& match,
                       const ApiRequest& request) {
  switch (match.route) {
    case Route::kPage:
      return answer_page();
    case Route::kHealth:
      return json_answer({{"status", "ok"}, {"version", BAILIFF_VERSION}});
    case Route::kReadiness:
      return answer_readiness(backend);
    case Route::kMetrics:
      return {.body = backend.metrics(),
              .content_type = "text/plain; version=0.0.4; charset=utf-8"};
    case Route::kViolations:
      return answer_violation(backend, request);
    case Route::kEvents:
      return answer_events(backend, request);
    case Route::kEventStream:
      return answer_stream(backend, request);
    case Route::kContainers:
      return answer_containers(backend);
    case Route::kContainer:
      return answer_container(backend, match.name);
    case Route::kRespond:
      return answer_respond(backend, match, request);
    case Route::kRearm:
      return answer_rearm(backend, request);
    case Route::kCapture:
      return answer_capture(backend, match.name, request);
    case Route::kEvidenceList:
      return answer_evidence(backend.evidence());
    case Route::kEvidence:
      return answer_evidence(backend.evidence(std::string(match.name)));
    case Route::kEvidenceArchive:
      return answer_archive(backend, match.name, request);
    case Route::kRules:
      return {.body = "{\"rules\":" + backend.rules_json() + "}\n"};
    case Route::kPolicies:
      return answer_policies(backend);
    case Route::kLists:
      return answer_lists(backend);
    case Route::kList:
      return answer_list(backend, match.name, request);
    case Route::kChangeList:
      return answer_change(backend, match.name, request);
    case Route::kReload:
      return answer_reload(backend, request);
    case Route::kAlerts:
      return answer_alerts(backend, request);
    case Route::kRetryAlert:
      return answer_retry(backend, match.name, request);
  }
  return error_answer(404, "no such path");
}

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type == "application/json" || type == "application/json ";
}

}  // namespace

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::kKill:
      return "kill";
    case Verb::kStop:
      return "stop";
    case Verb::kPause:
      return "pause";
    case Verb::kResume:
      return "resume";
    case Verb::kIsolate:
      return "isolate";
    case Verb::kRelease:
      return "release";
  }
  return "";
}

ApiAnswer error_answer(int status, const std::string& message,
                       const std::string& field) {
  Json error = {{"code", error_code(status)}, {"message", message}};
  if (!field.empty()) error["field"] = field;
  return json_answer({{"error", std::move(error)}}, status);
}

std::optional<ApiAnswer> refuse(const ApiRequest& request) {
  const std::optional<Match> match = find_route(request.path, request.method);
  if (!match) {
    return error_answer(404, "no such path: '" + request.path + "'");
  }
  if (match->method != request.method) {
    // Of all paths only that of a list takes two.
    const bool list = match->route == Route::kList;
    const std::string only(match->method);
    ApiAnswer answer =
        error_answer(405, "'" + request.path + "' takes " +
                              (list ? "GET and PATCH" : only) + " only");
    answer.headers = {{"Allow", list            ? "GET, HEAD, PATCH"
                                : only == "GET" ? "GET, HEAD"
                                                : only}};
    return answer;
  }
  const bool has_body = request.method == "POST" || request.method == "PATCH";
  if (has_body && !is_json(request.content_type)) {
    return error_answer(415, "the content type must be application/json",
                        "Content-Type");
  }
  return std::nullopt;
}

ApiAnswer answer(Backend& backend, const ApiRequest& request) {
  const std::optional<Match> match = find_route(request.path, request.method);
  if (!match) return error_answer(404, "no such path");
  const auto answered = [&] {
    try {
      return answer_route(backend, *match, request);
    } catch (const Json::exception& e) {
      return error_answer(500, e.what());
    }
  };
  ApiAnswer answer = answered();
  const bool asks_for_more =
      request.method != "GET" || match->route == Route::kEvidenceArchive;
  if (answer.status >= 400 && asks_for_more) {
    backend.refused(request.actor, answer.status, answer.body);
  }
  return answer;
}

Result<EventPage> read_events(Store& store, const AlertQuery& query) {
  EventPage page;
  // Before the query: what comes meanwhile is for the next page.
  const std::int64_t newest = store.newest();
  ASSIGN_OR_RETURN(page.alerts, store.query(query));
  page.next = query.after;
  if (!page.alerts.empty()) page.next = page.alerts.back().id;
  if (page.alerts.size() < static_cast<std::size_t>(query.limit)) {
    page.next = std::max(page.next, newest);
  }
  return page;
}

}  // namespace bailiff::sidecar
