// SPDX-License-Identifier: Apache-2.0
//
// bailiff-hook itself, run as a runtime runs it, for a process that sleeps in
// a cgroup of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <sstream>
#include <utility>

#include "hook/container_start.h"
#include "hook/kernel/network_namespace.h"
#include "oci/spec/container_record.h"
#include "oci/sys/unique_fd.h"
#include "tests/kernel/faulty_kernel.h"
#include "tests/kernel/host.h"
#include "tests/kernel/packet_bytes.h"

namespace bailiff::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
};

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void spit(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

Ran run(std::vector<std::string> args, const std::string& input,
        const fs::path& scratch) {
  spit(scratch / "in", input);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, (scratch / "in").c_str(),
                                     O_RDONLY, 0);
  for (int fd : {1, 2}) {
    const fs::path path = scratch / (fd == 1 ? "out" : "err");
    ::posix_spawn_file_actions_addopen(&actions, fd, path.c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  args.insert(args.begin(), BAILIFF_HOOK);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  char* env[] = {nullptr};
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), env),
            0);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(scratch / "out"),
          slurp(scratch / "err")};
}

// Of this process, and whatever is on the host's network to it: the machine's
// own interfaces are left alone.
bool make_host_network() {
  return ::unshare(CLONE_NEWNET) == 0 && ::system("ip link set lo up") == 0;
}

class Hook : public ::testing::Test {
 protected:
  Hook()
      : has_network_(make_host_network()),
        cgroup_(make_cgroup()),
        sleeper_(std::in_place, cgroup_.cgroup()) {
    EXPECT_TRUE(has_network_);
    for (const char* name : {"state", "bundle", "scratch"}) {
      fs::create_directory(root() / name);
      fs::permissions(root() / name, fs::perms::owner_all);
    }
    spit(root() / "bundle/config.json",
         R"({"ociVersion":"1.0.2","process":{"args":["httpd","-f"],)"
         R"("user":{"uid":7,"gid":8},"cwd":"/"},"root":{"path":"rootfs"},)"
         R"("annotations":{"io.kubernetes.cri.container-type":"container",)"
         R"("io.kubernetes.cri.image-name":"r/shop/web:1"}})");
  }
  ~Hook() override { sleeper_.reset(); }

  fs::path root() const { return folder_.path(); }
  std::string bpf_dir() const { return bpffs_.path() + "/bailiff"; }
  const Cgroup& cgroup() const { return cgroup_.cgroup(); }

