// SPDX-License-Identifier: Apache-2.0
#include "sidecar/ingest/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "rules/fields/event_type.h"
#include "rules/lower/inbound.h"
#include "rules/lower/observed.h"
#include "sidecar/ingest/field_text.h"

namespace bailiff::sidecar {
namespace {

constexpr std::uint8_t kEstablished = 1;  // TCP_ESTABLISHED, of UDP too

struct Kind {
  std::string_view type;
  std::string_view typechar;
};

constexpr Kind kFile{"file", "f"};
constexpr Kind kDirectory{"directory", "d"};

// Descriptors on no file, by the name the kernel gives them.
Kind anonymous_kind(std::string_view name) {
  static constexpr struct {
    std::string_view part;
    Kind kind;
  } kKinds[] = {{"eventpoll", {"eventpoll", "l"}},
                {"eventfd", {"event", "e"}},
                {"signalfd", {"signalfd", "s"}},
                {"inotify", {"inotify", "i"}},
                {"timerfd", {"timerfd", "t"}},
                {"bpf", {"bpf", "b"}},
                {"userfaultfd", {"userfaultfd", "u"}},
                {"io_uring", {"io_uring", "r"}},
                {"pidfd", {"pidfd", "P"}},
                {"memfd:", {"memfd", "m"}}};
  for (const auto& each : kKinds) {
    if (name.find(each.part) != name.npos) return each.kind;
  }
  return {"", "o"};
}

Kind socket_kind(std::uint16_t family) {
  switch (family) {
    case AF_INET:
      return {"ipv4", "4"};
    case AF_INET6:
      return {"ipv6", "6"};
    case AF_UNIX:
      return {"unix", "u"};
    case AF_NETLINK:
      return {"netlink", "n"};
    default:
      return {"", "o"};
  }
}

Kind kind_of(const bailiff_descriptor& told, const std::string& file) {
  switch (told.mode & S_IFMT) {
    case S_IFDIR:
      return kDirectory;
    case S_IFIFO:
      return {"pipe", "p"};
    case S_IFSOCK:
      return socket_kind(told.family);
    case S_IFREG:
      return file.starts_with("/memfd:") ? Kind{"memfd", "m"} : kFile;
    case S_IFCHR:
    case S_IFBLK:
      return kFile;
    default:
      return anonymous_kind(file);
  }
}

bool is_any(const SocketEnd& end) {
  const auto& bytes = end.address.bytes;
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

bool guess_server(const Descriptor& descriptor) {
  return descriptor.local && descriptor.remote &&
         descriptor.local->port < kFirstClientPort &&
         descriptor.remote->port >= kFirstClientPort;
}

void describe_socket(const ObservedEvent& event, Descriptor& descriptor) {
  const bailiff_descriptor& told = event.descriptor;
  const Kind kind = socket_kind(told.family);
  descriptor.type = kind.type;
  descriptor.typechar = kind.typechar;
  if (told.family == AF_UNIX) descriptor.name = event.text.value_or("");
  if (told.family != AF_INET && told.family != AF_INET6) return;
  descriptor.l4proto = protocol_name(told.protocol);
  descriptor.connected = told.state == kEstablished;
  descriptor.local = socket_end(told.family, told.local_be, told.local_port);
  descriptor.remote = socket_end(told.family, told.remote_be, told.remote_port);
  const bool binds = event.call == BAILIFF_CALL_BIND;
  // A datagram has the address that goes with it.
  const bool refused = event.call == BAILIFF_CALL_CONNECT && event.result < 0 &&
                       event.result != -EINPROGRESS;
  if (!refused && !binds &&
      (!descriptor.remote || is_any(*descriptor.remote))) {
    descriptor.remote =
        socket_end(told.address_family, told.address_be, told.address_port);
  }
  if (refused) descriptor.remote.reset();
  if (binds) {
    descriptor.given =
        socket_end(told.address_family, told.address_be, told.address_port);
  }
  switch (event.call) {
    case BAILIFF_CALL_ACCEPT:
    case BAILIFF_CALL_ACCEPT4:
    case BAILIFF_CALL_LISTEN:
    case BAILIFF_CALL_BIND:
      descriptor.is_server = true;
      break;
    default:
      descriptor.is_server = guess_server(descriptor);
  }
  if (event.call == BAILIFF_CALL_CONNECT) descriptor.is_server = false;
  // One host has one spelling, and one family.
  const auto& either = descriptor.remote ? descriptor.remote : descriptor.local;
  if (either && either->address.family == 4) {
    descriptor.type = "ipv4";
    descriptor.typechar = "4";
  }
  descriptor.name = tuple_name(descriptor);
  const bool listens = event.call == BAILIFF_CALL_LISTEN || binds;
  if (!listens && descriptor.local && is_any(*descriptor.local)) {
    descriptor.local.reset();
  }
}

// open and its like: what they were asked for, whether they succeeded or not.
bool describe_open(const ObservedEvent& event, Descriptor& descriptor) {
  std::uint64_t flags = 0;
  switch (event.call) {
    case BAILIFF_CALL_OPEN:
      flags = event.arguments[1];
      break;
    case BAILIFF_CALL_OPENAT:
      flags = event.arguments[2];
      break;
    case BAILIFF_CALL_OPENAT2:
      flags = event.more[0];
      break;
    case BAILIFF_CALL_CREAT:
      break;
    default:
      return false;
  }
  const Kind kind =
      (flags & O_DIRECTORY) != 0 && (flags & O_TMPFILE) != O_TMPFILE
          ? kDirectory
          : kFile;
  descriptor.type = kind.type;
  descriptor.typechar = kind.typechar;
  if (event.path) {
    descriptor.name = absolute_path(*event.path, event.base);
    descriptor.name_raw = event.path;
  } else if (event.file) {
    descriptor.name = *event.file;
  }
  return true;
}

}  // namespace

std::optional<SocketEnd> socket_end(std::uint16_t family,
                                    const std::uint8_t (&bytes)[16],
                                    std::uint16_t port) {
  SocketEnd end{.port = port};
  if (family == AF_INET) {
    std::copy_n(bytes, 4, end.address.bytes.begin());
  } else if (family == AF_INET6) {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0,    0,
                                                 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(std::begin(kMapped), std::end(kMapped), bytes)) {
      std::copy_n(bytes + 12, 4, end.address.bytes.begin());
    } else {
      end.address.family = 6;
      std::copy_n(bytes, 16, end.address.bytes.begin());
    }
  } else {
    return std::nullopt;
  }
  const auto& all = end.address.bytes;
  const bool any = std::all_of(all.begin(), all.end(),
                               [](std::uint8_t byte) { return byte == 0; });
  if (any && port == 0) return std::nullopt;
  return end;
}

std::optional<Descriptor> describe_descriptor(const ObservedEvent& event) {
  if (event.kind != ObservedEvent::Kind::kCall) return std::nullopt;
  const std::string_view type = event_type_of(event.call);
  if (!all_event_types()[*find_event_type(type)].has_descriptor()) {
    return std::nullopt;
  }
  Descriptor descriptor;
  descriptor.number = event.descriptor.number;
  descriptor.inode = event.descriptor.inode;
  if (describe_open(event, descriptor)) return descriptor;
  if (event.descriptor.number < 0) return descriptor;
  const std::string file = event.file.value_or("");
  if ((event.descriptor.mode & S_IFMT) == S_IFSOCK) {
    describe_socket(event, descriptor);
    return descriptor;
  }
  const Kind kind = kind_of(event.descriptor, file);
  descriptor.type = kind.type;
  descriptor.typechar = kind.typechar;
  descriptor.name = file;
  return descriptor;
}

std::string absolute_path(const std::string& path,
                          const std::optional<std::string>& base) {
  std::string whole = path;
  if (!path.starts_with('/')) {
    if (!base) return path;
    whole = *base + "/" + path;
  }
  bool rooted = whole.starts_with('/');
  std::vector<std::string_view> parts;
  std::string_view rest = whole;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    } else {
      // It climbs out of what is known: as far as the root, or a path that is
      // long enough would hide from every rule.
      rooted = true;
    }
  }
  std::string result;
  for (const std::string_view part : parts) {
    if (rooted || !result.empty()) result += '/';
    result += part;
  }
  return result.empty() ? "/" : result;
}

