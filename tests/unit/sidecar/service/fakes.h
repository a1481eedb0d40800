// SPDX-License-Identifier: Apache-2.0
// tests/unit/sidecar/service/fakes.h
// A kernel that reports what the test says, and containers that die when told.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"
#include "rules/abi/event.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/respond/responder.h"
#include "sidecar/service/kernel_side.h"

namespace bailiff::sidecar {

// A folder of its own for each test, gone with it.
class Scratch {
 public:
  Scratch() {
    std::string folder = testing::TempDir() + "bailiff-service-XXXXXX";
    path_ = ::mkdtemp(folder.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  void make_folder(const std::string& name) const {
    std::filesystem::create_directories(path_ + "/" + name);
  }
  void write(const std::string& name, const std::string& text) const {
    const Status written =
        write_atomically(path_ + "/" + name, text, 0600, Durability::kProcess);
    ASSERT_TRUE(written) << written.error().message;
  }

 private:
  std::string path_;
};

// The records the "kernel" has written, shared by the test and the source.
class FakeRing {
 public:
  int fd() const { return fd_.get(); }
  void write(const bailiff_connect_event& event) {
    std::vector<std::byte> bytes(sizeof event);
    ::memcpy(bytes.data(), &event, sizeof event);
    write(std::move(bytes));
  }
  void write(std::vector<std::byte> bytes) {
    {
      const std::lock_guard lock(mutex_);
      records_.push_back(std::move(bytes));
    }
    ::eventfd_write(fd_.get(), 1);
  }
  std::deque<std::vector<std::byte>> take() {
    eventfd_t count = 0;
    ::eventfd_read(fd_.get(), &count);
    const std::lock_guard lock(mutex_);
    return std::exchange(records_, {});
  }

 private:
  const UniqueFd fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex_;
  std::deque<std::vector<std::byte>> records_;
};

class FakeEvents final : public EventSource {
 public:
  FakeEvents(FakeRing& ring, Record record)
      : ring_(ring), record_(std::move(record)) {}
  int fd() const override { return ring_.fd(); }
  Result<bool> consume(int /*most*/) override {
    for (const std::vector<std::byte>& record : ring_.take()) record_(record);
    return false;
  }
  Result<std::uint64_t> lost() const override { return std::uint64_t{5}; }

 private:
  FakeRing& ring_;
  const Record record_;
};

// The names every container was told, by address.
using FakeNames = std::map<IpAddress, std::vector<std::uint64_t>>;
inline std::vector<std::uint64_t> find_names(const FakeNames& names,
                                             const IpAddress& address) {
  const auto found = names.find(address);
  return found == names.end() ? std::vector<std::uint64_t>() : found->second;
}

class FakeObserver final : public ObserverSource {
 public:
  FakeObserver(FakeRing& ring, std::vector<hook::LostRecords>& losses,
               const FakeNames& names, EventSource::Record record)
      : ring_(ring),
        losses_(losses),
        names_(names),
        record_(std::move(record)) {}
  int fd() const override { return ring_.fd(); }
  Result<bool> consume(int /*most*/) override {
    for (const std::vector<std::byte>& record : ring_.take()) record_(record);
    return false;
  }
  Result<std::vector<hook::LostRecords>> take_lost() override {
    return std::exchange(losses_, {});
  }
  Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t /*cgroup_id*/, const IpAddress& address) override {
    return find_names(names_, address);
  }

 private:
  FakeRing& ring_;
  std::vector<hook::LostRecords>& losses_;
  const FakeNames& names_;
  const EventSource::Record record_;
};

// Foreign sockets as the test says.
struct FakeForeignState {
  std::mutex mutex;
  std::vector<bailiff_foreign> held;
  std::vector<bailiff_foreign> used;  // to be read once
  int looks = 0;                      // at all descriptors
  bool datagrams = false;             // as attend() was called last
  std::vector<bool> attended;         // each time
  std::uint64_t lost = 0;             // to be taken once
  const UniqueFd ready{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void use(const bailiff_foreign& socket) {
    const std::lock_guard lock(mutex);
    used.push_back(socket);
    ::eventfd_write(ready.get(), 1);
  }
  void hold(std::vector<bailiff_foreign> sockets) {
    const std::lock_guard lock(mutex);
    held = std::move(sockets);
  }
};

class FakeForeign final : public ForeignSource {
 public:
  FakeForeign(FakeForeignState& state, const FakeNames& names, Use use)
      : state_(state), names_(names), use_(std::move(use)) {}
  Status attend(bool datagrams) override {
    const std::lock_guard lock(state_.mutex);
    state_.datagrams = datagrams;
    state_.attended.push_back(datagrams);
    return Ok{};
  }
  int fd() const override { return state_.ready.get(); }
  Result<bool> consume(int /*most*/) override {
    eventfd_t count = 0;
    ::eventfd_read(state_.ready.get(), &count);
    const std::lock_guard lock(state_.mutex);
    for (const bailiff_foreign& each : std::exchange(state_.used, {})) {
      use_(each);
    }
    return false;
  }
  Result<hook::HeldSockets> held(pid_t pid) override {
    const std::lock_guard lock(state_.mutex);
    if (pid == 0) {
      ++state_.looks;
      return hook::HeldSockets{state_.held, true};
    }
    hook::HeldSockets of;
    for (const bailiff_foreign& each : state_.held) {
      if (each.tgid == static_cast<std::uint32_t>(pid)) {
        of.sockets.push_back(each);
      }
    }
    return of;
  }
  Status look_at_tasks() override { return Ok{}; }
  Result<std::uint64_t> take_lost() override {
    const std::lock_guard lock(state_.mutex);
    return std::exchange(state_.lost, 0);
  }
  Result<std::vector<std::uint64_t>> names_of(
      std::uint64_t /*cgroup_id*/, const IpAddress& address) override {
    return find_names(names_, address);
  }