  void write_policy(const CompiledPolicy& policy) {
    const fs::path path = root() / "state/policy.bin";
    spit(path, encode(policy));
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }
  std::string state(const std::string& bundle = "default") const {
    const std::string folder =
        bundle == "default" ? (root() / "bundle").string() : bundle;
    return R"({"ociVersion":"1.0.2","id":"c1","status":"creating","pid":)" +
           std::to_string(sleeper_->pid()) + R"(,"bundle":")" + folder +
           R"("})";
  }
  Ran hook(const std::string& stage, const std::string& input,
           std::vector<std::string> more = {}) {
    std::vector<std::string> args = {stage,
                                     "--run-dir",
                                     (root() / "run").string(),
                                     "--state-dir",
                                     (root() / "state").string(),
                                     "--bpf-dir",
                                     bpf_dir()};
    args.insert(args.end(), more.begin(), more.end());
    return run(std::move(args), input, root() / "scratch");
  }
  std::vector<std::string> names(const char* folder) const {
    std::vector<std::string> names;
    const fs::path path = root() / "run" / folder;
    if (!fs::exists(path)) return names;
    for (const auto& entry : fs::directory_iterator(path)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const bool has_network_;
  ScratchFolder folder_;
  ScratchBpffs bpffs_;
  hook::ScratchCgroup cgroup_;
  std::optional<Sleeper> sleeper_;
};

CompiledPolicy block_listed() {
  PolicyBuilder builder;
  builder.rule("Listed", sip_in(builder.list("hosts", {"127.66.0.1"})));
  return builder.build();
}

TEST_F(Hook, ProtectsAContainerAndTellsOfIt) {
  write_policy(block_listed());
  const Ran created = hook("createRuntime", state());
  ASSERT_EQ(created.exit, 0) << created.err;
  EXPECT_EQ(created.out, "");
  EXPECT_EQ(created.err, "");
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.1"}).error, EPERM);
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.2"}).error, 0);

  const std::string json = slurp(root() / "run/containers/c1.json");
  const auto record = oci::parse_container_record(json);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->event, "start");
  EXPECT_EQ(record->id, "c1");
  EXPECT_EQ(record->pid, sleeper_->pid());
  EXPECT_EQ(record->bundle, (root() / "bundle").string());
  EXPECT_EQ(record->cgroup_path, cgroup().path());
  EXPECT_EQ(record->cgroup_id, cgroup().id());
  EXPECT_EQ(record->policy, policy_digest(encode(block_listed())).hex());
  EXPECT_THAT(record->programs, SizeIs(kHookCount));
  EXPECT_EQ(record->facts.image, "r/shop/web:1");
  EXPECT_THAT(record->args, ElementsAre("httpd", "-f"));
  EXPECT_EQ(record->uid, 7);
  EXPECT_EQ(record->gid, 8);
  EXPECT_EQ(record->degraded, "");
  ASSERT_THAT(names("spool"), SizeIs(1));
  EXPECT_EQ(slurp(root() / "run/spool" / names("spool")[0]), json);
  struct stat status {};
  ASSERT_EQ(::stat((root() / "run/containers/c1.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(Hook, TakesProtectionOffAndMayBeRunTwice) {
  write_policy(block_listed());
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  for (int time = 0; time < 2; ++time) {
    const Ran stopped = hook("poststop", state());
    EXPECT_EQ(stopped.exit, 0) << stopped.err;
    EXPECT_EQ(stopped.err, "");
    EXPECT_EQ(attached_programs(cgroup()), 0);
    EXPECT_THAT(names("containers"), IsEmpty());
    EXPECT_THAT(names("spool"), SizeIs(2));
  }
  const auto stop = oci::parse_container_record(
      slurp(root() / "run/spool" / names("spool")[1]));
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->event, "stop");
  EXPECT_EQ(stop->id, "c1");
  EXPECT_EQ(stop->cgroup_id, cgroup().id());
}

TEST_F(Hook, StopOfAnUnknownContainerSucceeds) {
  const Ran stopped =
      hook("poststop", R"({"ociVersion":"1","id":"c9","status":"stopped"})");
  EXPECT_EQ(stopped.exit, 0) << stopped.err;
  EXPECT_THAT(names("spool"), IsEmpty());
}

TEST_F(Hook, FindsTheConfigurationWithoutABundleInTheState) {
  write_policy(block_listed());
  const std::string bundle = (root() / "bundle").string();
  EXPECT_EQ(hook("createRuntime", state("/"), {"--bundle", bundle}).exit, 0);
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
}

TEST_F(Hook, GivesEveryContainerTheListsOfThePolicyFile) {
  write_policy(block_listed());
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  ASSERT_EQ(hook("poststop", state()).exit, 0);
  CompiledPolicy newer = block_listed();
  newer.lists[0].items = {"127.66.0.2"};
  write_policy(newer);
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.1"}).error, 0);
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.2"}).error, EPERM);
}

// Others replace the policy when the container has its programs.
class Replacing final : public hook::LinuxKernel {
 public:
  explicit Replacing(std::function<void()> replace)
      : replace_(std::move(replace)) {}
  Result<UniqueFd> lock(const std::string& folder, Deadline deadline) override {
    if (++locked_ == 2) replace_();
    return hook::LinuxKernel::lock(folder, deadline);
  }
  Status set_inners(const hook::Map& array,
                    std::span<const hook::InnerMap> inners) override {
    if (locked_ >= 2) swapped += inners.size();
    return hook::LinuxKernel::set_inners(array, inners);
  }

  std::size_t swapped = 0;  // lists, since then

 private:
  const std::function<void()> replace_;
  int locked_ = 0;
};

TEST_F(Hook, PutsNoEarlierListsBack) {
  write_policy(block_listed());
  CompiledPolicy newer = block_listed();
  newer.lists[0].items = {"127.66.0.2"};
  bool replaced = false;
  Replacing kernel([&] {
    replaced = true;
    write_policy(newer);
    hook::LinuxKernel other;
    EXPECT_TRUE(publish(bpf_dir(), newer, other));
  });
  const hook::Start start = hook::adopt_container(
      {.run_dir = root() / "run",
       .state_dir = root() / "state",
       .bpf_dir = bpf_dir()},
      {.id = "c1", .pid = sleeper_->pid()}, {root() / "bundle"}, kernel);
  ASSERT_TRUE(start.status) << start.status.error().message;
  ASSERT_TRUE(replaced);
  EXPECT_EQ(kernel.swapped, 0U);
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.2"}).error, EPERM);
}

TEST_F(Hook, RegistersAContainerNoPolicyAppliesTo) {
  write_policy(CompiledPolicy());
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  EXPECT_EQ(attached_programs(cgroup()), 0);
  EXPECT_THAT(names("containers"), ElementsAre("c1.json"));
  EXPECT_THAT(bpffs_.entries(), IsEmpty());
}

TEST_F(Hook, RefusesWithOneLineWhenThereIsNoPolicy) {
  const Ran refused = hook("createRuntime", state());
  EXPECT_EQ(refused.exit, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, StartsWith("bailiff-hook: container 'c1': "));
  EXPECT_THAT(refused.err, HasSubstr("policy.bin"));
  EXPECT_THAT(refused.err, HasSubstr("start bailiffd"));
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
  EXPECT_THAT(names("containers"), IsEmpty());
  EXPECT_THAT(names("spool"), IsEmpty());
}

TEST_F(Hook, LetsAContainerRunUnprotectedWhenToldTo) {
  const Ran allowed = hook("createRuntime", state(), {"--on-failure", "allow"});
  EXPECT_EQ(allowed.exit, 0);
  EXPECT_THAT(allowed.err, HasSubstr("warning: container 'c1': "));
  EXPECT_EQ(std::count(allowed.err.begin(), allowed.err.end(), '\n'), 1);
  const auto record =
      oci::parse_container_record(slurp(root() / "run/containers/c1.json"));
  ASSERT_TRUE(record);
  EXPECT_THAT(record->degraded, HasSubstr("policy.bin"));
  // What it takes to show the container and to end it.
  EXPECT_EQ(record->cgroup_id, cgroup().id());
  EXPECT_EQ(record->cgroup_path, cgroup().path());
  EXPECT_EQ(record->facts.image, "r/shop/web:1");
  EXPECT_THAT(record->args, ElementsAre("httpd", "-f"));
}

TEST_F(Hook, TakesThePolicysWordOnFailures) {
  CompiledPolicy policy = block_listed();
  policy.on_failure = OnError::kAllow;
  write_policy(policy);
  fs::remove(root() / "bundle/config.json");
  EXPECT_EQ(hook("createRuntime", state("")).exit, 0);
  EXPECT_EQ(hook("createRuntime", state(""), {"--on-failure=deny"}).exit, 1);
}

TEST_F(Hook, AttachesNothingToAnExemptContainer) {
  CompiledPolicy policy = block_listed();
  policy.exempt = {"id:c1"};
  write_policy(policy);
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  EXPECT_EQ(attached_programs(cgroup()), 0);
  const auto record =
      oci::parse_container_record(slurp(root() / "run/containers/c1.json"));
  ASSERT_TRUE(record);
  EXPECT_THAT(record->programs, SizeIs(0));
}

TEST_F(Hook, RefusesAPolicyOthersMayWrite) {
  write_policy(block_listed());
  fs::permissions(root() / "state/policy.bin", fs::perms::all);
  const Ran refused = hook("createRuntime", state());
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("policy.bin"));
  EXPECT_EQ(attached_programs(cgroup()), 0);
}

TEST_F(Hook, RefusesATruncatedPolicy) {
  const std::string bytes = encode(block_listed());
  spit(root() / "state/policy.bin", bytes.substr(0, bytes.size() / 2));
  fs::permissions(root() / "state/policy.bin", fs::perms::owner_read);
  const Ran refused = hook("createRuntime", state());
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("policy.bin"));
}

