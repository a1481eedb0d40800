// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sidecar/alert/timestamp.h"
#include "tests/harness/fake_backend.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;

class RoutesTest : public testing::Test {
 protected:
  ApiAnswer get(const std::string& path,
                std::vector<std::pair<std::string, std::string>> query = {}) {
    return call({.method = "GET", .path = path, .query = std::move(query)});
  }
  ApiAnswer post(const std::string& path, const std::string& body) {
    return send("POST", path, body);
  }
  ApiAnswer patch(const std::string& path, const std::string& body) {
    return send("PATCH", path, body);
  }
  ApiAnswer send(const std::string& method, const std::string& path,
                 const std::string& body) {
    return call({.method = method,
                 .path = path,
                 .content_type = "application/json",
                 .actor = "uid=0 pid=1",
                 .body = body});
  }
  ApiAnswer call(const ApiRequest& request) {
    if (auto refused = refuse(request)) return *refused;
    return answer(backend_, request);
  }
  static json error(const ApiAnswer& answer) {
    return json::parse(answer.body).at("error");
  }
  void append(const std::string& rule, Priority priority = Priority::kWarning,
              std::uint64_t time_ns = 0) {
    Alert alert;
    alert.uuid = new_uuid();
    alert.rule = rule;
    alert.priority = priority;
    alert.time_ns = time_ns;
    alert.container = {.id = "c0ffee", .name = "shop"};
    ASSERT_TRUE(backend_.fake_store.append(alert, {"soc"}, 1));
  }
  static std::vector<std::string> rules_of(const ApiAnswer& answer) {
    std::vector<std::string> rules;
    const json body = json::parse(answer.body);
    for (const json& event : body.at("events")) {
      rules.push_back(event.at("rule"));
    }
    return rules;
  }

  FakeBackend backend_;
};

using Rules = std::vector<std::string>;

TEST_F(RoutesTest, HealthSaysTheVersion) {
  EXPECT_EQ(json::parse(get("/healthz").body),
            json({{"status", "ok"}, {"version", BAILIFF_VERSION}}));
}

TEST_F(RoutesTest, ReadyListsEachCheck) {
  EXPECT_EQ(get("/readyz").status, 200);
  backend_.checks.push_back(
      {.name = "bpffs", .ok = false, .detail = "not mounted"});
  const ApiAnswer answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["ready"], false);
  EXPECT_EQ(
      body["checks"][1],
      json({{"name", "bpffs"}, {"ok", false}, {"detail", "not mounted"}}));
}

TEST_F(RoutesTest, MetricsAreText) {
  const ApiAnswer answer = get("/metrics");
  EXPECT_EQ(answer.body, "bailiff_build_info 1\n");
  EXPECT_EQ(answer.content_type.rfind("text/plain", 0), 0u);
}

constexpr char kViolation[] =
    R"({"rule":"r","priority":"Warning","output":"o",)"
    R"("time":"2019-08-19T16:00:00Z","output_fields":{}})";

TEST_F(RoutesTest, AcceptsAViolation) {
  const ApiAnswer answer = post("/v1/violations", kViolation);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(json::parse(answer.body)["id"],
            "3d5c0d3e-1f0a-4c58-9f3e-0b8f6a3f2d11");
}

TEST_F(RoutesTest, NamesTheFieldOfABadViolation) {
  const ApiAnswer answer = post("/v1/violations", R"({"rule":"r"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(error(answer), json({{"code", "invalid_request"},
                                 {"message", "field 'priority': is required"},
                                 {"field", "priority"}}));
}

TEST_F(RoutesTest, AsksToComeBackWhenAViolationCannotBeStored) {
  for (const Code code : {Code::kIo, Code::kExhausted}) {
    backend_.violation_error = {.code = code, .message = "disk full"};
    const ApiAnswer answer = post("/v1/violations", kViolation);
    EXPECT_EQ(answer.status, 503);
    ASSERT_EQ(answer.headers.size(), 1u);
    EXPECT_EQ(answer.headers[0].first, "Retry-After");
  }
}

