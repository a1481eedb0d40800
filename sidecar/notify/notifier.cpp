// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/notifier.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "oci/inject/registration.h"
#include "oci/spec/process_state.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unix_socket.h"
#include "rules/lower/observed.h"
#include "sidecar/notify/call_memory.h"
#include "sidecar/notify/descriptor_store.h"
#include "sidecar/notify/held_call.h"
#include "sidecar/notify/keeper.h"
#include "sidecar/notify/ledger.h"
#include "sidecar/notify/seccomp_listener.h"

namespace bailiff::sidecar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kSocketName[] = "socket";
constexpr char kLedgerName[] = "ledger";
constexpr mode_t kSocketMode = 0600;
// Calls of one container that are received and not answered.  The next ones
// wait in the kernel: they must not take all of the ledger.
constexpr std::size_t kMaxHeldOfContainer = 64;
constexpr std::size_t kReadAtOnce = 64 << 10;
// Between two keepers: one that ends at once must not take all of a processor.
constexpr std::chrono::seconds kKeeperPause{1};
// What is not taken, and cannot be waited for, is given again after this long.
constexpr std::chrono::milliseconds kKeepAgain{100};
// Runtimes for which there is no descriptor wait for as long.
constexpr std::chrono::seconds kRoomPause{1};
// What the store has beside listeners: the socket and the ledger.
constexpr std::size_t kOwnDescriptors = 2;

struct OfContainer;

std::string kept_name(std::uint64_t number, const std::string& id) {
  return kListenerPrefix + std::to_string(number) + "." + id;
}

// Whether the store has it.
enum class Kept { kNo, kYes, kRefused };

struct Listener {
  UniqueFd fd;
  Kept kept = Kept::kNo;
  std::uint64_t number = 0;  // among all there have been
  std::string id;            // of the container
  // Not by its id: another one may have that by now.
  std::shared_ptr<OfContainer> container;
};
using ListenerPtr = std::shared_ptr<Listener>;

// A call between being received and being answered.
struct Held {
  ListenerPtr listener;
  LedgerSlot* slot = nullptr;
  seccomp_notif call{};  // a copy: the slot is the loop's
  Clock::time_point deadline;
  std::atomic<bool> answered{false};  // somebody does
  // It is: only then is the slot free, or a crash in between would leave a
  // caller that nobody knows of.
  std::atomic<bool> done{false};
};
using HeldPtr = std::shared_ptr<Held>;

// What both kinds of thread have to do with each other.  Outlives the loop as
// long as a container's thread is kept waiting.
struct Shared {
  Notifier::Parts parts;
  UniqueFd wake;  // eventfd: something was answered, or the end

  // How often any container may have changed: see containers_changed().
  std::atomic<std::uint64_t> changes{0};

  // Whoever owns what `parts` calls may end once stop() has returned, and a
  // container's thread may still run.
  void stop() {
    const std::unique_lock lock(calling_);
    stopped_ = true;
  }
  // nullopt: stopped.
  std::optional<ContainerPtr> container(const std::string& id) {
    const std::shared_lock lock(calling_);
    if (stopped_) return std::nullopt;
    return parts.container(id);
  }
  // Of the current policy.  Stopped: none is left, and nobody is let go on.
  OnError on_failure() {
    const std::shared_lock lock(calling_);
    return stopped_ ? OnError::kDeny : parts.on_failure();
  }
  void report(const std::string& kind, const std::string& line) {
    const std::shared_lock lock(calling_);
    if (!stopped_) parts.report(kind, line);
  }

  // Whoever comes first answers.  `tells`: of what comes of it.
  template <typename Tells>
  void answer_once(Held& held, int error, Tells tells) {
    if (held.answered.exchange(true)) return;
    if (std::optional<HeldAnswer> told = tells()) tell(*std::move(told));
    const Status answered =
        answer(held.listener->fd.get(), held.call.id, error);
    held.done = true;
    if (!answered) report("answer", answered.error().message);
    static_cast<void>(::eventfd_write(wake.get(), 1));
  }

  void tell(HeldAnswer told) {
    const std::shared_lock lock(calling_);
    if (!stopped_) parts.answered(std::move(told));
  }

