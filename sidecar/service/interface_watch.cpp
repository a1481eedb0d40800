// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/interface_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "oci/sys/errno_error.h"
#include "sidecar/service/log.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kRestFactor = 10;

// Of one whose frames are judged as far as they can be.  The inode of a network
// is nobody else's while it is heard of.
bool is_watched(const KnownContainer& known) {
  const oci::ContainerRecord& record = known.container->record;
  return !known.gone && known.container->generation && record.netns != 0 &&
         !record.programs.empty();
}

}  // namespace

InterfaceWatch::InterfaceWatch(Parts parts, UniqueFd wake)
    : parts_(std::move(parts)), wake_(std::move(wake)) {}

Result<std::unique_ptr<InterfaceWatch>> InterfaceWatch::start(Parts parts) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return errno_error("eventfd");
  std::unique_ptr<InterfaceWatch> watch(
      new InterfaceWatch(std::move(parts), std::move(wake)));
  watch->thread_ = std::thread([raw = watch.get()] { raw->run(); });
  return watch;
}

InterfaceWatch::~InterfaceWatch() { stop(); }

void InterfaceWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  static_cast<void>(::eventfd_write(wake_.get(), 1));
  if (thread_.joinable()) thread_.join();
}

void InterfaceWatch::look() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  static_cast<void>(::eventfd_write(wake_.get(), 1));
}

void InterfaceWatch::run() {
  for (;;) {
    bool asked = false;
    {
      const std::lock_guard lock(mutex_);
      if (ends_) return;
      asked = std::exchange(asked_, false);
    }
    if (asked) find_networks();
    hear();
    for (auto& [inode, network] : networks_) {
      if (network.due && *network.due <= steady_clock::now()) {
        judge(inode, network);
      }
    }
    wait();
  }
}

// Until there is something to hear, or to be done.
void InterfaceWatch::wait() {
  std::vector<pollfd> polls = {
      {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  auto until = steady_clock::time_point::max();
  for (const auto& [inode, network] : networks_) {
    // Of one that is judged soon anyway, whatever else it tells.
    if (network.due) {
      until = std::min(until, *network.due);
    } else {
      polls.push_back(
          {.fd = network.events.fd(), .events = POLLIN, .revents = 0});
    }
  }
  int timeout = -1;
  if (until != steady_clock::time_point::max()) {
    const auto left =
        std::chrono::ceil<milliseconds>(until - steady_clock::now());
    timeout = static_cast<int>(std::max(left, milliseconds(0)).count());
  }
  ::poll(polls.data(), polls.size(), timeout);
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(wake_.get(), &count));
}

void InterfaceWatch::find_networks() {
  std::set<std::uint64_t> used;
  for (const KnownContainer& known : parts_.containers.all()) {
    if (!is_watched(known)) continue;
    const oci::ContainerRecord& record = known.container->record;
    used.insert(record.netns);
    const auto there = networks_.find(record.netns);
    if (there != networks_.end()) continue;
    Result<std::optional<hook::InterfaceEvents>> events = parts_.open(record);
    if (!events) {
      log_repeated("interfaces",
                   "hear of interfaces: " + events.error().message +
                       " container=" + record.id);
    }
    // No process of it may be in its network, or there at all.
    if (!events || !*events) continue;
    // What came before is not told of.
    networks_.emplace(record.netns, Network{.events = **std::move(events),
                                            .due = steady_clock::now()});
  }
  std::erase_if(networks_, [&used](const auto& each) {
    return !used.contains(each.first);
  });
}

void InterfaceWatch::hear() {
  for (auto& [inode, network] : networks_) {
    const Result<bool> came = network.events.read();
    if (!came) log_repeated("interfaces", came.error().message);
    if (came && !*came) continue;
    const auto due = std::max(steady_clock::now(), network.rests_until);
    network.due = network.due ? std::min(*network.due, due) : due;
  }
}

// Those that share the network have programs of their own.
void InterfaceWatch::judge(std::uint64_t inode, Network& network) {
  const auto begun = steady_clock::now();
  network.due.reset();
  for (const KnownContainer& known : parts_.containers.all()) {
    if (!is_watched(known) || known.container->record.netns != inode) continue;
    const Status judged = parts_.judge(known.container);
    if (judged) continue;
    network.due = begun + parts_.retry;
    log_repeated("interfaces",
                 "frames are not judged on interfaces that came: " +
                     judged.error().message +
                     " container=" + known.container->record.id);
  }
  const auto now = steady_clock::now();
  network.rests_until = now + (now - begun) * kRestFactor;
}

}  // namespace bailiff::sidecar
