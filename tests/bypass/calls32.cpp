// SPDX-License-Identifier: Apache-2.0
// The system calls of other interfaces than the program's own: those of 32-bit
// programs, by int 0x80, and x32's.
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {

#if defined(__x86_64__)

namespace {

// Arguments lie below 4 GiB.
long call32(long number, long a, long b = 0, long c = 0, long d = 0) {
  long result = 0;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
                   : "memory", "r8", "r9", "r10", "r11");
  return result;
}

constexpr long kSocketcall = 102;
constexpr long kSendmmsg = 345;
constexpr long kConnect = 362;
constexpr long kSendmsg = 370;
// What socketcall(2) calls them.
constexpr std::uint32_t kCallConnect = 3;
constexpr std::uint32_t kCallSendto = 11;
constexpr std::uint32_t kCallSendmsg = 16;
constexpr std::uint32_t kCallSendmmsg = 20;

std::uint32_t short_of(const void* place) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(place));
}

// As 32-bit programs lay them out.
struct Part32 {
  std::uint32_t base, size;
};
struct Message32 {
  std::uint32_t name, name_size, parts, part_count, control, control_size;
  std::uint32_t flags;
  std::uint32_t sent;  // what sendmmsg(2) writes
};

// All that a call points to.
struct Low {
  sockaddr_in name;
  sockaddr_in6 name6;
  char payload[sizeof kPayload];
  Part32 part;
  Message32 message;
  std::uint32_t arguments[6];
};

Low& low_memory(const Target& to) {
  void* memory = ::mmap(nullptr, sizeof(Low), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (memory == MAP_FAILED) ::_exit(128 + errno % 100);
  auto& low = *static_cast<Low*>(memory);
  low.name = bypass::name4(to.v4);
  low.name6 = bypass::name6(to.v6);
  std::memcpy(low.payload, kPayload, sizeof kPayload);
  low.part = {.base = short_of(low.payload), .size = sizeof kPayload};
  low.message.name = short_of(&low.name);
  low.message.name_size = sizeof low.name;
  low.message.parts = short_of(&low.part);
  low.message.part_count = 1;
  return low;
}

int error_in(long result) {
  const int error = result < 0 ? static_cast<int>(-result) : 0;
  if (error == ENOSYS) ::_exit(128 + ENOSYS % 100);
  return error == ECONNREFUSED ? 0 : error;
}

int socketcall(std::uint32_t call, Low& low) {
  return error_in(
      call32(kSocketcall, static_cast<long>(call), short_of(low.arguments)));
}

std::uint32_t socket_of(int type) {
  return static_cast<std::uint32_t>(make_socket(AF_INET, type));
}

int socketcall_connect(const Target& to) {
  Low& low = low_memory(to);
  low.arguments[0] = socket_of(SOCK_STREAM);
  low.arguments[1] = short_of(&low.name);
  low.arguments[2] = sizeof low.name;
  return socketcall(kCallConnect, low);
}

int socketcall_sendto(const Target& to) {
  Low& low = low_memory(to);
  low.arguments[0] = socket_of(SOCK_DGRAM);
  low.arguments[1] = short_of(low.payload);
  low.arguments[2] = sizeof low.payload;
  low.arguments[4] = short_of(&low.name);
  low.arguments[5] = sizeof low.name;
  return socketcall(kCallSendto, low);
}

int socketcall6_sendto(const Target& to) {
  Low& low = low_memory(to);
  low.arguments[0] =
      static_cast<std::uint32_t>(make_socket(AF_INET6, SOCK_DGRAM));
  low.arguments[1] = short_of(low.payload);
  low.arguments[2] = sizeof low.payload;
  low.arguments[4] = short_of(&low.name6);
  low.arguments[5] = sizeof low.name6;
  return socketcall(kCallSendto, low);
}

int socketcall_sendmsg(const Target& to) {
  Low& low = low_memory(to);
  low.arguments[0] = socket_of(SOCK_DGRAM);
  low.arguments[1] = short_of(&low.message);
  return socketcall(kCallSendmsg, low);
}

int socketcall_sendmmsg(const Target& to) {
  Low& low = low_memory(to);
  low.arguments[0] = socket_of(SOCK_DGRAM);
  low.arguments[1] = short_of(&low.message);
  low.arguments[2] = 1;
  return socketcall(kCallSendmmsg, low);
}

int connect32(const Target& to) {
  Low& low = low_memory(to);
  return error_in(call32(kConnect, socket_of(SOCK_STREAM), short_of(&low.name),
                         sizeof low.name));
}

int sendmsg32(const Target& to) {
  Low& low = low_memory(to);
  return error_in(
      call32(kSendmsg, socket_of(SOCK_DGRAM), short_of(&low.message)));
}

int sendmmsg32(const Target& to) {
  Low& low = low_memory(to);
  return error_in(
      call32(kSendmmsg, socket_of(SOCK_DGRAM), short_of(&low.message), 1));
}

constexpr long kX32 = 0x40000000;

int error_of_x32(long result) {
  if (result < 0 && errno == ENOSYS) return 128 + ENOSYS % 100;
  const int error = error_of(result);
  return error == ECONNREFUSED ? 0 : error;
}

int connect_x32(const Target& to) {
  const sockaddr_in name = name4(to.v4);
  return error_of_x32(::syscall(kX32 + SYS_connect,
                                make_socket(AF_INET, SOCK_STREAM), &name,
                                sizeof name));
}

// Its messages are those of 32-bit programs.
int sendmsg_x32(const Target& to) {
  constexpr long kNumber = 518;
  Low& low = low_memory(to);
  return error_of_x32(
      ::syscall(kX32 + kNumber, socket_of(SOCK_DGRAM), &low.message, 0));
}

}  // namespace

std::vector<Technique> call32_techniques() {
  using enum Reaches;
  static constexpr char kNeedsX32[] = "X86_X32_ABI";
  return {
      {"socketcall32", "the 32-bit socketcall(2), by int 0x80", kV4,
       socketcall_connect},
      {"socketcall32_sendto", "the same, UDP sendto", kV4, socketcall_sendto},
      {"socketcall32_sendto6", "the same, UDP sendto over IPv6", kV6,
       socketcall6_sendto},
      {"socketcall32_sendmsg", "the same, UDP sendmsg", kV4,
       socketcall_sendmsg},
      {"socketcall32_sendmmsg", "the same, UDP sendmmsg", kV4,
       socketcall_sendmmsg},
      {"connect32", "the 32-bit connect(2), by int 0x80", kV4, connect32},
      {"sendmsg32", "the 32-bit sendmsg(2), by int 0x80", kV4, sendmsg32},
      {"sendmmsg32", "the 32-bit sendmmsg(2), by int 0x80", kV4, sendmmsg32},
      {"connect_x32", "TCP connect by a call of x32", kV4, connect_x32,
       kNeedsX32, "connect (not tried)"},
      {"sendmsg_x32", "UDP sendmsg by a call of x32", kV4, sendmsg_x32,
       kNeedsX32, "sendmsg (not tried)"},
  };
}

#else

std::vector<Technique> call32_techniques() { return {}; }

#endif

}  // namespace bailiff::bypass