TEST_F(Hook, RefusesAPolicyWhoseListsAreAltered) {
  std::string bytes = encode(block_listed());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  spit(root() / "state/policy.bin", bytes);
  fs::permissions(root() / "state/policy.bin", fs::perms::owner_read);
  const Ran refused = hook("createRuntime", state());
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("is altered"));
  EXPECT_EQ(attached_programs(cgroup()), 0);
}

// How long its lists are is then of no matter to the start of a container.
TEST_F(Hook, DoesNotReadListsThatAreInTheKernel) {
  write_policy(block_listed());
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  ASSERT_EQ(hook("poststop", state()).exit, 0);
  std::string bytes = encode(block_listed());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  spit(root() / "state/policy.bin", bytes);
  EXPECT_EQ(hook("createRuntime", state()).exit, 0);
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
}

TEST_F(Hook, RefusesAStateItCannotRead) {
  write_policy(block_listed());
  for (const std::string& input :
       {std::string(), state().substr(0, 40),
        R"({"id":")" + std::string(5 << 20, 'a') + R"("})"}) {
    const Ran refused = hook("createRuntime", input);
    EXPECT_EQ(refused.exit, 1);
    EXPECT_THAT(refused.err, StartsWith("bailiff-hook: "));
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
  }
}

TEST_F(Hook, RefusesACgroupThatIsNotTheContainersOwn) {
  write_policy(block_listed());
  const std::string own = std::to_string(::getpid());
  const Ran refused =
      hook("createRuntime", R"({"id":"c1","status":"creating","pid":)" + own +
                                R"(,"bundle":")" +
                                (root() / "bundle").string() + R"("})");
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("cgroup"));
}

