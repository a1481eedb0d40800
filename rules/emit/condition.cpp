// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/condition.h"

#include <cassert>
#include <string>

#include "rules/emit/check.h"
#include "rules/emit/task_table.h"
#include "rules/lower/connect.h"

namespace bailiff::emit {
namespace {

class ConditionEmitter {
 public:
  ConditionEmitter(const Target& target, const Exits& exits)
      : target_(target), exits_(exits) {}

  void operator()(const Constant& constant) const {
    target_.code.go(constant.value ? exits_.if_true : exits_.if_false,
                    exits_.next);
  }
  void operator()(const Not& node) const {
    emit_condition(target_, *node.operand,
                   {.if_true = exits_.if_false,
                    .if_false = exits_.if_true,
                    .next = exits_.next});
  }
  void operator()(const And& node) const { emit_operands(node.operands, true); }
  void operator()(const Or& node) const { emit_operands(node.operands, false); }
  void operator()(const Check& check) const { emit_check(check); }
  void operator()(const TermCheck&) const {
    assert(false && "refused by check_rules()");
  }

 private:
  // Goes on to the next operand when one is `neutral`: true for and, false for
  // or.
  void emit_operands(const std::vector<Expr>& operands, bool neutral) const {
    for (std::size_t i = 0; i + 1 < operands.size(); ++i) {
      const Label next = target_.code.new_label();
      emit_condition(target_, operands[i],
                     {.if_true = neutral ? next : exits_.if_true,
                      .if_false = neutral ? exits_.if_false : next,
                      .next = next});
      target_.code.bind(next);
    }
    emit_condition(target_, operands.back(), exits_);
  }

  void emit_check(const Check& check) const {
    if (target_.tasks != nullptr) {
      if (const auto as_bit = task_check(check, target_.lists);
          as_bit && check.op != Op::kExists) {
        emit_task_check(target_, *as_bit, exits_);
        return;
      }
    }
    // Only a field that extracts something gets here.
    if (check.op == Op::kExists) {
      target_.code.go(exits_.if_true, exits_.next);
      return;
    }
    if (const auto value = constant_at_connect(check.field)) {
      emit_constant_check(target_, check, *value, exits_);
      return;
    }
    if (check.field == FieldId::kEvtArg) {
      return emit_socket_check(target_, check, exits_);
    }
    const FieldType type = field(check.field).type;
    if (type == FieldType::kAddress || type == FieldType::kNetwork) {
      emit_address_check(target_, check, exits_);
    } else if (of_host_name(check.field)) {
      emit_name_check(target_, check, exits_);
    } else if (check.field == FieldId::kFdType) {
      emit_family_check(target_, check, "ipv4", "ipv6", exits_);
    } else if (check.field == FieldId::kFdTypechar) {
      emit_family_check(target_, check, "4", "6", exits_);
    } else if (check.field == FieldId::kFdL4proto) {
      emit_l4proto_check(target_, check, exits_);
    } else if (check.field == FieldId::kThreadIsmain) {
      emit_main_thread_check(target_, check, exits_);
    } else if (check.field == FieldId::kProcName) {
      emit_comm_check(target_, check, exits_);
    } else {
      emit_number_check(target_, check, number_of(check.field), exits_);
    }
  }

  static Number number_of(FieldId id) {
    if (id == FieldId::kFdSport || id == FieldId::kFdRport) {
      return Number::kPort;
    }
    if (id == FieldId::kFdLport) return Number::kLocalPort;
    if (id == FieldId::kProcPid) return Number::kPid;
    if (id == FieldId::kThreadTid) return Number::kTid;
    if (id == FieldId::kUserUid) return Number::kUid;
    assert(id == FieldId::kGroupGid);
    return Number::kGid;
  }

  const Target& target_;
  const Exits& exits_;
};

}  // namespace

void emit_condition(const Target& target, const Expr& expr,
                    const Exits& exits) {
  std::visit(ConditionEmitter(target, exits), expr.node);
}

}  // namespace bailiff::emit
