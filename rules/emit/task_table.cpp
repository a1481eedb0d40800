// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/task_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <variant>

#include "rules/abi/event.h"
#include "rules/abi/task.h"
#include "rules/base/digest.h"
#include "rules/lower/connect.h"
#include "rules/lower/fold.h"
#include "rules/lower/observed.h"

namespace bailiff::emit {
namespace {

std::string ascii_lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bailiff_task_operator operator_of(Op op) {
  switch (op) {
    case Op::kStartswith:
      return BAILIFF_TASK_STARTS;
    case Op::kEndswith:
      return BAILIFF_TASK_ENDS;
    case Op::kContains:
      return BAILIFF_TASK_CONTAINS;
    case Op::kIcontains:
      return BAILIFF_TASK_ICONTAINS;
    case Op::kLt:
    case Op::kLe:
      return BAILIFF_TASK_LESS;
    case Op::kGt:
    case Op::kGe:
      return BAILIFF_TASK_GREATER;
    case Op::kEq:
    case Op::kIn:
    case Op::kIntersects:
      return BAILIFF_TASK_EQUAL;
    case Op::kNe:
      return BAILIFF_TASK_UNEQUAL;
    case Op::kExists:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
    case Op::kBcontains:
    case Op::kBstartswith:
      assert(false && "not one of exec_check()");
      break;
  }
  return BAILIFF_TASK_EQUAL;
}

// Adds the tests of one check, which is bit `bit`.
void add_tests(const Check& check, std::uint16_t bit,
               const std::vector<List>& lists,
               std::vector<bailiff_task_test>& tests) {
  const std::optional<TaskCheck> as_bit = exec_check(check, lists);
  assert(as_bit);
  for (const Value& operand : inline_operands(check, lists)) {
    bailiff_task_test test{};
    test.check = bit;
    test.subject = static_cast<std::uint8_t>(as_bit->subject);
    test.op = static_cast<std::uint8_t>(operator_of(check.op));
    if (const auto* text = std::get_if<std::string>(&operand)) {
      if (as_bit->subject == BAILIFF_TASK_CALL) {
        const std::optional<bailiff_call> call = observed_call(*text);
        if (!call) continue;
        test.number = *call;
      } else {
        const std::string bytes =
            check.op == Op::kIcontains ? ascii_lower(*text) : *text;
        test.bytes = static_cast<std::uint32_t>(bytes.size());
        std::memcpy(test.text, bytes.data(), bytes.size());
      }
    } else if (const auto* number = std::get_if<std::int64_t>(&operand)) {
      test.number = *number;
    } else if (const auto* truth = std::get_if<bool>(&operand)) {
      test.number = *truth ? 1 : 0;
    }
    tests.push_back(test);
    if (check.op == Op::kLe || check.op == Op::kGe) {
      test.op = BAILIFF_TASK_EQUAL;
      tests.push_back(test);
    }
  }
}

// The code of one condition.
class Coder {
 public:
  Coder(const std::vector<Check>& checks, const std::vector<List>& lists,
        std::vector<std::uint32_t>& code)
      : checks_(checks), lists_(lists), code_(code) {}

  void end(const KernelRule& rule) {
    std::uint32_t what = rule.rule & BAILIFF_TASK_RULE_MASK;
    if (rule.deny) what |= BAILIFF_TASK_RULE_KILLS;
    if (of_parent_) what |= BAILIFF_TASK_RULE_PARENT;
    append(BAILIFF_TASK_CODE_RULE, what);
  }