TEST_F(Hook, UndoesEverythingWhenItsRecordCannotBeWritten) {
  write_policy(block_listed());
  // In the way of the folder the record goes to.
  fs::create_directory(root() / "run");
  fs::permissions(root() / "run", fs::perms::owner_all);
  spit(root() / "run/spool", "");
  const Ran refused = hook("createRuntime", state());
  EXPECT_EQ(refused.exit, 1);
  EXPECT_EQ(attached_programs(cgroup()), 0);
  EXPECT_THAT(names("containers"), IsEmpty());
}

TEST_F(Hook, AdoptsAContainerThatRuns) {
  write_policy(block_listed());
  const Ran adopted = hook("adopt", state());
  ASSERT_EQ(adopted.exit, 0) << adopted.err;
  // Its mounts are the host's.
  EXPECT_THAT(adopted.err,
              MatchesRegex("bailiff-hook: warning: container 'c1': its "
                           "processes can leave its cgroup, [^\n]*\n"));
  EXPECT_EQ(connect_in(cgroup(), {.address = "127.66.0.1"}).error, EPERM);
  const auto record =
      oci::parse_container_record(slurp(root() / "run/containers/c1.json"));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->event, "adopt");
  const Ran again = hook("adopt", state());
  EXPECT_EQ(again.exit, 1);
  EXPECT_THAT(again.err, HasSubstr("is enforced already"));
}

