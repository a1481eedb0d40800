// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Args = std::vector<std::string>;

RuntimeCall parse(const Args& args) {
  Result<RuntimeCall> call = parse_command_line(args);
  EXPECT_TRUE(call) << call.error().message;
  return call ? *std::move(call) : RuntimeCall();
}

void expect_refused(const Args& args, const std::string& reason) {
  const Result<RuntimeCall> call = parse_command_line(args);
  ASSERT_FALSE(call) << testing::PrintToString(args);
  EXPECT_THAT(call.error().message, HasSubstr(reason));
}

TEST(CommandLine, FindsTheVerbsThatMakeContainers) {
  EXPECT_EQ(parse({"create", "c"}).verb, Verb::kCreate);
  EXPECT_EQ(parse({"run", "c"}).verb, Verb::kRun);
  EXPECT_EQ(parse({"restore", "c"}).verb, Verb::kRestore);
  EXPECT_EQ(parse({"--debug", "--systemd-cgroup", "create", "c"}).verb,
            Verb::kCreate);
  EXPECT_EQ(parse({"--", "create", "c"}).verb, Verb::kCreate);
}

TEST(CommandLine, LeavesAllOtherVerbsToTheRuntime) {
  for (const char* verb :
       {"state", "features", "kill", "delete", "exec", "start", "list", "ps",
        "pause", "resume", "update", "events", "spec", "checkpoint", "help",
        "new-verb"}) {
    EXPECT_EQ(parse({verb, "create", "run"}).verb, Verb::kOther) << verb;
  }
  EXPECT_EQ(parse({}).verb, Verb::kOther);
  EXPECT_EQ(parse({"--version"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"-v"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"--root"}).verb, Verb::kOther);
}

TEST(CommandLine, IsNotMisledByNames) {
  EXPECT_EQ(parse({"delete", "--force", "create"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"exec", "run", "restore"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"--root", "create", "state", "c"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"--root", "run", "create", "run"}).verb, Verb::kCreate);
}

TEST(CommandLine, KnowsWhichGlobalOptionsTakeAValue) {
  EXPECT_EQ(parse({"--log", "/x", "run", "c"}).verb, Verb::kRun);
  EXPECT_EQ(parse({"--log=/x", "run", "c"}).verb, Verb::kRun);
  EXPECT_EQ(parse({"-log", "/x", "run", "c"}).verb, Verb::kRun);
  EXPECT_EQ(parse({"-log=/x", "run", "c"}).verb, Verb::kRun);
  EXPECT_EQ(parse({"--root=/x", "create", "c"}).verb, Verb::kCreate);
  EXPECT_EQ(parse({"--rootless", "true", "create", "c"}).verb, Verb::kCreate);
  EXPECT_EQ(parse({"--criu", "run", "kill", "c"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"--cgroup-manager", "cgroupfs", "--log-format", "json",
                   "create", "c"})
                .verb,
            Verb::kCreate);
  EXPECT_EQ(parse({"--log", "--root", "create", "c"}).verb, Verb::kCreate);
}

TEST(CommandLine, FindsTheBundle) {
  EXPECT_EQ(parse({"create", "--bundle", "/b", "c"}).bundle, "/b");
  EXPECT_EQ(parse({"create", "--bundle=/b", "c"}).bundle, "/b");
  EXPECT_EQ(parse({"create", "-b", "/b", "c"}).bundle, "/b");
  EXPECT_EQ(parse({"create", "c"}).bundle, "");
  EXPECT_EQ(parse({"create", "--pid-file", "/p", "--console-socket", "/s",
                   "--no-pivot", "--preserve-fds", "3", "--bundle", "/b", "c"})
                .bundle,
            "/b");
  EXPECT_EQ(
      parse({"create", "--pid-file", "--bundle", "--bundle", "/b", "c"}).bundle,
      "/b");
  // The last one wins with both runtimes.
  EXPECT_EQ(parse({"create", "-b", "/a", "--bundle", "/b", "c"}).bundle, "/b");
}

TEST(CommandLine, FindsCrunsConfig) {
  EXPECT_EQ(parse({"create", "--config", "/x.json", "c"}).config_file,
            "/x.json");
  EXPECT_EQ(parse({"run", "--config=/x.json", "c"}).config_file, "/x.json");
  EXPECT_EQ(parse({"run", "-f", "/x.json", "c"}).config_file, "/x.json");
}

TEST(CommandLine, NamesTheConfigTheRuntimeWillRead) {
  EXPECT_EQ(config_path(parse({"run", "c"})), "config.json");
  EXPECT_EQ(config_path(parse({"run", "-b", "/b", "c"})), "/b/config.json");
  EXPECT_EQ(config_path(parse({"run", "-b", "/b", "-f", "x.json", "c"})),
            "x.json");
  EXPECT_EQ(config_path(parse({"run", "-b", "/b", "-f", "config.json", "c"})),
            "/b/config.json");
}