  void operator()(const Constant& constant) {
    append(BAILIFF_TASK_CODE_CONSTANT, constant.value ? 1 : 0);
  }
  void operator()(const Not& node) {
    std::visit(*this, node.operand->node);
    append(BAILIFF_TASK_CODE_NOT, 0);
  }
  void operator()(const And& node) {
    operands(node.operands, BAILIFF_TASK_CODE_AND);
  }
  void operator()(const Or& node) {
    operands(node.operands, BAILIFF_TASK_CODE_OR);
  }
  void operator()(const TermCheck&) {
    assert(false && "not decided by the kernel");
  }
  void operator()(const Check& check) {
    const std::optional<TaskCheck> as_bit = exec_check(check, lists_);
    assert(as_bit);
    if (check.op == Op::kExists) {
      append(BAILIFF_TASK_CODE_CONSTANT, 1);
      return;
    }
    const auto found = std::find(checks_.begin(), checks_.end(), as_bit->bit);
    assert(found != checks_.end());
    append(code_of(as_bit->whose),
           as_bit->level << BAILIFF_TASK_LEVEL_SHIFT |
               static_cast<std::uint32_t>(found - checks_.begin()));
    if (as_bit->negated) append(BAILIFF_TASK_CODE_NOT, 0);
    if (as_bit->negated && as_bit->whose == Whose::kLevel) {
      append(BAILIFF_TASK_CODE_DEEP, as_bit->level);
      append(BAILIFF_TASK_CODE_AND, 0);
    }
    if (as_bit->whose == Whose::kParent &&
        as_bit->subject != BAILIFF_TASK_NAME) {
      of_parent_ = true;
    }
  }

 private:
  static bailiff_task_code code_of(Whose whose) {
    switch (whose) {
      case Whose::kOwn:
        return BAILIFF_TASK_CODE_OWN;
      case Whose::kParent:
        return BAILIFF_TASK_CODE_PARENT;
      case Whose::kAbove:
        return BAILIFF_TASK_CODE_ABOVE;
      case Whose::kLevel:
        return BAILIFF_TASK_CODE_LEVEL;
    }
    return BAILIFF_TASK_CODE_OWN;
  }

  void operands(const std::vector<Expr>& all, bailiff_task_code joined) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::visit(*this, all[i].node);
      if (i > 0) append(joined, 0);
    }
  }

  void append(bailiff_task_code code, std::uint32_t what) {
    code_.push_back(
        static_cast<std::uint32_t>(code) << BAILIFF_TASK_CODE_SHIFT | what);
  }

  const std::vector<Check>& checks_;
  const std::vector<List>& lists_;
  std::vector<std::uint32_t>& code_;
  bool of_parent_ = false;
};

template <typename T>
void add_pages(const std::vector<T>& items, std::vector<std::string>& pages) {
  constexpr std::size_t kEach = BAILIFF_TASK_PAGE_BYTES / sizeof(T);
  for (std::size_t i = 0; i < items.size(); i += kEach) {
    std::string page(BAILIFF_TASK_PAGE_BYTES, '\0');
    std::memcpy(page.data(), &items[i],
                std::min(kEach, items.size() - i) * sizeof(T));
    pages.push_back(std::move(page));
  }
}

int offset_of(const TaskCheck& check) {
  switch (check.whose) {
    case Whose::kOwn:
      return offsetof(bailiff_task, own);
    case Whose::kParent:
      return offsetof(bailiff_task, parent);
    case Whose::kAbove:
      return offsetof(bailiff_task, above);
    case Whose::kLevel:
      return static_cast<int>(offsetof(bailiff_task, levels) +
                              sizeof(std::uint64_t) * (check.level - 1));
  }
  return 0;
}

}  // namespace

TaskTable make_task_table(const Plan& plan, const std::vector<List>& lists) {
  TaskTable table;
  if (plan.bits.empty() && plan.exec.empty()) return table;
  table.checks = plan.bits;
  std::vector<bailiff_task_test> tests;
  for (std::size_t i = 0; i < table.checks.size(); ++i) {
    add_tests(table.checks[i], static_cast<std::uint16_t>(i), lists, tests);
  }
  std::stable_sort(tests.begin(), tests.end(),
                   [](const bailiff_task_test& a, const bailiff_task_test& b) {
                     return a.subject < b.subject;
                   });
  for (const bailiff_task_test& test : tests) {
    if (test.subject == BAILIFF_TASK_NAME) ++table.name_tests;
    table.subjects |= 1U << test.subject;
  }
  std::vector<std::uint32_t> code;
  for (const KernelRule& rule : plan.exec) {
    Coder coder(table.checks, lists, code);
    std::visit(coder, rule.condition.node);
    coder.end(rule);
  }
  table.tests = static_cast<std::uint32_t>(tests.size());
  table.code = static_cast<std::uint32_t>(code.size());
  add_pages(tests, table.pages);
  add_pages(code, table.pages);
  std::string all =
      std::to_string(table.tests) + ' ' + std::to_string(table.checks.size());
  for (const std::string& page : table.pages) all += page;
  table.id = digest_of(all).short_id();
  return table;
}

