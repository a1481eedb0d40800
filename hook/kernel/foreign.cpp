// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/foreign.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "hook/bpf/foreign.skel.h"
#include "hook/kernel/ring_buffer.h"
#include "oci/sys/errno_error.h"

namespace bailiff::hook {
namespace {

struct Destroy {
  void operator()(::foreign* object) const { ::foreign__destroy(object); }
};

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

struct FreeBtf {
  void operator()(::btf* types) const { ::btf__free(types); }
};

// Whether the kernel has tracepoints of what is sent and received.
bool tells_all_uses() {
  const std::unique_ptr<::btf, FreeBtf> kernel(::btf__load_vmlinux_btf());
  const auto has = [&](const char* name) {
    return ::btf__find_by_name_kind(kernel.get(), name, BTF_KIND_TYPEDEF) > 0;
  };
  return kernel && has("btf_trace_sock_send_length") &&
         has("btf_trace_sock_recv_length");
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
  std::unique_ptr<::foreign, Destroy> object;
  std::optional<RingBuffer> uses;
  std::optional<Map> lost;
  UniqueFd connects;
  std::vector<UniqueFd> sends_and_receives;
  UniqueFd packets;
  bool all_uses = false;
};

ForeignSockets::ForeignSockets(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
ForeignSockets::ForeignSockets(ForeignSockets&&) noexcept = default;
ForeignSockets& ForeignSockets::operator=(ForeignSockets&&) noexcept = default;
ForeignSockets::~ForeignSockets() = default;

Result<ForeignSockets> ForeignSockets::load(const Map& judged, Use use) {
  auto impl = std::make_unique<Impl>();
  impl->object.reset(::foreign__open());
  ::foreign* const object = impl->object.get();
  if (object == nullptr) return foreign_error("open", errno);
  if (const int err = ::bpf_map__reuse_fd(object->maps.judged, judged.fd());
      err != 0) {
    return foreign_error("give a map to", -err);
  }
  impl->all_uses = tells_all_uses();
  for (::bpf_program* program :
       {object->progs.foreign_sends, object->progs.foreign_receives}) {
    (void)::bpf_program__set_autoload(program, impl->all_uses);
  }
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
  ASSIGN_OR_RETURN(impl->connects, trace(object->progs.foreign_connects));
  return ForeignSockets(std::move(impl));
}

Status ForeignSockets::attend(bool datagrams) {
  const ::foreign* const object = impl_->object.get();
  std::uint64_t first = 0;
  const bool judges = ::bpf_map_get_next_key(::bpf_map__fd(object->maps.judged),
                                             nullptr, &first) == 0;
  if (!judges || !datagrams) impl_->packets = UniqueFd();
  std::vector<UniqueFd>& links = impl_->sends_and_receives;
  if (!judges) {
    links.clear();
    return Ok{};
  }
  if (impl_->all_uses && links.empty()) {
    ASSIGN_OR_RETURN(UniqueFd sends, trace(object->progs.foreign_sends));
    ASSIGN_OR_RETURN(UniqueFd receives, trace(object->progs.foreign_receives));
    links.push_back(std::move(sends));
    links.push_back(std::move(receives));
  }
  if (datagrams && !impl_->packets) {
    ASSIGN_OR_RETURN(impl_->packets, trace(object->progs.foreign_packets));
  }
  return Ok{};
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

Result<std::uint64_t> ForeignSockets::lost() const {
  return lost_records(*impl_->lost);
}

bool ForeignSockets::sees_all_uses() const { return impl_->all_uses; }

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
