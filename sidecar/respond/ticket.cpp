// SPDX-License-Identifier: Apache-2.0
#include "sidecar/respond/ticket.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <utility>

#include "oci/sys/files.h"
#include "sidecar/ingest/clock.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::steady_clock;

// What is not known yet: done by a write to its eventfd.
class Unknown final : public Waiting {
 public:
  int fd() const override { return fd_.get(); }
  short events() const override { return POLLIN; }
  Result<bool> done() override { return false; }
  void wake() const {
    // Fails only when the counter is full, and then it is readable.
    static_cast<void>(::eventfd_write(fd_.get(), 1));
  }

 private:
  // Without a descriptor, waiters look again at their deadline.
  const UniqueFd fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

}  // namespace

bool is_error(const std::string& outcome) {
  return outcome.compare(0, 6, "error:") == 0;
}

Ticket::Ticket(std::string id, Response response, Done done)
    : id_(std::move(id)),
      response_(response),
      on_done_(std::move(done)),
      deadline_(steady_clock::time_point::max()) {}

Ticket::Ticket(std::string id, Response response, std::string outcome)
    : id_(std::move(id)),
      response_(response),
      deadline_(steady_clock::now()),
      decided_(true),
      done_(true),
      result_{.outcome = std::move(outcome),
              .monotonic_ns = monotonic_ns(),
              .response = response_,
              .id = id_} {}

void Ticket::wait_for(std::unique_ptr<Waiting> waiting, std::string outcome) {
  const std::lock_guard lock(mutex_);
  if (decided_) return;
  const std::shared_ptr<Waiting> before =
      std::exchange(waiting_, std::move(waiting));
  success_ = std::move(outcome);
  deadline_ = steady_clock::now() + kEffectLimit;
  // Whoever polls the old one is to poll the new one.
  if (const auto* unknown = dynamic_cast<const Unknown*>(before.get())) {
    unknown->wake();
  }
}

void Ticket::finish(std::string outcome) {
  std::unique_lock lock(mutex_);
  if (!decided_) finish_locked(std::move(outcome), lock);
}

void Ticket::finish_locked(std::string outcome,
                           std::unique_lock<std::mutex>& lock) {
  result_ = {.outcome = std::move(outcome),
             .monotonic_ns = monotonic_ns(),
             .response = response_,
             .id = id_};
  decided_ = true;
  // Nobody is to act upon it before it is written down.
  auto unknown = std::dynamic_pointer_cast<Unknown>(waiting_);
  if (!unknown) unknown = std::make_shared<Unknown>();
  waiting_ = unknown;
  deadline_ = steady_clock::time_point::max();
  const Done write = std::exchange(on_done_, {});
  const std::string known = result_.outcome;
  lock.unlock();
  if (write) write(known);
  lock.lock();
  done_ = true;
  waiting_ = nullptr;
  unknown->wake();
}

std::shared_ptr<const Waiting> Ticket::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

steady_clock::time_point Ticket::deadline() const {
  const std::lock_guard lock(mutex_);
  return deadline_;
}

bool Ticket::done() {
  std::unique_lock lock(mutex_);
  if (decided_) return done_;
  if (!waiting_) {
    waiting_ = std::make_shared<Unknown>();
    return false;
  }
  Result<bool> now = waiting_->done();
  if (!now) {
    finish_locked("error: " + now.error().message, lock);
  } else if (*now) {
    finish_locked(success_, lock);
  } else if (steady_clock::now() >= deadline_) {
    finish_locked("error: not " + success_ + " after " +
                      std::to_string(kEffectLimit.count()) + " s",
                  lock);
  }
  return done_;
}

ResponseResult Ticket::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

ResponseResult Ticket::wait() {
  while (!done()) {
    const std::shared_ptr<const Waiting> watched = waiting();
    if (!watched) continue;  // another thread saw it done
    pollfd event{
        .fd = watched->fd(), .events = watched->events(), .revents = 0};
    // Of what is not known yet the deadline may come; it is looked at in steps.
    const auto step = steady_clock::now() + std::chrono::seconds(1);
    // An interrupted or failed poll is an early look.
    static_cast<void>(
        ::poll(&event, 1, poll_timeout(std::min(deadline(), step))));
  }
  return result();
}

bool Ticket::first_to_tell() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(told_, true);
}

}  // namespace bailiff::sidecar