 private:
  std::shared_mutex calling_;
  bool stopped_ = false;
};
using SharedPtr = std::shared_ptr<Shared>;

// Of one that nobody has judged.
HeldAnswer unjudged(const Held& held, ContainerPtr container, int error) {
  return {.id = held.listener->id,
          .container = std::move(container),
          .tid = held.call.pid,
          .call = call_by_number(held.call),
          .refused = error != 0};
}

int error_of(OnError on_failure) {
  switch (on_failure) {
    case OnError::kDeny:
      return EPERM;
    case OnError::kAllow:
      // Failing open: the administrator chose it.
      return 0;
  }
  return EPERM;
}

// The thread of a container, once a call is held, and what it is to judge.
class Judge : public std::enable_shared_from_this<Judge> {
 public:
  Judge(SharedPtr shared, std::string id)
      : shared_(std::move(shared)), id_(std::move(id)) {}

  // By the loop's thread only.
  void push(HeldPtr held) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(held));
      changed_.notify_one();
    }
    if (!has_thread_) has_thread_ = start();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    queue_.clear();
    changed_.notify_one();
  }

  // The container may be another one with its id.
  void look_again() { ++changes_; }

  // As it is known to be by now; nullptr: it is not.  Does not wait for the
  // thread.
  ContainerPtr known() const {
    const std::uint64_t now = changes();
    const std::lock_guard lock(mutex_);
    if (container_ && container_->generation && seen_ == now) return container_;
    return nullptr;
  }

  // Of the policy the container is known to be under, or else of the current
  // one.  Does not wait for the thread.
  OnError on_failure() const {
    if (const ContainerPtr container = known()) {
      return container->generation->policy().on_failure;
    }
    return shared_->on_failure();
  }

 private:
  // Most containers that may have calls held never do, and need no thread.
  bool start() {
    try {
      std::thread([self = shared_from_this()] { self->run(); }).detach();
      return true;
    } catch (const std::system_error&) {
      // The next call tries again; this one waits for that or for its limit.
      shared_->report("held",
                      "no thread to judge held calls, they are answered by "
                      "on_failure container=" +
                          id_);
      return false;
    }
  }

  void run() {
    for (;;) {
      HeldPtr held;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_ || !queue_.empty(); });
        if (ended_) return;
        held = std::move(queue_.front());
        queue_.pop_front();
      }
      if (held->answered) continue;
      const std::optional<ContainerPtr> known = container();
      // The next process answers it.
      if (!known) return;
      Judgement judged = judge(*held, *known);
      shared_->answer_once(*held, judged.error,
                           [&] { return std::move(judged.told); });
    }
  }

  std::uint64_t changes() const { return shared_->changes + changes_; }

  // nullopt: the service stops.
  std::optional<ContainerPtr> container() {
    // Before the look: what changes during it is looked for again.
    const std::uint64_t now = changes();
    {
      const std::lock_guard lock(mutex_);
      if (container_ && seen_ == now) return container_;
    }
    std::optional<ContainerPtr> found = shared_->container(id_);
    if (!found) return found;
    const std::lock_guard lock(mutex_);
    container_ = *found;
    seen_ = now;
    return found;
  }

  struct Judgement {
    int error = 0;  // the call is to fail with; 0: none
    std::optional<HeldAnswer> told;
  };

  Judgement judge(const Held& held, const ContainerPtr& known) {
    if (!known || !known->generation) {
      shared_->report("held",
                      "a held call of a container that is not known, "
                      "answered by on_failure container=" +
                          id_);
      return not_judged(held, known);
    }
    Result<std::optional<ObservedEvent>> event = call_of(held.call);
    if (!event) return failed(held, known, event.error());
    if (!*event) return {};
    const bailiff_call call = (*event)->call;
    Result<HeldFields> fields =
        HeldFields::read(held.call, **std::move(event), known->facts);
    if (!fields) return failed(held, known, fields.error());
    const HeldCalls& wanted = known->held;
    const std::shared_ptr<const Matcher> matcher = known->generation->matcher();
    std::vector<std::uint32_t> refusing;
    for (const std::uint32_t rule :
         matcher->match(*fields, wanted.rules, memory_)) {
      const auto at =
          std::lower_bound(wanted.rules.begin(), wanted.rules.end(), rule);
      const auto place = static_cast<std::size_t>(at - wanted.rules.begin());
      if ((wanted.rule_calls[place] & bit_of(call)) != 0) {
        refusing.push_back(rule);
      }
    }
    if (refusing.empty()) return {};
    return {EPERM, HeldAnswer{.id = id_,
                              .container = known,
                              .tid = held.call.pid,
                              .call = call,
                              .refused = true,
                              .rules = std::move(refusing),
                              .judged = fields->observed()}};
  }

  Judgement not_judged(const Held& held, const ContainerPtr& known) {
    const int error = error_of(on_failure());
    return {error, unjudged(held, known, error)};
  }

  Judgement failed(const Held& held, const ContainerPtr& known,
                   const Error& error) {
    switch (error.code) {
      case Code::kInvalidArgument:
        // As the kernel would say, which must not find something there after
        // all.
        return {EFAULT, std::nullopt};
      case Code::kNotFound:
        return {EPERM, std::nullopt};  // nobody hears it
      case Code::kPermission:
      case Code::kUnsupported:
      case Code::kExhausted:
      case Code::kIo:
        break;
    }
    shared_->report(
        "held", error.message + ", answered by on_failure container=" + id_);
    return not_judged(held, known);
  }

  const SharedPtr shared_;
  const std::string id_;
  MatchMemory memory_;  // of the thread
  bool has_thread_ = false;
  std::atomic<std::uint64_t> changes_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<HeldPtr> queue_;
  ContainerPtr container_;
  std::uint64_t seen_ = 0;  // changes() when it was looked for
  bool ended_ = false;
};

