// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/foreign.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "hook/bpf/foreign.skel.h"
#include "hook/kernel/btf.h"
#include "hook/kernel/ring_buffer.h"
#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

struct Destroy {
  void operator()(::foreign* object) const { ::foreign__destroy(object); }
};

// The pins' names, before their format.
constexpr const char* kUses = "uses";
constexpr const char* kLost = "lost";
constexpr const char* kHomes = "homes";
// What is read at once: a multiple of a record.
constexpr std::size_t kRecordsAtOnce = 256;

Error foreign_error(const char* what, int err) {
  Error error =
      errno_error(std::string(what) + " the search for foreign sockets", err);
  if (err == EINVAL || err == ENOENT || err == ESRCH || err == ENOTSUP) {
    error.code = Code::kUnsupported;
    error.message += " (needs Linux 6.1 with BTF)";
  }
  return error;
}

// Leaves out the programs of tracepoints that the kernel does not have.
void leave_out(::foreign& object) {
  const Btf kernel(::btf__load_vmlinux_btf());
  const std::pair<::bpf_program*, const char*> newer[] = {
      {object.progs.foreign_queues, "btf_trace_tcp_sendmsg_locked"},
      {object.progs.foreign_sends, "btf_trace_sock_send_length"},
      {object.progs.foreign_receives, "btf_trace_sock_recv_length"}};
  for (const auto& [program, type] : newer) {
    const bool has = kernel && ::btf__find_by_name_kind(kernel.get(), type,
                                                        BTF_KIND_TYPEDEF) > 0;
    (void)::bpf_program__set_autoload(program, has);
  }
}

Result<Map> keep(const ::bpf_map* map) {
  UniqueFd fd(::fcntl(::bpf_map__fd(map), F_DUPFD_CLOEXEC, 0));
  if (!fd) return foreign_error("keep a map of", errno);
  return Map(std::move(fd));
}

Result<UniqueFd> trace(const ::bpf_program* program) {
  UniqueFd link(::bpf_raw_tracepoint_open(nullptr, ::bpf_program__fd(program)));
  if (!link) return foreign_error("attach", errno);
  return link;
}

// What is not there is unpinned.
Status unpin(const std::string& path) {
  const Status gone = LinuxKernel().unlink(path);
  return gone || gone.error().code == Code::kNotFound ? Status(Ok{}) : gone;
}

Result<UniqueFd> iterate(int program, pid_t pid) {
  bpf_iter_link_info which{};
  which.task.pid = static_cast<std::uint32_t>(pid);
  LIBBPF_OPTS(bpf_link_create_opts, options);
  if (pid != 0) {
    options.iter_info = &which;
    options.iter_info_len = sizeof(which);
  }
  UniqueFd link(::bpf_link_create(program, 0, BPF_TRACE_ITER, &options));
  if (!link) return foreign_error("attach", errno);
  UniqueFd iterator(::bpf_iter_create(link.get()));
  if (!iterator) return foreign_error("begin", errno);
  return iterator;
}

// A process may have threads with descriptors of their own.
Result<UniqueFd> open_thread(pid_t tid) {
  constexpr unsigned kThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, tid, kThread)));
  if (!fd && errno == EINVAL) {
    fd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, tid, 0)));
  }
  if (fd) return fd;
  Error error = errno_error("open thread '" + std::to_string(tid) + "'");
  if (error.sys_errno == ESRCH) error.code = Code::kNotFound;
  if (error.sys_errno == EINVAL) error.code = Code::kUnsupported;
  return error;
}

}  // namespace

struct ForeignSockets::Impl {
  struct Tracepoint {
    std::string pin;  // "": none
    const ::bpf_program* program = nullptr;
    UniqueFd link;

    bool loaded() const { return ::bpf_program__fd(program) >= 0; }
    // Begins, and ends, what is not so yet; nothing where the kernel has none.
    Status set(bool attached, bool pinned);
  };

  explicit Impl(std::string folder) : pins(std::move(folder)) {}
  std::string links() const { return pins + "/links"; }
  std::string pin_of(const char* map) const {
    return pins + "/" + map + "-" + std::to_string(BAILIFF_FOREIGN_FORMAT);
  }
  bool judges() const {
    std::uint64_t first = 0;
    return ::bpf_map_get_next_key(::bpf_map__fd(object->maps.judged), nullptr,
                                  &first) == 0;
  }
  Status attend(bool judges, bool datagrams);
  Result<std::vector<Tracepoint*>> attach_pinned();
  Status remove_others() const;

