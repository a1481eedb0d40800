// SPDX-License-Identifier: Apache-2.0
#include "oci/spec/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailiff::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string every_old_capability() {
  std::string list;
  for (const char* name : {"CHOWN",
                           "DAC_OVERRIDE",
                           "DAC_READ_SEARCH",
                           "FOWNER",
                           "FSETID",
                           "KILL",
                           "SETGID",
                           "SETUID",
                           "SETPCAP",
                           "LINUX_IMMUTABLE",
                           "NET_BIND_SERVICE",
                           "NET_BROADCAST",
                           "NET_ADMIN",
                           "NET_RAW",
                           "IPC_LOCK",
                           "IPC_OWNER",
                           "SYS_MODULE",
                           "SYS_RAWIO",
                           "SYS_CHROOT",
                           "SYS_PTRACE",
                           "SYS_PACCT",
                           "SYS_ADMIN",
                           "SYS_BOOT",
                           "SYS_NICE",
                           "SYS_RESOURCE",
                           "SYS_TIME",
                           "SYS_TTY_CONFIG",
                           "MKNOD",
                           "LEASE",
                           "AUDIT_WRITE",
                           "AUDIT_CONTROL",
                           "SETFCAP",
                           "MAC_OVERRIDE",
                           "MAC_ADMIN",
                           "SYSLOG",
                           "WAKE_ALARM",
                           "BLOCK_SUSPEND",
                           "AUDIT_READ"}) {
    list += std::string(list.empty() ? "" : ",") + "\"CAP_" + name + "\"";
  }
  return list;
}

std::string config_with(const std::string& capabilities,
                        const std::string& settings) {
  return R"({"process":{"capabilities":{"bounding":[)" + capabilities +
         R"(]}},"linux":{)" + settings + "}}";
}

bool privileged(const std::string& text) {
  const Result<ContainerConfig> config = parse_config(text, "c");
  EXPECT_TRUE(config) << config.error().message;
  return config->looks_privileged();
}

TEST(ContainerConfig, ReadsWhatTellsTheContainer) {
  const Result<ContainerConfig> config = parse_config(
      R"({"ociVersion":"1.0.2","hostname":"h","annotations":{"a":"b"},)"
      R"("process":{"terminal":true,"user":{"uid":1000,"gid":7},)"
      R"("args":["java","-jar"],"cwd":"/app","noNewPrivileges":true},)"
      R"("root":{"path":"rootfs","readonly":true},)"
      R"("mounts":[{"destination":"/proc","type":"proc","source":"proc"},)"
      R"({"destination":"/d","source":"/s","options":["rbind","ro"]}],)"
      R"("linux":{"cgroupsPath":"/x/y","namespaces":[{"type":"pid"},)"
      R"({"type":"network","path":"/proc/7/ns/net"}],)"
      R"("seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}})",
      "c");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->args, ElementsAre("java", "-jar"));
  EXPECT_EQ(config->uid, 1000);
  EXPECT_EQ(config->gid, 7);
  EXPECT_TRUE(config->terminal);
  EXPECT_TRUE(config->no_new_privileges);
  EXPECT_EQ(config->cwd, "/app");
  EXPECT_EQ(config->hostname, "h");
  EXPECT_EQ(config->root_path, "rootfs");
  EXPECT_TRUE(config->root_readonly);
  ASSERT_EQ(config->mounts.size(), 2U);
  EXPECT_FALSE(config->mounts[0].is_bind());
  EXPECT_TRUE(config->mounts[1].is_bind());
  EXPECT_EQ(config->cgroups_path, "/x/y");
  EXPECT_EQ(config->find_namespace("network")->path, "/proc/7/ns/net");
  EXPECT_EQ(config->find_namespace("ipc"), nullptr);
  EXPECT_TRUE(config->has_seccomp);
  EXPECT_FALSE(config->looks_privileged());
}

