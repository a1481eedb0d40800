// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/connection_cuts.h"

#include <netinet/in.h>
#include <sys/types.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <future>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "hook/kernel/network_namespace.h"
#include "rules/eval/matcher.h"
#include "sidecar/ingest/connect_fields.h"
#include "sidecar/ingest/process_facts.h"
#include "sidecar/service/log.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;

// Alerts that wait; what is refused beyond is told as it is.
constexpr std::size_t kMaxWaiting = 1024;
// A container is looked at for a tenth of a processor at most, whatever it does
// to be; but a list has to be heeded, however long a look at it takes.
constexpr int kRestFactor = 10;
constexpr std::chrono::seconds kMaxRest{10};
// An alert does not wait for a look that is further away.
constexpr std::chrono::seconds kMaxDelay{2};
// Threads that wait for who uses a socket, one for each container.
constexpr std::size_t kMaxLooks = 128;
// A reset is told of long before; past it, or with so many, what was cut is
// forgotten.
constexpr std::chrono::seconds kRemembered{10};
constexpr std::size_t kMaxRemembered = 4096;

// As what rules are asked about a packet.
constexpr std::array<std::string_view, 4> kTypes = {"connect", "sendto",
                                                    "sendmsg", "sendmmsg"};

// Whether the rules of a container refuse a peer, as they are now.  Of one
// thread, which may outlive whoever made it.
class Judge {
 public:
  Judge(ContainerPtr container, ConnectionCalls::NamesOf names_of)
      : container_(std::move(container)),
        matcher_(container_->generation->matcher()),
        names_of_(std::move(names_of)) {}

  bool refuses(const IpAddress& peer, std::uint16_t port,
               std::uint16_t local_port) {
    ConnectEvent event;
    event.judged_at = JudgedAt::kEgress;
    event.cgroup_id = container_->record.cgroup_id;
    event.policy_id = container_->generation->policy_id();
    event.address = reached_host(peer);
    event.port = port;
    event.l4proto = IPPROTO_TCP;
    event.names = names_of(event.address);
    if (!event.names.empty()) event.name = event.names.front();
    // Its own port may except it, and never refuses it: a server has it, too.
    if (!refuses(event)) return false;
    event.local_port = local_port;
    return refuses(event);
  }

 private:
  bool refuses(ConnectEvent& event) {
    return std::any_of(
        kTypes.begin(), kTypes.end(), [&](std::string_view type) {
          event.type = type;
          const ConnectFields fields(event, nobody_, container_->facts, 0, 0,
                                     ConnectFields::Use::kCondition);
          return !matcher_->match(fields, container_->refused_peers, memory_)
                      .empty();
        });
  }

  // An error is told, and leaves the peer without.
  std::vector<std::string> names_of(const IpAddress& address) const {
    const Generation& generation = *container_->generation;
    if (!generation.names_hosts()) return {};
    const Result<std::vector<std::uint64_t>> names =
        names_of_(container_->record.cgroup_id, address);
    if (names) return generation.host_names(*names);
    log_repeated("names",
                 "ask for the names of a peer: " + names.error().message);
    return {};
  }

  const ContainerPtr container_;
  const std::shared_ptr<const Matcher> matcher_;
  const ConnectionCalls::NamesOf names_of_;
  const ProcessFacts nobody_;
  MatchMemory memory_;
};

// Of the calling thread.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) +
         std::chrono::nanoseconds(time.tv_nsec);
}

bool has_refused_peers(const Container& container) {
  return container.generation && !container.refused_peers.empty();
}

}  // namespace

// Those under way, which may outlive who began them, and what they have cut.
class ConnectionCuts::Looks {
 public:
  // False when one is under way, or too many are; else end() follows.
  bool begin(std::uint64_t cgroup_id) {
    const std::lock_guard lock(mutex_);
    return under_way_.size() < kMaxLooks && under_way_.insert(cgroup_id).second;
  }
  void end(std::uint64_t cgroup_id, const std::vector<hook::CutConnection>& cut,
           std::chrono::nanoseconds took) {
    const auto now = steady_clock::now();
    const std::lock_guard lock(mutex_);
    under_way_.erase(cgroup_id);
    std::erase_if(rests_, [&](const auto& each) { return each.second < now; });
    rests_[cgroup_id] =
        now + std::min<std::chrono::nanoseconds>(took * kRestFactor, kMaxRest);
    std::erase_if(cut_, [&](const auto& each) {
      return each.second.when + kRemembered < now;
    });
    for (const hook::CutConnection& each : cut) {
      if (cut_.size() >= kMaxRemembered) return;
      Cut& one = cut_[{each.cgroup_id, reached_host(each.peer), each.port}];
      ++one.count;
      one.when = now;
    }
  }
  // Until when it has been looked at enough.
  steady_clock::time_point rest_of(std::uint64_t cgroup_id) {
    const std::lock_guard lock(mutex_);
    const auto rest = rests_.find(cgroup_id);
    return rest != rests_.end() ? rest->second : steady_clock::time_point();
  }
  // How many, of which nobody has been told yet.
  std::uint32_t take(std::uint64_t cgroup_id, const IpAddress& peer,
                     std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    const auto found = cut_.find({cgroup_id, reached_host(peer), port});
    if (found == cut_.end()) return 0;
    const std::uint32_t count = found->second.count;
    cut_.erase(found);
    return count;
  }

 private:
  struct Cut {
    std::uint32_t count = 0;
    steady_clock::time_point when;
  };
  std::mutex mutex_;
  std::set<std::uint64_t> under_way_;
  std::map<std::uint64_t, steady_clock::time_point> rests_;
  std::map<std::tuple<std::uint64_t, IpAddress, std::uint16_t>, Cut> cut_;
};

