// SPDX-License-Identifier: Apache-2.0
#include "oci/inject/inject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

HookPlan plan() {
  return HookPlan{.hook = "/usr/local/libexec/bailiff/bailiff-hook",
                  .run_dir = "/run/bailiff",
                  .state_dir = "/var/lib/bailiff",
                  .bpf_dir = "/sys/fs/bpf/bailiff",
                  .on_failure = OnError::kDeny,
                  .timeout_seconds = 10};
}

ConfigDocument document(std::string_view text) {
  Result<ConfigDocument> config = ConfigDocument::parse(text, "c");
  EXPECT_TRUE(config) << config.error().message;
  return *std::move(config);
}

std::vector<std::string> paths(const ConfigDocument& config, HookStage stage) {
  std::vector<std::string> paths;
  const std::vector<HookEntry> hooks = *config.hooks(stage);
  for (const HookEntry& hook : hooks) paths.push_back(hook.path);
  return paths;
}

TEST(Inject, AddsBothHooksWithTheirArguments) {
  ConfigDocument config = document("{}");
  const Result<Injection> done = inject(config, plan());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->changed);
  const HookEntry create = config.hooks(HookStage::kCreateRuntime)->at(0);
  EXPECT_EQ(create.path, "/usr/local/libexec/bailiff/bailiff-hook");
  EXPECT_THAT(
      create.args,
      ElementsAre("bailiff-hook", "createRuntime", "--run-dir", "/run/bailiff",
                  "--state-dir", "/var/lib/bailiff", "--bpf-dir",
                  "/sys/fs/bpf/bailiff", "--on-failure", "deny"));
  EXPECT_THAT(create.env, ElementsAre("PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
  EXPECT_EQ(create.timeout_seconds, 10U);
  const HookEntry stop = config.hooks(HookStage::kPoststop)->at(0);
  EXPECT_EQ(stop.args.at(1), "poststop");
  EXPECT_EQ(stop.env, create.env);
}

TEST(Inject, PassesOnTheChoiceToAllow) {
  ConfigDocument config = document("{}");
  HookPlan allowing = plan();
  allowing.on_failure = OnError::kAllow;
  ASSERT_TRUE(inject(config, allowing));
  EXPECT_EQ(config.hooks(HookStage::kCreateRuntime)->at(0).args.back(),
            "allow");
}

TEST(Inject, TellsTheFirstHookWhatRunsTheContainer) {
  ConfigDocument config = document("{}");
  HookPlan told = plan();
  told.runtime = "/usr/sbin/runc";
  told.runtime_root = "/run/runc";
  ASSERT_TRUE(inject(config, told));
  const std::vector<std::string> create =
      config.hooks(HookStage::kCreateRuntime)->at(0).args;
  ASSERT_EQ(create.size(), 14U);
  EXPECT_THAT(std::vector<std::string>(create.end() - 4, create.end()),
              ElementsAre("--runtime", "/usr/sbin/runc", "--runtime-root",
                          "/run/runc"));
  EXPECT_EQ(config.hooks(HookStage::kPoststop)->at(0).args.back(), "deny");
}

TEST(Inject, TellsWhatIsRunBeforeAStart) {
  EXPECT_THAT(
      start_command(plan(), "c1"),
      ElementsAre(plan().hook, "start", "--container", "c1", "--run-dir",
                  "/run/bailiff", "--state-dir", "/var/lib/bailiff",
                  "--bpf-dir", "/sys/fs/bpf/bailiff", "--on-failure", "deny"));
  HookPlan other = plan();
  other.on_failure = OnError::kAllow;
  // Of the first hook alone.
  other.runtime = "/usr/sbin/runc";
  other.runtime_root = "/run/runc";
  EXPECT_THAT(
      start_command(other, "c1"),
      ElementsAre(plan().hook, "start", "--container", "c1", "--run-dir",
                  "/run/bailiff", "--state-dir", "/var/lib/bailiff",
                  "--bpf-dir", "/sys/fs/bpf/bailiff", "--on-failure", "allow"));
}

TEST(Inject, ChangesNothingTheSecondTime) {
  ConfigDocument config =
      document(R"({"hooks":{"createRuntime":[{"path":"/a"}],)"
               R"("poststop":[{"path":"/b"}]}})");
  ASSERT_TRUE(inject(config, plan()));
  const std::string once = *config.text();
  const Result<Injection> again = inject(config, plan());
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(*config.text(), once);
}

TEST(Inject, RunsLastAtCreateRuntimeAndFirstAtPoststop) {
  ConfigDocument config =
      document(R"({"hooks":{"createRuntime":[{"path":"/a"},{"path":"/b"}],)"
               R"("poststop":[{"path":"/c"}]}})");
  ASSERT_TRUE(inject(config, plan()));
  EXPECT_THAT(paths(config, HookStage::kCreateRuntime),
              ElementsAre("/a", "/b", plan().hook));
  EXPECT_THAT(paths(config, HookStage::kPoststop),
              ElementsAre(plan().hook, "/c"));
}

TEST(Inject, MovesItsHookBehindOneThatCameLater) {
  ConfigDocument config = document("{}");
  ASSERT_TRUE(inject(config, plan()));
  ASSERT_TRUE(
      config.insert_hook(HookStage::kCreateRuntime, 1, {.path = "/later"}));
  ASSERT_TRUE(inject(config, plan()));
  EXPECT_THAT(paths(config, HookStage::kCreateRuntime),
              ElementsAre("/later", plan().hook));
}

TEST(Inject, ReplacesTheHookOfAnEarlierVersion) {
  ConfigDocument config = document(
      R"({"hooks":{"createRuntime":[{"path":"/opt/old/bailiff-hook",)"
      R"("args":["bailiff-hook","createRuntime","--on-failure","allow"]},)"
      R"({"path":"/a"}]}})");
  ASSERT_TRUE(inject(config, plan()));
  EXPECT_THAT(paths(config, HookStage::kCreateRuntime),
              ElementsAre("/a", plan().hook));
}

TEST(Inject, IsNotTalkedOutOfItByAForgedMarker) {
  ConfigDocument honest = document("{}");
  ASSERT_TRUE(inject(honest, plan()));
  const std::string marker = honest.annotations()->at(kMarkerAnnotation);
  ConfigDocument forged =
      document("{\"annotations\":{\"dev.bailiff.hook\":\"" + marker + "\"}}");
  ASSERT_TRUE(inject(forged, plan()));
  EXPECT_THAT(paths(forged, HookStage::kCreateRuntime),
              ElementsAre(plan().hook));
}

TEST(Inject, MarksDifferentHooksDifferently) {
  ConfigDocument one = document("{}");
  ConfigDocument other = document("{}");
  HookPlan changed = plan();
  changed.timeout_seconds = 11;
  ASSERT_TRUE(inject(one, plan()));
  ASSERT_TRUE(inject(other, changed));
  EXPECT_NE(one.annotations()->at(kMarkerAnnotation),
            other.annotations()->at(kMarkerAnnotation));
}

TEST(Inject, TakesOutDangerousAnnotationsAndSaysWhich) {
  ConfigDocument config =
      document(R"({"annotations":{"run.oci.keep_original_groups":"1",)"
               R"("run.oci.hooks.stdout":"/etc/cron.d/x","a":"b",)"
               R"("run.oci.seccomp_bpf_data":"AAAA"}})");
  const Result<Injection> done = inject(config, plan());
  EXPECT_THAT(done->scrubbed,
              ElementsAre("run.oci.seccomp_bpf_data", "run.oci.hooks.stdout"));
  const auto left = *config.annotations();
  EXPECT_EQ(left.count("run.oci.seccomp_bpf_data"), 0U);
  EXPECT_EQ(left.count("run.oci.hooks.stdout"), 0U);
  EXPECT_EQ(left.count("run.oci.keep_original_groups"), 1U);
  EXPECT_EQ(left.at("a"), "b");
}

TEST(Inject, TakesOutEveryAnnotationOfTheList) {
  for (const std::string& key : scrubbed_annotations()) {
    ConfigDocument config =
        document("{\"annotations\":{\"" + key + "\":\"x\"}}");
    const Result<Injection> done = inject(config, plan());
    EXPECT_THAT(done->scrubbed, ElementsAre(key));
  }
}

TEST(Inject, KeepsEverythingElse) {
  ConfigDocument config = document(
      R"({"z":{"u":18446744073709551615},"hooks":{"startContainer":)"
      R"([{"path":"/s","future":{"x":[1]}}],"createRuntime":[{"path":"/a",)"
      R"("timeout":-5,"x":1}]},"linux":{"seccomp":{"y":[]}}})");
  ASSERT_TRUE(inject(config, plan()));
  const std::string text = *config.text();
  for (const char* part :
       {R"("z":{"u":18446744073709551615})",
        R"("startContainer":[{"path":"/s","future":{"x":[1]}}])",
        R"({"path":"/a","timeout":-5,"x":1})",
        R"("linux":{"seccomp":{"y":[]}})"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Inject, RefusesRelativePathsAndNoTimeout) {
  ConfigDocument config = document("{}");
  HookPlan bad = plan();
  bad.hook = "bailiff-hook";
  EXPECT_FALSE(inject(config, bad));
  bad = plan();
  bad.timeout_seconds = 0;
  EXPECT_FALSE(inject(config, bad));
  EXPECT_THAT(paths(config, HookStage::kCreateRuntime), IsEmpty());
}

}  // namespace
}  // namespace bailiff::oci
