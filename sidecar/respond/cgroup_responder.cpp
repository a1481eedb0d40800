// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "oci/sys/cgroup.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/pidfd.h"
#include "sidecar/ingest/clock.h"
#include "sidecar/respond/container_cgroup.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {
namespace {

// Two short lines.
constexpr std::size_t kEventsBytes = 128;

// cgroup.events of one cgroup, by an epoll descriptor: a change is told to one
// reader only, and several poll for it.  The last change stays to be seen.
class CgroupEvents final : public Waiting {
 public:
  enum class Until { kEmpty, kFrozen, kThawed };

  // `path` is the cgroup's, `events` its cgroup.events and, for kThawed,
  // `freeze` its cgroup.freeze.
  static Result<std::unique_ptr<CgroupEvents>> watch(std::string path,
                                                     UniqueFd events,
                                                     UniqueFd freeze,
                                                     Until until) {
    UniqueFd changed(::epoll_create1(EPOLL_CLOEXEC));
    if (!changed) return errno_error("epoll");
    std::unique_ptr<CgroupEvents> waiting(
        new CgroupEvents(std::move(path), std::move(events), std::move(freeze),
                         std::move(changed), until));
    RETURN_IF_ERROR(waiting->tell_of(EPOLL_CTL_ADD, EPOLLPRI));
    return waiting;
  }

  int fd() const override { return changed_.get(); }
  short events() const override { return POLLIN; }

  Result<bool> done() override {
    ASSIGN_OR_RETURN(const ProcessesState state, look());
    if (!is_over(state)) return false;
    // Always so, for whoever polls after this has read the change.
    RETURN_IF_ERROR(tell_of(EPOLL_CTL_MOD, EPOLLIN));
    return true;
  }

  Result<ProcessesState> look() {
    // Reading through the watched descriptor also arms its next EPOLLPRI:
    // kernfs compares the count of changes it showed here.  It always gives
    // EPOLLIN (kernfs_generic_poll, fs/kernfs/file.c).
    std::array<char, kEventsBytes> text{};
    const ssize_t size = ::pread(events_.get(), text.data(), text.size(), 0);
    if (size < 0) {
      if (errno == ENODEV) return ProcessesState{.gone = true};  // was removed
      return errno_error("read '" + path_ + "/cgroup.events'");
    }
    const std::string_view lines(text.data(), static_cast<std::size_t>(size));
    return ProcessesState{.gone = lines.find("populated 0") != lines.npos,
                          .frozen = lines.find("frozen 1") != lines.npos};
  }

 private:
  CgroupEvents(std::string path, UniqueFd events, UniqueFd freeze,
               UniqueFd changed, Until until)
      : path_(std::move(path)),
        events_(std::move(events)),
        freeze_(std::move(freeze)),
        changed_(std::move(changed)),
        until_(until) {}

  bool is_over(const ProcessesState& state) const {
    switch (until_) {
      case Until::kEmpty:
        return state.gone;
      case Until::kFrozen:
        // Of one that is empty nothing is left that could run.
        return state.frozen || state.gone;
      case Until::kThawed:
        return state.gone || (!state.frozen && !is_to_freeze());
    }
    return false;
  }

  Status tell_of(int how, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    if (::epoll_ctl(changed_.get(), how, events_.get(), &event) != 0) {
      return errno_error("watch '" + path_ + "/cgroup.events'");
    }
    return Ok{};
  }

  // A process that just came in is not frozen yet.
  bool is_to_freeze() const {
    char wanted = '0';
    return ::pread(freeze_.get(), &wanted, 1, 0) == 1 && wanted == '1';
  }

  const std::string path_;
  const UniqueFd events_;
  const UniqueFd freeze_;
  const UniqueFd changed_;
  const Until until_;
};

class DyingProcess final : public Waiting {
 public:
  explicit DyingProcess(Pidfd process) : process_(std::move(process)) {}
  int fd() const override { return process_.fd(); }
  short events() const override { return POLLIN; }
  Result<bool> done() override { return !process_.alive(); }

