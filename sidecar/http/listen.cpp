// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/listen.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "oci/sys/errno_error.h"
#include "oci/sys/unix_socket.h"
#include "rules/types/value.h"

namespace bailiff::sidecar {
namespace {

constexpr mode_t kSocketMode = 0660;
constexpr int kBacklog = 128;

Result<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(std::size_t{16} * 1024);
  struct group entry {};
  struct group* found = nullptr;
  const int error =
      ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return Error{.code = Code::kInvalidArgument,
                 .message = "api.group: no group '" + name + "'",
                 .sys_errno = error};
  }
  return found->gr_gid;
}

bool is_loopback(const IpAddress& address) {
  if (address.family == 4) return address.bytes[0] == 127;
  IpAddress one{.family = 6};
  one.bytes[15] = 1;
  return address == one;
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;  // "" when there is none
};

// "host:port", "[v6]:port", or either without a port.
std::optional<HostAndPort> split(std::string_view text) {
  std::string_view host;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view()
                                           : text.substr(colon);
  }
  if (rest.empty()) return HostAndPort{host, {}};
  if (rest.front() != ':') return std::nullopt;
  return HostAndPort{host, rest.substr(1)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return port;
}

Error bad_address(const std::string& address, const std::string& problem) {
  return {.code = Code::kInvalidArgument,
          .message = "api.tcp: '" + address + "' " + problem};
}

Result<int> bound_port(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return errno_error("getsockname");
  }
  if (bound.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
}

}  // namespace

Result<UniqueFd> listen_for_group(const std::string& path,
                                  const std::string& group) {
  gid_t gid = 0;
  if (!group.empty()) {
    ASSIGN_OR_RETURN(gid, group_id(group));
  }
  ASSIGN_OR_RETURN(UniqueFd fd, listen_unix(path, kSocketMode));
  if (!group.empty() && ::chown(path.c_str(), uid_t(-1), gid) != 0) {
    Error error = errno_error("chown '" + path + "'");
    ::unlink(path.c_str());
    return error;
  }
  return fd;
}

Result<TcpListener> listen_on_loopback(const std::string& text) {
  const std::optional<HostAndPort> parts = split(text);
  const auto port = parts ? parse_port(parts->port) : std::nullopt;
  std::optional<IpAddress> address;
  if (parts) {
    // The name is not looked up: whatever a resolver says, this is meant.
    address =
        parse_address(parts->host == "localhost" ? "127.0.0.1" : parts->host);
  }
  if (!port || !address) {
    return bad_address(text,
                       "is not ADDRESS:PORT, as in 127.0.0.1:8686 or "
                       "[::1]:8686");
  }
  if (!is_loopback(*address)) {
    return bad_address(text,
                       "is not a loopback address: this version has no TLS "
                       "and no tokens, so that others must not reach it");
  }
  const int family = address->family == 4 ? AF_INET : AF_INET6;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("socket for '" + text + "'");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (family == AF_INET) {
    auto* in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(*port);
    std::copy_n(address->bytes.begin(), 4,
                reinterpret_cast<std::uint8_t*>(&in->sin_addr));
    size = sizeof *in;
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(*port);
    std::copy_n(address->bytes.begin(), 16,
                reinterpret_cast<std::uint8_t*>(&in6->sin6_addr));
    size = sizeof *in6;
  }
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    return errno_error("bind '" + text + "'");
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return errno_error("listen '" + text + "'");
  }
  ASSIGN_OR_RETURN(const int bound, bound_port(fd.get()));
  return TcpListener{.fd = std::move(fd), .port = bound};
}

bool is_loopback_host(std::string_view host) {
  const std::optional<HostAndPort> parts = split(host);
  if (!parts) return false;
  if (!parts->port.empty() && !parse_port(parts->port)) return false;
  if (parts->host == "localhost") return true;
  const std::optional<IpAddress> address = parse_address(parts->host);
  return address && is_loopback(*address);
}

}  // namespace bailiff::sidecar