TEST(ContainerConfig, NamesTheFieldThatIsWrong) {
  const auto error_of = [](std::string_view text) {
    const Result<ContainerConfig> config = parse_config(text, "'c.json'");
    return config ? "" : config.error().message;
  };
  EXPECT_EQ(error_of(R"({"process":{"args":["a",1]}})"),
            "'c.json': field 'process.args[1]': expected a string, found "
            "number");
  EXPECT_THAT(error_of(R"({"mounts":[{},[]]})"), HasSubstr("'mounts[1]'"));
  EXPECT_THAT(error_of(R"({"linux":{"seccomp":[]}})"),
              HasSubstr("'linux.seccomp'"));
  EXPECT_THAT(error_of(R"({"process":{"user":{"uid":"0"}}})"),
              HasSubstr("'process.user.uid'"));
}

bool may_clone3(const std::string& seccomp) {
  const Result<ContainerConfig> config =
      parse_config(R"({"linux":{)" + seccomp + "}}", "c");
  EXPECT_TRUE(config) << config.error().message;
  return config->may_clone3;
}

TEST(ContainerConfig, MayClone3UnlessItsProfileRefusesThat) {
  EXPECT_TRUE(may_clone3(""));
  const auto profile = [](const std::string& otherwise,
                          const std::string& rules) {
    return may_clone3(R"("seccomp":{"defaultAction":"SCMP_ACT_)" + otherwise +
                      R"(","syscalls":[)" + rules + "]}");
  };
  const auto rule = [](const std::string& action, const std::string& more) {
    return R"({"names":["clone","clone3"],"action":"SCMP_ACT_)" + action +
           "\"" + more + "}";
  };
  EXPECT_TRUE(profile("ALLOW", ""));
  EXPECT_FALSE(profile("ERRNO", ""));
  EXPECT_FALSE(profile("KILL_PROCESS", ""));
  EXPECT_TRUE(profile("LOG", ""));
  EXPECT_TRUE(profile("ERRNO", rule("ALLOW", "")));
  EXPECT_TRUE(profile("ERRNO", rule("NOTIFY", "")));
  EXPECT_FALSE(profile("ALLOW", rule("ERRNO", R"(,"errnoRet":38)")));
  EXPECT_FALSE(profile("ALLOW", rule("TRAP", "")));
  EXPECT_TRUE(profile("ALLOW", rule("ERRNO", "") + "," + rule("LOG", "")));
  EXPECT_TRUE(profile("ALLOW", rule("ERRNO", R"(,"args":[{"index":0,"value":1,)"
                                             R"("op":"SCMP_CMP_EQ"}])")));
}

TEST(ContainerConfig, IsPrivilegedWithAllCapabilitiesAndNoFilterOrMasks) {
  EXPECT_TRUE(privileged(config_with(every_old_capability(), "")));
  EXPECT_TRUE(privileged(
      config_with(every_old_capability() + ",\"CAP_BPF\"",
                  R"("seccomp":{"defaultAction":"SCMP_ACT_ALLOW"})")));
}

TEST(ContainerConfig, IsNotPrivilegedWhenOneOfThemIsMissing) {
  EXPECT_FALSE(privileged("{}"));
  EXPECT_FALSE(privileged(config_with("\"CAP_SYS_ADMIN\"", "")));
  EXPECT_FALSE(privileged(
      config_with(every_old_capability(),
                  R"("seccomp":{"defaultAction":"SCMP_ACT_ERRNO"})")));
  EXPECT_FALSE(privileged(
      config_with(every_old_capability(), R"("maskedPaths":["/proc/kcore"])")));
  EXPECT_FALSE(privileged(
      config_with(every_old_capability(), R"("readonlyPaths":["/proc/sys"])")));
}

Result<ConfigDocument> document(std::string_view text) {
  return ConfigDocument::parse(text, "'c.json'");
}

TEST(ConfigDocument, KeepsAllItDoesNotChange) {
  const std::string text =
      R"({"z":[1,2.5],"linux":{"seccomp":{"syscalls":[{"args":[{"value":)"
      R"(18446744073709551615}]}]}},"annotations":{"b":"","a":"x"},"a":null})";
  Result<ConfigDocument> config = document(text);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config->text(), text);
  ASSERT_TRUE(config->set_annotation("n", "1"));
  EXPECT_TRUE(*config->remove_annotation("b"));
  EXPECT_FALSE(*config->remove_annotation("b"));
  EXPECT_EQ(*config->text(),
            R"({"z":[1,2.5],"linux":{"seccomp":{"syscalls":[{"args":[{"value":)"
            R"(18446744073709551615}]}]}},"annotations":{"a":"x","n":"1"},)"
            R"("a":null})");
}