 private:
  FakeForeignState& state_;
  const FakeNames& names_;
  const Use use_;
};

// Connections that containers have, with their peers.
class FakeConnections {
 public:
  void add(std::uint64_t cgroup_id, const std::string& peer, std::uint16_t port,
           std::uint16_t local_port = 40000) {
    const std::lock_guard lock(mutex_);
    open_.push_back({{cgroup_id, *parse_address(peer), port}, local_port});
  }
  std::vector<std::string> open() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> peers;
    for (const Open& each : open_) {
      peers.push_back(to_string(each.connection.peer));
    }
    return peers;
  }
  void fail(Status failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  // How often it was looked.
  int looks() {
    const std::lock_guard lock(mutex_);
    return looks_;
  }
  hook::CutConnections cut(const std::vector<hook::ContainerSockets>& of,
                           const hook::Refused& refused) {
    const std::lock_guard lock(mutex_);
    ++looks_;
    hook::CutConnections result;
    result.failure = failure_;
    if (!failure_) return result;
    std::erase_if(open_, [&](const Open& open) {
      const hook::CutConnection& each = open.connection;
      const bool is = std::any_of(of.begin(), of.end(), [&](const auto& one) {
        return one.cgroup_id == each.cgroup_id;
      });
      if (!is ||
          !refused(each.cgroup_id, each.peer, each.port, open.local_port)) {
        return false;
      }
      result.cut.push_back(each);
      return true;
    });
    return result;
  }

 private:
  struct Open {
    hook::CutConnection connection;
    std::uint16_t local_port;
  };

  std::mutex mutex_;
  std::vector<Open> open_;
  Status failure_ = Ok{};
  int looks_ = 0;
};

// What the test sees of a FakeKernelSide, which the service owns.
struct FakeKernelState {
  FakeRing ring;
  FakeRing observer;
  std::vector<hook::LostRecords> losses;  // told at the next record
  FakeForeignState foreign;
  FakeConnections connections;
  FakeNames names;          // set before anything is started
  std::string no_bpffs;     // an error of check() and open_events(); "": none
  std::string broken_test;  // an error of self_test()
  std::deque<std::string> publish_errors;
  std::vector<std::vector<std::string>> published;  // items of the first list
  std::vector<std::string> isolated;                // container ids

  // Of each update of containers, which they were; failed ones too.
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<std::string>> updates;

  // Waits until there were so many.
  std::vector<std::vector<std::string>> updates_of(std::size_t count) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(60),
                                 [&] { return updates.size() >= count; }));
    return updates;
  }
};

