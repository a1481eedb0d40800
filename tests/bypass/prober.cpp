// SPDX-License-Identifier: Apache-2.0
//
// prober HARMLESS4 DEVICE [TECHNIQUE...]: tries each technique on an address
// of its own and prints a line for each, separated by tabs: name, what it is,
// the address as it arrives, the errno ("0": the kernel took it all; "absent
// ERRNO": this kernel has no such socket), and what it needs and would be
// judged by where it is absent.
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/bypass/technique.h"

namespace bailiff::bypass {
namespace {

// Nothing takes long that is not stuck; a race may, where others have the
// processors.
constexpr unsigned kSeconds = 30;
constexpr std::size_t kFirstHost = 129;
constexpr std::size_t kLastHost = 249;

// Of the techniques' own, by how many came before.
std::string host4(std::size_t index) {
  const std::size_t host = kFirstHost + index;
  if (host > kLastHost) std::exit(3);
  return "203.0.113." + std::to_string(host);
}

std::string host6(std::size_t index) {
  return "2001:db8:66:1::" + std::to_string(index + 1);
}

bool is_of_six(Reaches reaches) {
  switch (reaches) {
    case Reaches::kV6:
    case Reaches::kMulticast6:
    case Reaches::kJoined6:
    case Reaches::kLoopback6:
    case Reaches::kInterface6:
      return true;
    case Reaches::kV4:
    case Reaches::kNat64:
    case Reaches::kBroadcast:
    case Reaches::kMulticast:
    case Reaches::kJoined:
    case Reaches::kLoopback:
    case Reaches::kElsewhere:
    case Reaches::kRedirected:
    case Reaches::kRedirectedTcp:
    case Reaches::kOwn:
    case Reaches::kInterface:
    case Reaches::kLoopbackAlone:
      return false;
  }
  return false;
}

bool has_list_of_its_own(Reaches reaches) {
  return reaches == Reaches::kOwn || reaches == Reaches::kInterface ||
         reaches == Reaches::kInterface6 || reaches == Reaches::kLoopbackAlone;
}

std::string address_of(Reaches reaches, std::size_t index) {
  switch (reaches) {
    case Reaches::kV4:
    case Reaches::kNat64:
      return host4(index);
    case Reaches::kV6:
      return host6(index);
    case Reaches::kBroadcast:
      return "203.0.113.255";
    case Reaches::kMulticast:
      return "239.66.0.1";
    case Reaches::kMulticast6:
      return "ff0e::66:1";
    case Reaches::kJoined:
      return "239.66.0.2";
    case Reaches::kJoined6:
      return "ff0e::66:2";
    case Reaches::kLoopback:
    case Reaches::kLoopbackAlone:
      return "127.0.0.1";
    case Reaches::kLoopback6:
      return "::1";
    case Reaches::kElsewhere:
      return "203.0.113.250";
    case Reaches::kRedirected:
      return "203.0.113.251";
    case Reaches::kRedirectedTcp:
      return "203.0.113.252";
    case Reaches::kOwn:
      return kOwnAddress;
    case Reaches::kInterface:
      return kInterfaceAddress;
    case Reaches::kInterface6:
      return kInterfaceAddress6;
  }
  return "";
}

Target target_of(const Technique& technique, std::size_t index,
                 const char* harmless, const char* device) {
  Target target;
  const std::string address = address_of(technique.reaches, index);
  if (is_of_six(technique.reaches)) {
    ::inet_pton(AF_INET6, address.c_str(), &target.v6);
  } else {
    ::inet_pton(AF_INET, address.c_str(), &target.v4);
  }
  ::inet_pton(AF_INET, harmless, &target.harmless4);
  target.device = device;
  return target;
}

std::string arrives_at(const Technique& technique, const Target& target) {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_of_six(technique.reaches)) {
    ::inet_ntop(AF_INET6, &target.v6, text, sizeof text);
  } else if (technique.reaches == Reaches::kNat64) {
    const in6_addr address = nat64(target.v4);
    ::inet_ntop(AF_INET6, &address, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET, &target.v4, text, sizeof text);
  }
  return text;
}

std::string result_of(const Technique& technique, const Target& target) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(kSeconds);
    ::_exit(technique.run(target));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return "ended by signal";
  const int code = WEXITSTATUS(status);
  if (code == 0) return "0";
  if (code > 128) {
    return std::string("absent ") + ::strerrorname_np(code - 128);
  }
  return ::strerrorname_np(code);
}

}  // namespace
}  // namespace bailiff::bypass

int main(int argc, char** argv) {
  using namespace bailiff::bypass;
  if (argc < 3) return 2;
  ::signal(SIGPIPE, SIG_IGN);
  std::vector<Technique> all;
  for (const auto& some :
       {socket_techniques(), protocol_techniques(), raw_techniques(),
        extension_techniques(), xdp_techniques(), io_uring_techniques(),
        trick_techniques(), call32_techniques(), place_techniques(),
        forwarded_techniques()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  std::size_t hosts4 = 0;
  std::size_t hosts6 = 0;
  for (const Technique& technique : all) {
    const bool six = is_of_six(technique.reaches);
    const std::size_t number = six ? hosts6 : hosts4;
    const bool own_host = technique.reaches == Reaches::kV4 ||
                          technique.reaches == Reaches::kNat64 ||
                          technique.reaches == Reaches::kV6;
    if (own_host) ++(six ? hosts6 : hosts4);
    const bool wanted =
        (argc == 3 && !has_list_of_its_own(technique.reaches)) ||
        std::any_of(argv + 3, argv + argc, [&](const char* name) {
          return std::strcmp(name, technique.name) == 0;
        });
    if (!wanted) continue;
    const Target target = target_of(technique, number, argv[1], argv[2]);
    const std::string result = result_of(technique, target);
    std::printf("%s\t%s\t%s\t%s\t%s\t%s\n", technique.name, technique.what,
                arrives_at(technique, target).c_str(), result.c_str(),
                technique.needs, technique.judged_at);
    std::fflush(stdout);
  }
  return 0;
}
