// SPDX-License-Identifier: Apache-2.0
#include "hook/kernel/connections.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "hook/kernel/network_namespace.h"
#include "oci/sys/errno_error.h"
#include "oci/sys/process.h"

namespace bailiff::hook {
namespace {

// What the kernel fills at most with one message of a dump (NLMSG_GOODSIZE is
// smaller).
constexpr std::size_t kMessageBytes = 32 << 10;
// A connection that nobody uses is ended in far less.
constexpr std::chrono::milliseconds kPatience{100};
// Threads that wait for who uses a connection: of one cgroup, and of all.
constexpr std::ptrdiff_t kMaxHeldOfOne = 8;
constexpr std::size_t kMaxHeld = 256;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Request request_of(std::uint16_t type, std::uint16_t flags, int family,
                   int protocol) {
  Request request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags =
      static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.body.sdiag_family = static_cast<std::uint8_t>(family);
  request.body.sdiag_protocol = static_cast<std::uint8_t>(protocol);
  // Of UDP, TCP_ESTABLISHED is a socket with a peer.
  request.body.idiag_states =
      protocol == IPPROTO_TCP
          ? ~((1U << TCP_LISTEN) | (1U << TCP_CLOSE) | (1U << TCP_TIME_WAIT))
          : 1U << TCP_ESTABLISHED;
  return request;
}

Status send_request(int socket, const Request& request) {
  if (::send(socket, &request, sizeof(request), 0) !=
      static_cast<ssize_t>(sizeof(request))) {
    return errno_error("ask for the container's connections");
  }
  return Ok{};
}

IpAddress peer_of(const inet_diag_msg& socket) {
  IpAddress address;
  const auto* bytes =
      reinterpret_cast<const std::uint8_t*>(socket.id.idiag_dst);
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0,    0,
                                               0, 0, 0, 0, 0xff, 0xff};
  if (socket.idiag_family == AF_INET) {
    std::copy_n(bytes, 4, address.bytes.begin());
  } else if (std::memcmp(bytes, kMapped, sizeof(kMapped)) == 0) {
    std::copy_n(bytes + sizeof(kMapped), 4, address.bytes.begin());
  } else {
    address.family = 6;
    std::copy_n(bytes, 16, address.bytes.begin());
  }
  return address;
}

// Everything in a message begins at a multiple of this (NLMSG_ALIGNTO).
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 3) & ~3UL; }
constexpr std::size_t kHeaderBytes = aligned(sizeof(nlmsghdr));
constexpr std::size_t kAttributeBytes = aligned(sizeof(rtattr));

template <typename T>
T at(std::string_view bytes, std::size_t offset) {
  T value{};
  if (bytes.size() < offset + sizeof(value)) return value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// Of the message of a socket; 0: the kernel does not tell.
std::uint64_t cgroup_of(std::string_view message) {
  std::size_t offset = kHeaderBytes + aligned(sizeof(inet_diag_msg));
  while (offset + kAttributeBytes <= message.size()) {
    const auto attribute = at<rtattr>(message, offset);
    if (attribute.rta_len < kAttributeBytes) return 0;
    if (attribute.rta_type == INET_DIAG_CGROUP_ID) {
      return at<std::uint64_t>(message, offset + kAttributeBytes);
    }
    offset += aligned(attribute.rta_len);
  }
  return 0;
}

// Calls `take` with each message of the answer; 0 or the errno it ends with.
template <typename Take>
Result<int> read_answer(int socket, Take take) {
  std::string buffer(kMessageBytes, '\0');
  for (;;) {
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno_error("read the container's connections");
    }
    std::string_view left(buffer.data(), static_cast<std::size_t>(size));
    while (left.size() >= kHeaderBytes) {
      const auto header = at<nlmsghdr>(left, 0);
      const std::size_t bytes =
          std::min<std::size_t>(header.nlmsg_len, left.size());
      if (bytes < kHeaderBytes) break;
      if (header.nlmsg_type == NLMSG_DONE) return 0;
      if (header.nlmsg_type == NLMSG_ERROR) {
        return -at<nlmsgerr>(left, kHeaderBytes).error;
      }
      take(left.substr(0, bytes));
      left.remove_prefix(std::min(aligned(bytes), left.size()));
    }
  }
}

Connection connection_of(std::string_view message, int protocol) {
  const auto socket = at<inet_diag_msg>(message, kHeaderBytes);
  return {.cgroup = cgroup_of(message),
          .peer = peer_of(socket),
          .port = ntohs(socket.id.idiag_dport),
          .local_port = ntohs(socket.id.idiag_sport),
          .family = socket.idiag_family,
          .protocol = static_cast<std::uint8_t>(protocol),
          .state = socket.idiag_state,
          .id = socket.id};
}