class FakeKernelSide final : public KernelSide {
 public:
  explicit FakeKernelSide(FakeKernelState& state) : state_(state) {}

  Status check() override {
    if (state_.no_bpffs.empty()) return Ok{};
    return Error{Code::kUnsupported, state_.no_bpffs};
  }
  Result<std::string> self_test() override {
    if (state_.broken_test.empty()) return std::string("shown");
    return Error{Code::kUnsupported, state_.broken_test};
  }
  Result<std::vector<std::string>> reconcile() override {
    return std::vector<std::string>{};
  }
  Status publish_lists(const CompiledPolicy& policy,
                       const Digest& digest) override {
    EXPECT_EQ(digest, policy_digest(encode(policy)));
    if (!state_.publish_errors.empty()) {
      const std::string error = state_.publish_errors.front();
      state_.publish_errors.pop_front();
      if (!error.empty()) return Error{Code::kIo, error};
    }
    state_.published.push_back(policy.lists.empty() ? std::vector<std::string>{}
                                                    : policy.lists[0].items);
    return Ok{};
  }
  Result<hook::UpdatedContainers> update_containers(
      const CompiledPolicy& policy,
      const std::vector<oci::ContainerRecord>& containers,
      const hook::WriteRecords& write) override {
    {
      const std::lock_guard lock(state_.mutex);
      std::vector<std::string>& ids = state_.updates.emplace_back();
      for (const oci::ContainerRecord& each : containers) {
        ids.push_back(each.id);
      }
    }
    state_.changed.notify_all();
    const Digest digest = policy_digest(encode(policy));
    RETURN_IF_ERROR(publish_lists(policy, digest));
    hook::UpdatedContainers updated{containers, ""};
    for (oci::ContainerRecord& record : updated.records) {
      record.policy = digest.hex();
      record.degraded.clear();
    }
    RETURN_IF_ERROR(write(updated.records));
    return updated;
  }
  Result<hook::UpdatedContainers> judge_interfaces(
      const hook::PolicyInForce& /*policy*/,
      const oci::ContainerRecord& /*container*/,
      const hook::WriteRecords& /*write*/) override {
    return hook::UpdatedContainers();
  }
  Result<std::unique_ptr<EventSource>> open_events(
      EventSource::Record record) override {
    RETURN_IF_ERROR(check());
    return std::unique_ptr<EventSource>(
        std::make_unique<FakeEvents>(state_.ring, std::move(record)));
  }
  Result<std::unique_ptr<ObserverSource>> open_observer(
      EventSource::Record record) override {
    RETURN_IF_ERROR(check());
    return std::unique_ptr<ObserverSource>(std::make_unique<FakeObserver>(
        state_.observer, state_.losses, state_.names, std::move(record)));
  }
  Result<std::unique_ptr<ForeignSource>> open_foreign(
      ForeignSource::Use use) override {
    RETURN_IF_ERROR(check());
    return std::unique_ptr<ForeignSource>(std::make_unique<FakeForeign>(
        state_.foreign, state_.names, std::move(use)));
  }
  Status isolate(const oci::ContainerRecord& record,
                 const std::vector<IpNetwork>& /*allowed*/) override {
    state_.isolated.push_back(record.id);
    return Ok{};
  }
  Status release(const oci::ContainerRecord& record) override {
    std::erase(state_.isolated, record.id);
    return Ok{};
  }
  ConnectionCalls connection_calls() override {
    return {
        .names_of = [](std::uint64_t,
                       const IpAddress&) -> Result<std::vector<std::uint64_t>> {
          return std::vector<std::uint64_t>();
        },
        .cut =
            [&connections = state_.connections](
                const std::vector<hook::ContainerSockets>& of,
                const hook::Refused& refused) {
              return connections.cut(of, refused);
            }};
  }

 private:
  FakeKernelState& state_;
};

class DoneAtOnce final : public Waiting {
 public:
  int fd() const override { return -1; }
  short events() const override { return 0; }
  Result<bool> done() override { return true; }
};

class NeverDone final : public Waiting {
 public:
  int fd() const override { return -1; }
  short events() const override { return 0; }
  Result<bool> done() override { return false; }
};

