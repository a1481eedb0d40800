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

// Whoever makes interfaces without end has a tenth of a processor, and leaves
// time for others to be heard.
constexpr int kRestFactor = 10;
constexpr milliseconds kLeastRest{10};

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
    if (asked || (find_again_ && *find_again_ <= steady_clock::now())) {
      find_networks();
    }
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
  std::vector<pollfd> polls;
  std::vector<Network*> heard;
  auto until = find_again_.value_or(steady_clock::time_point::max());
  for (auto& [inode, network] : networks_) {
    if (network.due) until = std::min(until, *network.due);
    // Of one that is judged as soon as may be, whatever else it tells.
    if (network.due && *network.due <= network.rests_until) continue;
    polls.push_back(
        {.fd = network.events.fd(), .events = POLLIN, .revents = 0});
    heard.push_back(&network);
  }
  polls.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
  int timeout = -1;
  if (until != steady_clock::time_point::max()) {
    const auto left =
        std::chrono::ceil<milliseconds>(until - steady_clock::now());
    timeout = static_cast<int>(std::max(left, milliseconds(0)).count());
  }
  ::poll(polls.data(), polls.size(), timeout);
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(wake_.get(), &count));
  for (std::size_t i = 0; i < heard.size(); ++i) {
    if (polls[i].revents != 0) hear(*heard[i]);
  }
}

void InterfaceWatch::find_networks() {
  std::map<std::uint64_t, std::set<std::uint64_t>> members;
  find_again_.reset();
  for (const KnownContainer& known : parts_.containers.all()) {
    if (!is_watched(known)) continue;
    const oci::ContainerRecord& record = known.container->record;
    members[record.netns].insert(record.cgroup_id);
    if (networks_.contains(record.netns)) continue;
    Result<std::optional<hook::InterfaceEvents>> events = parts_.open(record);
    if (!events) {
      find_again_ = steady_clock::now() + parts_.retry;
      log_repeated("interfaces",
                   "hear of interfaces: " + events.error().message +
                       " container=" + record.id);
    }
    // No process of it may be in its network, or there at all.
    if (!events || !*events) continue;
    networks_.emplace(record.netns, Network{.events = **std::move(events)});
  }
  std::erase_if(networks_, [&members](const auto& each) {
    return !members.contains(each.first);
  });
  // What came before its network was heard, or before it was known to be in
  // there, nobody has told of.
  for (auto& [inode, network] : networks_) {
    const std::set<std::uint64_t>& now = members[inode];
    if (!std::includes(network.members.begin(), network.members.end(),
                       now.begin(), now.end())) {
      make_due(network);
    }
    network.members = now;
  }
}

void InterfaceWatch::hear(Network& network) {
  const Result<bool> came = network.events.read();
  if (!came) log_repeated("interfaces", came.error().message);
  if (!came || *came) make_due(network);
}

void InterfaceWatch::make_due(Network& network) {
  const auto due = std::max(steady_clock::now(), network.rests_until);
  network.due = network.due ? std::min(*network.due, due) : due;
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
  network.rests_until = now + std::max<steady_clock::duration>(
                                  (now - begun) * kRestFactor, kLeastRest);
}

}  // namespace bailiff::sidecar