TEST_F(Hook, AdoptsAndRecordsOrLeavesAloneWhicheverCallFails) {
  write_policy(block_listed());
  const hook::Places places{.run_dir = root() / "run",
                            .state_dir = root() / "state",
                            .bpf_dir = bpf_dir()};
  const oci::ContainerState running{.id = "c1", .pid = sleeper_->pid()};
  const std::vector<std::string> folders = {root() / "bundle"};
  hook::LinuxKernel kernel;
  int said = 0;
  for (int call = 0;; ++call) {
    ASSERT_LT(call, 1000);
    SCOPED_TRACE("call " + std::to_string(call) + " fails");
    FaultyKernel faulty(call);
    const hook::Start start =
        hook::adopt_container(places, running, folders, faulty);
    if (!start.status) {
      ASSERT_EQ(attached_programs(cgroup()), 0);
      ASSERT_THAT(names("containers"), IsEmpty());
      continue;
    }
    ASSERT_EQ(attached_programs(cgroup()), kHookCount);
    ASSERT_THAT(names("containers"), ElementsAre("c1.json"));
    if (!faulty.failed()) break;
    EXPECT_THAT(start.unjudged, Contains(HasSubstr("injected")));
    ++said;
    ASSERT_TRUE(hook::stop_container(places, "c1", kernel));
  }
  EXPECT_GT(said, 0);
}

TEST_F(Hook, SaysWhatIsWrongWithItsArguments) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{},
        {"createContainer"},
        {"createRuntime", "--run-dir"},
        {"createRuntime", "--run-dir", "x"},
        {"createRuntime", "--what", "x"},
        {"createRuntime", "--on-failure", "maybe"},
        {"start"},
        {"start", "--container"},
        {"start", "--container", ""},
        {"start", "--container", "../c1"},
        {"start", "--container=a/b"},
        {"start", "--container", "c1", "--what", "x"},
        {"createRuntime", "--container", "c1"},
        {"adopt", "--container", "c1"},
        {"poststop", "--container", "c1"}}) {
    SCOPED_TRACE(::testing::PrintToString(args));
    const Ran wrong = run(args, "", root() / "scratch");
    EXPECT_EQ(wrong.exit, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_THAT(wrong.err, StartsWith("bailiff-hook: "));
  }
}

TEST_F(Hook, StartOfAnUnknownContainerChangesNothing) {
  for (const bool has_policy : {false, true}) {
    if (has_policy) write_policy(block_listed());
    const Ran started = hook("start", "", {"--container", "c9"});
    EXPECT_EQ(started.exit, 0);
    EXPECT_EQ(started.out, "");
    EXPECT_EQ(started.err, "");
    EXPECT_THAT(bpffs_.entries(), IsEmpty());
    EXPECT_FALSE(fs::exists(root() / "run"));
  }
}

TEST_F(Hook, StartOfAContainerOnTheHostsNetworkChangesNothing) {
  write_policy(block_listed());
  ASSERT_EQ(hook("createRuntime", state()).exit, 0);
  const std::string record = slurp(root() / "run/containers/c1.json");
  const auto entries = bpffs_.entries();
  const Ran started = hook("start", "", {"--container", "c1"});
  EXPECT_EQ(started.exit, 0);
  EXPECT_EQ(started.err, "");
  EXPECT_EQ(slurp(root() / "run/containers/c1.json"), record);
  EXPECT_EQ(bpffs_.entries(), entries);
}

// As Docker does it: the network of a container is empty when it is created.
class HookBeforeStart : public Hook {
 protected:
  HookBeforeStart() { sleeper_.reset(); }

