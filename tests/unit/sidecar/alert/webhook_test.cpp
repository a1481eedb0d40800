// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/webhook.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sidecar/alert/signature.h"
#include "tests/harness/http_receiver.h"
#include "tests/harness/scratch_folder.h"

namespace bailiff::sidecar {
namespace {

using test::http_answer;
using test::HttpReceiver;
using test::ReceivedRequest;

const Delivery kDelivery{.id = 1,
                         .sink = "soc",
                         .json = R"({"rule":"r"})",
                         .uuid = "3d5c0d3e-1f0a-4c58-9f3e-0b8f6a3f2d11"};

HttpReceiver::Script always(const std::string& answer) {
  return [answer](int) { return answer; };
}

std::unique_ptr<Sink> open(const std::string& url,
                           const std::string& secret_file = "") {
  auto sink = open_webhook({.name = "soc",
                            .type = "webhook",
                            .url = url,
                            .secret_file = secret_file});
  if (!sink) {
    ADD_FAILURE() << sink.error().message;
    std::abort();
  }
  return *std::move(sink);
}

class WebhookTest : public testing::Test {
 protected:
  std::string secret_file(const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ / "secret";
    std::ofstream(path, std::ios::trunc) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  ScratchFolder folder_;
};

TEST_F(WebhookTest, PostsTheAlert) {
  HttpReceiver receiver(always(http_answer("204 No Content")));
  const auto attempt = open(receiver.url("/alerts?x=1"))->post(kDelivery);
  EXPECT_EQ(attempt.outcome, Sink::Outcome::kDelivered) << attempt.error;
  const ReceivedRequest request = receiver.wait_for(1).at(0);
  EXPECT_EQ(request.line, "POST /alerts?x=1 HTTP/1.1");
  EXPECT_EQ(request.body, kDelivery.json);
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.headers.at("user-agent"), "bailiff/" BAILIFF_VERSION);
  EXPECT_EQ(request.headers.at("x-bailiff-id"), kDelivery.uuid);
  EXPECT_EQ(request.headers.count("x-bailiff-signature"), 0u);
}

TEST_F(WebhookTest, SignsWithTheSecret) {
  HttpReceiver receiver(always(http_answer("200 OK")));
  open(receiver.url(), secret_file("key\n"))->post(kDelivery);
  const ReceivedRequest request = receiver.wait_for(1).at(0);
  const std::uint64_t timestamp =
      std::stoull(request.headers.at("x-bailiff-timestamp"));
  EXPECT_TRUE(signature_matches(sign("key", timestamp, request.body),
                                request.headers.at("x-bailiff-signature")));
}

TEST_F(WebhookTest, ReadsAChangedSecretAgain) {
  HttpReceiver receiver(always(http_answer("200 OK")));
  const auto sink = open(receiver.url(), secret_file("old"));
  sink->post(kDelivery);
  secret_file("newer");
  sink->post(kDelivery);
  const ReceivedRequest request = receiver.wait_for(2).at(1);
  const std::uint64_t timestamp =
      std::stoull(request.headers.at("x-bailiff-timestamp"));
  EXPECT_EQ(request.headers.at("x-bailiff-signature"),
            sign("newer", timestamp, request.body));
}

TEST_F(WebhookTest, SendsNothingWithoutItsSecret) {
  HttpReceiver receiver(always(http_answer("200 OK")));
  const std::string path = secret_file("key");
  const auto sink = open(receiver.url(), path);
  std::filesystem::remove(path);
  const auto attempt = sink->post(kDelivery);
  EXPECT_EQ(attempt.outcome, Sink::Outcome::kRetry);
  EXPECT_NE(attempt.error.find("open secret file"), std::string::npos);
  EXPECT_TRUE(receiver.wait_for(0).empty());
}

TEST_F(WebhookTest, RefusesASecretOthersCanRead) {
  for (const mode_t mode : {0640, 0604, 0660}) {
    const auto sink = open_webhook({.name = "soc",
                                    .url = "http://127.0.0.1/",
                                    .secret_file = secret_file("k", mode)});
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error().code, Code::kPermission);
    EXPECT_NE(sink.error().message.find("is open to others"),
              std::string::npos);
  }
}

TEST_F(WebhookTest, RefusesASecretOfSomebodyElse) {
  const std::string path = secret_file("k");
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_EQ(
      open_webhook(
          {.name = "soc", .url = "http://127.0.0.1/", .secret_file = path})
          .error()
          .message,
      "sink 'soc': secret file '" + path +
          "' does not belong to root: chown it");
}

TEST_F(WebhookTest, RefusesAnEmptyOrMissingSecret) {
  EXPECT_FALSE(open_webhook({.name = "soc",
                             .url = "http://127.0.0.1/",
                             .secret_file = secret_file("\n")}));
  EXPECT_FALSE(open_webhook({.name = "soc",
                             .url = "http://127.0.0.1/",
                             .secret_file = folder_ / "none"}));
  EXPECT_FALSE(open_webhook({.name = "soc",
                             .url = "http://127.0.0.1/",
                             .secret_file = folder_.path()}));
}

TEST_F(WebhookTest, RefusesOtherUrls) {
  for (const char* url : {"", "ftp://h/", "file:///etc/passwd", "h/path",
                          "http://", "javascript:1"}) {
    const auto sink = open_webhook({.name = "soc", .url = url});
    ASSERT_FALSE(sink) << url;
    EXPECT_EQ(sink.error().message,
              "sink 'soc': url: must be http:// or https:// and a host");
  }
}

struct Judgement {
  const char* status;
  Sink::Outcome outcome;
};

class WebhookStatus : public testing::TestWithParam<Judgement> {};

TEST_P(WebhookStatus, IsJudged) {
  HttpReceiver receiver(always(http_answer(GetParam().status)));
  const auto attempt = open(receiver.url())->post(kDelivery);
  EXPECT_EQ(attempt.outcome, GetParam().outcome);
  if (GetParam().outcome != Sink::Outcome::kDelivered) {
    EXPECT_EQ(
        attempt.error.rfind(
            "the receiver answered " + std::string(GetParam().status, 3), 0),
        0u)
        << attempt.error;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, WebhookStatus,
    testing::Values(Judgement{"200 OK", Sink::Outcome::kDelivered},
                    Judgement{"202 Accepted", Sink::Outcome::kDelivered},
                    Judgement{"301 Moved", Sink::Outcome::kRefused},
                    Judgement{"400 Bad", Sink::Outcome::kRefused},
                    Judgement{"401 Who", Sink::Outcome::kRefused},
                    Judgement{"404 None", Sink::Outcome::kRefused},
                    Judgement{"410 Gone", Sink::Outcome::kRefused},
                    Judgement{"408 Late", Sink::Outcome::kRetry},
                    Judgement{"429 Many", Sink::Outcome::kRetry},
                    Judgement{"500 Oops", Sink::Outcome::kRetry},
                    Judgement{"503 Busy", Sink::Outcome::kRetry}));

TEST_F(WebhookTest, FollowsNoRedirect) {
  HttpReceiver elsewhere(always(http_answer("200 OK")));
  HttpReceiver receiver(always(
      http_answer("307 Temporary", "Location: " + elsewhere.url() + "\r\n")));
  EXPECT_EQ(open(receiver.url())->post(kDelivery).outcome,
            Sink::Outcome::kRefused);
  EXPECT_TRUE(elsewhere.wait_for(0).empty());
}

TEST_F(WebhookTest, TellsWhenToComeBack) {
  HttpReceiver receiver(always(http_answer("429 Many", "Retry-After: 77\r\n")));
  EXPECT_EQ(open(receiver.url())->post(kDelivery).retry_after,
            std::chrono::seconds(77));
}

TEST_F(WebhookTest, KeepsTheConnection) {
  HttpReceiver receiver(always(http_answer("200 OK")));
  const auto sink = open(receiver.url());
  for (int i = 0; i < 3; ++i) sink->post(kDelivery);
  for (const ReceivedRequest& request : receiver.wait_for(3)) {
    EXPECT_EQ(request.connection, 0);
  }
}

TEST_F(WebhookTest, RetriesWhenNobodyListens) {
  std::string url;
  {
    HttpReceiver gone(always(http_answer("200 OK")));
    url = gone.url("/hidden/token");
  }
  const auto attempt = open(url)->post(kDelivery);
  EXPECT_EQ(attempt.outcome, Sink::Outcome::kRetry);
  EXPECT_NE(attempt.error, "");
  EXPECT_EQ(attempt.error.find("token"), std::string::npos);
}

TEST_F(WebhookTest, GivesUpOnAnAnswerThatNeverEnds) {
  HttpReceiver receiver(
      always("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n"
             "\r\n" +
             std::string(900000, 'x')));
  EXPECT_EQ(open(receiver.url())->post(kDelivery).outcome,
            Sink::Outcome::kDelivered);
}

TEST_F(WebhookTest, CancelEndsAnAttemptThatIsNeverAnswered) {
  HttpReceiver receiver(always(""));
  const auto sink = open(receiver.url());
  Sink::Attempt attempt;
  std::thread posting([&] { attempt = sink->post(kDelivery); });
  EXPECT_EQ(receiver.wait_for(1).size(), 1u);
  sink->cancel();
  posting.join();
  EXPECT_EQ(attempt.outcome, Sink::Outcome::kRetry);
  EXPECT_EQ(attempt.error, "the service is stopping");
}

}  // namespace
}  // namespace bailiff::sidecar