  const std::string pins;  // the folder; "": none
  std::unique_ptr<::foreign, Destroy> object;
  std::optional<RingBuffer> uses;
  std::optional<Map> lost;
  Tracepoint connects;
  Tracepoint sends;
  Tracepoint receives;
  Tracepoint packets;
  Tracepoint queues;
  Tracepoint forks;
  Tracepoint executes;
  Tracepoint moves;
  const std::array<Tracepoint*, 8> all = {&connects, &sends,  &receives,
                                          &packets,  &queues, &forks,
                                          &executes, &moves};
};

Status ForeignSockets::Impl::Tracepoint::set(bool attached, bool pinned) {
  if (!loaded()) return Ok{};
  if (!pin.empty() && !pinned) RETURN_IF_ERROR(unpin(pin));
  if (!attached) {
    link = UniqueFd();
    return Ok{};
  }
  if (!link) {
    ASSIGN_OR_RETURN(link, trace(program));
  }
  if (pin.empty() || !pinned) return Ok{};
  // Whoever removed the last container has removed the pin.
  const Status kept = LinuxKernel().pin(link.get(), pin);
  return kept || kept.error().sys_errno == EEXIST ? Status(Ok{}) : kept;
}

Status ForeignSockets::Impl::attend(bool judges, bool datagrams) {
  // One that fails does not keep the others on.
  Status first = Ok{};
  const auto note = [&](const Status& status) {
    if (first && !status) first = status;
  };
  for (Tracepoint* each : {&connects, &forks, &executes, &moves}) {
    note(each->set(true, judges));
  }
  for (Tracepoint* each : {&sends, &receives, &queues}) {
    note(each->set(judges, judges));
  }
  note(packets.set(judges && datagrams, judges && datagrams));
  return first;
}

// Attaches what another has pinned, and says what that is.
Result<std::vector<ForeignSockets::Impl::Tracepoint*>>
ForeignSockets::Impl::attach_pinned() {
  ASSIGN_OR_RETURN(const auto names, LinuxKernel().list(links()));
  std::vector<Tracepoint*> found;
  for (Tracepoint* each : all) {
    const bool pinned =
        std::any_of(names.begin(), names.end(), [&](const std::string& name) {
          return links() + "/" + name == each->pin;
        });
    if (!pinned || !each->loaded()) continue;
    if (!each->link) {
      ASSIGN_OR_RETURN(each->link, trace(each->program));
    }
    found.push_back(each);
  }
  return found;
}

// What another version has pinned, or one that ended in between.
Status ForeignSockets::Impl::remove_others() const {
  LinuxKernel kernel;
  ASSIGN_OR_RETURN(const auto maps, kernel.list(pins));
  for (const std::string& name : maps) {
    const std::string path = pins + "/" + name;
    if (path == links() || path == pin_of(kUses) || path == pin_of(kLost) ||
        path == pin_of(kHomes)) {
      continue;
    }
    RETURN_IF_ERROR(unpin(path));
  }
  ASSIGN_OR_RETURN(const auto pinned, kernel.list(links()));
  for (const std::string& name : pinned) {
    const std::string path = links() + "/" + name;
    const bool ours =
        std::any_of(all.begin(), all.end(), [&](const Tracepoint* each) {
          return each->loaded() && path == each->pin;
        });
    if (!ours) RETURN_IF_ERROR(unpin(path));
  }
  return Ok{};
}