  std::string networked_state() const {
    return R"({"ociVersion":"1.0.2","id":"c1","status":"creating","pid":)" +
           std::to_string(process_.pid()) + R"(,"bundle":")" +
           (root() / "bundle").string() + R"("})";
  }
  void create() {
    const Ran created = hook("createRuntime", networked_state());
    ASSERT_EQ(created.exit, 0);
    ASSERT_EQ(created.err, "");
  }
  Ran start(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--container", "c1"});
    return hook("start", "", std::move(more));
  }
  void starts_silently() {
    const Ran started = start();
    EXPECT_EQ(started.exit, 0);
    EXPECT_EQ(started.out, "");
    EXPECT_EQ(started.err, "");
  }
  fs::path record_path() const { return root() / "run/containers/c1.json"; }
  oci::ContainerRecord record() const {
    const auto record = oci::parse_container_record(slurp(record_path()));
    EXPECT_TRUE(record) << record.error().message;
    return record ? *record : oci::ContainerRecord();
  }
  // Keeps the policy as bailiffd does.
  void keep_policy(const CompiledPolicy& policy) const {
    const std::string bytes = encode(policy);
    const fs::path folder = root() / "state/policies";
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::owner_all);
    const fs::path path = folder / (policy_digest(bytes).hex() + ".bin");
    spit(path, bytes);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }
  // The errno of a frame to the host.
  int send(const std::string& device, const char* host) const {
    return network_.send(device, ethernet(ETH_P_IP) + ip4(host, udp(1)),
                         &cgroup());
  }

  const ScratchNetwork network_{ScratchNetwork::Devices::kNone};
  const Networked process_{cgroup(), network_.netns()};
};

TEST_F(HookBeforeStart, JudgesInterfacesThatCameSince) {
  write_policy(block_listed());
  create();
  const oci::ContainerRecord created = record();
  EXPECT_THAT(created.programs, SizeIs(kHookCount));
  const UniqueFd device = network_.add_device("eth0");
  EXPECT_EQ(send("eth0", "127.66.0.1"), 0);
  starts_silently();
  EXPECT_EQ(network_.frame_programs("eth0"), 1);
  EXPECT_EQ(send("eth0", "127.66.0.1"), ENOBUFS);
  EXPECT_EQ(send("eth0", "127.66.0.2"), 0);
  // The programs are known as its own, and all else is as it was.
  oci::ContainerRecord now = record();
  ASSERT_THAT(now.programs, SizeIs(kHookCount + 2));
  now.programs.resize(kHookCount);
  EXPECT_EQ(to_json(now), to_json(created));
  EXPECT_THAT(names("spool"), SizeIs(1));

  const std::string json = slurp(record_path());
  const auto entries = bpffs_.entries();
  starts_silently();
  EXPECT_EQ(network_.frame_programs("eth0"), 1);
  EXPECT_EQ(slurp(record_path()), json);
  EXPECT_EQ(bpffs_.entries(), entries);

  ASSERT_EQ(hook("poststop", networked_state()).exit, 0);
  EXPECT_TRUE(network_.comes_to(0, "eth0"));
}

TEST_F(HookBeforeStart, ChangesNothingWhenNoneCame) {
  const UniqueFd device = network_.add_device("eth0");
  write_policy(block_listed());
  create();
  ASSERT_EQ(network_.frame_programs("eth0"), 1);
  const std::string json = slurp(record_path());
  const auto entries = bpffs_.entries();
  // Not even its policy is of interest.
  fs::remove(root() / "state/policy.bin");
  starts_silently();
  EXPECT_EQ(slurp(record_path()), json);
  EXPECT_EQ(bpffs_.entries(), entries);
}

TEST_F(HookBeforeStart, LeavesOneThatIsExempt) {
  CompiledPolicy policy = block_listed();
  policy.exempt = {"id:c1"};
  write_policy(policy);
  create();
  const UniqueFd device = network_.add_device("eth0");
  starts_silently();
  EXPECT_EQ(network_.frame_programs("eth0"), 0);
  EXPECT_THAT(record().programs, IsEmpty());
}

