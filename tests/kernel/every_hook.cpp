// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/every_hook.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "tests/kernel/loaded.h"

namespace bailiff::test {

CompiledPolicy every_hook(std::vector<std::string> hosts) {
  constexpr const char* kConditions[] = {
      "evt.type = connect and fd.sip in (hosts)",
      "evt.type = connect and fd.sip.name in (names)",
      "evt.type = connect and fd.sport = 4444 and "
      "proc.cmdline contains bailiff-miner",
      "evt.type in (accept, accept4) and fd.cip in (hosts)",
      "evt.type in (recvfrom, recvmsg) and fd.cip in (hosts)",
      "evt.type = bind and fd.sport = 7080",
      "evt.type = socket and evt.arg.type = 3",
      "evt.type = execve and proc.name = bailiff-miner"};
  std::string rules =
      "- list: hosts\n  items: [\"192.0.2.1\"]\n"
      "- list: names\n  items: [c2.example, .evil.example]\n";
  std::string names;
  for (std::size_t i = 0; i < std::size(kConditions); ++i) {
    const std::string name = "r" + std::to_string(i);
    rules += "- rule: " + name + "\n  desc: d\n  condition: " + kConditions[i] +
             "\n  output: o\n  priority: WARNING\n";
    names += (i == 0 ? "" : ", ") + name;
  }
  CompiledPolicy policy =
      loaded(std::move(rules),
             "policies:\n  - {name: p, rules: [" + names + "], block: true}\n");
  // A long list is not read as text each time.
  for (List& list : policy.lists) {
    if (list.name == "hosts") list.items = std::move(hosts);
  }
  return policy;
}

}  // namespace bailiff::test