std::string tuple_name(const Descriptor& descriptor) {
  const auto& client = descriptor.client();
  const auto& server = descriptor.server();
  if (client && server) return to_string(*client) + "->" + to_string(*server);
  if (server) return to_string(*server);
  return client ? to_string(*client) : "";
}

bool view_end(FieldId field, const Descriptor& descriptor, Views& views) {
  using enum FieldId;
  const auto address = [&](const std::optional<SocketEnd>& end) {
    if (end) views.add(end->address);
  };
  const auto port = [&](const std::optional<SocketEnd>& end) {
    if (end) views.add(std::int64_t{end->port});
  };
  switch (field) {
    case kFdIp:
    case kFdNet:
      address(descriptor.client());
      address(descriptor.server());
      return true;
    case kFdCip:
    case kFdCnet:
      address(descriptor.client());
      return true;
    case kFdSip:
    case kFdSnet:
      address(descriptor.server());
      return true;
    case kFdLip:
    case kFdLnet:
      address(descriptor.local);
      return true;
    case kFdRip:
    case kFdRnet:
      address(descriptor.remote);
      return true;
    case kFdPort:
      port(descriptor.client());
      port(descriptor.server());
      return true;
    case kFdCport:
      port(descriptor.client());
      return true;
    case kFdSport:
      port(descriptor.server());
      return true;
    case kFdLport:
      port(descriptor.local);
      return true;
    case kFdRport:
      port(descriptor.remote);
      return true;
    default:
      return false;
  }
}

std::string to_string(const SocketEnd& end) {
  return bailiff::to_string(end.address) + ":" + std::to_string(end.port);
}

}  // namespace bailiff::sidecar
