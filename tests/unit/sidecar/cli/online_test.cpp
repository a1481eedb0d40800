// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/online.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/fake_client.h"
#include "tests/unit/oci/sys/scratch.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;

class OnlineTest : public testing::Test {
 protected:
  Terminal text() { return {.out = out_, .err = err_}; }
  Terminal as_json() { return {.out = out_, .err = err_, .json = true}; }

  FakeClient client_;
  std::ostringstream out_;
  std::ostringstream err_;
};

// A page of a list, of which `next` is where it goes on.
std::string list_page(const std::string& items, const std::string& next,
                      const std::string& digest = "d") {
  return R"({"name":"c2","kind":"addresses","entries":2,"added":1,)"
         R"("removed":0,"in_force":true,"changes":[],"items":[)" +
         items + R"(],"next":)" + next + R"(,"policy_digest":")" + digest +
         "\"}";
}

std::string event(const std::string& rule) {
  return json({{"time", "2019-08-19T16:00:00.020000000Z"},
               {"priority", "Warning"},
               {"rule", rule},
               {"bailiff",
                {{"verdict", "denied"},
                 {"outcome", "killed"},
                 {"policy", "Block"},
                 {"container",
                  {{"id", "c0ffeec0ffeec0ffee"}, {"name", nullptr}}}}}})
      .dump();
}

std::string page(const std::vector<std::string>& events, int next) {
  std::string body = "{\"events\":[";
  for (const std::string& text : events) {
    if (body.back() != '[') body += ',';
    body += text;
  }
  return body + "],\"next\":" + std::to_string(next) + "}";
}

TEST_F(OnlineTest, ListsShowsWhatWasChanged) {
  client_.answer(200, R"({"lists":[
      {"name":"c2","kind":"addresses","entries":3,"added":1,"removed":0,
       "in_force":true},
      {"name":"quiet","kind":"names","entries":9,"added":0,"removed":0,
       "in_force":true},
      {"name":"old","kind":null,"entries":0,"added":0,"removed":1,
       "in_force":false}]})");
  EXPECT_EQ(show_lists(client_, text()), kExitOk);
  EXPECT_EQ(out_.str(),
            "LIST   KIND       ENTRIES  ADDED  REMOVED  BY HAND\n"
            "c2     addresses  3        1      0        in force\n"
            "quiet  names      9        0      0        -\n"
            "old    gone       0        0      1        without effect\n");
}

TEST_F(OnlineTest, AListShowsItsChangesAndNotItsItems) {
  client_.answer(200, R"({"name":"c2","entries":1000001,"added":1,"removed":0,
      "in_force":true,"changes":[{"item":"203.0.113.9","change":"added",
      "actor":"uid=0","reason":"\u001b[31m","id":"x",
      "since":"2026-01-02T03:04:05.000000000Z","until":null}],"items":[],
      "next":0,"policy_digest":"d"})");
  EXPECT_EQ(show_list(client_, text(), "c 2", false), kExitOk);
  EXPECT_EQ(client_.asked.back(), "GET /v1/lists/c%202?limit=0");
  EXPECT_EQ(out_.str(),
            "c 2: 1000001 entries, 1 added and 0 removed by hand\n\n"
            "ITEM         CHANGE  UNTIL  SINCE                 BY     REASON\n"
            "203.0.113.9  added   -      2026-01-02T03:04:05Z  uid=0  "
            "\\x1b[31m\n");
}

TEST_F(OnlineTest, AllOfAListComesPageByPage) {
  client_.answer(200, list_page(R"({"item":"a","change":null})", "1"));
  client_.answer(200, list_page(R"({"item":"b","change":{"actor":"uid=0",
      "until":"2026-01-02T03:04:05.000000000Z"}})",
                                "null"));
  EXPECT_EQ(show_list(client_, text(), "c2", true), kExitOk);
  EXPECT_EQ(client_.asked.back(), "GET /v1/lists/c2?limit=10000&after=1");
  EXPECT_EQ(out_.str(), "a\nb  (added by uid=0 until 2026-01-02T03:04:05Z)\n");
}

