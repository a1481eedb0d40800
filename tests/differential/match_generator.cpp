// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/match_generator.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "rules/fields/event_type.h"
#include "rules/fields/reference.h"
#include "rules/types/compare.h"
#include "tests/differential/generator.h"

namespace bailiff::test {
namespace {

// The lists of every policy, by what their items are.
constexpr FieldType kListTypes[] = {
    FieldType::kString,  FieldType::kString,  FieldType::kString,
    FieldType::kNumber,  FieldType::kNumber,  FieldType::kAddress,
    FieldType::kAddress, FieldType::kNetwork, FieldType::kNetwork,
};
constexpr int kDepth = 4;

const std::vector<std::string> kTexts = {"",
                                         "a",
                                         "A",
                                         "ab",
                                         "nc",
                                         "NC",
                                         "ncat",
                                         "bash",
                                         "docker-entrypoi",
                                         "docker-entrypoint.sh",
                                         "/",
                                         "/etc",
                                         "/etc/",
                                         "/etc/passwd",
                                         "/etc/pam.d/su",
                                         "/srv/u/.ssh/id_rsa",
                                         "//etc//passwd",
                                         "etc/passwd",
                                         "/var/run/docker.sock",
                                         "a b",
                                         "\x80\xff",
                                         "*",
                                         "[a-c]",
                                         "c?t",
                                         "exactly_8",
                                         "exactly8",
                                         "sixteen_bytes_16",
                                         "seventeen_bytes_17",
                                         "-la /tmp",
                                         "aGVsbG8=",
                                         "conn",
                                         "CAP_SYS_ADMIN CAP_NET_RAW"};
const std::vector<std::string> kGlobs = {
    "*",        "?",           "a*",  "*c", "[a-n]*", "[!a]*",         "/etc/*",
    "*/.ssh/*", "/etc/pass?d", "\\*", "[",  "nc",     "/srv/*/.ssh/*", "n[cC]*",
    "*[",       "A?"};
const std::vector<std::string> kRegexes = {
    ".*", "a", "(nc|ncat)", "[a-z]+", "/etc/.*", ".{8}", "("};
const std::vector<std::string> kPaths = {
    "/",       "",       "/etc",      "etc", "/etc/passwd", "/*/passwd",
    "/etc/*",  "/srv/?", "/var/run/", "*",   "/etc/pam.d",  "/srv/u/.ssh",
    "/[a-f]tc"};
const std::vector<std::string> kAddresses = {
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.255",
    "10.1.2.3",
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "128.0.0.0",
    "192.168.1.1",
    "::",
    "::1",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:0:1::1",
    "fe80::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
const std::vector<std::string> kTypes = {
    "connect", "execve", "execveat",  "open",        "openat",
    "openat2", "sendto", "container", "no such type"};

bool takes_transformers(const Field& field) {
  return field.type == FieldType::kString && !field.is_list() &&
         field.allows_transformer();
}

}  // namespace

std::string describe(const MadeEvent& event) {
  std::string text;
  for (const auto& [name, values] : event.values) {
    text += to_string(FieldReference{name.first, name.second}) + "=(";
    for (const Value& value : values) text += to_string(value) + ", ";
    text += ") ";
  }
  return text;
}

std::int64_t MatchGenerator::between(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
}

std::string MatchGenerator::text() { return one_of(kTexts); }

std::int64_t MatchGenerator::number() {
  static const std::vector<std::int64_t> numbers = {
      0,   1,    2,     3,          -1,        53,       80,
      443, 1000, 65535, 4294967295, INT64_MIN, INT64_MAX};
  return chance(90) ? one_of(numbers) : between(-400, 400);
}

IpAddress MatchGenerator::address() {
  IpAddress made = *parse_address(one_of(kAddresses));
  if (chance(10)) made.bytes[3] ^= 1;
  return made;
}

IpNetwork MatchGenerator::network() {
  const IpAddress base = address();
  const std::int64_t bits = base.family == 4 ? 32 : 128;
  const std::int64_t prefix = chance(30) ? bits : between(0, bits);
  return *parse_network(to_string(base) + "/" + std::to_string(prefix));
}

IpEndpoint MatchGenerator::endpoint() {
  static const std::vector<std::uint16_t> ports = {53, 80, 443, 65535};
  return {.address = address(), .port = one_of(ports)};
}

Value MatchGenerator::value(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return chance(50);
    case FieldType::kNumber:
      if (chance(5)) return number_value(UINT64_MAX - (chance(50) ? 1U : 0U));
      return number();
    case FieldType::kDouble:
      return static_cast<double>(between(-3, 6)) / 2;
    case FieldType::kAddress:
    case FieldType::kNetwork:
      return address();
    case FieldType::kBytes:
      if (chance(20)) return std::string("a\0b", 3);
      return text();
    case FieldType::kString:
    case FieldType::kDynamic:
      break;
  }
  return text();
}

Value MatchGenerator::operand(FieldType type, Op op) {
  if (op == Op::kGlob || op == Op::kIglob) return one_of(kGlobs);
  if (op == Op::kRegex) return one_of(kRegexes);
  if (op == Op::kPmatch) return one_of(kPaths);
  if (type == FieldType::kNetwork) return network();
  if (type == FieldType::kDouble) return between(-2, 3);
  Value made = value(type);
  const bool search = op == Op::kContains || op == Op::kIcontains ||
                      op == Op::kStartswith || op == Op::kEndswith ||
                      op == Op::kBcontains || op == Op::kBstartswith;
  auto* whole = std::get_if<std::string>(&made);
  if (search && whole != nullptr && !whole->empty()) {
    const auto size = static_cast<std::int64_t>(whole->size());
    const auto begin = static_cast<std::size_t>(between(0, size - 1));
    *whole = whole->substr(begin, static_cast<std::size_t>(between(0, size)));
  }
  return made;
}

List MatchGenerator::list(FieldType type, bool is_long) {
  List made;
  const std::int64_t count = is_long ? between(250, 400) : between(0, 5);
  for (std::int64_t i = 0; i < count; ++i) {
    switch (type) {
      case FieldType::kNumber:
        made.items.push_back(std::to_string(is_long ? i : number()));
        break;
      case FieldType::kAddress:
        made.items.push_back(is_long ? "10.0." + std::to_string(i / 256) + "." +
                                           std::to_string(i % 256)
                                     : to_string(address()));
        if (chance(30)) made.items.back() = to_string(endpoint());
        break;
      case FieldType::kNetwork:
        made.items.push_back(to_string(network()));
        if (chance(30)) made.items.back() = to_string(endpoint());
        break;
      case FieldType::kBool:
      case FieldType::kDouble:
      case FieldType::kString:
      case FieldType::kBytes:
      case FieldType::kDynamic:
        made.items.push_back(chance(90) ? text() : one_of(kPaths));
        if (is_long) made.items.back() += std::to_string(i % 300);
        break;
    }
  }
  return made;
}

std::string MatchGenerator::argument_of(const Field& field) {
  if (field.id == FieldId::kEvtRawarg) {
    static const std::vector<std::string> names = {"fd",  "flags", "name",
                                                   "res", "addr",  "data"};
    return one_of(names);
  }
  if (!field.takes_argument()) return "";
  if (!field.needs_argument() && chance(50)) return "";
  static const std::vector<std::string> arguments = {"0", "1", "2", "key"};
  return one_of(arguments);
}

std::vector<FieldReference> MatchGenerator::some_fields() {
  static const std::vector<FieldType> types = {
      FieldType::kString,  FieldType::kString, FieldType::kString,
      FieldType::kNumber,  FieldType::kBool,   FieldType::kAddress,
      FieldType::kNetwork, FieldType::kBytes,  FieldType::kDouble};
  std::vector<FieldReference> fields = {{FieldId::kEvtType, ""}};
  const std::int64_t count = between(1, 12);
  while (static_cast<std::int64_t>(fields.size()) <= count) {
    const FieldType type = one_of(types);
    std::vector<FieldId> candidates;
    for (const Field& field : all_fields()) {
      if (field.type == type) candidates.push_back(field.id);
    }
    const FieldId id = one_of(candidates);
    fields.push_back({id, argument_of(field(id))});
  }
  // Its type is that of its argument.
  if (chance(30)) {
    fields.push_back(
        {FieldId::kEvtRawarg, argument_of(field(FieldId::kEvtRawarg))});
  }
  // Several values of these come to something else.
  if (chance(30)) fields.push_back({FieldId::kFdIp, ""});
  if (chance(30)) fields.push_back({FieldId::kFdTypes, ""});
  // Addresses may be asked for with their ports.
  for (std::size_t i = fields.size(); i-- > 0;) {
    const auto port = port_beside(fields[i].field);
    if (port && chance(80)) fields.push_back({*port, ""});
  }
  return fields;
}

CompiledPolicy MatchGenerator::policy() {
  CompiledPolicy policy;
  for (const FieldType type : kListTypes) {
    List made = list(type, policy.lists.size() % 2 == 1);
    made.name = "list_" + std::to_string(policy.lists.size());
    policy.lists.push_back(std::move(made));
  }
  policy.lists[2].includes = {0, 1};
  policy.lists[4].includes = {3};
  policy.lists[8].includes = {7};
  fields_ = some_fields();
  const std::int64_t count = between(1, 40);
  for (std::int64_t i = 0; i < count; ++i) {
    Rule rule;
    rule.name = "rule " + std::to_string(i);
    rule.condition = condition(kDepth);
    // Most rules begin with what they are about.
    if (chance(50)) {
      Check type;
      type.op = chance(50) ? Op::kEq : Op::kIn;
      type.values = {one_of(kTypes)};
      rule.condition = {And{{{std::move(type)}, std::move(rule.condition)}}};
    }
    rule.enabled = chance(90);
    policy.rules.push_back(std::move(rule));
    // Rules have parts in common.
    if (chance(20)) policy.rules.push_back(policy.rules.front());
  }
  return policy;
}

Expr MatchGenerator::condition(int depth) {
  const std::int64_t kind = depth > 0 ? between(0, 9) : 0;
  if (kind < 3) {
    if (chance(2)) return {Constant{chance(50)}};
    return chance(5) ? term_check() : check();
  }
  if (kind < 5) return {Not{condition(depth - 1)}};
  std::vector<Expr> operands;
  const std::int64_t count = between(1, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    operands.push_back(condition(depth - 1));
  }
  if (kind < 8) return {And{std::move(operands)}};
  return {Or{std::move(operands)}};
}

template <typename AnyCheck>
void MatchGenerator::add_operands(FieldType type, AnyCheck& check) {
  cells_.insert({type, check.op, check.quantifier});
  if (check.op == Op::kExists) return;
  if (!takes_many(check.op, check.quantifier)) {
    check.values = {operand(type, check.op)};
    return;
  }
  const std::int64_t count = between(0, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    check.values.push_back(operand(type, check.op));
  }
  if constexpr (std::is_same_v<AnyCheck, Check>) {
    const bool with_port =
        takes_endpoints(check.field, check.op, check.quantifier);
    if (with_port && chance(30)) check.values.push_back(endpoint());
  }
  const std::int64_t lists = between(0, 2);
  for (std::int64_t i = 0; i < lists; ++i) {
    check.lists.push_back(static_cast<std::uint32_t>(
        between(0, static_cast<std::int64_t>(std::size(kListTypes)) - 1)));
  }
}

Op MatchGenerator::operator_of(FieldType type) {
  static const std::vector<Op> operators = all_operators();
  for (;;) {
    const Op op = one_of(operators);
    // evaluate() compiles the expression each time.
    if (op == Op::kRegex && chance(80)) continue;
    if (has_operator(type, op)) return op;
  }
}

Expr MatchGenerator::check() {
  Check made;
  const FieldReference& field = one_of(fields_);
  made.field = field.field;
  made.argument = field.argument;
  const FieldType type = field_type_of(value_type(made.field, made.argument));
  made.op = operator_of(type);
  if (made.op != Op::kExists && chance(20)) {
    static const std::vector<Quantifier> quantifiers = {
        Quantifier::kOneof, Quantifier::kAnyof, Quantifier::kAllof};
    made.quantifier = one_of(quantifiers);
  }
  add_operands(type, made);
  return {std::move(made)};
}

FieldReference MatchGenerator::text_field() {
  for (int i = 0; i < 5; ++i) {
    const FieldReference& found = one_of(fields_);
    if (takes_transformers(field(found.field))) return found;
  }
  return {FieldId::kProcName, ""};
}

Term MatchGenerator::text_term(int depth) {
  if (depth == 0 || chance(20)) return {text_field()};
  static const std::vector<Transform> simple = {
      Transform::kTolower, Transform::kToupper, Transform::kB64,
      Transform::kBasename};
  CallTerm call;
  if (chance(70)) {
    call.transform = one_of(simple);
    call.arguments = {text_term(depth - 1)};
  } else if (chance(50)) {
    call.transform = Transform::kConcat;
    call.arguments = {text_term(depth - 1), {text()}};
  } else {
    call.transform = Transform::kJoin;
    call.arguments = {{text()},
                      {ListTerm{{text_term(depth - 1), {text_field()}}}}};
  }
  return {std::move(call)};
}

Expr MatchGenerator::term_check() {
  TermCheck made;
  made.left = text_term(2);
  const bool length = chance(10);
  if (length) {
    made.left = {CallTerm{.transform = Transform::kLen,
                          .arguments = {std::move(made.left)}}};
  }
  const FieldType type = length ? FieldType::kNumber : FieldType::kString;
  made.op = operator_of(type);
  if (!length && made.op != Op::kExists && chance(30)) {
    made.right = {text_term(1)};
  } else {
    add_operands(type, made);
  }
  return {std::move(made)};
}

MadeEvent MatchGenerator::event() {
  MadeEvent event;
  for (const FieldReference& field : fields_) {
    const FieldType type =
        field_type_of(value_type(field.field, field.argument));
    std::vector<Value>& values = event.values[{field.field, field.argument}];
    std::int64_t count = 1;
    if (chance(20)) count = between(0, 4);
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(value(type));
      if (chance(5)) values.back() = Null{};
      // Of a type no operand has.
      if (chance(2)) values.back() = chance(50) ? Value(true) : Value(1.5);
    }
  }
  if (chance(95)) event.values[{FieldId::kEvtType, ""}] = {one_of(kTypes)};
  event.values.try_emplace({FieldId::kProcName, ""},
                           std::vector<Value>{text()});
  return event;
}

}  // namespace bailiff::test