// A runtime that hands a listener over.
struct Connection {
  UniqueFd fd;
  UniqueFd listener;
  std::string text;
  Clock::time_point deadline;
};

struct OfContainer {
  std::shared_ptr<Judge> judge;
  std::size_t listeners = 0;
  std::size_t held = 0;
  bool paused = false;  // its listeners are not asked
};

}  // namespace

// Of its own thread, but for start() and stop().
class Notifier::Loop {
 public:
  Loop(SharedPtr shared, UniqueFd epoll, UniqueFd socket,
       std::unique_ptr<DescriptorStore> store, Ledger ledger)
      : shared_(std::move(shared)),
        epoll_(std::move(epoll)),
        socket_(std::move(socket)),
        store_(std::move(store)),
        ledger_(std::move(ledger)) {}

  void containers_changed() { ++shared_->changes; }
  std::size_t unkept() const { return unkept_; }

  Status start(std::vector<NamedDescriptor> kept) {
    RETURN_IF_ERROR(watch(EPOLL_CTL_ADD, shared_->wake.get(), EPOLLIN));
    RETURN_IF_ERROR(watch(EPOLL_CTL_ADD, socket_.get(), EPOLLIN));
    RETURN_IF_ERROR(watch_store());
    for (NamedDescriptor& each : kept) {
      if (!each.name.starts_with(kListenerPrefix)) continue;
      take_over(std::move(each));
    }
    for (LedgerSlot* slot : ledger_.taken()) take_over(slot);
    thread_ = std::thread([this] { run(); });
    return Ok{};
  }

  void stop() {
    stopping_ = true;
    static_cast<void>(::eventfd_write(shared_->wake.get(), 1));
    if (thread_.joinable()) thread_.join();
    shared_->stop();
    for (auto& [id, each] : containers_) each->judge->end();
  }