TEST_F(OnlineTest, AListThatIsChangedMeanwhileIsNotShownAsOne) {
  client_.answer(200, list_page(R"({"item":"a"})", "1"));
  client_.answer(200, list_page(R"({"item":"b"})", "null", "other"));
  EXPECT_EQ(show_list(client_, as_json(), "c2", true), kExitFailed);
  EXPECT_EQ(out_.str(), "{\"item\":\"a\"}\n");
  EXPECT_NE(err_.str().find("changed while it was read"), std::string::npos);
}

TEST_F(OnlineTest, ChangesAListAndTellsWhatWasSoAlready) {
  client_.answer(200, R"({"added":["a"],"removed":[],"entries":4,
      "until":"2026-01-02T03:04:05.000000000Z",
      "unchanged":[{"item":"b","why":"is an item already, of the rule files"}]
      })");
  EXPECT_EQ(change_list(client_, text(), "add",
                        {.list = "c2",
                         .items = {"a", "b"},
                         .reason = "drill",
                         .for_time = "1h"}),
            kExitOk);
  EXPECT_EQ(client_.asked.back(),
            "PATCH /v1/lists/c2 "
            R"({"add":["a","b"],"for":"1h","reason":"drill"})");
  EXPECT_EQ(out_.str(),
            "c2: 'b' is an item already, of the rule files\n"
            "c2: 1 added, 0 removed until 2026-01-02T03:04:05Z, 4 entries\n");
  client_.answer(400, R"({"error":{"message":"list 'c2': item 'x' is bad"}})");
  EXPECT_EQ(
      change_list(client_, text(), "remove", {.list = "c2", .items = {"x"}}),
      kExitUsage);
  EXPECT_EQ(err_.str(), "bailiff: list 'c2': item 'x' is bad\n");
}

TEST_F(OnlineTest, PsShowsContainers) {
  client_.answer(200, R"({"containers":[{"id":"0123456789abcdef","name":"shop",
      "image":"shop:1","state":"degraded","degraded":"no cgroup","pid":42,
      "policies":["A","B"]}]})");
  EXPECT_EQ(show_containers(client_, text()), kExitOk);
  EXPECT_EQ(out_.str(),
            "CONTAINER     NAME  IMAGE   STATE                 PID  POLICIES\n"
            "0123456789ab  shop  shop:1  degraded (no cgroup)  42   A, B\n");
}

