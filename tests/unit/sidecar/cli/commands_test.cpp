// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/commands.h"

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "sidecar/cli/online.h"
#include "sidecar/http/server.h"
#include "tests/harness/fake_backend.h"

namespace bailiff::sidecar {
namespace {

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    auto server = HttpServer::start(backend_, {.tcp = "127.0.0.1:0"});
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    api_ = "http://127.0.0.1:" + std::to_string(server_->tcp_port());
  }

  // What the program would exit with.
  int run(std::vector<std::string> arguments) {
    CLI::App app;
    app.require_subcommand(1);
    int exit_code = -1;
    add_online_commands(app, out_, err_, exit_code);
    // CLI11 takes a vector from its end.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app.parse(reversed);
    } catch (const CLI::ParseError&) {
      return kExitUsage;
    }
    return exit_code;
  }

  FakeBackend backend_;
  std::unique_ptr<HttpServer> server_;
  std::string api_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandsTest, ApiMayStandOnEitherSide) {
  EXPECT_EQ(run({"--api", api_, "ps"}), kExitOk);
  EXPECT_EQ(run({"ps", "--api", api_}), kExitOk);
  EXPECT_EQ(run({"alerts", "--failed", "--api", api_}), kExitOk);
}

TEST_F(CommandsTest, EachCommandReachesTheService) {
  for (const char* command :
       {"ps", "events", "status", "policies", "lists", "reload", "alerts"}) {
    EXPECT_EQ(run({"--api", api_, command}), kExitOk) << command;
    EXPECT_EQ(run({"--api", api_, command, "-o", "json"}), kExitOk) << command;
  }
}

TEST_F(CommandsTest, KillPassesNameAndReason) {
  EXPECT_EQ(run({"--api", api_, "kill", "ns/pod/c", "--reason", "drill"}),
            kExitOk);
  ASSERT_EQ(backend_.asked.size(), 1u);
  EXPECT_EQ(backend_.asked[0].name, "ns/pod/c");
  EXPECT_EQ(backend_.asked[0].request.reason, "drill");
}

TEST_F(CommandsTest, ListsAreShownAndChanged) {
  EXPECT_EQ(run({"--api", api_, "lists", "show", "c2"}), kExitOk);
  EXPECT_EQ(run({"lists", "show", "c2", "--all", "--api", api_}), kExitOk);
  EXPECT_EQ(run({"--api", api_, "lists", "show", "none"}), kExitNotPossible);
  out_.str("");
  EXPECT_EQ(run({"--api", api_, "lists", "add", "c2", "a", "b", "--reason",
                 "drill", "--for", "1h"}),
            kExitOk);
  EXPECT_EQ(out_.str(), "c2: 2 added, 0 removed, 7 entries\n");
  EXPECT_EQ(run({"--api", api_, "lists", "remove", "c2", "a"}), kExitOk);
  ASSERT_EQ(backend_.list_requests.size(), 2U);
  const ListRequest& add = backend_.list_requests[0].second;
  EXPECT_EQ(add.add, std::vector<std::string>({"a", "b"}));
  EXPECT_EQ(add.reason, "drill");
  EXPECT_EQ(add.for_ms, 3'600'000);
  EXPECT_EQ(backend_.list_requests[1].second.remove,
            std::vector<std::string>({"a"}));
  EXPECT_EQ(run({"--api", api_, "lists", "add", "c2"}), kExitUsage);
  EXPECT_EQ(run({"--api", api_, "lists", "drop", "c2"}), kExitUsage);
}

TEST_F(CommandsTest, RetryDoesNotListToo) {
  EXPECT_EQ(run({"--api", api_, "alerts", "retry", "7"}), kExitNotPossible);
  EXPECT_EQ(err_.str(), "bailiff: no such delivery\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandsTest, WrongUsageIsExitTwo) {
  EXPECT_EQ(run({}), kExitUsage);
  EXPECT_EQ(run({"dance"}), kExitUsage);
  EXPECT_EQ(run({"kill"}), kExitUsage);
  EXPECT_EQ(run({"ps", "-o", "xml"}), kExitUsage);
  EXPECT_EQ(run({"ps", "extra"}), kExitUsage);
  EXPECT_EQ(run({"--api", "ftp://h", "ps"}), kExitUsage);
  EXPECT_EQ(run({"--api", api_, "events", "--since", "soon"}), kExitUsage);
  EXPECT_EQ(run({"--api", api_, "events", "--priority", "loud"}), kExitUsage);
}

TEST_F(CommandsTest, NoServiceIsExitThree) {
  EXPECT_EQ(run({"--api", "unix:/nonexistent/bailiffd.sock", "ps"}),
            kExitNoService);
}

}  // namespace
}  // namespace bailiff::sidecar