TEST(ConfigDocument, MakesWhatIsAbsentOrNull) {
  for (const char* text :
       {"{}", R"({"hooks":null,"annotations":null})",
        R"({"hooks":{"createRuntime":null},"annotations":{}})"}) {
    Result<ConfigDocument> config = document(text);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_TRUE(config->hooks(HookStage::kCreateRuntime)->empty());
    EXPECT_TRUE(
        config->insert_hook(HookStage::kCreateRuntime, 0, {.path = "/h"}));
    EXPECT_TRUE(config->set_annotation("k", "v"));
    EXPECT_EQ(config->hooks(HookStage::kCreateRuntime)->size(), 1U);
    EXPECT_EQ(config->annotations()->at("k"), "v");
  }
}

TEST(ConfigDocument, InsertsAndRemovesHooksAtTheirPlace) {
  Result<ConfigDocument> config =
      document(R"({"hooks":{"poststop":[{"path":"/a","timeout":3,"x":1},)"
               R"({"path":"/b"}]}})");
  ASSERT_TRUE(config) << config.error().message;
  const HookEntry hook{
      .path = "/n", .args = {"n"}, .env = {"A=b"}, .timeout_seconds = 9};
  ASSERT_TRUE(config->insert_hook(HookStage::kPoststop, 1, hook));
  EXPECT_FALSE(config->insert_hook(HookStage::kPoststop, 4, hook));
  EXPECT_EQ(config->hooks(HookStage::kPoststop)->at(1), hook);
  ASSERT_TRUE(config->remove_hook(HookStage::kPoststop, 2));
  EXPECT_FALSE(config->remove_hook(HookStage::kPoststop, 2));
  EXPECT_FALSE(config->remove_hook(HookStage::kCreateRuntime, 0));
  EXPECT_EQ(*config->text(),
            R"({"hooks":{"poststop":[{"path":"/a","timeout":3,"x":1},)"
            R"({"path":"/n","args":["n"],"env":["A=b"],"timeout":9}]}})");
}

TEST(ConfigDocument, RefusesWrongTypesByName) {
  const auto error_of = [](std::string_view text) {
    const Result<ConfigDocument> config = document(text);
    return config ? "" : config.error().message;
  };
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(error_of(R"({"hooks":[]})"), HasSubstr("'hooks'"));
  EXPECT_THAT(error_of(R"({"hooks":{"createRuntime":{}}})"),
              HasSubstr("'hooks.createRuntime'"));
  EXPECT_THAT(error_of(R"({"hooks":{"poststop":[7]}})"),
              HasSubstr("'hooks.poststop[0]'"));
  EXPECT_THAT(error_of(R"({"annotations":{"a":1}})"),
              HasSubstr("'annotations.a'"));
}

TEST(ConfigDocument, RefusesKeysThatRuncReadsAsOurs) {
  for (const char* text :
       {R"({"Hooks":{}})", R"({"hooks":{"CreateRuntime":[]}})",
        R"({"hooks":{},"HOOKS":{}})", R"({"ANNOTATIONS":{}})",
        R"({"hook\u017f":{}})", R"({"hoo\u212as":{}})",
        R"({"hooks":{"postStop":[]}})"}) {
    const Result<ConfigDocument> config = document(text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr("would be read as"));
  }
  EXPECT_TRUE(document(R"({"Process":{},"hookz":{}})"));
}

TEST(ConfigDocument, TakesBigAnnotationsUpToTheLimit) {
  const std::string head = R"({"annotations":{"a":")";
  const std::string tail = "\"}}";
  const std::size_t room = kMaxConfigBytes - head.size() - tail.size();
  EXPECT_TRUE(document(head + std::string(room, 'x') + tail));
  const auto over = document(head + std::string(room + 1, 'x') + tail);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kExhausted);
}

}  // namespace
}  // namespace bailiff::oci