// Connections that are being ended, by the cookies of their sockets.  Any
// thread.
class Ending {
 public:
  // False when it is already, or too many are; else end() follows.
  bool begin(const Connection& connection) {
    const std::lock_guard lock(mutex_);
    const auto of_one = std::count_if(
        cgroups_.begin(), cgroups_.end(),
        [&](const auto& each) { return each.second == connection.cgroup; });
    return of_one < kMaxHeldOfOne && cgroups_.size() < kMaxHeld &&
           cgroups_.emplace(cookie(connection), connection.cgroup).second;
  }
  void end(const Connection& connection) {
    const std::lock_guard lock(mutex_);
    cgroups_.erase(cookie(connection));
  }

 private:
  using Cookie = std::pair<std::uint32_t, std::uint32_t>;
  static Cookie cookie(const Connection& connection) {
    return {connection.id.idiag_cookie[0], connection.id.idiag_cookie[1]};
  }

  std::mutex mutex_;
  std::map<Cookie, std::uint64_t> cgroups_;
};

// The one of the process.  Shared with the threads, which may outlive main().
std::shared_ptr<Ending> ending() {
  static const auto kEnding = std::make_shared<Ending>();
  return kEnding;
}

}  // namespace

Result<Connections> Connections::open(int netns) {
  UniqueFd socket;
  const auto make = [&]() -> Status {
    socket = UniqueFd(
        ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!socket) return errno_error("open a netlink socket");
    return Ok{};
  };
  RETURN_IF_ERROR(netns < 0 ? make() : in_network_namespace(netns, make));
  return Connections(netns, std::move(socket));
}

Result<std::vector<Connection>> Connections::find(
    int protocol, const std::function<bool(const Connection&)>& chosen) const {
  std::vector<Connection> found;
  for (const int family : {AF_INET, AF_INET6}) {
    RETURN_IF_ERROR(send_request(
        socket_.get(),
        request_of(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, protocol)));
    ASSIGN_OR_RETURN(const int err,
                     read_answer(socket_.get(), [&](std::string_view message) {
                       const Connection one = connection_of(message, protocol);
                       if (chosen(one)) found.push_back(one);
                     }));
    // ENOENT: no handler for the protocol, and no socket of it either.
    if (err != 0 && err != ENOENT) {
      return errno_error("list the connections", err);
    }
  }
  return found;
}

Result<Ended> Connections::end(const Connection& connection) {
  const std::shared_ptr<Ending> all = ending();
  if (!all->begin(connection)) return Ended::kHeld;
  // The kernel waits for the socket's lock, and no signal ends that.  So the
  // thread has nothing of the process but its memory: what others hold open, or
  // locked, must not last as long as the owner of a connection likes.
  auto apart = std::make_shared<std::promise<Status>>();
  auto done = std::make_shared<std::promise<Result<int>>>();
  std::future<Status> is_apart = apart->get_future();
  std::future<Result<int>> answer = done->get_future();
  try {
    std::thread([all, connection, apart, done, socket = socket_.get()] {
      const Status kept = keep_only_descriptor(socket);
      apart->set_value(kept);
      const auto ask = [&]() -> Result<int> {
        RETURN_IF_ERROR(kept);
        Request request = request_of(SOCK_DESTROY, NLM_F_ACK, connection.family,
                                     connection.protocol);
        request.body.id = connection.id;
        RETURN_IF_ERROR(send_request(socket, request));
        return read_answer(socket, [](std::string_view) {});
      };
      Result<int> err = ask();
      all->end(connection);
      done->set_value(std::move(err));
    }).detach();
  } catch (const std::system_error& error) {
    all->end(connection);
    return Error{Code::kExhausted,
                 std::string("a thread to end a connection: ") + error.what()};
  }
  RETURN_IF_ERROR(is_apart.get());
  if (answer.wait_for(kPatience) != std::future_status::ready) {
    // The answer to that one is still to come over this socket.
    ASSIGN_OR_RETURN(*this, open(netns_));
    return Ended::kHeld;
  }
  ASSIGN_OR_RETURN(const int err, answer.get());
  if (err == 0) return Ended::kYes;
  if (err == ENOENT) return Ended::kBefore;
  Error error = errno_error("end a connection", err);
  if (err == EOPNOTSUPP) error.code = Code::kUnsupported;
  return error;
}

}  // namespace bailiff::hook
