// SPDX-License-Identifier: Apache-2.0
#include "rules/policy/load.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "rules/abi/limits.h"
#include "rules/base/codes.h"
#include "rules/document/policy_file.h"
#include "rules/document/rule_file.h"
#include "rules/document/yaml.h"
#include "rules/policy/policies.h"
#include "rules/resolve/definitions.h"
#include "rules/resolve/exceptions.h"
#include "rules/resolve/lists.h"
#include "rules/resolve/macros.h"
#include "rules/resolve/paste_lists.h"
#include "rules/types/check.h"
#include "rules/types/event_set.h"
#include "rules/types/output_template.h"

namespace bailiff {
namespace {

static_assert(kMaxConditionDepth <= kMaxExprDepth,
              "what loads must be encodable");

// Falco warns of rules that have to look at more kinds of event than this.
constexpr std::size_t kManyEventTypes = 100;

class Loader {
 public:
  explicit Loader(LoadInput input)
      : on_failure_(input.on_failure),
        exempt_(std::move(input.exempt)),
        append_output_(std::move(input.append_output)),
        most_items_(input.most_items) {
    // As the tags of rules are.
    for (AppendOutput& append : append_output_) {
      std::sort(append.tags.begin(), append.tags.end());
    }
    for (NamedText& file : input.files) {
      loaded_.sources.add(std::move(file.name), std::move(file.text));
    }
  }

  Loaded load() && {
    check_append_output();
    read_files();
    Definitions definitions = merge(std::move(items_), diagnostics());
    if (!bound_items(definitions.lists)) return std::move(loaded_);
    ResolvedLists resolved = resolve_lists(definitions.lists, diagnostics());
    const std::vector<ListDefinition>& lists = resolved.definitions;
    ListPaster paster(definitions.lists, resolved, diagnostics());
    paste_into_macros(definitions, paster);
    Macros macros(definitions, diagnostics());
    Checker checker(lists, diagnostics());

    CompiledPolicy compiled;
    compiled.on_failure = on_failure_;
    compiled.exempt = std::move(exempt_);
    for (const std::string& broken : definitions.broken) {
      if (broken.starts_with("rule ")) left_out_.insert(broken.substr(5));
    }
    for (const RawRule& rule : definitions.rules) {
      std::optional<Rule> done =
          compiled_rule(rule, paster, macros, checker, lists);
      if (done) {
        compiled.rules.push_back(*std::move(done));
      } else {
        left_out_.insert(rule.name.text);
      }
    }
    bound_rules(compiled, definitions);
    compile_policies(compiled, paster, macros, checker);
    warn_of_unused(definitions, paster.used(), macros);
    loaded_.pasted_lists = paster.pasted();
    if (diagnostics().has_errors()) return std::move(loaded_);
    // A list of a million items is held no more often than it must be.
    definitions.lists.clear();
    for (ListDefinition& list : resolved.definitions) {
      compiled.lists.push_back(compiled_list(std::exchange(list, {})));
    }
    loaded_.policy = std::move(compiled);
    return std::move(loaded_);
  }

 private:
  Diagnostics& diagnostics() { return loaded_.diagnostics; }

  void report(Severity severity, const char* code, Span span,
              std::string message, std::string hint, std::string item_type,
              std::string item_name) {
    diagnostics().add({.severity = severity,
                       .code = code,
                       .message = std::move(message),
                       .span = span,
                       .hint = std::move(hint),
                       .item_type = std::move(item_type),
                       .item_name = std::move(item_name)});
  }

  void read_files() {
    for (std::uint32_t i = 0; i < loaded_.sources.size(); ++i) {
      const std::optional<yaml::Stream> stream =
          yaml::parse(loaded_.sources[i].text(), i, diagnostics());
      if (!stream) continue;
      if (is_policy_file(*stream)) {
        append(policies_, read_policy_file(*stream, diagnostics()));
      } else {
        append(items_, read_rule_file(*stream, diagnostics()));
      }
    }
  }