 private:
  Status watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
      return errno_error("epoll_ctl");
    }
    return Ok{};
  }

  void remove(int fd) const {
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr));
  }

  void run() {
    std::array<epoll_event, 32> ready{};
    while (!stopping_) {
      const int count = ::epoll_wait(epoll_.get(), ready.data(),
                                     static_cast<int>(ready.size()), wait_ms());
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        const int fd = event.data.fd;
        if (fd == shared_->wake.get()) {
          std::uint64_t value = 0;
          static_cast<void>(::eventfd_read(fd, &value));
        } else if (fd == socket_.get()) {
          accept();
        } else if (connections_.contains(fd)) {
          read_connection(fd);
        } else if (listeners_.contains(fd)) {
          read_listener(fd, event.events);
        } else if (fd == store_->events()) {
          read_store(event.events);
        }
      }
      free_answered();
      answer_late();
      drop_late_connections();
      resume_runtimes();
      give_up_store();
      renew_store();
      keep_listeners();
    }
  }

  int wait_ms() const {
    Clock::time_point first = Clock::time_point::max();
    // Deadlines come in the order of receiving.
    if (!held_.empty()) first = held_.front()->deadline;
    for (const auto& [fd, connection] : connections_) {
      first = std::min(first, connection.deadline);
    }
    for (const auto& at : {renew_at_, give_up_at_, keep_at_, resume_at_}) {
      if (at) first = std::min(first, *at);
    }
    return first == Clock::time_point::max() ? -1 : poll_timeout(first);
  }

  // --- runtimes

  void accept() {
    UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      // Whoever wanted something is gone, or else there is no room.
      if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
      return pause_runtimes(errno_error("accept"));
    }
    const Result<PeerCredentials> peer = peer_credentials(fd.get());
    if (!peer || peer->uid != 0 ||
        connections_.size() >= kMaxRuntimeConnections ||
        !watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN)) {
      shared_->report("runtime", "a connection of a runtime was refused");
      return;
    }
    const int key = fd.get();
    connections_[key] = {.fd = std::move(fd),
                         .listener = {},
                         .text = {},
                         .deadline = Clock::now() + kRuntimeLimit};
  }

  // What they send would be lost, and who waits make the socket readable all
  // the time.
  void pause_runtimes(const Error& reason) {
    shared_->report("runtime", "runtimes wait: " + reason.message);
    remove(socket_.get());
    for (const auto& [fd, connection] : connections_) remove(fd);
    resume_at_ = Clock::now() + kRoomPause;
  }

  void resume_runtimes() {
    if (!resume_at_ || *resume_at_ > Clock::now()) return;
    resume_at_.reset();
    static_cast<void>(watch(EPOLL_CTL_ADD, socket_.get(), EPOLLIN));
    for (const auto& [fd, connection] : connections_) {
      static_cast<void>(watch(EPOLL_CTL_ADD, fd, EPOLLIN));
    }
  }

  void read_connection(int fd) {
    if (resume_at_) return;
    Connection& connection = connections_[fd];
    // The kernel drops a descriptor for which there is no room.
    const UniqueFd room(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!room) return pause_runtimes(errno_error("receive a listener"));
    Result<Message> message = receive_message(fd, kReadAtOnce);
    if (!message) {
      connections_.erase(fd);
      return;
    }
    // The descriptor comes with the first bytes.
    if (message->fd && !connection.listener) {
      connection.listener = std::move(message->fd);
    }
    if (message->text.empty()) {
      // The wrapper looks whether somebody listens, and says nothing.
      connections_.erase(fd);
      return;
    }
    connection.text += message->text;
    const std::optional<std::size_t> end = oci::object_end(connection.text);
    if (!end && connection.text.size() <= oci::kMaxProcessStateBytes) return;
    if (const Status taken = take_listener(connection, end.value_or(0));
        !taken) {
      shared_->report("runtime",
                      "a listener was refused: " + taken.error().message);
    }
    // runc before 1.2.7 waits for nothing more, and does not close its end.
    connections_.erase(fd);
  }

  Status take_listener(Connection& connection, std::size_t end) {
    ASSIGN_OR_RETURN(const oci::ProcessState process,
                     oci::parse_process_state(
                         std::string_view(connection.text).substr(0, end),
                         "the state with a listener"));
    const std::string& id = process.state.id;
    if (!connection.listener ||
        !is_seccomp_listener(connection.listener.get())) {
      return invalid_argument("container '" + id +
                              "' came without a seccomp listener");
    }
    ASSIGN_OR_RETURN(const std::string token,
                     oci::registered_token(shared_->parts.run_dir, id));
    if (token != process.metadata) {
      return Error{Code::kPermission,
                   "container '" + id + "' came with a wrong token"};
    }
    RETURN_IF_ERROR(add_listener(std::move(connection.listener), ++last_number_,
                                 id, Kept::kNo));
    // Before its first call is answered.
    keep_now_ = true;
    keep_listeners();
    return Ok{};
  }

  void drop_late_connections() {
    const auto now = Clock::now();
    std::erase_if(connections_, [&](const auto& each) {
      return each.second.deadline <= now;
    });
  }

  // --- the store

  Status watch_store() const {
    if (store_->events() < 0) return Ok{};
    return watch(EPOLL_CTL_ADD, store_->events(), EPOLLIN);
  }

  void read_store(std::uint32_t events) {
    for (const std::string& name : store_->refused()) {
      for (const auto& [fd, listener] : listeners_) {
        if (kept_name(listener->number, listener->id) != name) continue;
        if (listener->kept == Kept::kYes) ++unkept_;
        refuse(*listener, "the keeper of descriptors has no room");
      }
    }
    if ((events & EPOLLOUT) != 0) keep_now_ = true;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) lose_store();
  }

  void refuse(Listener& listener, const std::string& why) {
    listener.kept = Kept::kRefused;
    shared_->report("keep", "a listener would not survive bailiffd: " + why +
                                " container=" + listener.id);
  }

  // Those that are not given yet, as far as they are taken.
  void keep_listeners() {
    const auto now = Clock::now();
    if (keep_at_ && *keep_at_ <= now) keep_now_ = true;
    if (!keep_now_ || renew_at_) return;
    keep_now_ = false;
    keep_at_.reset();
    const auto is_kept = [](const auto& each) {
      return each.second->kept == Kept::kYes;
    };
    auto kept = static_cast<std::size_t>(
        std::count_if(listeners_.begin(), listeners_.end(), is_kept));
    const std::size_t most = store_->most();
    bool waits = false;
    for (const auto& [fd, listener] : listeners_) {
      if (listener->kept != Kept::kNo) continue;
      if (most != 0 && kept + kOwnDescriptors >= most) {
        refuse(*listener, "more than " + std::to_string(most) +
                              " descriptors are not kept");
        continue;
      }
      waits = !keep(*listener);
      if (waits) break;
      if (listener->kept == Kept::kYes) ++kept;
    }
    unkept_ = listeners_.size() - kept;
    if (!waits) {
      give_up_at_.reset();
    } else if (!give_up_at_) {
      give_up_at_ = now + kKeeperLimit;
    }
    if (store_->events() >= 0) {
      const std::uint32_t writable = waits ? EPOLLOUT : 0U;
      static_cast<void>(
          watch(EPOLL_CTL_MOD, store_->events(), EPOLLIN | writable));
    } else if (waits) {
      keep_at_ = now + kKeepAgain;
    }
  }

  // False: whoever keeps takes nothing now.
  bool keep(Listener& listener) {
    const Status kept = store_->keep(kept_name(listener.number, listener.id),
                                     listener.fd.get());
    if (kept) {
      listener.kept = Kept::kYes;
      give_up_at_.reset();
      return true;
    }
    // A keeper that is gone hangs up as well.
    if (kept.error().sys_errno == EAGAIN || kept.error().sys_errno == EPIPE) {
      return false;
    }
    refuse(listener, kept.error().message);
    return true;
  }

  void give_up_store() {
    if (!give_up_at_ || *give_up_at_ > Clock::now()) return;
    give_up_at_.reset();
    shared_->report("keep",
                    "listeners would not survive bailiffd: whoever keeps them "
                    "does not answer");
    store_->give_up();
  }

  void lose_store() {
    shared_->report("keeper",
                    "the keeper of descriptors has ended, starting another");
    remove(store_->events());
    renew_at_ = std::max(renewed_ + kKeeperPause, Clock::now());
    keep_at_.reset();
    give_up_at_.reset();
  }

  void renew_store() {
    if (!renew_at_ || *renew_at_ > Clock::now()) return;
    const Status renewed = [this]() -> Status {
      RETURN_IF_ERROR(store_->renew());
      RETURN_IF_ERROR(store_->keep(kSocketName, socket_.get()));
      RETURN_IF_ERROR(store_->keep(kLedgerName, ledger_.fd()));
      return watch_store();
    }();
    for (const auto& [fd, listener] : listeners_) listener->kept = Kept::kNo;
    unkept_ = listeners_.size();
    keep_now_ = true;
    renewed_ = Clock::now();
    renew_at_.reset();
    if (renewed) return;
    shared_->report("keeper", "listeners would not survive bailiffd: " +
                                  renewed.error().message + ", trying again");
    renew_at_ = renewed_ + kKeeperPause;
  }

  // --- listeners

  Status add_listener(UniqueFd fd, std::uint64_t number, const std::string& id,
                      Kept kept) {
    const int key = fd.get();
    std::shared_ptr<OfContainer>& container = containers_[id];
    if (!container) {
      container = std::make_shared<OfContainer>();
      container->judge = std::make_shared<Judge>(shared_, id);
    }
    container->judge->look_again();
    ++container->listeners;
    listeners_[key] =
        std::make_shared<Listener>(Listener{.fd = std::move(fd),
                                            .kept = kept,
                                            .number = number,
                                            .id = id,
                                            .container = container});
    return watch(EPOLL_CTL_ADD, key, container->paused ? 0U : EPOLLIN);
  }

  // "listener.NUMBER.ID"
  void take_over(NamedDescriptor kept) {
    std::string_view rest = kept.name;
    rest.remove_prefix(std::string_view(kListenerPrefix).size());
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error != std::errc() || rest.empty() || !kept.fd ||
        !is_seccomp_listener(kept.fd.get())) {
      return;
    }
    rest.remove_prefix(1);
    last_number_ = std::max(last_number_, number);
    const Status added =
        add_listener(std::move(kept.fd), number, std::string(rest), Kept::kYes);
    if (!added) shared_->report("keep", added.error().message);
  }

  // What an earlier process had received.
  void take_over(LedgerSlot* slot) {
    const auto found = std::find_if(
        listeners_.begin(), listeners_.end(), [&](const auto& each) {
          return each.second->number == slot->listener;
        });
    if (found == listeners_.end() || slot->notification.id == 0 ||
        !is_held(found->first, slot->notification.id)) {
      ledger_.free(slot);
      return;
    }
    hold(found->second, slot);
  }

  void read_listener(int fd, std::uint32_t events) {
    const ListenerPtr listener = listeners_[fd];
    if ((events & EPOLLIN) == 0) {
      // No process has the filter any more.
      if ((events & (EPOLLHUP | EPOLLERR)) != 0) end_listener(fd);
      return;
    }
    OfContainer& container = *listener->container;
    LedgerSlot* slot = container.held < kMaxHeldOfContainer
                           ? ledger_.take(listener->number)
                           : nullptr;
    if (slot == nullptr) {
      pause(container, true);
      return;
    }
    const Result<bool> received = receive(fd, *slot);
    if (!received || !*received) {
      ledger_.free(slot);
      if (!received) shared_->report("receive", received.error().message);
      return;
    }
    hold(listener, slot);
  }

  void hold(const ListenerPtr& listener, LedgerSlot* slot) {
    auto held = std::make_shared<Held>();
    held->listener = listener;
    held->slot = slot;
    held->call = slot->notification;
    held->deadline = Clock::now() + shared_->parts.held_limit;
    held_.push_back(held);
    ++listener->container->held;
    listener->container->judge->push(std::move(held));
  }

  void pause(OfContainer& container, bool paused) {
    container.paused = paused;
    for (const auto& [fd, listener] : listeners_) {
      if (listener->container.get() != &container) continue;
      static_cast<void>(watch(EPOLL_CTL_MOD, fd, paused ? 0U : EPOLLIN));
    }
  }

  void end_listener(int fd) {
    const auto found = listeners_.find(fd);
    const ListenerPtr listener = std::move(found->second);
    remove(fd);
    listeners_.erase(found);
    if (unkept_ > 0) {
      // There may be room for another now.
      for (const auto& [other, left] : listeners_) {
        if (left->kept == Kept::kRefused) left->kept = Kept::kNo;
      }
      keep_now_ = true;
    }
    // Nobody waits for them.
    for (const HeldPtr& held : held_) {
      if (held->listener == listener) {
        held->answered = true;
        held->done = true;
      }
    }
    OfContainer& container = *listener->container;
    if (--container.listeners > 0) return;
    container.judge->end();
    containers_.erase(listener->id);
  }

  void free_answered() {
    bool lighter = false;
    std::erase_if(held_, [&](const HeldPtr& held) {
      if (!held->done) return false;
      ledger_.free(held->slot);
      --held->listener->container->held;
      return lighter = true;
    });
    if (!lighter) return;
    // Whoever waited for room in the ledger may belong to another container.
    for (const auto& [id, container] : containers_) {
      if (container->paused) pause(*container, false);
    }
  }

  void answer_late() {
    const auto now = Clock::now();
    for (const HeldPtr& held : held_) {
      if (held->deadline > now) break;
      if (held->answered) continue;
      const Judge& judge = *held->listener->container->judge;
      const int error = error_of(judge.on_failure());
      shared_->report("late",
                      "a held call took too long to judge, answered by "
                      "on_failure container=" +
                          held->listener->id);
      shared_->answer_once(
          *held, error, [&] { return unjudged(*held, judge.known(), error); });
    }
  }

  const SharedPtr shared_;
  const UniqueFd epoll_;
  const UniqueFd socket_;
  const std::unique_ptr<DescriptorStore> store_;
  std::optional<Clock::time_point> renew_at_;  // it has lost everything
  Clock::time_point renewed_;
  bool keep_now_ = false;                        // some may be given to it
  std::optional<Clock::time_point> give_up_at_;  // it takes nothing
  std::optional<Clock::time_point> keep_at_;     // the same, and says nothing
  std::optional<Clock::time_point> resume_at_;   // runtimes wait
  std::atomic<std::size_t> unkept_{0};
  Ledger ledger_;
  std::uint64_t last_number_ = 0;
  std::map<int, Connection> connections_;
  std::map<int, ListenerPtr> listeners_;
  std::map<std::string, std::shared_ptr<OfContainer>> containers_;  // by id
  std::deque<HeldPtr> held_;  // in order of deadline
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