struct FakeResponderState {
  std::mutex mutex;
  std::vector<std::string> killed;  // container ids
  std::vector<std::string> frozen;
};

class FakeResponder final : public Responder {
 public:
  explicit FakeResponder(FakeResponderState& state) : state_(state) {}
  Result<std::unique_ptr<Waiting>> kill(
      const oci::ContainerRecord& record) override {
    return done(state_.killed, record);
  }
  Result<std::unique_ptr<Waiting>> kill_process(
      const oci::ContainerRecord& record,
      const ProcessName& /*process*/) override {
    return done(state_.killed, record);
  }
  Result<std::unique_ptr<Waiting>> terminate(
      const oci::ContainerRecord& record) override {
    return done(state_.killed, record);
  }
  Result<std::unique_ptr<Waiting>> watch_end(
      const oci::ContainerRecord& /*record*/) override {
    return std::unique_ptr<Waiting>(std::make_unique<DoneAtOnce>());
  }
  Result<std::unique_ptr<Waiting>> freeze(
      const oci::ContainerRecord& record) override {
    return done(state_.frozen, record);
  }
  Status thaw(const oci::ContainerRecord& record) override {
    const std::lock_guard lock(state_.mutex);
    std::erase(state_.frozen, record.id);
    return Ok{};
  }
  Result<std::unique_ptr<Waiting>> watch_thaw(
      const oci::ContainerRecord& /*record*/) override {
    return std::unique_ptr<Waiting>(std::make_unique<NeverDone>());
  }
  Result<ProcessesState> look(const oci::ContainerRecord& record) override {
    const std::lock_guard lock(state_.mutex);
    const auto has = [&](const std::vector<std::string>& ids) {
      return std::find(ids.begin(), ids.end(), record.id) != ids.end();
    };
    return ProcessesState{.gone = has(state_.killed),
                          .frozen = has(state_.frozen)};
  }

 private:
  Result<std::unique_ptr<Waiting>> done(std::vector<std::string>& list,
                                        const oci::ContainerRecord& record) {
    const std::lock_guard lock(state_.mutex);
    if (record.cgroup_path.empty()) {
      return Error{Code::kPermission, "the container is not known"};
    }
    list.push_back(record.id);
    return std::unique_ptr<Waiting>(std::make_unique<DoneAtOnce>());
  }

  FakeResponderState& state_;
};

// The record of a container in a cgroup that exists for the tests: the root of
// some mount, which nobody kills here.
inline oci::ContainerRecord start_record(const std::string& id,
                                         std::uint64_t cgroup,
                                         const std::string& policy) {
  oci::ContainerRecord record;
  record.event = "start";
  record.id = id;
  record.time_ns = monotonic_ns() +
                   static_cast<std::uint64_t>(ClockOffsets::now().realtime_ns);
  record.pid = 1;
  record.cgroup_path = "/sys/fs/cgroup/never-made-" + id;
  record.cgroup_id = cgroup;
  record.policy = policy;
  record.args = {"/bin/serve", "-v"};
  record.facts.id = id;
  record.facts.name = "shop";
  record.facts.image = "example.org/shop:1";
  record.facts.values["container.id"] = id.substr(0, 12);
  record.facts.values["container.full_id"] = id;
  record.facts.values["container.name"] = std::string("shop");
  return record;
}

inline bailiff_connect_event connect_of(std::uint64_t cgroup,
                                        std::uint64_t policy_id,
                                        std::uint32_t rule) {
  bailiff_connect_event event{};
  event.header.size = sizeof event;
  event.header.kind = BAILIFF_EVENT_CONNECT;
  event.header.verdict = BAILIFF_VERDICT_DENIED;
  event.header.time_ns = monotonic_ns();
  event.header.cgroup_id = cgroup;
  event.header.policy_id = policy_id;
  event.header.rule = rule;
  event.header.tgid = static_cast<__u32>(::getpid());
  ::memcpy(event.header.comm, "java", 5);
  const std::uint8_t address[] = {203, 0, 113, 66};
  ::memcpy(event.addr_be, address, sizeof address);
  event.port = 1389;
  event.family = 4;
  event.l4proto = 6;
  return event;
}

}  // namespace bailiff::sidecar
