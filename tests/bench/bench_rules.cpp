// SPDX-License-Identifier: Apache-2.0
//
// bench_rules [--json FILE] [--rules FOLDER] [--rounds N]: what Falco's own
// rules cost: loading them, judging an event of each kind, and how a look-up
// in a list depends on its length.  Without the rule files of FOLDER those of
// the log4shell example are measured, which say little.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "rules/eval/matcher.h"
#include "rules/policy/load.h"
#include "tests/harness/expr.h"
#include "tests/harness/sample_events.h"

namespace bailiff::test {
namespace {

constexpr int kRounds = 30;
constexpr std::uint64_t kSeed = 20211209;
constexpr std::size_t kListSizes[] = {1000, 100'000, 1'000'000};
// Different events a look-up is measured with, so that the processor cannot
// keep what one of them needs.
constexpr std::size_t kProbes = 4096;
constexpr double kRoundNs = 5e6;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

double now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

struct Measured {
  double best = 0;
  double median = 0;
};

// ns per call, of rounds of some ms each.
Measured measure(int rounds, const std::function<void()>& call) {
  double before = now_ns();
  int calls = 0;
  do {
    call();
    ++calls;
  } while (now_ns() - before < kRoundNs);
  std::vector<double> ns;
  for (int round = 0; round < rounds; ++round) {
    before = now_ns();
    for (int i = 0; i < calls; ++i) call();
    ns.push_back((now_ns() - before) / calls);
  }
  std::sort(ns.begin(), ns.end());
  return {.best = ns.front(), .median = ns[ns.size() / 2]};
}

struct RuleSet {
  std::string name;
  std::vector<std::string> files;
};

std::vector<NamedText> read_all(const std::vector<std::string>& files) {
  std::vector<NamedText> texts;
  for (const std::string& name : files) {
    std::ifstream file(name);
    if (!file) fail("open '" + name + "': " + ::strerror(errno));
    texts.push_back(
        {.name = name, .text = {std::istreambuf_iterator<char>(file), {}}});
  }
  return texts;
}

CompiledPolicy load_all(const std::vector<std::string>& files) {
  Loaded loaded = load({.files = read_all(files)});
  if (!loaded.policy) fail(render(loaded.diagnostics, loaded.sources));
  return *std::move(loaded.policy);
}

class Report {
 public:
  void title(const std::string& text) { ::printf("\n%s\n", text.c_str()); }
  void add(const std::string& group, const std::string& name,
           const Measured& measured, const char* unit = "ns") {
    const double scale = ::strcmp(unit, "ms") == 0 ? 1e6 : 1;
    ::printf("  %-56s %9.1f %9.1f %s\n", name.c_str(), measured.best / scale,
             measured.median / scale, unit);
    char line[400];
    ::snprintf(line, sizeof line,
               "%s{\"group\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\","
               "\"best\":%.1f,\"p50\":%.1f}",
               json_.empty() ? "" : ",", group.c_str(), name.c_str(), unit,
               measured.best / scale, measured.median / scale);
    json_ += line;
  }
  void write(const std::string& path) const {
    const std::string json =
        "{\"bench\":\"rules\",\"results\":[" + json_ + "]}\n";
    std::unique_ptr<FILE, int (*)(FILE*)> file(::fopen(path.c_str(), "we"),
                                               ::fclose);
    if (!file || ::fputs(json.c_str(), file.get()) < 0) {
      fail("write '" + path + "': " + ::strerror(errno));
    }
    ::printf("\nwritten to %s\n", path.c_str());
  }

 private:
  std::string json_;
};

void bench_load(const RuleSet& set, int rounds, Report& report) {
  const std::vector<NamedText> texts = read_all(set.files);
  report.add("load", set.name + ": load",
             measure(rounds,
                     [&] {
                       const Loaded loaded = load({.files = texts});
                       if (!loaded.policy) fail("load");
                     }),
             "ms");
  const CompiledPolicy policy = load_all(set.files);
  report.add("load", set.name + ": prepare",
             measure(rounds, [&] { const Matcher matcher(policy); }), "ms");
}

void bench_events(const RuleSet& set, int rounds, Report& report) {
  CompiledPolicy policy = load_all(set.files);
  const ListIndex lists(policy);
  const Matcher matcher(policy);
  MatchMemory memory;
  std::size_t fired = 0;
  const std::vector<SampleEvent> events = sample::all();
  for (const SampleEvent& event : events) {
    const auto result = matcher.match(event, memory);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
      const Rule& rule = policy.rules[i];
      if (rule.enabled && evaluate(rule.condition, event, lists)) {
        expected.push_back(i);
      }
    }
    if (!std::equal(result.begin(), result.end(), expected.begin(),
                    expected.end())) {
      fail(event.name + ": matcher and evaluate() disagree");
    }
    for (auto i : expected)
      ::printf("    fires: %s\n", policy.rules[i].name.c_str());
    report.add("events", set.name + ": " + event.name, measure(rounds, [&] {
                 fired += matcher.match(event, memory).size();
               }));
  }
  report.add("events", set.name + ": these in turn, each", [&] {
    Measured all = measure(rounds, [&] {
      for (const SampleEvent& event : events) {
        fired += matcher.match(event, memory).size();
      }
    });
    const auto count = static_cast<double>(events.size());
    return Measured{all.best / count, all.median / count};
  }());
  if (fired == 1) ::printf(" ");  // so that nothing is left out
}

// An event with nothing but its type and one value.
class Probe final : public FieldSource {
 public:
  Probe(FieldId field, Value value) : field_(field), value_(std::move(value)) {}
  std::vector<Value> extract(FieldId field, std::string_view) const override {
    if (field == FieldId::kEvtType) return {"connect"};
    return field == field_ ? std::vector<Value>{value_} : std::vector<Value>();
  }
  void view(FieldId field, std::string_view, Views& views) const override {
    if (field == FieldId::kEvtType) views.add("connect");
    if (field == field_) views.add(view_of(value_));
  }

