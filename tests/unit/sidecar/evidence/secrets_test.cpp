// SPDX-License-Identifier: Apache-2.0
#include "sidecar/evidence/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bailiff::sidecar {
namespace {

using testing::ElementsAre;

TEST(Secrets, AreKnownByTheirNames) {
  for (const char* name :
       {"PASSWORD", "DB_PASSWORD", "POSTGRES_PASSWD", "api_key", "API-KEY",
        "apiKey", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "--token",
        "Authorization", "X-Api-Key", "session.cookie", "SENTRY_DSN",
        "MYSQL_PWD", "HTTP_AUTH", "GOOGLE_CREDENTIALS", "passphrase"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
  for (const char* name :
       {"PWD", "OLDPWD", "PATH", "HOME", "KEYBOARD", "AUTHOR", "MONKEY",
        "SSH_AUTH_SOCK", "PASSENGER", "HOSTNAME", "", "--"}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
}

TEST(Secrets, OfAnEnvironmentAreMasked) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"DB_PASSWORD=hunter2", "DB_PASSWORD=***"},
      {"DB_PASSWORD=", "DB_PASSWORD="},
      {"PWD=/srv", "PWD=/srv"},
      {"URL=postgres://app:hunter2@db:5432/x",
       "URL=postgres://app:***@db:5432/x"},
      {"URL=https://shop.example/?a=b", "URL=https://shop.example/?a=b"},
      {"X=AKIAIOSFODNN7EXAMPLE", "X=***"},
      {"CERT=-----BEGIN PRIVATE KEY-----\nMIIE", "CERT=***"},
      {"OPTS=--user=a --password=hunter2 -v",
       "OPTS=--user=a --password=*** -v"},
      {"no equals", "no equals"},
  };
  for (const auto& [given, masked] : cases) {
    EXPECT_EQ(mask_variable(given), masked);
  }
}

TEST(Secrets, OfACommandLineAreMasked) {
  EXPECT_THAT(mask_arguments({"app", "--password=hunter2", "--port", "80"}),
              ElementsAre("app", "--password=***", "--port", "80"));
  EXPECT_THAT(mask_arguments({"app", "--api-key", "hunter2", "file"}),
              ElementsAre("app", "--api-key", "***", "file"));
  EXPECT_THAT(mask_arguments({"app", "--password", "--verbose"}),
              ElementsAre("app", "--password", "--verbose"));
  EXPECT_THAT(mask_arguments({"curl", "-u", "me:hunter2", "http://h/"}),
              ElementsAre("curl", "-u", "me:***", "http://h/"));
  EXPECT_THAT(mask_arguments({"curl", "-H", "Authorization: Bearer abc", "-H",
                              "Accept: text/plain"}),
              ElementsAre("curl", "-H", "Authorization: ***", "-H",
                          "Accept: text/plain"));
  EXPECT_THAT(mask_arguments({"sh", "-c", "PGPASSWORD='a b' psql -h db"}),
              ElementsAre("sh", "-c", "PGPASSWORD=*** psql -h db"));
}

TEST(Secrets, OfRunningTextAreMasked) {
  EXPECT_EQ(mask_text(R"({"token": "abc", "name": "x"})"),
            R"({"token": ***, "name": "x"})");
  EXPECT_EQ(mask_text("get http://a:b@h/ and https://c/"),
            "get http://a:***@h/ and https://c/");
  EXPECT_EQ(mask_text("res=0 addr=203.0.113.66:1389"),
            "res=0 addr=203.0.113.66:1389");
  EXPECT_EQ(mask_text(std::string("\0=\xff:\"", 5)),
            std::string("\0=\xff:\"", 5));
  EXPECT_EQ(mask_text("password="), "password=");
}

}  // namespace
}  // namespace bailiff::sidecar