Notifier::Notifier(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Notifier::~Notifier() { stop(); }
void Notifier::stop() { loop_->stop(); }
std::size_t Notifier::unkept() const { return loop_->unkept(); }
void Notifier::containers_changed() { loop_->containers_changed(); }

Result<std::unique_ptr<Notifier>> Notifier::start(Parts parts) {
  RETURN_IF_ERROR(check_notification_size());
  ASSIGN_OR_RETURN(OpenedStore opened, open_store(parts.run_dir, parts.keeper));
  const auto take = [&](const char* name) {
    const auto found = std::find_if(
        opened.kept.begin(), opened.kept.end(),
        [&](const NamedDescriptor& each) { return each.name == name; });
    return found == opened.kept.end() ? UniqueFd() : std::move(found->fd);
  };

  UniqueFd socket = take(kSocketName);
  const std::string path = oci::listener_socket(parts.run_dir);
  if (!socket) {
    ASSIGN_OR_RETURN(socket, listen_unix(path, kSocketMode));
    RETURN_IF_ERROR(opened.store->keep(kSocketName, socket.get()));
  }
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);

  UniqueFd kept = take(kLedgerName);
  std::optional<Ledger> ledger;
  if (kept) {
    Result<Ledger> found = Ledger::open(std::move(kept));
    if (found) {
      ledger.emplace(*std::move(found));
    } else {
      parts.report("ledger", found.error().message +
                                 ": calls that were held wait until their "
                                 "callers are interrupted");
    }
  }
  if (!ledger) {
    ASSIGN_OR_RETURN(Ledger made, Ledger::make());
    RETURN_IF_ERROR(opened.store->keep(kLedgerName, made.fd()));
    ledger.emplace(std::move(made));
  }

  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return errno_error("epoll");
  auto shared = std::make_shared<Shared>();
  shared->parts = std::move(parts);
  shared->wake = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->wake) return errno_error("eventfd");
  auto loop = std::make_unique<Loop>(std::move(shared), std::move(epoll),
                                     std::move(socket), std::move(opened.store),
                                     *std::move(ledger));
  RETURN_IF_ERROR(loop->start(std::move(opened.kept)));
  return std::unique_ptr<Notifier>(new Notifier(std::move(loop)));
}

}  // namespace bailiff::sidecar