ConnectionCuts::ConnectionCuts(Parts parts)
    : parts_(std::move(parts)),
      looks_(std::make_shared<Looks>()),
      thread_([this] { run(); }) {}

ConnectionCuts::~ConnectionCuts() { stop(); }

void ConnectionCuts::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ConnectionCuts::look() {
  const std::vector<KnownContainer> all = parts_.containers.all();
  const std::lock_guard lock(mutex_);
  for (const KnownContainer& each : all) {
    if (!each.gone && has_refused_peers(*each.container)) ask(each.container);
  }
}

void ConnectionCuts::look(const ContainerPtr& container) {
  if (!has_refused_peers(*container)) return;
  const std::lock_guard lock(mutex_);
  ask(container);
}

ConnectionCutPtr ConnectionCuts::look(const ContainerPtr& container,
                                      const ConnectEvent& refused) {
  if (!has_refused_peers(*container)) return nullptr;
  // While there is a process: a response may end it.  Whichever has its number
  // by now, sockets are the container's only by their cgroup.
  Result<UniqueFd> netns =
      hook::network_namespace_of(static_cast<pid_t>(container->record.pid));
  const std::lock_guard lock(mutex_);
  if (ends_) return nullptr;
  Asked& asked = ask(container);
  if (netns) asked.netns = std::make_shared<const UniqueFd>(*std::move(netns));
  if (waiting_ >= kMaxWaiting ||
      asked.not_before > steady_clock::now() + kMaxDelay) {
    return nullptr;
  }
  ++waiting_;
  auto cut = std::make_shared<ConnectionCut>();
  asked.waiting.push_back({refused.address, refused.port, cut});
  return cut;
}

// Precondition: mutex_ is held.
ConnectionCuts::Asked& ConnectionCuts::ask(const ContainerPtr& container) {
  const auto [asked, first] =
      asked_.try_emplace(container->record.cgroup_id, Asked{});
  asked->second.container = container;
  if (first) {
    asked->second.not_before = looks_->rest_of(container->record.cgroup_id);
  }
  changed_.notify_one();
  return asked->second;
}

void ConnectionCuts::run() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    const auto next = std::min_element(
        asked_.begin(), asked_.end(), [](const auto& one, const auto& other) {
          return one.second.not_before < other.second.not_before;
        });
    if (next == asked_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (const auto due = next->second.not_before; due > steady_clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    Asked asked = std::move(next->second);
    asked_.erase(next);
    waiting_ -= asked.waiting.size();
    lock.unlock();
    look_at(std::move(asked));
    lock.lock();
  }
  const auto left = std::exchange(asked_, {});
  lock.unlock();
  for (const auto& [cgroup_id, asked] : left) {
    for (const Waiting& each : asked.waiting) each.cut->finish(0);
  }
}

void ConnectionCuts::tell_failure(const Status& done,
                                  const std::string& container) {
  if (done) return;
  const Error& why = done.error();
  // So it will be with each.
  const bool always =
      why.code == Code::kUnsupported || why.code == Code::kPermission;
  if (!always) {
    log_repeated("cut", "cut refused connections: " + why.message +
                            " container=" + container);
  } else if (!std::exchange(warned_, true)) {
    log_warning(
        "connections that are older than a list are refused, and cannot be "
        "cut: " +
        why.message);
  }
}

void ConnectionCuts::look_at(Asked asked) {
  const std::uint64_t cgroup_id = asked.container->record.cgroup_id;
  // Under the policy of now, where that is known.
  const auto known = parts_.containers.by_cgroup(cgroup_id);
  if (known) asked.container = known->container;
  const bool judged = has_refused_peers(*asked.container) &&
                      !is_exempt(*parts_.settings(), asked.container->record);
  // Whether it has to be tried again: what is under way may be older than what
  // is asked.  A look that takes long ends by itself.
  bool busy = false;
  bool late = false;
  if (judged) {
    busy = !looks_->begin(cgroup_id);
    if (!busy) {
      auto done = std::make_shared<std::promise<hook::CutConnections>>();
      std::future<hook::CutConnections> result = done->get_future();
      auto judge =
          std::make_shared<Judge>(asked.container, parts_.calls.names_of);
      try {
        std::thread([done, judge, cgroup_id, cut = parts_.calls.cut,
                     looks = looks_, netns = asked.netns] {
          const hook::CutConnections ended =
              cut({{cgroup_id, netns}},
                  [&](std::uint64_t, const IpAddress& peer, std::uint16_t port,
                      std::uint16_t local_port) {
                    return judge->refuses(peer, port, local_port);
                  });
          looks->end(cgroup_id, ended.cut, processor_time());
          done->set_value(ended);
        }).detach();
        late = result.wait_for(parts_.wait) != std::future_status::ready;
        if (!late) {
          const hook::CutConnections ended = result.get();
          busy = ended.held;
          tell_failure(ended.failure, asked.container->record.id);
        }
      } catch (const std::system_error&) {
        looks_->end(cgroup_id, {}, {});
        busy = true;
      }
    }
  }
  for (const Waiting& each : asked.waiting) {
    each.cut->finish(looks_->take(cgroup_id, each.peer, each.port));
  }
  if (!busy && !late) return;
  log_repeated("cut",
               "a connection, or too many of them, are still being cut "
               "container=" +
                   asked.container->record.id);
  if (!busy) return;
  const std::lock_guard lock(mutex_);
  Asked& again = ask(asked.container);
  again.not_before =
      std::max(again.not_before, steady_clock::now() + parts_.retry);
}

}  // namespace bailiff::sidecar
