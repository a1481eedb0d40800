// SPDX-License-Identifier: Apache-2.0
//
// bench_rules [--json FILE] [--rules FOLDER] [--rounds N]: what it takes to
// load Falco's own rules, to tell which of them fire for an event, and to look
// a value up in lists of different lengths.  FOLDER holds the files as Falco
// names them; without them the rules of the log4shell example are measured.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "rules/eval/matcher.h"
#include "rules/policy/load.h"
#include "tests/bench/measure.h"
#include "tests/harness/expr.h"
#include "tests/harness/sample_events.h"

// A match is to do without: they are counted.
static std::size_t allocations = 0;
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* const memory = ::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  ::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  ::free(memory);
}

namespace bailiff::test {
namespace {

constexpr int kRounds = 40;
constexpr double kRoundNs = 5e6;
constexpr std::size_t kListSizes[] = {1000, 100'000, 1'000'000};
// So many different values are looked up in turn, half of them in the list:
// more than the processor's caches hold the way to.
constexpr std::size_t kProbes = 4096;
constexpr std::uint64_t kSeed = 20211209;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

struct Measured {
  double best = 0;  // ns
  double median = 0;
  double allocations = 0;
};

// Of one call, in rounds of some ms each.
Measured measure(int rounds, const std::function<void()>& call) {
  const double start = now_ns();
  int calls = 0;
  do {
    call();
    ++calls;
  } while (now_ns() - start < kRoundNs);
  std::vector<double> ns;
  const std::size_t allocated = allocations;
  for (int round = 0; round < rounds; ++round) {
    const double before = now_ns();
    for (int i = 0; i < calls; ++i) call();
    ns.push_back((now_ns() - before) / calls);
  }
  const auto all_calls = static_cast<double>(calls) * rounds;
  const double each = static_cast<double>(allocations - allocated) / all_calls;
  return {.best = *std::min_element(ns.begin(), ns.end()),
          .median = median(ns),
          .allocations = each};
}

class Report {
 public:
  static void title(const std::string& text) {
    ::printf("\n%-54s %9s %9s %12s\n", text.c_str(), "best", "p50",
             "allocations");
  }
  void add(const std::string& name, const Measured& measured, bool ms = false) {
    const double unit = ms ? 1e6 : 1;
    const char* unit_name = ms ? "ms" : "ns";
    ::printf("%-54s %9.1f %9.1f %12.1f  %s\n", name.c_str(),
             measured.best / unit, measured.median / unit, measured.allocations,
             unit_name);
    char line[300];
    ::snprintf(line, sizeof line,
               "%s{\"name\":\"%s\",\"unit\":\"%s\",\"best\":%.1f,\"p50\":%.1f,"
               "\"allocations\":%.1f}",
               json_.empty() ? "" : ",", name.c_str(), unit_name,
               measured.best / unit, measured.median / unit,
               measured.allocations);
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

struct RuleSet {
  std::string name;
  std::vector<NamedText> files;
};

RuleSet read_rules(std::string name, const std::string& folder,
                   const std::vector<std::string>& files) {
  RuleSet set;
  set.name = std::move(name);
  for (const std::string& file : files) {
    const std::string path = folder + "/" + file;
    std::ifstream stream(path);
    if (!stream) fail("open '" + path + "': " + ::strerror(errno));
    set.files.push_back({path, {std::istreambuf_iterator<char>(stream), {}}});
  }
  return set;
}

CompiledPolicy load_rules(const RuleSet& set) {
  LoadInput input;
  input.files = set.files;
  Loaded loaded = load(std::move(input));
  if (!loaded.policy) fail(render(loaded.diagnostics, loaded.sources));
  return *std::move(loaded.policy);
}

void bench_load(const RuleSet& set, int rounds, Report& report) {
  report.add(set.name + ": load", measure(rounds, [&] { load_rules(set); }),
             true);
  const CompiledPolicy policy = load_rules(set);
  report.add(set.name + ": make a matcher",
             measure(rounds, [&] { const Matcher matcher(policy); }), true);
}

// What is measured must be right.
void verify(const CompiledPolicy& policy, const ListIndex& lists,
            const SampleEvent& event, std::span<const std::uint32_t> fired) {
  for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
    const Rule& rule = policy.rules[i];
    const bool expected =
        rule.enabled && evaluate(rule.condition, event, lists);
    if (std::binary_search(fired.begin(), fired.end(), i) != expected) {
      fail("'" + rule.name + "' on " + event.name + ": not what it means");
    }
  }
}

void bench_events(const RuleSet& set, int rounds, Report& report) {
  const CompiledPolicy policy = load_rules(set);
  const ListIndex lists(policy);
  const Matcher matcher(policy);
  MatchMemory memory;
  const std::vector<SampleEvent> events = sample::all();
  for (const SampleEvent& event : events) {
    verify(policy, lists, event, matcher.match(event, memory));
    report.add(set.name + ": " + event.name,
               measure(rounds, [&] { matcher.match(event, memory); }));
  }
  std::size_t next = 0;
  report.add(set.name + ": each of these in turn", measure(rounds, [&] {
               matcher.match(events[next], memory);
               next = (next + 1) % events.size();
             }));
}

// An event with nothing but its type and one value.
class Probe final : public FieldSource {
 public:
  Probe(FieldId field, Value value) : field_(field), value_(std::move(value)) {}

  std::vector<Value> extract(FieldId field,
                             std::string_view argument) const override {
    return owned(*this, field, argument);
  }
  void view(FieldId field, std::string_view, Views& views) const override {
    if (field == FieldId::kEvtType) views.add("connect");
    if (field == field_) views.add(view_of(value_));
  }

 private:
  FieldId field_;
  Value value_;
};

Value random_value(FieldId field, std::mt19937_64& random) {
  if (field == FieldId::kFdSipName) {
    return "host-" + std::to_string(random()) + ".example.com";
  }
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(random());
  }
  return address;
}

void bench_list(FieldId id, std::size_t size, int rounds, Report& report) {
  std::mt19937_64 random(kSeed);
  List list;
  list.name = "indicators";
  std::vector<Probe> probes;
  for (std::size_t i = 0; i < size; ++i) {
    Value value = random_value(id, random);
    std::string item = to_string(value);
    if (id == FieldId::kFdSnet) {
      item += "/" + std::to_string(20 + random() % 13);
    }
    list.items.push_back(std::move(item));
    if (i % (2 * size / kProbes + 1) != 0) continue;
    probes.emplace_back(id, std::move(value));
    probes.emplace_back(id, random_value(id, random));
  }
  std::shuffle(probes.begin(), probes.end(), random);
  CompiledPolicy policy;
  policy.lists = {std::move(list)};
  policy.rules.emplace_back().condition =
      all_of({event_is("connect"), check(id, Op::kIn, {}, {0})});
  const Matcher matcher(policy);
  MatchMemory memory;
  std::size_t fired = 0;
  for (const Probe& probe : probes) {
    fired += matcher.match(probe, memory).size();
  }
  if (fired < probes.size() / 2) fail("a listed value was not found");
  std::size_t next = 0;
  const std::string name = std::string(field(id).name) + " in (" +
                           std::to_string(size) + " entries)";
  report.add(name, measure(rounds, [&] {
               matcher.match(probes[next], memory);
               next = (next + 1) % probes.size();
             }));
}

int run(const std::string& folder, int rounds, const std::string& json_path) {
  const std::vector<std::string> files = {
      "falco_rules.yaml", "falco-incubating_rules.yaml",
      "falco-sandbox_rules.yaml", "falco-deprecated_rules.yaml"};
  std::vector<RuleSet> loaded;
  std::vector<RuleSet> judged;
  if (std::filesystem::exists(folder + "/" + files[0])) {
    const RuleSet stable = read_rules("25 stable rules", folder, {files[0]});
    loaded = {read_rules("97 rules", folder, files), stable};
    judged = {read_rules("93 rules", folder, {files[0], files[1], files[2]}),
              stable};
  } else {
    ::printf("no '%s/%s': the rules of the log4shell example instead\n",
             folder.c_str(), files[0].c_str());
    loaded = {read_rules("log4shell example", BAILIFF_EXAMPLES "/log4shell",
                         {"log4j.rules.yaml", "site-indicators.rules.yaml"})};
    judged = loaded;
  }
  Report report;
  Report::title("to load");
  for (const RuleSet& set : loaded) bench_load(set, rounds, report);
  Report::title("to tell which rules fire for an event");
  for (const RuleSet& set : judged) bench_events(set, rounds, report);
  Report::title("an event and a rule with a list");
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
