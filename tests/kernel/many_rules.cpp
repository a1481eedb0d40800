// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/many_rules.h"

#include <utility>

#include "tests/kernel/loaded.h"

namespace bailiff::test {
namespace {

// An address of loopback, another for each number.
std::string address(std::size_t number) {
  return "127." + std::to_string(64 + number / 65536) + "." +
         std::to_string(number / 256 % 256) + "." +
         std::to_string(number % 256);
}

std::string list_text(const std::string& name, std::size_t number) {
  const std::string first = address(number * 4);
  return "- list: " + name + "\n  items: [\"" + first + "\", \"" +
         address(number * 4 + 1) +
         "\", \"2001:db8::" + std::to_string(number % 10000) +
         "\", \"127.200." + std::to_string(number % 256) + "." +
         std::to_string(number / 256 % 256) + "\"]\n";
}

std::string nets_text(const std::string& name, std::size_t number) {
  const std::string n = std::to_string(number % 256);
  return "- list: " + name + "\n  items: [\"127.201." + n +
         ".0/24\", \"127.202." + n + ".128/26\", \"2001:db8:" + n +
         "::/48\", \"127.203.0." + n + "/32\"]\n";
}

std::string condition(std::size_t i, const std::string& list,
                      const std::string& nets, const std::string& other) {
  const std::string port = std::to_string(1024 + i * 7 % 60000);
  const std::string uid = std::to_string(1000 + i);
  const std::string name = "tool" + std::to_string(i);
  switch (i % 12) {
    case 0:
      return "fd.sip in (" + list + ")";
    case 1:
      return "fd.snet in (" + nets + ") and not proc.name in (curl, " + name +
             ")";
    case 2:
      return "(fd.sport in (1389, 4444, " + port + ") or fd.sip = \"" +
             address(i) + "\") and proc.name startswith bailiff";
    case 3:
      return "not fd.snet in (\"10.0.0.0/8\", " + nets +
             ") and user.uid != " + uid + " and fd.sport = " + port;
    case 4:
      return "fd.l4proto = udp and fd.sport > 1000 and fd.sport <= " + port +
             " and proc.name endswith " + name;
    case 5:
      return "fd.sip in (" + list + ") or (fd.sip in (" + other +
             ") and not user.uid = " + uid + ")";
    case 6:
      return "fd.typechar = 6 and (fd.sip = \"2001:db8::" + std::to_string(i) +
             "\" or fd.snet in (" + nets + "))";
    case 7:
      return "group.gid in (0, " + uid +
             ") and proc.name contains prober and "
             "fd.sport = " +
             port;
    case 8:
      return "fd.sip in (" + list + ") and fd.sport in (80, 443, " + port +
             ") and not (proc.name = " + name + " and user.uid = " + uid + ")";
    case 9:
      return "fd.snet in (\"127." + std::to_string(i % 120) +
             ".0.0/16\", \"2001:db8::/32\") and not fd.sip in (" + list +
             ") and fd.l4proto = tcp";
    case 10:
      return "proc.name in (" + name +
             ", nc, ncat, socat) and not fd.sip in "
             "(" +
             list + ", \"" + address(i) + "\")";
    default:
      return "thread.tid > 0 and proc.pid > 0 and fd.sport = " + port +
             " and (fd.sip in (" + list + ") or fd.snet in (" + nets + "))";
  }
}

}  // namespace

CompiledPolicy many_rules(std::size_t rules, std::size_t lists,
                          std::size_t first) {
  std::string text;
  const auto name_of = [&](std::size_t i) {
    return (i % 2 == 0 ? "hosts_" : "nets_") + std::to_string(first + i);
  };
  for (std::size_t i = 0; i < lists; ++i) {
    text += i % 2 == 0 ? list_text(name_of(i), first + i)
                       : nets_text(name_of(i), first + i);
  }
  std::string refused;
  std::string told;
  for (std::size_t i = 0; i < rules; ++i) {
    const std::size_t pair = i % (lists / 2) * 2;
    const std::size_t other = (pair + 2) % lists / 2 * 2;
    const std::string name = "Rule " + std::to_string(i);
    text += "- rule: " + name +
            "\n  desc: d\n  condition: >\n    evt.type = "
            "connect and (" +
            condition(i, name_of(pair), name_of(pair + 1), name_of(other)) +
            ")\n  output: o\n  priority: WARNING\n";
    (i % 3 == 0 ? refused : told) += "\"" + name + "\", ";
  }
  return loaded(std::move(text),
                "policies:\n  - name: Refuse\n    rules: [" + refused +
                    "]\n    block: true\n  - name: Tell\n    rules: [" + told +
                    "]\n");
}

}  // namespace bailiff::test