TEST_F(RoutesTest, PostNeedsJson) {
  for (const char* type :
       {"", "text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data", "application/jsonp"}) {
    EXPECT_EQ(call({.method = "POST",
                    .path = "/v1/violations",
                    .content_type = type,
                    .body = kViolation})
                  .status,
              415)
        << type;
  }
  EXPECT_EQ(call({.method = "POST",
                  .path = "/v1/violations",
                  .content_type = "application/json; charset=utf-8",
                  .body = kViolation})
                .status,
            202);
}

TEST_F(RoutesTest, PagesThroughEvents) {
  for (const char* rule : {"a", "b", "c"}) append(rule);
  const ApiAnswer first = get("/v1/events", {{"limit", "2"}});
  EXPECT_EQ(rules_of(first), (Rules{"a", "b"}));
  const std::int64_t next = json::parse(first.body)["next"];
  const ApiAnswer second = get("/v1/events", {{"after", std::to_string(next)}});
  EXPECT_EQ(rules_of(second), (Rules{"c"}));
  EXPECT_EQ(json::parse(second.body)["next"], 3);
}

TEST_F(RoutesTest, CursorPassesOverWhatDoesNotMatch) {
  for (const char* rule : {"a", "b", "c"}) append(rule);
  const ApiAnswer answer = get("/v1/events", {{"rule", "none"}});
  EXPECT_TRUE(rules_of(answer).empty());
  EXPECT_EQ(json::parse(answer.body)["next"], 3);
}

TEST_F(RoutesTest, NegativeAfterCountsFromTheNewest) {
  for (const char* rule : {"a", "b", "c"}) append(rule);
  EXPECT_EQ(rules_of(get("/v1/events", {{"after", "-2"}})), (Rules{"b", "c"}));
  EXPECT_EQ(rules_of(get("/v1/events", {{"after", "-9"}})).size(), 3u);
}