TEST_F(OnlineTest, PsLetsNoContainerSteerTheTerminal) {
  client_.answer(200, R"({"containers":[{"id":"x","name":"\u001b[2J"}]})");
  EXPECT_EQ(show_containers(client_, text()), kExitOk);
  EXPECT_EQ(out_.str().find('\x1b'), std::string::npos);
  EXPECT_NE(out_.str().find("\\x1b[2J"), std::string::npos);
}

TEST_F(OnlineTest, JsonIsWhatTheServiceSaid) {
  client_.answer(200, "{\"containers\":[]}\n");
  EXPECT_EQ(show_containers(client_, as_json()), kExitOk);
  EXPECT_EQ(out_.str(), "{\"containers\":[]}\n");
}

TEST_F(OnlineTest, NobodyListeningIsExitThree) {
  EXPECT_EQ(show_containers(client_, text()), kExitNoService);
  EXPECT_EQ(err_.str(), "bailiff: nobody listens\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(OnlineTest, NotBeingAllowedIsExitFour) {
  client_.answers.push_back(
      Error{.code = Code::kPermission, .message = "connect: denied"});
  EXPECT_EQ(show_policies(client_, text()), kExitNotPossible);
}

TEST_F(OnlineTest, ANonsenseAnswerIsReported) {
  client_.answer(200, "<html>");
  EXPECT_EQ(show_containers(client_, text()), kExitNoService);
  EXPECT_NE(err_.str().find("not understood"), std::string::npos);
}

TEST_F(OnlineTest, EventsReadsPageAfterPage) {
  std::vector<std::string> full(1000, event("first"));
  client_.answer(200, page(full, 1000));
  client_.answer(200, page({event("last")}, 1001));
  EXPECT_EQ(show_events(client_, text(), {}), kExitOk);
  ASSERT_EQ(client_.asked.size(), 2u);
  EXPECT_EQ(client_.asked[1], "GET /v1/events?limit=1000&after=1000");
  EXPECT_NE(out_.str().find(
                "2019-08-19T16:00:00.020Z  Warning   denied      killed    "
                "-           c0ffeec0ffee      Block         last\n"),
            std::string::npos)
      << out_.str().substr(0, 500);
}

TEST_F(OnlineTest, EventsFilters) {
  client_.answer(200, page({}, 0));
  EXPECT_EQ(show_events(client_, text(),
                        {.since = "2019-08-19T16:00:00Z",
                         .container = "a/b",
                         .rule = "x & y",
                         .priority = "warning"}),
            kExitOk);
  EXPECT_EQ(client_.asked.at(0),
            "GET /v1/events?limit=1000&after=0&container=a%2Fb&rule=x%20%26%20y"
            "&priority=warning&since=2019-08-19T16%3A00%3A00.000000000Z");
}

TEST_F(OnlineTest, EventsRefusesABadSinceWithoutAsking) {
  EXPECT_EQ(show_events(client_, text(), {.since = "yesterday"}), kExitUsage);
  EXPECT_TRUE(client_.asked.empty());
  EXPECT_NE(err_.str().find("--since: 'yesterday'"), std::string::npos);
}

TEST_F(OnlineTest, FollowPrintsALineForEachEvent) {
  client_.events = {{"7", event("a")}, {"8", event("b")}};
  client_.answer(409, R"({"error":{"message":"enough"}})");
  EXPECT_EQ(show_events(client_, as_json(), {.follow = true}),
            kExitNotPossible);
  EXPECT_EQ(client_.asked.at(0), "STREAM /v1/events/stream?after=-10 ");
  EXPECT_EQ(out_.str(), event("a") + "\n" + event("b") + "\n");
}

TEST_F(OnlineTest, FollowComesBackWhereItWas) {
  client_.events = {{"7", event("a")}};
  client_.answers.push_back(Error{.code = Code::kIo, .message = "lost"});
  client_.answer(409, R"({"error":{"message":"enough"}})");
  show_events(client_, text(), {.follow = true});
  EXPECT_EQ(client_.asked.at(1), "STREAM /v1/events/stream?after=-10 7");
}

TEST_F(OnlineTest, KillShowsTheOutcome) {
  client_.answer(200, R"({"outcome":"killed"})");
  EXPECT_EQ(operate(client_, text(), "kill",
                    {.container = "ns/pod/c", .reason = "ioc"}),
            kExitOk);
  EXPECT_EQ(client_.asked.at(0),
            "POST /v1/containers/ns%2Fpod%2Fc/kill {\"reason\":\"ioc\"}");
  EXPECT_EQ(out_.str(), "ns/pod/c: killed\n");
}

TEST_F(OnlineTest, KillSaysWhyNot) {
  client_.answer(404, R"({"error":{"code":"not_found","message":"no x"}})");
  EXPECT_EQ(operate(client_, text(), "kill", {.container = "x"}),
            kExitNotPossible);
  EXPECT_EQ(err_.str(), "bailiff: no x\n");
}

TEST_F(OnlineTest, StatusFailsWhenNotReady) {
  client_.answer(200, R"({"status":"ok","version":"1.2.3"})");
  client_.answer(503, R"({"ready":false,"checks":[
      {"name":"bpffs","ok":false,"detail":"not mounted"}]})");
  EXPECT_EQ(show_status(client_, text()), kExitFailed);
  EXPECT_EQ(out_.str(), "not ready, bailiffd 1.2.3, bailiff " BAILIFF_VERSION
                        "\n\nCHECK  STATE   DETAIL\n"
                        "bpffs  failed  not mounted\n");
}

TEST_F(OnlineTest, StatusHoldsTheVersionsAsJson) {
  client_.answer(200, R"({"status":"ok","version":"1.2.3"})");
  client_.answer(200, R"({"ready":true,"checks":[]})");
  EXPECT_EQ(show_status(client_, as_json()), kExitOk);
  EXPECT_EQ(json::parse(out_.str()), json({{"ready", true},
                                           {"checks", json::array()},
                                           {"service_version", "1.2.3"},
                                           {"cli_version", BAILIFF_VERSION}}));
}