ForeignSockets::ForeignSockets(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
ForeignSockets::ForeignSockets(ForeignSockets&&) noexcept = default;
ForeignSockets& ForeignSockets::operator=(ForeignSockets&&) noexcept = default;
ForeignSockets::~ForeignSockets() = default;

Result<ForeignSockets> ForeignSockets::load(const Map& judged,
                                            const Map& senders,
                                            const std::string& folder,
                                            Use use) {
  auto impl = std::make_unique<Impl>(folder);
  impl->object.reset(::foreign__open());
  ::foreign* const object = impl->object.get();
  if (object == nullptr) return foreign_error("open", errno);
  for (const auto& [map, fd] :
       {std::pair(object->maps.judged, judged.fd()),
        std::pair(object->maps.senders, senders.fd())}) {
    if (const int err = ::bpf_map__reuse_fd(map, fd); err != 0) {
      return foreign_error("give a map to", -err);
    }
  }
  if (!folder.empty()) {
    LinuxKernel kernel;
    for (const std::string& each : {folder, impl->links()}) {
      const auto made = kernel.make_folder(each);
      if (!made) return made.error();
    }
    // Used if it is there, and otherwise pinned there when it is made.
    for (const auto& [map, name] : {std::pair(object->maps.uses, kUses),
                                    std::pair(object->maps.lost, kLost),
                                    std::pair(object->maps.homes, kHomes)}) {
      const std::string pin = impl->pin_of(name);
      if (const int err = ::bpf_map__set_pin_path(map, pin.c_str()); err != 0) {
        return foreign_error("name a map of", -err);
      }
    }
  }
  leave_out(*object);
  if (const int err = ::foreign__load(object); err != 0) {
    return foreign_error("load", -err);
  }
  ASSIGN_OR_RETURN(Map uses, keep(object->maps.uses));
  ASSIGN_OR_RETURN(impl->lost, keep(object->maps.lost));
  ASSIGN_OR_RETURN(
      impl->uses, RingBuffer::over(
                      std::move(uses),
                      [use = std::move(use)](std::span<const std::byte> bytes) {
                        bailiff_foreign told{};
                        if (bytes.size() < sizeof(told)) return;
                        std::memcpy(&told, bytes.data(), sizeof(told));
                        use(told);
                      }));
  const std::pair<Impl::Tracepoint&, std::pair<const char*, ::bpf_program*>>
      tracepoints[] = {
          {impl->connects, {"connects", object->progs.foreign_connects}},
          {impl->sends, {"sends", object->progs.foreign_sends}},
          {impl->receives, {"receives", object->progs.foreign_receives}},
          {impl->packets, {"packets", object->progs.foreign_packets}},
          {impl->queues, {"queues", object->progs.foreign_queues}},
          {impl->forks, {"forks", object->progs.foreign_forks}},
          {impl->executes, {"executes", object->progs.foreign_executes}},
          {impl->moves, {"moves", object->progs.foreign_moves}}};
  for (const auto& [tracepoint, what] : tracepoints) {
    if (!folder.empty()) tracepoint.pin = impl->links() + "/" + what.first;
    tracepoint.program = what.second;
  }
  for (Impl::Tracepoint* each :
       {&impl->connects, &impl->forks, &impl->executes, &impl->moves}) {
    ASSIGN_OR_RETURN(each->link, trace(each->program));
  }
  ForeignSockets sockets(std::move(impl));
  if (!folder.empty()) RETURN_IF_ERROR(sockets.take_over());
  return Result<ForeignSockets>(std::move(sockets));
}

// Ends what another has pinned, once the same is attached anew.
Status ForeignSockets::take_over() {
  ASSIGN_OR_RETURN(const auto pinned, impl_->attach_pinned());
  // Datagrams are told of the sockets that were found before.
  if (impl_->packets.link) {
    const auto found = held();
    if (!found) return found.error();
  }
  for (const Impl::Tracepoint* each : pinned) {
    const std::string made = each->pin + "-new";
    RETURN_IF_ERROR(unpin(made));
    RETURN_IF_ERROR(LinuxKernel().pin(each->link.get(), made));
    if (::rename(made.c_str(), each->pin.c_str()) != 0) {
      return foreign_error("pin", errno);
    }
  }
  return impl_->remove_others();
}

Status ForeignSockets::attend(bool datagrams) {
  const bool judges = impl_->judges();
  Status attended = impl_->attend(judges, datagrams);
  // Whoever removed the last container meanwhile knew of no pin that was made
  // after that.
  if (judges && !impl_->judges()) return impl_->attend(false, datagrams);
  return attended;
}

int ForeignSockets::fd() const { return impl_->uses->fd(); }

Result<bool> ForeignSockets::consume(int most) {
  ASSIGN_OR_RETURN(const int count, impl_->uses->consume(most));
  return count >= most;
}

Result<HeldSockets> ForeignSockets::held(pid_t pid) const {
  ASSIGN_OR_RETURN(
      const UniqueFd iterator,
      iterate(::bpf_program__fd(impl_->object->progs.foreign_held), pid));
  HeldSockets held;
  // The program knows the last container of a socket that several share.
  std::set<std::pair<std::uint64_t, std::uint64_t>> known;
  std::vector<bailiff_foreign> read(kRecordsAtOnce);
  for (;;) {
    const ssize_t size = ::read(iterator.get(), read.data(),
                                read.size() * sizeof(bailiff_foreign));
    if (size < 0) {
      // EAGAIN: many descriptors were none of these.
      if (errno == EINTR || errno == EAGAIN) continue;
      return foreign_error("read", errno);
    }
    if (size == 0) return held;
    const auto count = static_cast<std::size_t>(size) / sizeof(bailiff_foreign);
    for (std::size_t i = 0; i < count; ++i) {
      if (!known.emplace(read[i].cgroup_id, read[i].cookie).second) continue;
      if (held.sockets.size() == kMaxHeldSockets) {
        held.all = false;
        return held;
      }
      held.sockets.push_back(read[i]);
    }
  }
}

Result<std::uint64_t> ForeignSockets::take_lost() {
  ASSIGN_OR_RETURN(const std::uint64_t lost,
                   lost_records(*impl_->lost, BAILIFF_FOREIGN_LOST));
  ASSIGN_OR_RETURN(const std::uint64_t told,
                   lost_records(*impl_->lost, BAILIFF_FOREIGN_LOST_TOLD));
  if (lost <= told) return std::uint64_t{0};
  std::vector<std::uint64_t> of_cpus(
      static_cast<std::size_t>(::libbpf_num_possible_cpus()));
  of_cpus[0] = lost;
  const std::uint32_t key = BAILIFF_FOREIGN_LOST_TOLD;
  if (::bpf_map_update_elem(impl_->lost->fd(), &key, of_cpus.data(), BPF_ANY) !=
      0) {
    return foreign_error("count the losses of", errno);
  }
  return lost - told;
}

Status ForeignSockets::look_at_tasks() const {
  ASSIGN_OR_RETURN(
      const UniqueFd iterator,
      iterate(::bpf_program__fd(impl_->object->progs.foreign_tasks), 0));
  // It writes nothing here.
  char byte = 0;
  for (;;) {
    const ssize_t size = ::read(iterator.get(), &byte, sizeof(byte));
    if (size == 0) return Ok{};
    if (size < 0 && errno != EINTR && errno != EAGAIN) {
      return foreign_error("read", errno);
    }
  }
}

bool ForeignSockets::sees_all_uses() const {
  return impl_->sends.loaded() && impl_->receives.loaded();
}

Status cut_socket(pid_t tid, int fd, std::uint64_t cookie) {
  ASSIGN_OR_RETURN(const UniqueFd thread, open_thread(tid));
  const UniqueFd socket(
      static_cast<int>(::syscall(SYS_pidfd_getfd, thread.get(), fd, 0)));
  if (!socket) {
    Error error = errno_error("take descriptor '" + std::to_string(fd) +
                              "' of thread '" + std::to_string(tid) + "'");
    const int err = error.sys_errno;
    if (err == EBADF || err == ESRCH) error.code = Code::kNotFound;
    return error;
  }
  std::uint64_t actual = 0;
  socklen_t size = sizeof(actual);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &actual, &size) != 0 ||
      actual != cookie) {
    return Error{Code::kNotFound, "the descriptor is another socket's by now"};
  }
  int type = 0;
  size = sizeof(type);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    return errno_error("ask for the type of a socket");
  }
  if (type == SOCK_STREAM) {
    // connect(2): a stream is reset, with all that was still to be sent.
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    if (::connect(socket.get(), &nobody, sizeof(nobody)) == 0) return Ok{};
  }
  if (::shutdown(socket.get(), SHUT_RDWR) != 0 && errno != ENOTCONN) {
    return errno_error("shut a socket down");
  }
  return Ok{};
}

}  // namespace bailiff::hook