TEST_F(RoutesTest, FiltersEvents) {
  append("old", Priority::kCritical, 1'000'000'000);
  append("new", Priority::kDebug, now_ns());
  EXPECT_EQ(rules_of(get("/v1/events", {{"since", "1h"}})), (Rules{"new"}));
  EXPECT_EQ(rules_of(get("/v1/events", {{"since", "1970-01-01T00:00:01Z"}})),
            (Rules{"old", "new"}));
  EXPECT_EQ(rules_of(get("/v1/events", {{"priority", "warning"}})),
            (Rules{"old"}));
  EXPECT_EQ(rules_of(get("/v1/events", {{"rule", "new"}})), (Rules{"new"}));
  EXPECT_TRUE(rules_of(get("/v1/events", {{"container", "x"}})).empty());
  EXPECT_EQ(rules_of(get("/v1/events", {{"container", "c0f"}})).size(), 2u);
}

struct BadParameter {
  const char* path;
  const char* name;
  const char* value;
};

class RoutesBadParameter : public RoutesTest,
                           public testing::WithParamInterface<BadParameter> {};

TEST_P(RoutesBadParameter, IsNamed) {
  const auto& [path, name, value] = GetParam();
  const ApiAnswer answer = get(path, {{name, value}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(error(answer)["field"], name);
}

INSTANTIATE_TEST_SUITE_P(
    All, RoutesBadParameter,
    testing::Values(BadParameter{"/v1/events", "limit", "0"},
                    BadParameter{"/v1/events", "limit", "1001"},
                    BadParameter{"/v1/events", "limit", "ten"},
                    BadParameter{"/v1/events", "limit", "1 "},
                    BadParameter{"/v1/events", "after", "1e3"},
                    BadParameter{"/v1/events", "after", "9999999999999999999"},
                    BadParameter{"/v1/events", "priority", "loud"},
                    BadParameter{"/v1/events", "since", "yesterday"},
                    BadParameter{"/v1/events", "colour", "red"},
                    BadParameter{"/v1/events/stream", "since", "1w"},
                    BadParameter{"/v1/alerts", "failed", "maybe"},
                    BadParameter{"/v1/alerts", "limit", "-1"}));

TEST_F(RoutesTest, RefusesAParameterGivenTwice) {
  EXPECT_EQ(get("/v1/events", {{"limit", "1"}, {"limit", "2"}}).status, 400);
}

TEST_F(RoutesTest, EventsAreUnavailableWhenTheStoreIs) {
  backend_.fake_store.break_down();
  EXPECT_EQ(get("/v1/events").status, 503);
  EXPECT_EQ(get("/v1/alerts").status, 503);
}

TEST_F(RoutesTest, StreamBeginsAfterTheLastEventId) {
  const ApiAnswer answer = call({.method = "GET",
                                 .path = "/v1/events/stream",
                                 .query = {{"after", "1"}},
                                 .last_event_id = "7"});
  ASSERT_TRUE(answer.stream);
  EXPECT_EQ(answer.stream->after, 7);
}

TEST_F(RoutesTest, StreamRefusesAnIdItNeverGave) {
  for (const char* id : {"x", "-1", "7x"}) {
    EXPECT_EQ(
        call(
            {.method = "GET", .path = "/v1/events/stream", .last_event_id = id})
            .status,
        400)
        << id;
  }
}

TEST_F(RoutesTest, ShowsContainers) {
  backend_.views.push_back({.id = "c0ffee",
                            .identity = {.id = "c0ffee",
                                         .name = "app",
                                         .image = "shop:1",
                                         .pod = "shop-1",
                                         .name_space = "prod"},
                            .state = "running",
                            .pid = 42,
                            .policies = {"Block"}});
  const json list = json::parse(get("/v1/containers").body);
  EXPECT_EQ(list["containers"][0]["id"], "c0ffee");
  const json one = json::parse(get("/v1/containers/prod/shop-1/app").body);
  EXPECT_EQ(one["id"], "c0ffee");
  EXPECT_EQ(one["namespace"], "prod");
  EXPECT_EQ(one["degraded"], nullptr);
  EXPECT_EQ(one["started"], nullptr);
  EXPECT_EQ(get("/v1/containers/other").status, 404);
}

TEST_F(RoutesTest, KillsWithReasonAndActor) {
  const ApiAnswer answer =
      post("/v1/containers/prod/shop/app/kill", R"({"reason":"ioc"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json({{"outcome", "killed"}}));
  ASSERT_EQ(backend_.asked.size(), 1u);
  EXPECT_EQ(backend_.asked[0].name, "prod/shop/app");
  EXPECT_EQ(backend_.asked[0].request.reason, "ioc");
  EXPECT_EQ(backend_.asked[0].request.actor, "uid=0 pid=1");
}

TEST_F(RoutesTest, EveryVerbHasItsOwnFields) {
  const auto status = [&](const std::string& verb, const std::string& body) {
    return post("/v1/containers/x/" + verb, body).status;
  };
  EXPECT_EQ(status("stop", R"({"grace":"3s"})"), 200);
  EXPECT_EQ(status("pause", R"({"limit":"10m","then":"kill"})"), 200);
  EXPECT_EQ(status("resume", "{}"), 200);
  EXPECT_EQ(status("isolate", R"({"limit":"2h"})"), 200);
  EXPECT_EQ(status("release", "{}"), 200);
  ASSERT_EQ(backend_.asked.size(), 5u);
  EXPECT_EQ(backend_.asked[0].verb, Verb::kStop);
  EXPECT_EQ(backend_.asked[0].request.grace_ms, 3000);
  EXPECT_EQ(backend_.asked[1].request.limit_ms, 600'000);
  EXPECT_EQ(backend_.asked[1].request.then_kill, true);
  EXPECT_EQ(backend_.asked[4].verb, Verb::kRelease);
  EXPECT_EQ(status("kill", R"({"grace":"3s"})"), 400);
  EXPECT_EQ(status("isolate", R"({"then":"kill"})"), 400);
  EXPECT_EQ(status("pause", R"({"limit":"0s"})"), 400);
  EXPECT_EQ(status("pause", R"({"then":"stop"})"), 400);
  EXPECT_EQ(backend_.asked.size(), 5u);
}

TEST_F(RoutesTest, RearmsTheBudgets) {
  const ApiAnswer answer = post("/v1/responses/rearm", R"({"reason":"seen"})");
  EXPECT_EQ(json::parse(answer.body), json({{"rearmed", {"node"}}}));
  EXPECT_EQ(backend_.rearmed_by, "uid=0 pid=1");
  EXPECT_EQ(post("/v1/responses/rearm", R"({"limit":"1s"})").status, 400);
}

TEST_F(RoutesTest, KillTellsWhyNot) {
  backend_.respond_error = {.code = Code::kNotFound, .message = "no container"};
  EXPECT_EQ(post("/v1/containers/x/kill", "{}").status, 404);
  backend_.respond_error = {.code = Code::kUnsupported, .message = "exempt"};
  EXPECT_EQ(post("/v1/containers/x/kill", "{}").status, 409);
  backend_.respond_error = {.code = Code::kInvalidArgument,
                            .message = "several"};
  EXPECT_EQ(post("/v1/containers/x/kill", "{}").status, 409);
}

TEST_F(RoutesTest, KillsNothingOnABadBody) {
  for (const char* body :
       {"", "x", "[]", R"({"reason":1})", R"({"why":"x"})"}) {
    EXPECT_EQ(post("/v1/containers/x/kill", body).status, 400) << body;
  }
  EXPECT_EQ(post("/v1/containers/x/kill",
                 json({{"reason", std::string(1025, 'x')}}).dump())
                .status,
            400);
  EXPECT_TRUE(backend_.asked.empty());
}

TEST_F(RoutesTest, ShowsRulesAndPolicies) {
  EXPECT_EQ(json::parse(get("/v1/rules").body)["rules"][0]["rule"], "a");
  const json policy = json::parse(get("/v1/policies").body)["policies"][0];
  EXPECT_EQ(policy["name"], "Block");
  EXPECT_EQ(policy["scope"], nullptr);
  EXPECT_EQ(policy["block"], true);
  EXPECT_EQ(policy["on_loss"], "stop");
}

TEST_F(RoutesTest, ReloadShowsTheDiagnostics) {
  EXPECT_EQ(post("/v1/reload", "{}").status, 200);
  EXPECT_EQ(backend_.reloaded_by, "uid=0 pid=1");
  backend_.reload_error = {.code = Code::kInvalidArgument,
                           .message = "a.yaml:3:1: error: no such rule"};
  const ApiAnswer answer = post("/v1/reload", "{}");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(error(answer)["message"], "a.yaml:3:1: error: no such rule");
}

TEST_F(RoutesTest, ShowsDeliveriesAndRetriesThem) {
  append("a");
  append("b");  // its queue is full: failed
  EXPECT_EQ(json::parse(get("/v1/alerts").body)["alerts"].size(), 2u);
  const json failed =
      json::parse(get("/v1/alerts", {{"failed", "true"}}).body)["alerts"];
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0]["rule"], "b");
  EXPECT_EQ(failed[0]["error"], "queue full");
  EXPECT_EQ(post("/v1/alerts/2/retry", "{}").status, 200);
  EXPECT_EQ(post("/v1/alerts/2/retry", "{}").status, 404);
  EXPECT_EQ(post("/v1/alerts/77/retry", "{}").status, 404);
  EXPECT_EQ(post("/v1/alerts/x/retry", "{}").status, 404);
  EXPECT_EQ(backend_.retried_by, "uid=0 pid=1");
  EXPECT_EQ(backend_.refusals, (std::vector<int>{404, 404, 404}));
}

TEST_F(RoutesTest, ShowsLists) {
  backend_.list_views = {{.name = "c2",
                          .kind = "addresses",
                          .entries = 3,
                          .added = 1,
                          .removed = 2}};
  const json list = json::parse(get("/v1/lists").body)["lists"][0];
  EXPECT_EQ(list["name"], "c2");
  EXPECT_EQ(list["kind"], "addresses");
  EXPECT_EQ(list["entries"], 3);
  EXPECT_EQ(list["added"], 1);
  EXPECT_EQ(list["removed"], 2);
  EXPECT_EQ(list["in_force"], true);
  EXPECT_EQ(get("/v1/listsx").status, 404);
}

TEST_F(RoutesTest, ShowsAListPageByPage) {
  const ListChange change = {.list = "c2",
                             .item = "203.0.113.9",
                             .id = "id-1",
                             .actor = "eve",
                             .reason = "drill",
                             .since_ns = 1'000'000'000};
  backend_.list_page = {.list = {.name = "c2"},
                        .changes = {change},
                        .items = {{.item = "a", .list = "inner", .change = {}},
                                  {"203.0.113.9", "c2", change}},
                        .next = 7,
                        .policy_digest = "d"};
  const ApiAnswer answer =
      get("/v1/lists/c2", {{"after", "5"}, {"limit", "2"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(backend_.asked_page, std::pair(std::int64_t{5}, 2));
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["next"], 7);
  EXPECT_EQ(body["policy_digest"], "d");
  EXPECT_EQ(body["changes"].size(), 1U);
  EXPECT_EQ(body["items"][0]["from"], "file");
  EXPECT_EQ(body["items"][0]["list"], "inner");
  EXPECT_EQ(body["items"][0]["change"], nullptr);
  EXPECT_EQ(body["items"][1]["from"], "hand");
  EXPECT_EQ(body["items"][1]["change"]["actor"], "eve");
  EXPECT_EQ(body["items"][1]["change"]["since"],
            "1970-01-01T00:00:01.000000000Z");
  EXPECT_EQ(body["items"][1]["change"]["until"], nullptr);
  EXPECT_EQ(get("/v1/lists/none").status, 404);
  EXPECT_EQ(get("/v1/lists/c2", {{"after", "-1"}}).status, 400);
  EXPECT_EQ(get("/v1/lists/c2", {{"limit", "10001"}}).status, 400);
}

TEST_F(RoutesTest, ChangesAList) {
  const ApiAnswer answer =
      patch("/v1/lists/c2",
            R"({"add":["a","b"],"remove":["c"],"reason":"drill","for":"10m"})");
  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(backend_.list_requests.size(), 1U);
  const auto& [name, request] = backend_.list_requests[0];
  EXPECT_EQ(name, "c2");
  EXPECT_EQ(request.add, Rules({"a", "b"}));
  EXPECT_EQ(request.remove, Rules({"c"}));
  EXPECT_EQ(request.reason, "drill");
  EXPECT_EQ(request.actor, "uid=0 pid=1");
  EXPECT_EQ(request.for_ms, 600'000);
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["added"], json({"a", "b"}));
  EXPECT_EQ(body["removed"], json({"c"}));
  EXPECT_EQ(body["until"], nullptr);
  EXPECT_EQ(body["entries"], 7);
}

TEST_F(RoutesTest, RefusesAChangeThatIsNone) {
  for (const char* body :
       {"", "[]", "{}", R"({"add":[]})", R"({"add":"a"})", R"({"add":[1]})",
        R"({"remove":{}})", R"({"add":["a"],"why":"x"})",
        R"({"add":["a"],"reason":1})", R"({"add":["a"],"for":"soon"})",
        R"({"add":["a"],"for":"0s"})"}) {
    EXPECT_EQ(patch("/v1/lists/c2", body).status, 400) << body;
  }
  EXPECT_EQ(error(patch("/v1/lists/c2", R"({"add":["a"],"for":"x"})"))["field"],
            "for");
  EXPECT_TRUE(backend_.list_requests.empty());
  EXPECT_EQ(call({.method = "PATCH", .path = "/v1/lists/c2"}).status, 415);
  const ApiAnswer other = post("/v1/lists/c2", "{}");
  EXPECT_EQ(other.status, 405);
  ASSERT_EQ(other.headers.size(), 1U);
  EXPECT_EQ(other.headers[0].second, "GET, HEAD, PATCH");
  EXPECT_EQ(patch("/v1/lists", "{}").status, 405);
}

TEST_F(RoutesTest, SaysWhyAListIsNotChanged) {
  const std::vector<std::pair<Code, int>> kinds = {
      {Code::kInvalidArgument, 400},
      {Code::kNotFound, 404},
      {Code::kUnsupported, 409},
      {Code::kExhausted, 503},
      {Code::kIo, 503},
  };
  for (const auto& [code, status] : kinds) {
    backend_.list_error = Error{code, "list 'c2': so it is"};
    const ApiAnswer answer = patch("/v1/lists/c2", R"({"add":["a"]})");
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(error(answer)["message"], "list 'c2': so it is");
  }
}

TEST_F(RoutesTest, CapturesAContainer) {
  const ApiAnswer answer =
      post("/v1/containers/web/shop-0/shop/capture", R"({"reason":"odd"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body),
            json({{"outcome", "captured"},
                  {"evidence", FakeBackend::kEvidence},
                  {"state", "complete"}}));
  ASSERT_EQ(backend_.captures.size(), 1U);
  EXPECT_EQ(backend_.captures[0].name, "web/shop-0/shop");
  EXPECT_EQ(backend_.captures[0].reason, "odd");
  EXPECT_EQ(backend_.captures[0].actor, "uid=0 pid=1");
  EXPECT_EQ(post("/v1/containers/x/capture", R"({"reason":1})").status, 400);
  backend_.capture_error = Error{Code::kUnsupported, "already gone"};
  EXPECT_EQ(post("/v1/containers/x/capture", "{}").status, 409);
  backend_.capture_error = Error{Code::kExhausted, "too many"};
  EXPECT_EQ(post("/v1/containers/x/capture", "{}").status, 503);
}

TEST_F(RoutesTest, ShowsEvidenceAndGivesItToRootOnly) {
  const std::string one = std::string("/v1/evidence/") + FakeBackend::kEvidence;
  EXPECT_EQ(json::parse(get("/v1/evidence").body)["evidence"].size(), 1U);
  EXPECT_EQ(get(one).status, 200);
  EXPECT_EQ(get("/v1/evidence/none").status, 404);
  EXPECT_EQ(get(one + "/archive").status, 403);
  const ApiAnswer archive =
      call({.method = "GET", .path = one + "/archive", .is_root = true});
  EXPECT_EQ(archive.status, 200);
  EXPECT_EQ(archive.content_type, "application/zstd");
  EXPECT_EQ(backend_.refusals, std::vector<int>{403});
  ASSERT_NE(archive.file, nullptr);
  EXPECT_EQ(call({.method = "GET",
                  .path = "/v1/evidence/none/archive",
                  .is_root = true})
                .status,
            404);
  EXPECT_EQ(post(one, "{}").status, 405);
}

TEST_F(RoutesTest, TellsAMisspellingFromAMethod) {
  EXPECT_EQ(get("/v1/event").status, 404);
  EXPECT_EQ(get("/v1/lists/").status, 404);
  EXPECT_EQ(get("/v1/containers/").status, 404);
  EXPECT_EQ(get("/v1/violations").status, 405);
  EXPECT_EQ(call({.method = "DELETE", .path = "/v1/events"}).status, 405);
  EXPECT_EQ(call({.method = "PUT", .path = "/v1/containers/x"}).status, 405);
}

TEST_F(RoutesTest, PageRunsOnlyItsOwnScript) {
  const ApiAnswer first = get("/");
  const ApiAnswer second = get("/");
  EXPECT_EQ(first.content_type, "text/html; charset=utf-8");
  EXPECT_NE(first.body, second.body);  // the nonce
  EXPECT_EQ(first.body.find("@NONCE@"), std::string::npos);
  ASSERT_EQ(first.headers.at(0).first, "Content-Security-Policy");
  const std::string& policy = first.headers.at(0).second;
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
}

TEST_F(RoutesTest, PageLoadsNothingFromElsewhereAndInsertsNoHtml) {
  const std::string page = get("/").body;
  for (const char* text : {"http://", "https://", "innerHTML", "outerHTML",
                           "insertAdjacentHTML", "document.write", "eval("}) {
    EXPECT_EQ(page.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace bailiff::sidecar
