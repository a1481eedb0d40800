// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <nlohmann/json.hpp>

#include "oci/sys/unique_fd.h"
#include "sidecar/http/client.h"
#include "tests/harness/fake_backend.h"

namespace bailiff::sidecar {
namespace {

using nlohmann::json;

constexpr char kViolation[] =
    R"({"rule":"r","priority":"Warning","output":"o",)"
    R"("time":"2019-08-19T16:00:00Z","output_fields":{}})";

Alert alert(const std::string& rule) {
  Alert made;
  made.uuid = new_uuid();
  made.rule = rule;
  return made;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    char path[] = "/tmp/bailiff-http-XXXXXX";
    folder_ = ::mkdtemp(path);
    start();
  }
  ~HttpServerTest() override {
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(socket()));
    std::filesystem::remove_all(folder_);
  }

  std::string socket() const { return folder_ / "api.sock"; }

  void start() {
    auto server = HttpServer::start(
        backend_, {.unix_path = socket(), .tcp = "127.0.0.1:0"});
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  std::unique_ptr<HttpClient> client(bool tcp = false) {
    auto made = HttpClient::create(tcp ? "http://127.0.0.1:" +
                                             std::to_string(server_->tcp_port())
                                       : "unix:" + socket());
    EXPECT_TRUE(made);
    return *std::move(made);
  }

  UniqueFd connect_tcp() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(server_->tcp_port()));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                        sizeof address),
              0);
    return fd;
  }

  // Sends bytes as they are; what comes back until the connection ends.
  std::string raw(const std::string& bytes) {
    const UniqueFd fd = connect_tcp();
    send_all(fd, bytes);
    ::shutdown(fd.get(), SHUT_WR);
    return read_all(fd);
  }

  static void send_all(const UniqueFd& fd, const std::string& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t sent = ::send(fd.get(), bytes.data() + done,
                                  bytes.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server may have heard enough
      done += static_cast<std::size_t>(sent);
    }
  }

  static std::string read_all(const UniqueFd& fd) {
    std::string text;
    char bytes[4096];
    ssize_t size = 0;
    while ((size = ::read(fd.get(), bytes, sizeof bytes)) > 0) {
      text.append(bytes, static_cast<std::size_t>(size));
    }
    return text;
  }

  // Until `wanted` was read.
  static std::string read_until(const UniqueFd& fd, const std::string& wanted) {
    std::string text;
    char byte = 0;
    while (text.find(wanted) == std::string::npos &&
           ::read(fd.get(), &byte, 1) == 1) {
      text += byte;
    }
    return text;
  }

  static int status(const std::string& answer) {
    return answer.size() < 12 ? 0 : std::atoi(answer.substr(9, 3).c_str());
  }

  std::filesystem::path folder_;
  FakeBackend backend_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersOnBothTransports) {
  for (const bool tcp : {false, true}) {
    const auto answer = client(tcp)->get("/healthz");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(json::parse(answer->body)["status"], "ok");
  }
}

TEST_F(HttpServerTest, KeepsAConnectionForManyRequests) {
  const UniqueFd fd = connect_tcp();
  for (int i = 0; i < 50; ++i) {
    send_all(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(status(read_until(fd, "bailiff_build_info 1\n")), 200);
  }
}

TEST_F(HttpServerTest, PostsReachTheBackend) {
  const auto answer = client()->post("/v1/violations", kViolation);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 202);
  ASSERT_EQ(backend_.violations.size(), 1u);
  EXPECT_EQ(backend_.violations[0], kViolation);
}