  // A macro that cannot be pasted is left out; it is no second mistake to use
  // it.
  static void paste_into_macros(Definitions& definitions, ListPaster& paster) {
    std::erase_if(definitions.macros, [&](RawMacro& macro) {
      const syntax::Owner owner = {.type = "macro", .name = macro.name.text};
      std::optional<LocatedText> pasted = paster.paste(macro.condition, owner);
      if (!pasted) {
        definitions.broken.insert("macro " + macro.name.text);
        return true;
      }
      macro.condition = *std::move(pasted);
      return false;
    });
  }

  template <typename T>
  static void append(std::vector<T>& all, std::vector<T> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  }

  static List compiled_list(const ListDefinition& definition) {
    List list;
    list.name = definition.name.text;
    list.includes = definition.includes;
    list.items.reserve(definition.items.size());
    for (std::size_t i = 0; i < definition.items.size(); ++i) {
      list.items.emplace_back(definition.items.text(i));
    }
    return list;
  }

  // nullopt: the rule is left out, after a diagnostic.
  std::optional<Rule> compiled_rule(const RawRule& raw, ListPaster& paster,
                                    Macros& macros, Checker& checker,
                                    const std::vector<ListDefinition>& lists) {
    const syntax::Owner owner = {.type = "rule", .name = raw.name.text};
    if (raw.source && raw.source->text != kSyscallSource) {
      report(Severity::kWarning, codes::kWarnUnknownSource, raw.source->span,
             "unknown source '" + raw.source->text + "', the rule is left out",
             "the only source is syscall", owner.type, owner.name);
      return std::nullopt;
    }
    const std::size_t errors_before = diagnostics().error_count();
    Rule rule;
    rule.name = raw.name.text;
    rule.description = raw.description.trimmed().text();
    rule.source = kSyscallSource;
    rule.enabled = raw.enabled;
    for (PlacedText tag : raw.tags) rule.tags.push_back(std::move(tag.text));
    std::sort(rule.tags.begin(), rule.tags.end());
    rule.tags.erase(std::unique(rule.tags.begin(), rule.tags.end()),
                    rule.tags.end());
    rule.priority = raw.priority;
    rule.output = raw.output.trimmed().text();
    const bool known_output = check_output(raw, owner);
    append_to_output(rule);

    if (raw.broken && raw.condition.empty()) return std::nullopt;
    const std::optional<LocatedText> condition =
        with_exceptions(raw, diagnostics());
    if (!condition) return std::nullopt;
    const std::optional<syntax::Node> node =
        parse(*condition, owner, paster, macros);
    if (!node) return std::nullopt;
    Checker::Outcome outcome =
        checker.check(*node, owner, raw.skip_if_unknown_filter);
    if (!outcome.forgiven.empty()) {
      report(Severity::kWarning, codes::kWarnUnknownFilter, raw.name.span,
             outcome.forgiven + ", the rule is left out", {}, owner.type,
             owner.name);
      return std::nullopt;
    }
    if (!outcome.expr || !known_output) return std::nullopt;
    rule.condition = *std::move(outcome.expr);
    if (raw.warn_evttypes &&
        count(possible_events(rule.condition, items_of(lists))) >
            kManyEventTypes) {
      report(Severity::kWarning, codes::kWarnNoEvttype, raw.condition.span(),
             "rule matches too many kinds of event: every event is judged by "
             "it",
             "compare evt.type in the condition", owner.type, owner.name);
    }
    if (raw.broken || diagnostics().error_count() != errors_before) {
      return std::nullopt;
    }
    return rule;
  }

  static ListItems items_of(const std::vector<ListDefinition>& lists) {
    return [&lists](std::uint32_t list) {
      std::vector<std::string> items;
      std::vector<std::uint32_t> pending = {list};
      std::unordered_set<std::uint32_t> visited;
      while (!pending.empty()) {
        const ListDefinition& current = lists[pending.back()];
        const bool first = visited.insert(pending.back()).second;
        pending.pop_back();
        if (!first) continue;
        for (const PlacedText& item : current.items) items.push_back(item.text);
        pending.insert(pending.end(), current.includes.begin(),
                       current.includes.end());
      }
      return items;
    };
  }