TEST_F(OnlineTest, PoliciesAreATable) {
  client_.answer(200, R"({"policies":[{"name":"P","mode":"enforce",
      "block":true,"capture":true,"response":"kill","on_loss":"none",
      "scope":null,"rules":["a","b"]}]})");
  EXPECT_EQ(show_policies(client_, text()), kExitOk);
  EXPECT_EQ(
      out_.str(),
      "POLICY  MODE     BLOCK  CAPTURE  RESPONSE  ON LOSS  SCOPE            "
      "RULES\n"
      "P       enforce  yes    yes      kill      none     every container  "
      "a, b\n");
}

TEST_F(OnlineTest, EvidenceIsATable) {
  client_.answer(200, R"({"evidence":[
      {"id":"e1","container":{"id":"c","name":"shop"},"state":"complete",
       "archive":{"bytes":42},"members":3,"missing":1,
       "trigger":{"rules":["c2"],"reason":null}},
      {"id":"e2","container":{"id":"c0ffeec0ffeec0ffee"},"state":"failed",
       "error":"no space"}]})");
  EXPECT_EQ(show_evidence(client_, text()), kExitOk);
  EXPECT_EQ(out_.str(),
            "ID  CONTAINER     STATE     BYTES  MEMBERS  MISSING  WHY\n"
            "e1  shop          complete  42     3        1        c2\n"
            "e2  c0ffeec0ffee  failed    -      -        -        no space\n");
}

TEST_F(OnlineTest, CaptureSaysWhatItKept) {
  client_.answer(
      200, R"({"outcome":"captured","evidence":"e1","state":"complete"})");
  EXPECT_EQ(capture_container(client_, text(), "web/shop", "odd"), kExitOk);
  EXPECT_EQ(client_.asked[0],
            "POST /v1/containers/web%2Fshop/capture {\"reason\":\"odd\"}");
  EXPECT_EQ(out_.str(), "web/shop: captured, evidence e1 complete\n");
}

TEST_F(OnlineTest, ExportWritesANewFileOrNone) {
  const ScratchFolder scratch;
  const std::string file = scratch / "e1";
  client_.answer(200, "bytes");
  EXPECT_EQ(export_evidence(client_, text(), "e1", file), kExitOk);
  EXPECT_EQ(client_.asked[0], "DOWNLOAD /v1/evidence/e1/archive");
  EXPECT_EQ(read_file(file), "bytes");
  EXPECT_EQ(export_evidence(client_, text(), "e1", file), kExitNotPossible);
  EXPECT_EQ(read_file(file), "bytes");
  client_.answer(404, R"({"error":{"message":"no evidence 'e2'"}})");
  EXPECT_EQ(export_evidence(client_, text(), "e2", scratch / "e2"),
            kExitNotPossible);
  EXPECT_EQ(count_files(scratch.path()), 1U);
  out_.str("");
  client_.answer(200, "bytes");
  EXPECT_EQ(export_evidence(client_, text(), "e1", "-"), kExitOk);
  EXPECT_EQ(out_.str(), "bytes");
}

TEST_F(OnlineTest, ReloadShowsTheDiagnostics) {
  client_.answer(422,
                 R"({"error":{"message":"a.yaml:1:2: error: x\n  y\n  ^"}})");
  EXPECT_EQ(reload(client_, text()), kExitFailed);
  EXPECT_EQ(err_.str(), "bailiff: a.yaml:1:2: error: x\n  y\n  ^\n");
}

TEST_F(OnlineTest, AlertsAreATable) {
  client_.answer(200, R"({"alerts":[{"id":3,"uuid":"u","rule":"r",
      "sink":"soc","state":"failed","attempts":2,"error":"queue full"}]})");
  EXPECT_EQ(show_alerts(client_, text(), true), kExitOk);
  EXPECT_EQ(client_.asked.at(0), "GET /v1/alerts?limit=1000&failed=true");
  EXPECT_EQ(out_.str(),
            "ID  SINK  STATE   ATTEMPTS  RULE  ERROR\n"
            "3   soc   failed  2         r     queue full\n");
}

TEST_F(OnlineTest, RetriesAnAlert) {
  client_.answer(200, R"({"id":3,"state":"pending"})");
  EXPECT_EQ(retry_alert(client_, text(), "3"), kExitOk);
  EXPECT_EQ(client_.asked.at(0), "POST /v1/alerts/3/retry {}");
}

}  // namespace
}  // namespace bailiff::sidecar