TEST_F(HttpServerTest, PatchesReachTheBackend) {
  const auto answer =
      client(false)->patch("/v1/lists/a%20b", R"({"add":["203.0.113.9"]})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  ASSERT_EQ(backend_.list_requests.size(), 1U);
  EXPECT_EQ(backend_.list_requests[0].first, "a b");
}

TEST_F(HttpServerTest, KnowsWhoCallsOnTheUnixSocket) {
  ASSERT_TRUE(client()->post("/v1/containers/x/kill", "{}"));
  EXPECT_EQ(backend_.asked.at(0).request.actor,
            "uid=0 pid=" + std::to_string(::getpid()));
}

TEST_F(HttpServerTest, KnowsWhereATcpCallComesFrom) {
  ASSERT_TRUE(client(true)->post("/v1/containers/x/kill", "{}"));
  EXPECT_EQ(backend_.asked.at(0).request.actor.rfind("tcp 127.0.0.1:", 0), 0u);
}

TEST_F(HttpServerTest, DecodesPathAndQuery) {
  ASSERT_TRUE(client()->post("/v1/containers/a%2Fb%2Fc%20d/kill", "{}"));
  EXPECT_EQ(backend_.asked.at(0).name, "a/b/c d");
  ASSERT_TRUE(backend_.fake_store.append(alert("a b&c"), {}, 1));
  const auto answer =
      client()->get("/v1/events?rule=" + percent_encode("a b&c"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(json::parse(answer->body)["events"].size(), 1u);
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const std::string answer =
      raw("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status(answer), 200);
  EXPECT_EQ(answer.find("bailiff_build_info"), std::string::npos);
}

TEST_F(HttpServerTest, IgnoresRanges) {
  const std::string answer = raw(
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-3\r\n\r\n");
  EXPECT_EQ(status(answer), 200);
  EXPECT_NE(answer.find("bailiff_build_info 1\n"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesForeignHostsOnTcp) {
  for (const char* host : {"Host: evil.example\r\n", "Host: 192.0.2.1:8686\r\n",
                           "", "Host: localhost\r\nHost: evil.example\r\n"}) {
    const std::string answer =
        raw(std::string("GET /v1/events HTTP/1.1\r\n") + host + "\r\n");
    EXPECT_EQ(status(answer), 403) << host;
  }
}

TEST_F(HttpServerTest, RefusesForeignOrigins) {
  const std::string answer =
      raw("POST /v1/violations HTTP/1.1\r\nHost: localhost\r\n"
          "Origin: https://evil.example\r\nContent-Type: application/json\r\n"
          "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(status(answer), 403);
  EXPECT_TRUE(backend_.violations.empty());
}

TEST_F(HttpServerTest, RefusesALargeBody) {
  const auto answer =
      client()->post("/v1/violations", std::string(kMaxBodyBytes + 1, ' '));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(json::parse(answer->body)["error"]["code"], "too_large");
  EXPECT_TRUE(backend_.violations.empty());
}

TEST_F(HttpServerTest, TakesTheLargestBody) {
  std::string body = kViolation;
  body.append(kMaxBodyBytes - body.size(), ' ');
  const auto answer = client()->post("/v1/violations", body);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202);
}

TEST_F(HttpServerTest, RefusesALargeChunkedBody) {
  std::string request =
      "POST /v1/violations HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 17; ++i) {
    request += "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  }
  EXPECT_EQ(status(raw(request + "0\r\n\r\n")), 413);
  EXPECT_TRUE(backend_.violations.empty());
}

TEST_F(HttpServerTest, TakesAChunkedBody) {
  const std::string body = kViolation;
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  EXPECT_EQ(status(raw("POST /v1/violations HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n" +
                       (size + body) + "\r\n0\r\n\r\n")),
            202);
}

TEST_F(HttpServerTest, RefusesATruncatedBody) {
  EXPECT_EQ(status(raw("POST /v1/violations HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/json\r\n"
                       "Content-Length: 100\r\n\r\n{\"rule\"")),
            400);
  EXPECT_TRUE(backend_.violations.empty());
}

TEST_F(HttpServerTest, ABodyNobodyReadIsNoRequest) {
  const std::string answer = raw(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 47\r\n\r\n"
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n\r\n");
  EXPECT_EQ(answer.find("bailiff_build_info"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersMalformedRequestsWithAnError) {
  for (const char* request :
       {"\r\n\r\n", "GET\r\n\r\n", "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    const std::string answer = raw(request);
    EXPECT_GE(status(answer), 400) << request;
    EXPECT_NE(answer.find("\"error\""), std::string::npos) << request;
  }
}

TEST_F(HttpServerTest, RefusesALongPath) {
  const std::string answer = raw("GET /" + std::string(4000, 'a') +
                                 " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status(answer), 414);
}

TEST_F(HttpServerTest, EndsAHeaderThatIsTooLong) {
  raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: " +
      std::string(4 * kMaxBodyBytes, 'a') + "\r\n\r\n");
  EXPECT_TRUE(client()->get("/healthz"));
}

TEST_F(HttpServerTest, SurvivesGarbage) {
  std::string garbage;
  for (int i = 0; i < 100000; ++i) garbage += static_cast<char>(i * 7);
  raw(garbage);
  EXPECT_TRUE(client()->get("/healthz"));
}

TEST_F(HttpServerTest, RefusesConnectionsPastTheBound) {
  std::vector<UniqueFd> held;
  for (std::size_t i = 0; i < kMaxConnections; ++i) {
    held.push_back(connect_tcp());
    // Answered: the server has a thread for it.
    send_all(held.back(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(held.back(), "bailiff_build_info 1\n");
  }
  const UniqueFd one_more = connect_tcp();
  const std::string answer = read_all(one_more);
  EXPECT_EQ(status(answer), 503);
  const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  EXPECT_EQ(json::parse(body)["error"]["code"], "unavailable");
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(body.size())),
            std::string::npos);
}

TEST_F(HttpServerTest, StreamsWhatIsThereAndWhatComes) {
  ASSERT_TRUE(backend_.fake_store.append(alert("first"), {}, 1));
  std::vector<std::string> ids;
  std::vector<std::string> rules;
  const auto answer = client()->stream(
      "/v1/events/stream", "", [&](std::string_view id, std::string_view text) {
        ids.emplace_back(id);
        rules.push_back(json::parse(text)["rule"]);
        if (rules.size() == 1) {
          EXPECT_TRUE(backend_.fake_store.append(alert("second"), {}, 1));
        }
        return rules.size() < 2;
      });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(rules, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(ids, (std::vector<std::string>{"1", "2"}));
}

TEST_F(HttpServerTest, ResumesAStream) {
  for (const char* rule : {"a", "b", "c"}) {
    ASSERT_TRUE(backend_.fake_store.append(alert(rule), {}, 1));
  }
  std::string seen;
  const auto answer = client()->stream(
      "/v1/events/stream", "2", [&](std::string_view, std::string_view text) {
        seen = json::parse(text)["rule"];
        return false;
      });
  ASSERT_TRUE(answer);
  EXPECT_EQ(seen, "c");
}

TEST_F(HttpServerTest, FiltersAStream) {
  for (const char* rule : {"a", "b", "a", "c"}) {
    ASSERT_TRUE(backend_.fake_store.append(alert(rule), {}, 1));
  }
  std::string seen;
  const auto answer =
      client()->stream("/v1/events/stream?rule=c", "",
                       [&](std::string_view, std::string_view text) {
                         seen = json::parse(text)["rule"];
                         return false;
                       });
  ASSERT_TRUE(answer);
  EXPECT_EQ(seen, "c");
}

TEST_F(HttpServerTest, StreamErrorsAreAnswers) {
  const auto answer =
      client()->stream("/v1/events/stream?limit=x", "",
                       [](std::string_view, std::string_view) { return true; });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(json::parse(answer->body)["error"]["field"], "limit");
}

TEST_F(HttpServerTest, RefusesStreamsPastTheBound) {
  const std::string request =
      "GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<UniqueFd> streams;
  for (std::size_t i = 0; i < kMaxStreams; ++i) {
    streams.push_back(connect_tcp());
    send_all(streams.back(), request);
    EXPECT_EQ(status(read_until(streams.back(), ": bailiff")), 200);
  }
  EXPECT_EQ(status(raw(request)), 503);
  EXPECT_TRUE(client()->get("/healthz"));  // others are served
}

TEST_F(HttpServerTest, EndsStreamsAndIdleConnectionsWhenItStops) {
  const UniqueFd idle = connect_tcp();
  const UniqueFd streaming = connect_tcp();
  send_all(streaming,
           "GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  read_until(streaming, ": bailiff");
  server_.reset();
  EXPECT_EQ(read_all(idle), "");
  read_all(streaming);
}

TEST_F(HttpServerTest, RefusesToStartWhereOthersCouldReachIt) {
  const auto server = HttpServer::start(
      backend_, {.unix_path = folder_ / "other.sock", .tcp = "0.0.0.0:0"});
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message.find("loopback"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "other.sock"));
}

TEST_F(HttpServerTest, RefusesASocketInUse) {
  EXPECT_FALSE(HttpServer::start(backend_, {.unix_path = socket()}));
  EXPECT_TRUE(client()->get("/healthz"));
}

TEST(HttpClientTest, SaysThatNobodyListens) {
  auto client = HttpClient::create("unix:/nonexistent/api.sock");
  ASSERT_TRUE(client);
  const auto answer = (*client)->get("/healthz");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound);
}

TEST(HttpClientTest, RefusesOtherAddresses) {
  for (const char* api :
       {"", "unix:", "/run/x.sock", "https://127.0.0.1:1", "http://", "ftp://h",
        "http://h/path", "http://h:notaport"}) {
    const auto client = HttpClient::create(api);
    ASSERT_FALSE(client) << api;
    EXPECT_EQ(client.error().code, Code::kInvalidArgument);
  }
}

TEST(PercentEncode, KeepsOnlyUnreserved) {
  EXPECT_EQ(percent_encode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(percent_encode("a b&c/d\xff"), "a%20b%26c%2Fd%FF");
}

}  // namespace
}  // namespace bailiff::sidecar