TEST(CommandLine, RefusesWhatRuntimesReadDifferently) {
  for (const char* arg : {"-b=/b", "-b/b", "-bundle", "-bundle=/b", "-f=/x",
                          "-fx", "--bund", "--b=/b", "--conf", "-config"}) {
    expect_refused({"create", arg, "/b", "c"}, arg);
  }
  expect_refused({"create", "c", "--bundle", "/b"}, "before the container");
  expect_refused({"create", "--bundle"}, "needs a value");
}

TEST(CommandLine, RefusesToGuessTheVerbBehindAnUnknownOption) {
  expect_refused({"--new", "value", "create", "c"}, "cannot tell");
  expect_refused({"--new", "state", "run", "c"}, "cannot tell");
  EXPECT_EQ(parse({"--new=value", "create", "c"}).verb, Verb::kCreate);
  EXPECT_EQ(parse({"--new", "create", "c"}).verb, Verb::kCreate);
  EXPECT_EQ(parse({"--new", "state", "c"}).verb, Verb::kOther);
  // An unknown option of create that takes a value hides the bundle.
  expect_refused({"create", "--new", "value", "--bundle", "/b", "c"},
                 "before the container");
}

TEST(CommandLine, LeavesHelpToTheRuntime) {
  EXPECT_EQ(parse({"create", "--help"}).verb, Verb::kOther);
  EXPECT_EQ(parse({"run", "-h"}).verb, Verb::kOther);
  // After the id it belongs to nobody: a container is made.
  EXPECT_EQ(parse({"run", "c", "--help"}).verb, Verb::kRun);
}

TEST(CommandLine, TakesOutItsOwnOptionsAndNothingElse) {
  const RuntimeCall call = parse({"--bailiff-config", "/c.yaml", "--root", "/r",
                                  "create", "-b", "/b", "--bailiff-config"});
  EXPECT_EQ(call.bailiff_config, "/c.yaml");
  EXPECT_THAT(call.args, ElementsAre("--root", "/r", "create", "-b", "/b",
                                     "--bailiff-config"));
  const RuntimeCall between = parse(
      {"--root", "/r", "--bailiff-config=/c.yaml", "--debug", "state", "c"});
  EXPECT_EQ(between.bailiff_config, "/c.yaml");
  EXPECT_THAT(between.args,
              ElementsAre("--root", "/r", "--debug", "state", "c"));
  expect_refused({"--bailiff-config"}, "needs a file");
  expect_refused({"--bailiff-config=", "state"}, "needs a file");
}

TEST(CommandLine, KnowsWhereACreatedContainerIsKept) {
  EXPECT_EQ(parse({"--root", "/r", "create", "c"}).root, "/r");
  EXPECT_EQ(parse({"--root=r", "run", "c"}).root, "r");
  EXPECT_EQ(parse({"create", "c"}).root, "");
}

TEST(CommandLine, KeepsOddArgumentsAsTheyAre) {
  const Args args = {"exec", "c", "sh", "-c", "", "--", "a b\n", "-"};
  EXPECT_EQ(parse(args).args, args);
}

TEST(CommandLine, HasItsOwnVersion) {
  EXPECT_TRUE(parse({"--bailiff-version"}).bailiff_version);
  EXPECT_FALSE(parse({"state", "--bailiff-version"}).bailiff_version);
}

TEST(CommandLine, KnowsWhatIsDoneToAContainerByItsNameAlone) {
  const struct {
    const char* word;
    Verb verb;
  } verbs[] = {{"start", Verb::kStart},
               {"pause", Verb::kPause},
               {"resume", Verb::kResume}};
  for (const auto& [word, verb] : verbs) {
    SCOPED_TRACE(word);
    const Args args = {"--root", "/r", "--debug", word, "c1"};
    const RuntimeCall call = parse(args);
    EXPECT_EQ(call.verb, verb);
    EXPECT_EQ(call.id, "c1");
    EXPECT_EQ(call.args, args);
    const RuntimeCall configured = parse({"--bailiff-config=/c", word, "c1"});
    EXPECT_EQ(configured.verb, verb);
    EXPECT_THAT(configured.args, ElementsAre(word, "c1"));
    EXPECT_EQ(parse({"--new=value", word, "c1"}).verb, verb);
    for (const Args& other : {Args{word},
                              {word, "--help"},
                              {word, "-h"},
                              {word, "c1", "c2"},
                              {word, "c1", "--help"},
                              {"--new", word, "c1"},
                              {"--new", "value", word, "c1"}}) {
      EXPECT_EQ(parse(other).verb, Verb::kOther)
          << testing::PrintToString(other);
      EXPECT_EQ(parse(other).args, other);
    }
  }
}

TEST(LogOptions, AreFoundWhateverElseIsWrong) {
  const LogOptions log = find_log_options(
      {"--log", "/l", "--log-format=json", "create", "--bundle"});
  EXPECT_EQ(log.file, "/l");
  EXPECT_TRUE(log.json);
  EXPECT_EQ(find_log_options({"create", "--log", "/l"}).file, "");
  EXPECT_FALSE(find_log_options({"--log-format", "text"}).json);
}

}  // namespace
}  // namespace bailiff::oci
