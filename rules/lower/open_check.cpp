// SPDX-License-Identifier: Apache-2.0
#include "rules/lower/open_check.h"

#include <algorithm>
#include <cstdint>

#include "rules/fields/reference.h"
#include "rules/lower/connect.h"
#include "rules/lower/inbound.h"
#include "rules/lower/task.h"

namespace bailiff {
namespace {

enum class Why : std::uint8_t {
  kKnown,
  kFromProc,
  kFromService,
  kWhenMade,
  kLocalEnd,
  kEitherEnd,
  kNameOfNumber,
  kOwnNamespace,
  kFromObserver,
};

Why why_of(FieldId id) {
  using enum FieldId;
  switch (id) {
    case kEvtNum:
    case kEvtTime:
      return Why::kFromService;
    case kEvtArgs:
    case kFdNum:
    case kFdName:
      return Why::kWhenMade;
    case kProcPpid:
    case kProcCwd:
    case kProcTty:
    case kUserLoginuid:
      return Why::kFromProc;
    case kUserName:
    case kGroupName:
      return Why::kNameOfNumber;
    // The container is the client of what it connects to.
    case kFdCip:
    case kFdCnet:
    case kFdCport:
    case kFdLip:
    case kFdLnet:
    case kFdLport:
      return Why::kLocalEnd;
    case kFdIp:
    case kFdNet:
    case kFdPort:
      return Why::kEitherEnd;
    case kThreadVtid:
    case kProcVpid:
      return Why::kOwnNamespace;
    default:
      break;
  }
  const std::uint8_t from = field(id).from;
  const bool known = (from & (kFromKernelConnect | kFromContainer)) != 0;
  const bool told = (from & (kFromSidecarConnect | kFromObserved)) != 0;
  return known || !told || kept_as_bit(id) ? Why::kKnown : Why::kFromObserver;
}

std::string in_words(Why why, Judged judged) {
  const std::string it = judged == Judged::kBind      ? "the bind(2)"
                         : judged == Judged::kMessage ? "the message"
                                                      : "the connection";
  const std::string before =
      "before " + it + (judged == Judged::kMessage ? " is sent" : " is made");
  switch (why) {
    case Why::kKnown:
      return "";
    case Why::kFromProc:
      return "is read from /proc after " + it + " was decided";
    case Why::kFromService:
      return "is filled in by the service after " + it + " was decided";
    case Why::kWhenMade:
      return "is not settled " + before;
    case Why::kLocalEnd:
      return "is of the local end, which is not settled " + before;
    case Why::kEitherEnd:
      return "is of the local end too, which is not settled " + before;
    case Why::kNameOfNumber:
      return "is looked up by the service after " + it +
             " was decided: the kernel knows numbers, and 'root' to be 0";
    case Why::kOwnNamespace:
      return "is a number of the process's own pid namespace, which programs "
             "do not know";
    case Why::kFromObserver:
      return "is told by the observer alone, after " + it + " was decided";
  }
  return "";
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

}  // namespace

std::string why_not_in_kernel(FieldId id, Judged judged) {
  return in_words(why_of(id), judged);
}

std::string enumeration(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += in_quotes(names[i]);
  }
  return text;
}

std::string comparison_of(const Check& check) {
  std::string text = to_string(
      FieldReference{.field = check.field, .argument = check.argument});
  if (check.quantifier != Quantifier::kNone) {
    text += " " + std::string(to_string(check.quantifier));
  }
  return text + " " + std::string(to_string(check.op));
}

bool too_long(const Check& check, const std::vector<List>& lists) {
  return takes_many(check.op, check.quantifier) &&
         inline_operands(check, lists).size() > kMaxInlineOperands;
}

bool OpenChecks::knows(const Check& check) const {
  if (check.field == FieldId::kFdLport) return settled_before_bound(check);
  Check exists = check;
  exists.op = Op::kExists;
  exists.quantifier = Quantifier::kNone;
  // Of names it knows those that are compared as a whole.
  return of_host_name(check.field) || decides_(exists);
}

void OpenChecks::add(const std::vector<Leaf>& leaves) {
  for (const Leaf& leaf : leaves) {
    if (leaf.check != nullptr) {
      add(*leaf.check);
      continue;
    }
    for (std::size_t i = 0; i < leaf.fields.size(); ++i) {
      terms_.insert(to_string(FieldReference{.field = leaf.fields[i],
                                             .argument = leaf.arguments[i]}));
    }
  }
}

void OpenChecks::add(const Check& check) {
  if ((field(check.field).from & kFromContainer) != 0) return;
  const bool long_list = too_long(check, lists_);
  if (decides_(check) && !long_list) return;
  const bool as_bit = task_check(check, lists_).has_value();
  if (as_bit && with_bits_) return;

  const auto written = written_.find(check.field);
  const FieldId shown =
      written == written_.end() ? check.field : written->second;
  std::string why;
  if (long_list && (knows(check) || kept_as_bit(check.field))) {
    why = "is compared with " +
          std::to_string(inline_operands(check, lists_).size()) +
          " operands, more than the " + std::to_string(kMaxInlineOperands) +
          " a program holds";
  } else if (as_bit) {
    why =
        "is compared with more than there is room for in the kernel, beside "
        "other rules";
  } else if (has_long_text(check, lists_)) {
    why = "is compared with a text of more than " +
          std::to_string(BAILIFF_MAX_TASK_TEXT) + " bytes";
  } else if (kept_as_bit(check.field) || knows(check)) {
    comparisons_.insert(comparison_of(check));
    return;
  } else {
    why = why_not_in_kernel(shown, judged_);
  }
  const auto found =
      std::find_if(by_reason_.begin(), by_reason_.end(),
                   [&](const auto& entry) { return entry.first == why; });
  const std::string name(field(shown).name);
  if (found == by_reason_.end()) {
    by_reason_.emplace_back(why, std::set{name});
  } else {
    found->second.insert(name);
  }
}

std::vector<std::string> OpenChecks::sentences() const {
  std::vector<std::string> all;
  for (const auto& [why, names] : by_reason_) {
    // "is …"
    const std::string verb =
        names.size() == 1 ? why : "are" + why.substr(why.find(' '));
    all.push_back(enumeration({names.begin(), names.end()}) + " " + verb);
  }
  if (!comparisons_.empty()) {
    all.push_back("the kernel does not decide " +
                  enumeration({comparisons_.begin(), comparisons_.end()}));
  }
  if (!terms_.empty()) {
    all.push_back(
        "comparisons of transformed fields, or of fields with fields, are made "
        "by the service: of " +
        enumeration({terms_.begin(), terms_.end()}));
  }
  return all;
}

}  // namespace bailiff