TEST_F(HookBeforeStart, JudgesByThePolicyThatTheContainerIsUnder) {
  CompiledPolicy newer = block_listed();
  newer.rules[0].name = "Newer";
  newer.lists[0].items = {"127.66.0.2"};
  write_policy(block_listed());
  create();
  const std::string own = record().policy;
  const UniqueFd device = network_.add_device("eth0");
  write_policy(newer);
  keep_policy(block_listed());
  starts_silently();
  EXPECT_EQ(send("eth0", "127.66.0.1"), ENOBUFS);
  EXPECT_EQ(send("eth0", "127.66.0.2"), 0);
  EXPECT_EQ(record().policy, own);
  EXPECT_THAT(record().programs, SizeIs(kHookCount + 2));
}

TEST_F(HookBeforeStart, FailsWhenThatPolicyIsMissing) {
  CompiledPolicy newer = block_listed();
  newer.rules[0].name = "Newer";
  write_policy(block_listed());
  create();
  write_policy(newer);
  // Nobody asks for it as long as no interface comes.
  starts_silently();
  const UniqueFd device = network_.add_device("eth0");
  const std::string json = slurp(record_path());
  const auto entries = bpffs_.entries();
  const Ran refused = start();
  EXPECT_EQ(refused.exit, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err,
              MatchesRegex("bailiff-hook: container 'c1': the compiled policy "
                           "it was created under is gone: [^\n]*; refused "
                           "[(]on_failure: deny[)]\n"));
  EXPECT_EQ(network_.frame_programs("eth0"), 0);
  EXPECT_EQ(slurp(record_path()), json);
  EXPECT_EQ(bpffs_.entries(), entries);

  const Ran allowed = start({"--on-failure", "allow"});
  EXPECT_EQ(allowed.exit, 0);
  EXPECT_THAT(allowed.err,
              MatchesRegex("bailiff-hook: warning: container 'c1': the "
                           "compiled policy [^\n]*; raw frames are not judged "
                           "[^\n]*[(]on_failure: allow[)]\n"));
  EXPECT_EQ(network_.frame_programs("eth0"), 0);
  EXPECT_EQ(slurp(record_path()), json);
}

TEST_F(HookBeforeStart, FailsOnARecordItCannotRead) {
  write_policy(block_listed());
  create();
  spit(record_path(), "{");
  const Ran refused = start();
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, StartsWith("bailiff-hook: container 'c1': "));
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
}

TEST_F(HookBeforeStart, TellsOfWhatItCannotJudge) {
  write_policy(block_listed());
  create();
  // Of a kind whose frames nobody reads, which only one that is down becomes.
  const UniqueFd device = network_.add_device("eth0");
  const Status down =
      hook::in_network_namespace(network_.netns(), []() -> Status {
        EXPECT_EQ(::system("ip link set dev eth0 down"), 0);
        return Ok{};
      });
  ASSERT_TRUE(down);
  ASSERT_EQ(::ioctl(device.get(), TUNSETLINK, ARPHRD_INFINIBAND), 0);
  const Ran started = start();
  EXPECT_EQ(started.exit, 0);
  EXPECT_THAT(started.err,
              MatchesRegex("bailiff-hook: warning: container 'c1': interface "
                           "'eth0': [^\n]*: raw frames are not judged "
                           "there\n"));
}

// Either all is there, or nothing is; and what is judged is in the record.
TEST_F(HookBeforeStart, JudgesAndRecordsOrChangesNothingWhicheverCallFails) {
  write_policy(block_listed());
  create();
  const hook::Places places{.run_dir = root() / "run",
                            .state_dir = root() / "state",
                            .bpf_dir = bpf_dir()};
  const UniqueFd device = network_.add_device("eth0");
  const std::string before = slurp(record_path());
  const auto entries = bpffs_.entries();
  int calls = 0;
  for (;; ++calls) {
    ASSERT_LT(calls, 1000);
    SCOPED_TRACE("call " + std::to_string(calls) + " fails");
    FaultyKernel faulty(calls);
    const hook::Start start = hook::judge_interfaces(places, "c1", faulty);
    if (slurp(record_path()) != before) {
      // Then it is about what nobody uses any more.
      EXPECT_TRUE(start.status);
      EXPECT_THAT(start.unjudged, SizeIs(1));
      break;
    }
    ASSERT_FALSE(start.status);
    ASSERT_TRUE(faulty.failed());
    ASSERT_EQ(network_.frame_programs("eth0"), 0);
    ASSERT_EQ(bpffs_.entries(), entries);
  }
  EXPECT_GT(calls, 40);
  EXPECT_EQ(network_.frame_programs("eth0"), 1);
  EXPECT_THAT(record().programs, SizeIs(kHookCount + 2));
}