  void check_append_output() {
    const auto check = [this](const std::string& output) {
      for (const OutputError& error : parse_output_all(output).errors) {
        report(Severity::kError, codes::kCompileOutput, Span{},
               error.message + " '" + output + "' of 'append_output'",
               error.hint, {}, {});
      }
    };
    for (const AppendOutput& append : append_output_) {
      check(append.extra_output);
      for (const ExtraField& extra : append.extra_fields) check(extra.output);
    }
  }

  void append_to_output(Rule& rule) const {
    const auto add = [&rule](std::string_view output) {
      if (output.empty()) return;
      if (!rule.output.empty()) rule.output += ' ';
      rule.output += output;
    };
    for (const AppendOutput& append : append_output_) {
      const bool other_source =
          !append.source.empty() && append.source != rule.source;
      const bool other_rule = !append.rule.empty() && append.rule != rule.name;
      const bool tagged = std::includes(rule.tags.begin(), rule.tags.end(),
                                        append.tags.begin(), append.tags.end());
      if (other_source || other_rule || !tagged) continue;
      add(append.extra_output);
      if (append.suggested_output) add(kSuggestedOutput);
      rule.extra_fields.insert(rule.extra_fields.end(),
                               append.extra_fields.begin(),
                               append.extra_fields.end());
    }
  }

  static std::optional<syntax::Node> parse(const LocatedText& condition,
                                           const syntax::Owner& owner,
                                           ListPaster& paster, Macros& macros) {
    const std::optional<LocatedText> pasted = paster.paste(condition, owner);
    if (!pasted) return std::nullopt;
    return macros.parse(*pasted, owner);
  }

  // Whether the output is a good template, or one to forgive.
  bool check_output(const RawRule& raw, const syntax::Owner& owner) {
    const LocatedText output = raw.output.trimmed();
    const ParsedOutput parsed = parse_output_all(output.text());
    for (const OutputError& error : parsed.errors) {
      const bool forgive = raw.skip_if_unknown_filter;
      report(forgive ? Severity::kWarning : Severity::kError,
             forgive ? codes::kWarnUnknownFilter : codes::kCompileOutput,
             output.span(error.begin, error.end),
             error.message + (forgive ? ", the rule is left out" : ""),
             error.hint, owner.type, owner.name);
    }
    for (const OutputToken& token : parsed.output.tokens) {
      for (const NamedField& named : token.fields) {
        const Field& known = field(named.field.field);
        const bool warned = known.id == FieldId::kContainerInfo ||
                            known.cls == FieldClass::kSyscall;
        if (!known.deprecated() || !warned) continue;
        const std::size_t at = output.text().find(named.name);
        report(Severity::kWarning, codes::kWarnDeprecatedItem,
               output.span(at, at + named.name.size()),
               "output field '%" + named.name + "' is deprecated",
               "leave it out", owner.type, owner.name);
      }
    }
    return parsed.errors.empty();
  }

  // What would not fit is told before it is tried.
  bool bound_items(const std::vector<RawList>& lists) {
    std::size_t left = most_items_;
    for (const RawList& list : lists) {
      const PlacedTexts& items = list.items;
      if (items.size() <= left) {
        left -= items.size();
        continue;
      }
      report(Severity::kError, codes::kValidate, items.span(left),
             "not enough memory for the lists: there is room for " +
                 std::to_string(most_items_) + " items, and '" +
                 std::string(items.text(left)) + "' is one more",
             "raise the memory limit of the service, or shorten the lists",
             "list", list.name.text);
      return false;
    }
    return true;
  }

  void bound_rules(const CompiledPolicy& compiled,
                   const Definitions& definitions) {
    if (compiled.rules.size() <= BAILIFF_MAX_RULES) return;
    report(Severity::kError, codes::kValidate,
           definitions.rules[BAILIFF_MAX_RULES].name.span,
           "more than " + std::to_string(BAILIFF_MAX_RULES) + " rules", {},
           "rule", definitions.rules[BAILIFF_MAX_RULES].name.text);
  }

