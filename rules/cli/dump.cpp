// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "rules/abi/limits.h"
#include "rules/cli/container_option.h"
#include "rules/cli/files.h"
#include "rules/cli/offline_inspect.h"
#include "rules/emit/program.h"
#include "rules/emit/task_table.h"
#include "rules/lower/lower.h"

namespace bailiff {
namespace {

struct DumpOptions {
  std::string file;
  std::vector<std::string> container;
};

class Dump {
 public:
  Dump(const CompiledPolicy& policy, std::uint64_t policy_id)
      : policy_(policy), policy_id_(policy_id) {
    for (const List& list : policy.lists) list_names_.push_back(list.name);
  }

  void print_policy() {
    for (std::uint32_t i = 0; i < policy_.lists.size(); ++i) print_list(i);
    for (const Rule& rule : policy_.rules) print_rule(rule);
    for (const Policy& policy : policy_.policies) print_part(policy);
  }

  // False when one cannot be emitted; said on stderr.
  bool print_programs(const Facts& facts) {
    const Plan plan = lower(policy_, facts);
    std::cout << "\nfor " << (facts.complete ? "this" : "any")
              << " container\n";
    for (const std::uint32_t i : plan.policies) {
      std::cout << "  policy '" << policy_.policies[i].name << "' applies\n";
    }
    for (const Placement& placement : plan.placements) {
      std::cout << "  rule '" << policy_.rules[placement.rule].name
                << "': " << to_string(placement.enforcement) << ", "
                << placement.reason << "\n";
    }
    print_rules("connect", plan.connect);
    print_rules("sendmsg", plan.send);
    print_rules("egress", plan.packet);
    print_rules("frame", plan.frame);
    print_rules("query", plan.query);
    print_rules("answer", plan.answer);
    print_rules("ingress", plan.arrival);
    print_rules("post_bind", plan.bind);
    print_rules("sock_create", plan.socket);
    print_rules("exec", plan.exec);
    for (std::size_t i = 0; i < plan.bits.size(); ++i) {
      std::cout << "  bit " << i << " of a process: "
                << to_string(Expr{plan.bits[i]}, list_names_) << "\n";
    }
    const emit::TaskTable table = task_table(plan, facts);
    return std::all_of(
        std::begin(kHookPoints), std::end(kHookPoints), [&](HookPoint hook) {
          return !plan.acts_at(hook) || print_program(plan, hook, table);
        });
  }

 private:
  // Of any container it has no code: what a container decides is open in it.
  emit::TaskTable task_table(const Plan& plan, const Facts& facts) const {
    if (facts.complete) return emit::make_task_table(plan, policy_.lists);
    Plan bits;
    bits.bits = plan.bits;
    return emit::make_task_table(bits, policy_.lists);
  }

  void print_rules(std::string_view where,
                   const std::vector<KernelRule>& rules) const {
    for (const KernelRule& rule : rules) {
      std::cout << "  at " << where << " '" << policy_.rules[rule.rule].name
                << "': "
                << (rule.deny        ? "deny"
                    : rule.candidate ? "ask the service"
                                     : "report")
                << " when " << to_string(rule.condition, list_names_) << "\n";
    }
  }

  void print_list(std::uint32_t index) const {
    const List& list = policy_.lists[index];
    std::cout << "\nlist '" << list.name << "', " << list.items.size()
              << " items\n";
    for (const std::uint32_t included : list.includes) {
      std::cout << "  includes '" << policy_.lists[included].name << "'\n";
    }
    for (const std::string& item : list.items) {
      std::cout << "  " << item << "\n";
    }
  }

  void print_rule(const Rule& rule) const {
    std::cout << "\nrule '" << rule.name << "', " << to_string(rule.priority)
              << (rule.enabled ? "" : ", disabled") << "\n";
    if (!rule.tags.empty()) std::cout << "  tags " << joined(rule.tags) << "\n";
    std::cout << "  condition " << to_string(rule.condition, list_names_)
              << "\n  output " << rule.output << "\n";
  }

  void print_part(const Policy& policy) const {
    std::cout << "\npolicy '" << policy.name << "', " << to_string(policy.mode)
              << (policy.block ? ", block" : "")
              << (policy.capture ? ", capture" : "") << ", response "
              << to_string(policy.response);
    if (policy.on_loss != Response::kNone) {
      std::cout << ", on loss " << to_string(policy.on_loss);
    }
    std::cout << "\n";
    if (policy.scope) {
      std::cout << "  scope " << to_string(*policy.scope, list_names_) << "\n";
    }
    for (const std::uint32_t rule : policy.rules) {
      std::cout << "  rule '" << policy_.rules[rule].name << "'\n";
    }
    if (policy.notify) {
      std::cout << "  notify "
                << (policy.notify->empty() ? "nobody" : joined(*policy.notify))
                << "\n";
    }
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
      text += (text.empty() ? "" : ", ") + word;
    }
    return text;
  }

  bool print_program(const Plan& plan, HookPoint hook,
                     const emit::TaskTable& table) const {
    const emit::Flavour flavour = emit::flavour_of(hook);
    const auto program = emit::emit_program(
        plan.rules_at(hook), policy_.lists, flavour, policy_id_, &table,
        {.id = emit::frames_id(plan, policy_.lists, policy_id_)});
    if (!program) {
      std::cerr << "bailiff: program '" << to_string(flavour)
                << "': " << program.error().message << "\n";
      return false;
    }
    std::cout << "\nprogram " << to_string(flavour) << " "
              << program->digest().hex() << "\n"
              << emit::disassemble(*program);
    return true;
  }

  const CompiledPolicy& policy_;
  std::uint64_t policy_id_;
  std::vector<std::string> list_names_;
};

int run_dump(const DumpOptions& options) {
  const Result<Facts> facts = cli::parse_container(options.container);
  if (!facts) throw CLI::ValidationError(facts.error().message);

  const auto bytes = cli::read_file(options.file, BAILIFF_MAX_POLICY_BYTES);
  if (!bytes) {
    std::cerr << "bailiff: " << bytes.error().message << "\n";
    return 1;
  }
  const Result<CompiledPolicy> policy = decode(*bytes);
  if (!policy) {
    std::cerr << "bailiff: " << options.file << ": " << policy.error().message
              << "\n";
    return 1;
  }
  std::cout << "compiled policy " << policy_digest(*bytes).hex()
            << "\non failure "
            << (policy->on_failure == OnError::kDeny ? "deny" : "allow")
            << "\n";
  for (const std::string& pattern : policy->exempt) {
    std::cout << "exempt " << pattern << "\n";
  }
  Dump dump(*policy, conditions_digest(*bytes).short_id());
  dump.print_policy();
  return dump.print_programs(*facts) ? 0 : 1;
}

}  // namespace

void add_dump(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "dump", "Print a compiled policy, and the programs made of it");
  // Shared by the parser, which fills it, and the callback.
  auto options = std::make_shared<DumpOptions>();
  command->add_option("OUT", options->file, "what compile wrote")->required();
  command
      ->add_option("--container", options->container,
                   "what is known of the container, as "
                   "container.image.repository=shop/cart; what is not said "
                   "it has not")
      ->type_name("FIELD=VALUE");
  command->callback([options, &exit_code] { exit_code = run_dump(*options); });
}

}  // namespace bailiff