// With something of the cgroups' file system in its root.
class HookWithCgroups : public Hook {
 protected:
  HookWithCgroups() { fs::create_directories(point()); }
  ~HookWithCgroups() override {
    EXPECT_EQ(::umount2(point().c_str(), MNT_DETACH), 0);
  }
  std::string point() const { return root() / "bundle/rootfs/host"; }
  void mount_there(const std::string& what, unsigned long more = 0) const {
    ASSERT_EQ(::mount(what.c_str(), point().c_str(), "", MS_BIND, nullptr), 0);
    if (more == 0) return;
    ASSERT_EQ(
        ::mount("", point().c_str(), "", MS_BIND | MS_REMOUNT | more, nullptr),
        0);
  }
  static std::string hierarchy() { return CgroupMount::find()->path; }
};

TEST_F(HookWithCgroups, RefusesAContainerThatCanLeaveItsOwn) {
  write_policy(block_listed());
  mount_there(hierarchy());
  const Ran created = hook("createRuntime", state());
  EXPECT_EQ(created.exit, 1);
  EXPECT_THAT(created.err,
              StartsWith("bailiff-hook: container 'c1': its processes can "
                         "leave its cgroup, and are then not judged: cgroup "
                         "'/' is mounted at '/host', writable: leave that "
                         "mount out"));
  EXPECT_EQ(attached_programs(cgroup()), 0);
  EXPECT_THAT(names("containers"), IsEmpty());
}

TEST_F(HookWithCgroups, ReadOnlyIsAWayForClone3) {
  write_policy(block_listed());
  mount_there(hierarchy(), MS_RDONLY);
  const Ran created = hook("createRuntime", state());
  EXPECT_EQ(created.exit, 1);
  EXPECT_THAT(created.err, HasSubstr("mounted at '/host', read-only, which "
                                     "does not stop clone3"));
  spit(root() / "bundle/config.json",
       R"({"root":{"path":"rootfs"},"linux":{"seccomp":{"defaultAction":)"
       R"("SCMP_ACT_ERRNO"}}})");
  EXPECT_EQ(hook("createRuntime", state()).exit, 0);
}

TEST_F(HookWithCgroups, StartsOneThatMayLeaveAndSaysSo) {
  CompiledPolicy policy = block_listed();
  policy.on_failure = OnError::kAllow;
  write_policy(policy);
  mount_there(hierarchy());
  const Ran created = hook("createRuntime", state());
  EXPECT_EQ(created.exit, 0);
  EXPECT_THAT(created.err, HasSubstr("warning: container 'c1': its processes "
                                     "can leave its cgroup"));
  EXPECT_EQ(attached_programs(cgroup()), kHookCount);
}

TEST_F(HookWithCgroups, ItsOwnIsNoWayOut) {
  write_policy(block_listed());
  mount_there(cgroup().path());
  const Ran created = hook("createRuntime", state());
  EXPECT_EQ(created.exit, 0) << created.err;
  EXPECT_THAT(created.err, Not(HasSubstr("leave")));
}

TEST_F(HookWithCgroups, NobodyIsRefusedForWhomThereIsNoRule) {
  write_policy(PolicyBuilder().build());
  mount_there(hierarchy());
  const Ran created = hook("createRuntime", state());
  EXPECT_EQ(created.exit, 0) << created.err;
  EXPECT_EQ(created.err, "");
}

}  // namespace
}  // namespace bailiff::test