 private:
  FieldId field_;
  Value value_;
};

IpAddress random_address(std::mt19937_64& random) {
  IpAddress address;
  std::uint64_t bits = random();
  for (int i = 0; i < 4; ++i, bits >>= 8) {
    address.bytes[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(bits);
  }
  return address;
}

void bench_list(FieldId field, std::size_t size, int rounds, Report& report) {
  std::mt19937_64 random(kSeed);
  List list;
  list.name = "indicators";
  std::vector<Value> values;
  for (std::size_t i = 0; i < size; ++i) {
    IpAddress address = random_address(random);
    if (field == FieldId::kFdSipName) {
      values.emplace_back("host-" + std::to_string(random() % 1000000000) +
                          ".example.com");
      list.items.push_back(std::get<std::string>(values.back()));
      continue;
    }
    values.emplace_back(address);
    const std::string text = to_string(address);
    if (field == FieldId::kFdSnet) {
      const auto prefix = 20 + random() % 13;
      list.items.push_back(text + "/" + std::to_string(prefix));
    } else {
      list.items.push_back(text);
    }
  }
  CompiledPolicy policy;
  policy.lists = {list};
  Rule rule;
  rule.name = "indicators";
  rule.condition =
      all_of({event_is("connect"), check(field, Op::kIn, {}, {0})});
  policy.rules = {rule};
  const double before = now_ns();
  const Matcher matcher(policy);
  const double prepared = now_ns() - before;
  std::vector<Probe> events;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Value value = random_address(random);
    if (i % 2 == 0) {
      value = values[random() % values.size()];
    } else if (field == FieldId::kFdSipName) {
      value = "www" + std::to_string(random() % 100000) + ".example.org";
    }
    events.emplace_back(field, std::move(value));
  }
  MatchMemory memory;
  std::size_t fired = 0;
  std::size_t next = 0;
  const std::string name = std::string(bailiff::field(field).name) + " in " +
                           std::to_string(size) + " entries";
  report.add("lists", name, measure(rounds, [&] {
               fired += matcher.match(events[next], memory).size();
               next = (next + 1) % events.size();
             }));
  report.add("lists", name + ": prepare", {prepared, prepared}, "ms");
  if (fired == 0) fail(name + ": nothing was found");
}

int run(const std::string& folder, int rounds, const std::string& json_path) {
  const std::string stable = folder + "/falco_rules.yaml";
  std::vector<RuleSet> sets;
  if (std::filesystem::exists(stable)) {
    sets = {{"93 rules",
             {stable, folder + "/falco-incubating_rules.yaml",
              folder + "/falco-sandbox_rules.yaml"}},
            {"25 stable rules", {stable}}};
  } else {
    ::printf("no rule files in '%s': the log4shell example's\n",
             folder.c_str());
    sets = {{"log4shell example", {"examples/log4shell/log4j.rules.yaml"}}};
  }
  Report report;
  ::printf("%-58s %9s %9s\n", "", "best", "p50");
  report.title("loading");
  for (const RuleSet& set : sets) bench_load(set, rounds, report);
  report.title("one event");
  for (const RuleSet& set : sets) bench_events(set, rounds, report);
  report.title("one look-up, with what an event costs besides");
  for (const FieldId field :
       {FieldId::kFdSip, FieldId::kFdSnet, FieldId::kFdSipName}) {
    for (const std::size_t size : kListSizes) {
      bench_list(field, size, rounds, report);
    }
  }
  report.write(json_path);
  return 0;
}

}  // namespace
}  // namespace bailiff::test

int main(int argc, char** argv) {
  std::string json_path = std::string(argv[0]) + ".json";
  std::string folder = BAILIFF_SHARED_DATA "/falco-rules";
  int rounds = bailiff::test::kRounds;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (::strcmp(argv[i], "--json") == 0) json_path = argv[i + 1];
    if (::strcmp(argv[i], "--rules") == 0) folder = argv[i + 1];
    if (::strcmp(argv[i], "--rounds") == 0) rounds = ::atoi(argv[i + 1]);
  }
  try {
    return bailiff::test::run(folder, std::max(rounds, 1), json_path);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bench_rules: %s\n", error.what());
    return 1;
  }
}
