// SPDX-License-Identifier: Apache-2.0
// tests/harness/fake_world.h
// One container that can be killed, frozen and isolated, in memory that
// processes share: what one did before it was killed, the next one sees.
#pragma once

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "oci/sys/unique_fd.h"
#include "sidecar/respond/isolator.h"
#include "sidecar/respond/journal.h"
#include "sidecar/respond/manager_calls.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {

struct World {
  std::atomic<bool> alive{true}, frozen{false}, isolated{false};
  std::atomic<int> kills{0}, freezes{0}, thaws{0}, terminations{0};
  std::atomic<int> isolations{0}, releases{0}, processes_killed{0};
  std::atomic<bool> dies_of_term{false};
  std::atomic<bool> never_frozen{false};  // some process does not stop
  std::atomic<int> failing_kills{0};      // the next ones fail
  std::atomic<bool> stored{false};        // the response is in the "timeline"
  std::atomic<int> effects{0};            // what came of it later
  std::atomic<int> thaw_watches{0};       // that there are
  // Steps until this process is killed; negative: it is not.
  std::atomic<int> left{-1};

  void step() {
    if (left.load() < 0) return;
    if (left.fetch_sub(1) == 0) ::_exit(9);
  }

  // In memory that a child shares.
  static World* make() {
    void* memory = ::mmap(nullptr, sizeof(World), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return new (memory) World;
  }
  void reset() { new (this) World; }
};

class WorldWaiting final : public Waiting {
 public:
  WorldWaiting(const std::atomic<bool>& state, bool wanted)
      : state_(state), wanted_(wanted) {}
  // Always ready: whoever polls looks again at once.
  int fd() const override { return fd_.get(); }
  short events() const override { return 1; }  // POLLIN
  Result<bool> done() override { return state_.load() == wanted_; }

 private:
  const UniqueFd fd_{::eventfd(1, EFD_CLOEXEC)};
  const std::atomic<bool>& state_;
  const bool wanted_;
};

class ThawWatch final : public Waiting {
 public:
  explicit ThawWatch(World& world) : world_(world) { ++world_.thaw_watches; }
  ThawWatch(const ThawWatch&) = delete;
  ThawWatch& operator=(const ThawWatch&) = delete;
  ~ThawWatch() override { --world_.thaw_watches; }
  int fd() const override { return thawed_.fd(); }
  short events() const override { return thawed_.events(); }
  Result<bool> done() override { return thawed_.done(); }

 private:
  World& world_;
  WorldWaiting thawed_{world_.frozen, false};
};

class WorldResponder final : public Responder {
 public:
  explicit WorldResponder(World& world) : world_(world) {}

  Result<std::unique_ptr<Waiting>> kill(
      const oci::ContainerRecord& /*record*/) override {
    if (!world_.alive) return gone();
    if (world_.failing_kills > 0) {
      --world_.failing_kills;
      return Error{Code::kIo, "no kill"};
    }
    world_.step();
    ++world_.kills;
    world_.alive = false;
    world_.step();
    return waiting(world_.alive, false);
  }
  Result<std::unique_ptr<Waiting>> kill_process(
      const oci::ContainerRecord& /*record*/,
      const ProcessName& /*process*/) override {
    if (!world_.alive) return gone();
    world_.step();
    ++world_.processes_killed;
    world_.step();
    return waiting(world_.alive, true);
  }
  Result<std::unique_ptr<Waiting>> terminate(
      const oci::ContainerRecord& /*record*/) override {
    if (!world_.alive) return gone();
    world_.step();
    ++world_.terminations;
    if (world_.dies_of_term) world_.alive = false;
    world_.step();
    return waiting(world_.alive, false);
  }
  Result<std::unique_ptr<Waiting>> watch_end(
      const oci::ContainerRecord& /*record*/) override {
    if (!world_.alive) return gone();
    return waiting(world_.alive, false);
  }
  Result<std::unique_ptr<Waiting>> freeze(
      const oci::ContainerRecord& /*record*/) override {
    if (!world_.alive) return gone();
    world_.step();
    ++world_.freezes;
    world_.frozen = true;
    world_.step();
    if (world_.never_frozen) return waiting(world_.never_frozen, false);
    return waiting(world_.frozen, true);
  }
  Status thaw(const oci::ContainerRecord& /*record*/) override {
    world_.step();
    ++world_.thaws;
    world_.frozen = false;
    world_.step();
    return Ok{};
  }
  Result<std::unique_ptr<Waiting>> watch_thaw(
      const oci::ContainerRecord& /*record*/) override {
    if (!world_.alive) return gone();
    return std::unique_ptr<Waiting>(std::make_unique<ThawWatch>(world_));
  }
  Result<ProcessesState> look(const oci::ContainerRecord& /*record*/) override {
    return ProcessesState{.gone = !world_.alive, .frozen = world_.frozen};
  }

 private:
  static Error gone() { return Error{Code::kNotFound, "gone"}; }
  static Result<std::unique_ptr<Waiting>> waiting(
      const std::atomic<bool>& state, bool wanted) {
    return std::unique_ptr<Waiting>(
        std::make_unique<WorldWaiting>(state, wanted));
  }

  World& world_;
};

class WorldIsolator final : public Isolator {
 public:
  explicit WorldIsolator(World& world) : world_(world) {}
  Status isolate(const oci::ContainerRecord& /*record*/) override {
    world_.step();
    ++world_.isolations;
    world_.isolated = true;
    world_.step();
    return Ok{};
  }
  Status release(const oci::ContainerRecord& /*record*/) override {
    world_.step();
    ++world_.releases;
    world_.isolated = false;
    world_.step();
    return Ok{};
  }

 private:
  World& world_;
};

// A real journal of a process that may be killed before and after each line.
class WorldJournal final : public Journal {
 public:
  WorldJournal(World& world, std::unique_ptr<Journal> real)
      : world_(world), real_(std::move(real)) {}
  Status begin(const Begun& begun) override {
    return made([&] { return real_->begin(begun); });
  }
  Status done(const std::string& id, const std::string& outcome) override {
    return made([&] { return real_->done(id, outcome); });
  }
  Status limit(const std::string& id, std::uint64_t until_ns,
               PauseThen then) override {
    return made([&] { return real_->limit(id, until_ns, then); });
  }
  Status undo(const std::string& id) override {
    return made([&] { return real_->undo(id); });
  }
  Status end(const std::string& id) override {
    return made([&] { return real_->end(id); });
  }
  Status told(const std::string& id) override {
    return made([&] { return real_->told(id); });
  }
  Status over(const OverBudget& budget) override { return real_->over(budget); }
  Status rearm(std::uint64_t now_ns) override { return real_->rearm(now_ns); }
  Status shorten(std::uint64_t before_ns) override {
    return real_->shorten(before_ns);
  }

 private:
  template <typename Step>
  Status made(Step step) {
    world_.step();
    Status status = step();
    world_.step();
    return status;
  }

  World& world_;
  const std::unique_ptr<Journal> real_;
};

}  // namespace bailiff::sidecar