void load_task(const Target& target) {
  Writer& code = target.code;
  static_assert(BAILIFF_EVENT_CANDIDATE == 1);
  const Label unknown = code.new_label();
  const Label kept = code.new_label();
  target.flavour.load_number(code, Number::kPid, kR1);
  code.append(store(Size::k32, kFrame, kPageSlot, kR1));
  code.load_map(kR1, {.kind = MapKind::kTasks, .list = {}});
  code.frame_address(kR2, kPageSlot);
  code.append(call(BPF_FUNC_map_lookup_elem));
  code.jump(jump_if(Comparison::kEq, kR0, 0), unknown);
  // It may be of another table: the process was in another container before.
  code.append(load(Size::k64, kR1, kR0, offsetof(bailiff_task, table)));
  code.load_constant(kR2, target.tasks->id);
  code.jump(jump_if(Comparison::kNe, kR1, kR2), unknown);
  // Always 0, and no constant to the verifier: to it, what follows the rules
  // is then the same with and without bits.
  code.append(load(Size::k32, kR1, kR0, offsetof(bailiff_task, reserved)));
  code.append(store(Size::k64, kFrame, kTaskSlot, kR0));
  code.append(store(Size::k64, kFrame, kTaskUnknownSlot, kR1));
  code.go(kept);
  code.bind(unknown);
  code.append(store(Size::k64, kFrame, kTaskSlot, 0));
  code.append(store(Size::k64, kFrame, kTaskUnknownSlot, 1));
  code.bind(kept);
}

void branch_task_unknown(Writer& code, Label unknown) {
  code.append(load(Size::k64, kR1, kFrame, kTaskSlot));
  code.jump(jump_if(Comparison::kEq, kR1, 0), unknown);
}

void emit_task_check(const Target& target, const TaskCheck& check,
                     const Exits& exits) {
  Writer& code = target.code;
  const std::vector<Check>& checks = target.tasks->checks;
  const auto found = std::find(checks.begin(), checks.end(), check.bit);
  assert(found != checks.end());
  const auto bit = static_cast<int>(found - checks.begin());
  assert(check.whose != Whose::kLevel || bit < BAILIFF_MAX_TASK_LEVEL_CHECKS);
  code.append(load(Size::k64, kR1, kFrame, kTaskSlot));
  if (check.whose == Whose::kLevel && check.negated) {
    // Of an ancestor there is none of, nothing holds.
    code.append(load(Size::k32, kR2, kR1, offsetof(bailiff_task, level_count)));
    code.jump(
        jump_if(Comparison::kLt, kR2, static_cast<std::int32_t>(check.level)),
        exits.if_false);
  }
  code.append(load(Size::k8, kR1, kR1, offset_of(check) + bit / 8));
  code.append(alu(BPF_AND, kR1, 1 << bit % 8));
  code.branch(jump_if(Comparison::kEq, kR1, 0),
              check.negated ? exits.if_true : exits.if_false,
              check.negated ? exits.if_false : exits.if_true, exits.next);
}

bool needs_task(const Expr& expr, const Target& target) {
  if (target.tasks == nullptr) return false;
  const std::vector<Leaf> leaves = leaves_of(expr);
  return std::any_of(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
    return leaf.check != nullptr && task_check(*leaf.check, target.lists);
  });
}

}  // namespace bailiff::emit
