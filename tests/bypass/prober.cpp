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

constexpr unsigned kSeconds = 3;
constexpr int kFirstHost = 129;

std::string host4(std::size_t index) {
  return "203.0.113." + std::to_string(kFirstHost + index);
}

Target target_of(const Technique& technique, std::size_t index,
                 const char* harmless, const char* device) {
  Target target;
  std::string address = host4(index);
  if (technique.reaches == Reaches::kBroadcast) address = "203.0.113.255";
  if (technique.reaches == Reaches::kMulticast) address = "239.66.0.1";
  if (technique.reaches == Reaches::kElsewhere) address = "203.0.113.250";
  if (technique.reaches == Reaches::kRedirected) address = "203.0.113.251";
  if (technique.reaches == Reaches::kRedirectedTcp) address = "203.0.113.252";
  if (technique.reaches == Reaches::kLoopback) address = "127.0.0.1";
  if (technique.reaches == Reaches::kOwn) address = "127.0.0.66";
  ::inet_pton(AF_INET, address.c_str(), &target.v4);
  const std::string six = "2001:db8:66:1::" + std::to_string(index + 1);
  ::inet_pton(AF_INET6, six.c_str(), &target.v6);
  ::inet_pton(AF_INET, harmless, &target.harmless4);
  target.device = device;
  return target;
}

std::string arrives_at(const Technique& technique, const Target& target) {
  char text[INET6_ADDRSTRLEN] = "";
  if (technique.reaches == Reaches::kLoopback6) return "::1";
  if (technique.reaches == Reaches::kV6) {
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
        xdp_techniques(), io_uring_techniques(), trick_techniques(),
        place_techniques()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Technique& technique = all[i];
    // Those of kOwn are for a list without 127.0.0.1.
    const bool wanted =
        (argc == 3 && technique.reaches != Reaches::kOwn) ||
        std::any_of(argv + 3, argv + argc, [&](const char* name) {
          return std::strcmp(name, technique.name) == 0;
        });
    if (!wanted) continue;
    const Target target = target_of(technique, i, argv[1], argv[2]);
    const std::string result = result_of(technique, target);
    std::printf("%s\t%s\t%s\t%s\t%s\t%s\n", technique.name, technique.what,
                arrives_at(technique, target).c_str(), result.c_str(),
                technique.needs, technique.judged_at);
    std::fflush(stdout);
  }
  return 0;
}