 private:
  const Pidfd process_;
};

bool is_at_or_below(std::string_view path, std::string_view above) {
  return path.starts_with(above) &&
         (path.size() == above.size() || path[above.size()] == '/');
}

bool is_gone(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ENODEV;
}

// The process of that name, if it is in the container.
Result<Pidfd> find(const std::string& container, const std::string& cgroup,
                   const ProcessName& name) {
  if (name.pid <= 0) {
    return Error{Code::kPermission, "nobody knows which process it was"};
  }
  const auto no_such = [&] {
    return Error{Code::kNotFound, "container '" + container +
                                      "' has no process " +
                                      std::to_string(name.pid) + " any more"};
  };
  // What is read after the descriptor was opened is about its process.
  ASSIGN_OR_RETURN(Pidfd process, Pidfd::open(name.pid));
  ASSIGN_OR_RETURN(const std::uint64_t ticks, process.start_time());
  static const auto kTicks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  if (ticks * (kNanoseconds / kTicks) > name.seen_ns) return no_such();
  Result<std::string> where = unified_path(name.pid);
  if (!where || !process.alive()) return no_such();
  if (!is_at_or_below(*where, cgroup)) {
    return Error{Code::kPermission, "process " + std::to_string(name.pid) +
                                        " is not in container '" + container +
                                        "'"};
  }
  return process;
}

// As of the time at which the hook wrote it down.
ProcessName first_process(const oci::ContainerRecord& record) {
  const ClockOffsets clocks = ClockOffsets::now();
  return {.pid = static_cast<pid_t>(record.pid),
          .seen_ns =
              record.time_ns - static_cast<std::uint64_t>(clocks.realtime_ns -
                                                          clocks.boottime_ns)};
}

// What of a container finds its first process.
struct FirstProcess {
  FirstProcess(const oci::ContainerRecord& record, const Cgroup& in)
      : name(first_process(record)),
        container(record.id),
        cgroup(in.relative_path()) {}
  ProcessName name;
  std::string container;
  std::string cgroup;
};

// On a hybrid host runtimes freeze with version 1, where what is frozen neither
// runs nor dies until it is thawed.  Best effort: without such a freezer there
// is nothing to do.
void thaw_version1(const FirstProcess& of) {
  const Result<Pidfd> process = find(of.container, of.cgroup, of.name);
  if (!process) return;
  constexpr std::size_t kMaxCgroupBytes = 1 << 20;
  const Result<std::string> cgroups = read_bounded(
      "/proc/" + std::to_string(of.name.pid) + "/cgroup", kMaxCgroupBytes);
  if (!cgroups || !process->alive()) return;
  constexpr std::string_view kKey = ":freezer:";
  const std::size_t at = cgroups->find(kKey);
  if (at == std::string::npos) return;
  const std::size_t begin = at + kKey.size();
  const std::string path =
      "/sys/fs/cgroup/freezer" +
      cgroups->substr(begin, cgroups->find('\n', begin) - begin) +
      "/freezer.state";
  if (path.find("/../") != std::string::npos) return;
  const UniqueFd state(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (state) static_cast<void>(write_all(state.get(), path, "THAWED"));
}

// PIDFD_GET_INFO of <linux/pidfd.h> (Linux 6.13), which Debian 12 does not
// have.
struct PidfdAnswer {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::array<std::uint32_t, 12> others;
};
constexpr std::uint64_t kAnswersCgroup = 1U << 2;

// The cgroup of a process; 0: it has ended, or the kernel does not tell.
std::uint64_t cgroup_of(const Pidfd& process) {
  PidfdAnswer found{.mask = kAnswersCgroup, .cgroup_id = 0, .others = {}};
  if (::ioctl(process.fd(), _IOWR(0xFF, 11, PidfdAnswer), &found) != 0)
    return 0;
  return (found.mask & kAnswersCgroup) != 0 ? found.cgroup_id : 0;
}

// Kills the container's first process, and with it all of its pid namespace;
// whether there was one to kill.  What stands before cgroup.kill does not stand
// here: the kernel has one lock for all cgroups, and whoever moves a process,
// as each start of a container does, holds it for a grace period of RCU, which
// is some 10 ms and on a busy host 150.  A number that was given to another
// process since does no harm: that is of the container too, or left alone.
bool kill_first(const oci::ContainerRecord& record, const Cgroup& cgroup) {
  const auto first = Pidfd::open(static_cast<pid_t>(record.pid));
  return first && cgroup_of(*first) == cgroup.id() &&
         first->send_signal(SIGKILL);
}

// A container on a hybrid host that was told to die.  Whether version 1 has it
// frozen is seen to by whoever waits for it: who sent the signal may run on the
// processor that its processes are to die on.
class DyingContainer final : public Waiting {
 public:
  DyingContainer(std::unique_ptr<Waiting> end, FirstProcess first)
      : end_(std::move(end)), first_(std::move(first)) {}
  int fd() const override { return end_->fd(); }
  short events() const override { return end_->events(); }
  Result<bool> done() override {
    ASSIGN_OR_RETURN(const bool over, end_->done());
    if (!over && !std::exchange(thawed_, true)) thaw_version1(first_);
    return over;
  }

 private:
  const std::unique_ptr<Waiting> end_;
  const FirstProcess first_;
  bool thawed_ = false;
};

class CgroupResponder final : public Responder {
 public:
  explicit CgroupResponder(CgroupMount mount) : mount_(std::move(mount)) {}

  Result<std::unique_ptr<Waiting>> kill(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(auto end,
                     wait_for(record, cgroup, CgroupEvents::Until::kEmpty));
    const bool begun = kill_first(record, cgroup);
    if (Status killed = cgroup.kill(); !killed) {
      if (!is_gone(killed.error())) return std::move(killed).error();
      if (!begun) return container_is_gone(record);
    }
    // What is left runs no more.  But runc takes a container in a frozen cgroup
    // for a paused one, with no process in it too, and does not delete it.
    static_cast<void>(cgroup.thaw());
    if (!mount_.hybrid) return std::unique_ptr<Waiting>(std::move(end));
    return std::unique_ptr<Waiting>(std::make_unique<DyingContainer>(
        std::move(end), FirstProcess(record, cgroup)));
  }

  Result<std::unique_ptr<Waiting>> kill_process(
      const oci::ContainerRecord& record, const ProcessName& name) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(Pidfd process,
                     find(record.id, cgroup.relative_path(), name));
    RETURN_IF_ERROR(process.send_signal(SIGKILL));
    return std::unique_ptr<Waiting>(
        std::make_unique<DyingProcess>(std::move(process)));
  }

  Result<std::unique_ptr<Waiting>> terminate(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(auto end,
                     wait_for(record, cgroup, CgroupEvents::Until::kEmpty));
    ASSIGN_OR_RETURN(
        const Pidfd process,
        find(record.id, cgroup.relative_path(), first_process(record)));
    RETURN_IF_ERROR(process.send_signal(SIGTERM));
    return std::unique_ptr<Waiting>(std::move(end));
  }

  Result<std::unique_ptr<Waiting>> watch_end(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(auto end,
                     wait_for(record, cgroup, CgroupEvents::Until::kEmpty));
    return std::unique_ptr<Waiting>(std::move(end));
  }

  Result<std::unique_ptr<Waiting>> freeze(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(auto frozen,
                     wait_for(record, cgroup, CgroupEvents::Until::kFrozen));
    if (Status written = cgroup.freeze(); !written) {
      if (is_gone(written.error())) return container_is_gone(record);
      return std::move(written).error();
    }
    return std::unique_ptr<Waiting>(std::move(frozen));
  }

  Status thaw(const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    if (mount_.hybrid) thaw_version1(FirstProcess(record, cgroup));
    return cgroup.thaw();
  }

  Result<std::unique_ptr<Waiting>> watch_thaw(
      const oci::ContainerRecord& record) override {
    ASSIGN_OR_RETURN(const Cgroup cgroup, open(record));
    ASSIGN_OR_RETURN(auto thawed,
                     wait_for(record, cgroup, CgroupEvents::Until::kThawed));
    return std::unique_ptr<Waiting>(std::move(thawed));
  }

  Result<ProcessesState> look(const oci::ContainerRecord& record) override {
    Result<Cgroup> cgroup = open(record);
    if (!cgroup) {
      if (cgroup.error().code == Code::kNotFound) {
        return ProcessesState{.gone = true};
      }
      return std::move(cgroup).error();
    }
    auto events = wait_for(record, *cgroup, CgroupEvents::Until::kEmpty);
    if (!events) {
      if (events.error().code == Code::kNotFound) {
        return ProcessesState{.gone = true};
      }
      return std::move(events).error();
    }
    return (*events)->look();
  }

 private:
  // kNotFound when it is empty already.
  static Result<std::unique_ptr<CgroupEvents>> wait_for(
      const oci::ContainerRecord& record, const Cgroup& cgroup,
      CgroupEvents::Until until) {
    UniqueFd events(
        ::openat(cgroup.fd(), "cgroup.events", O_RDONLY | O_CLOEXEC));
    if (!events) {
      if (errno == ENOENT || errno == ENODEV) return container_is_gone(record);
      return errno_error("open '" + cgroup.path() + "/cgroup.events'");
    }
    UniqueFd freeze;
    if (until == CgroupEvents::Until::kThawed) {
      freeze = UniqueFd(
          ::openat(cgroup.fd(), "cgroup.freeze", O_RDONLY | O_CLOEXEC));
    }
    ASSIGN_OR_RETURN(auto waiting,
                     CgroupEvents::watch(cgroup.path(), std::move(events),
                                         std::move(freeze), until));
    ASSIGN_OR_RETURN(const ProcessesState state, waiting->look());
    if (state.gone) return container_is_gone(record);
    return waiting;
  }

  Result<Cgroup> open(const oci::ContainerRecord& record) const {
    return open_container_cgroup(mount_, record);
  }

  const CgroupMount mount_;
};

}  // namespace

std::string pod_cgroup(const std::string& relative) {
  // "/kubepods/burstable/podUID/ID" by cgroupfs, and
  // "/kubepods.slice/kubepods-podUID.slice/cri-containerd-ID.scope" by systemd.
  if (relative.find("kubepods") == std::string::npos) return "";
  std::size_t begin = 1;
  while (begin < relative.size()) {
    const std::size_t end =
        std::min(relative.find('/', begin), relative.size());
    const std::string_view name =
        std::string_view(relative).substr(begin, end - begin);
    if (name.starts_with("pod") ||
        (name.starts_with("kubepods-") && name.find("-pod") != name.npos)) {
      return relative.substr(0, end);
    }
    begin = end + 1;
  }
  return "";
}

Result<std::unique_ptr<Responder>> make_cgroup_responder() {
  ASSIGN_OR_RETURN(CgroupMount mount, CgroupMount::find());
  return std::unique_ptr<Responder>(
      std::make_unique<CgroupResponder>(std::move(mount)));
}

}  // namespace bailiff::sidecar
