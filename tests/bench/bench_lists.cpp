// SPDX-License-Identifier: Apache-2.0
//
// bench_lists [--items N] [--rounds N]: milliseconds to read a list of N
// addresses (a million) in each form it can be written in, and to load a rule
// file with it; the best of the rounds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "rules/document/plain_list.h"
#include "rules/document/yaml.h"
#include "rules/policy/load.h"
#include "tests/bench/measure.h"

namespace bailiff::test {
namespace {

constexpr std::uint64_t kSeed = 20211209;

std::vector<std::string> addresses(std::size_t count) {
  std::mt19937_64 random(kSeed);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random();
    all.push_back(std::to_string(1 + bits % 223) + "." +
                  std::to_string(bits >> 8 & 255) + "." +
                  std::to_string(bits >> 16 & 255) + "." +
                  std::to_string(bits >> 24 & 255));
  }
  return all;
}

std::string joined(const std::vector<std::string>& items,
                   const std::string& before, const std::string& after) {
  std::string text;
  for (const std::string& item : items) text += before + item + after;
  return text;
}

// A rule file with the list, written as `items`, and a rule that uses it.
std::string rule_file(const std::string& items) {
  return "- list: c2\n  items:" + items +
         "- rule: r\n  desc: d\n  condition: evt.type = connect and fd.sip in "
         "(c2)\n  output: o\n  priority: WARNING\n";
}

// Fails the program when `work` does.
template <typename Work>
void measure(const char* name, int rounds, const Work& work) {
  double best = 1e12;
  for (int i = 0; i < rounds; ++i) {
    const double begin = now_ms();
    if (!work()) {
      ::fprintf(stderr, "bench_lists: %s does not load\n", name);
      ::exit(1);
    }
    best = std::min(best, now_ms() - begin);
  }
  ::printf("%-32s %9.1f ms\n", name, best);
}

void run(std::size_t count, int rounds) {
  const std::vector<std::string> items = addresses(count);
  const std::string plain = joined(items, "", "\n");
  const std::string block = rule_file("\n" + joined(items, "  - ", "\n"));
  const std::string quoted =
      rule_file("\n" + joined(items, "  - \"\\\"", "\\\"\"\n"));
  std::string brackets = joined(items, "", ", ");
  brackets = rule_file(" [" + brackets + "]\n");

  ::printf("%zu addresses, best of %d\n", count, rounds);
  measure("plain list, read", rounds, [&] {
    Diagnostics diagnostics;
    return read_plain_list(plain, 0, diagnostics).has_value();
  });
  const auto parses = [](const std::string& text) {
    Diagnostics diagnostics;
    return yaml::parse(text, 0, diagnostics).has_value();
  };
  const auto loads = [](const std::string& text) {
    LoadInput input;
    input.files.push_back({.name = "f.yaml", .text = text});
    return load(std::move(input)).policy.has_value();
  };
  measure("YAML block, parsed", rounds, [&] { return parses(block); });
  measure("YAML block, loaded", rounds, [&] { return loads(block); });
  measure("YAML block in quotes, loaded", rounds,
          [&] { return loads(quoted); });
  measure("YAML brackets, loaded", rounds, [&] { return loads(brackets); });
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  std::size_t items = 1'000'000;
  int rounds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (::strcmp(argv[i], "--items") == 0) {
      items = ::strtoul(argv[i + 1], nullptr, 10);
    } else if (::strcmp(argv[i], "--rounds") == 0) {
      rounds = ::atoi(argv[i + 1]);
    }
  }
  bailiff::test::run(items, rounds);
  return 0;
}