  void compile_policies(CompiledPolicy& compiled, ListPaster& paster,
                        Macros& macros, Checker& checker) {
    std::set<std::string_view> names;
    const RuleChoice choice = {.rules = compiled.rules, .left_out = left_out_};
    for (const PolicyItem& item : policies_) {
      if (!names.insert(item.name.text).second) {
        report(Severity::kError, codes::kValidate, item.name.span,
               "two policies are named '" + item.name.text + "'", {}, "policy",
               item.name.text);
      }
      Policy policy;
      policy.name = item.name.text;
      policy.rules = select_rules(item, choice, diagnostics());
      policy.mode = item.monitor ? Mode::kMonitor : Mode::kEnforce;
      policy.block = item.block;
      policy.capture = item.capture;
      policy.response = item.response;
      policy.on_loss = item.on_loss;
      policy.terms = item.terms;
      if (item.notify) {
        policy.notify.emplace();
        for (const PlacedText& sink : *item.notify) {
          policy.notify->push_back(sink.text);
        }
      }
      if (item.scope) policy.scope = scope(item, paster, macros, checker);
      compiled.policies.push_back(std::move(policy));
      loaded_.policy_names.push_back(item.name.span);
    }
  }

  std::optional<Expr> scope(const PolicyItem& item, ListPaster& paster,
                            Macros& macros, Checker& checker) {
    const syntax::Owner owner = {.type = "policy", .name = item.name.text};
    const std::optional<syntax::Node> node =
        parse(*item.scope, owner, paster, macros);
    if (!node) return std::nullopt;
    std::optional<Expr> expr = checker.check(*node, owner).expr;
    if (expr) require_container_fields(*expr, owner);
    return expr;
  }

  // A scope is decided once, when the container is made.
  void require_container_fields(const Expr& expr, const syntax::Owner& owner) {
    struct Visitor {
      Loader& loader;
      const syntax::Owner& owner;

      void operator()(const Constant& /*node*/) const {}
      void operator()(const Check& node) const { leaf(node.field, node.span); }
      void operator()(const TermCheck& node) const {
        for (const FieldReference& term : fields_of(node)) {
          leaf(term.field, node.span);
        }
      }
      void leaf(FieldId id, Span span) const {
        const Field& checked = field(id);
        if ((checked.from & kFromContainer) != 0) return;
        loader.report(
            Severity::kError, codes::kCompileCondition, span,
            "a scope cannot depend on '" + std::string(checked.name) + "'",
            "use fields of container and k8s", owner.type, owner.name);
      }
      void operator()(const Not& node) const {
        loader.require_container_fields(*node.operand, owner);
      }
      void operator()(const And& node) const { all(node.operands); }
      void operator()(const Or& node) const { all(node.operands); }
      void all(const std::vector<Expr>& operands) const {
        for (const Expr& operand : operands) {
          loader.require_container_fields(operand, owner);
        }
      }
    };
    std::visit(Visitor{*this, owner}, expr.node);
  }

  // Behind a mistake nobody can tell what it would have used.
  void warn_of_unused(const Definitions& definitions,
                      const std::vector<bool>& used, const Macros& macros) {
    if (diagnostics().has_errors()) return;
    for (const RawMacro* macro : macros.unused()) {
      report(Severity::kWarning, codes::kWarnUnusedMacro, macro->name.span,
             "macro '" + macro->name.text + "' is not used", {}, "macro",
             macro->name.text);
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      const PlacedText& name = definitions.lists[i].name;
      report(Severity::kWarning, codes::kWarnUnusedList, name.span,
             "list '" + name.text + "' is not used", {}, "list", name.text);
    }
  }

  OnError on_failure_;
  std::vector<std::string> exempt_;
  std::vector<AppendOutput> append_output_;
  std::size_t most_items_;
  Loaded loaded_;
  std::vector<RuleFileItem> items_;
  std::vector<PolicyItem> policies_;
  std::unordered_set<std::string> left_out_;
};

}  // namespace

Loaded load(LoadInput input) { return Loader(std::move(input)).load(); }

}  // namespace bailiff
