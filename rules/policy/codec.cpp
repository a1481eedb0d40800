// SPDX-License-Identifier: Apache-2.0
// The compiled policy file.  Everything is little-endian; a count or length is
// 4 bytes, an enumerator 1.
//
//   magic "BAILIFF\n" · format version · length of the head ·
//   on_failure · exempt · lists (name, includes) · rules · policies ·
//   for each list its items or, when they are apart, their length and digest ·
//   digest (16 bytes, of all before it), which ends the head ·
//   the items that are apart
//
// Apart are those of lists that only the kernel looks things up in: they may be
// long, and whoever makes a program for a container needs their names alone.
// As the head has their digests, its own digest stands for the whole file.
//
// An expression is its kind and then its parts, depth first.  The reader
// believes nothing: it checks the digest first (truncation, bit rot), and then
// every count, index and enumerator, since the digest is no signature.
#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <type_traits>
#include <utility>

#include "rules/abi/limits.h"
#include "rules/policy/compiled_policy.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

constexpr std::string_view kMagic = "BAILIFF\n";
constexpr std::uint32_t kFormatVersion = 5;
constexpr std::size_t kDigestBytes = sizeof(Digest::bytes);
constexpr std::size_t kVersionEnd = kMagic.size() + sizeof(kFormatVersion);
static_assert(kPolicyPrefixBytes == kVersionEnd + sizeof(std::uint32_t));

// Kinds of an expression and of a value, as the file has them.
enum class NodeTag : std::uint8_t {
  kConstant,
  kCheck,
  kNot,
  kAnd,
  kOr,
  kTermCheck,
};
enum class TermTag : std::uint8_t { kText, kField, kList, kCall };
enum class ValueTag : std::uint8_t {
  kNull,
  kBool,
  kNumber,
  kString,
  kAddress,
  kNetwork,
  kUnsigned,
  kDouble,
  kEndpoint,
};

class Writer {
 public:
  std::string take() && { return std::move(out_); }
  std::string_view written() const { return out_; }
  // Writes over the four bytes at `offset`.
  void put_u32(std::size_t offset, std::uint32_t value) {
    Writer number;
    number.u32(value);
    out_.replace(offset, number.out_.size(), number.out_);
  }

  void raw(std::string_view bytes) { out_ += bytes; }
  void u8(std::uint8_t value) { out_ += static_cast<char>(value); }
  void u32(std::uint32_t value) { little_endian(value, 4); }
  void u64(std::uint64_t value) { little_endian(value, 8); }
  void boolean(bool value) { u8(value ? 1 : 0); }
  template <typename E>
  void enumerator(E value) {
    u8(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view value) {
    count(value.size());
    raw(value);
  }
  void count(std::size_t value) { u32(static_cast<std::uint32_t>(value)); }
  void digest(const Digest& value) {
    for (const std::uint8_t byte : value.bytes) u8(byte);
  }

  void indices(const std::vector<std::uint32_t>& values) {
    count(values.size());
    for (const std::uint32_t value : values) u32(value);
  }
  void texts(const std::vector<std::string>& values) {
    count(values.size());
    for (const std::string& value : values) text(value);
  }

  void value(const Value& value) { std::visit(ValueWriter{*this}, value); }
  void expr(const Expr& expr) { std::visit(ExprWriter{*this}, expr.node); }

 private:
  struct ValueWriter {
    Writer& out;
    void operator()(Null) const { out.enumerator(ValueTag::kNull); }
    void operator()(bool v) const {
      out.enumerator(ValueTag::kBool);
      out.boolean(v);
    }
    void operator()(std::int64_t v) const {
      out.enumerator(ValueTag::kNumber);
      out.u64(static_cast<std::uint64_t>(v));
    }
    void operator()(std::uint64_t v) const {
      out.enumerator(ValueTag::kUnsigned);
      out.u64(v);
    }
    void operator()(double v) const {
      out.enumerator(ValueTag::kDouble);
      out.u64(std::bit_cast<std::uint64_t>(v));
    }
    void operator()(const std::string& v) const {
      out.enumerator(ValueTag::kString);
      out.text(v);
    }
    void operator()(const IpAddress& v) const {
      out.enumerator(ValueTag::kAddress);
      out.address(v);
    }
    void operator()(const IpNetwork& v) const {
      out.enumerator(ValueTag::kNetwork);
      out.address(v.base);
      out.u8(v.prefix);
    }
    void operator()(const IpEndpoint& v) const {
      out.enumerator(ValueTag::kEndpoint);
      out.address(v.address);
      out.u32(v.port);
    }
  };

  struct ExprWriter {
    Writer& out;
    void operator()(const Constant& node) const {
      out.enumerator(NodeTag::kConstant);
      out.boolean(node.value);
    }
    void operator()(const Check& node) const {
      out.enumerator(NodeTag::kCheck);
      out.field(node.field, node.argument);
      out.operands(node);
    }
    void operator()(const TermCheck& node) const {
      out.enumerator(NodeTag::kTermCheck);
      out.term(node.left);
      out.terms(node.right);
      out.operands(node);
    }
    void operator()(const Not& node) const {
      out.enumerator(NodeTag::kNot);
      out.expr(*node.operand);
    }
    void operator()(const And& node) const {
      out.enumerator(NodeTag::kAnd);
      out.exprs(node.operands);
    }
    void operator()(const Or& node) const {
      out.enumerator(NodeTag::kOr);
      out.exprs(node.operands);
    }
  };

  struct TermWriter {
    Writer& out;
    void operator()(const std::string& text) const {
      out.enumerator(TermTag::kText);
      out.text(text);
    }
    void operator()(const FieldReference& form) const {
      out.enumerator(TermTag::kField);
      out.field(form.field, form.argument);
    }
    void operator()(const ListTerm& form) const {
      out.enumerator(TermTag::kList);
      out.terms(form.items);
    }
    void operator()(const CallTerm& form) const {
      out.enumerator(TermTag::kCall);
      out.enumerator(form.transform);
      out.terms(form.arguments);
      out.text(form.option);
    }
  };

  void field(FieldId id, const std::string& argument) {
    u32(static_cast<std::uint32_t>(id));
    text(argument);
  }
  void term(const Term& term) { std::visit(TermWriter{*this}, term.form); }
  void terms(const std::vector<Term>& values) {
    count(values.size());
    for (const Term& value : values) term(value);
  }
  // What stands behind the left side.
  template <typename AnyCheck>
  void operands(const AnyCheck& check) {
    enumerator(check.op);
    enumerator(check.quantifier);
    count(check.values.size());
    for (const Value& one : check.values) value(one);
    indices(check.lists);
  }

  void address(const IpAddress& value) {
    u8(value.family);
    const std::size_t length = value.family == 4 ? 4 : value.bytes.size();
    for (std::size_t i = 0; i < length; ++i) u8(value.bytes[i]);
  }
  void exprs(const std::vector<Expr>& values) {
    count(values.size());
    for (const Expr& value : values) expr(value);
  }
  void little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      u8(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }

  std::string out_;
};

// Whether a condition may compare such values with such an operand.
bool fits(FieldType type, const Value& value) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      return std::holds_alternative<std::string>(value);
    case FieldType::kNumber:
    case FieldType::kDouble:
      return std::holds_alternative<std::int64_t>(value) ||
             std::holds_alternative<std::uint64_t>(value);
    case FieldType::kBool:
      return std::holds_alternative<bool>(value);
    case FieldType::kAddress:
      return std::holds_alternative<IpAddress>(value);
    case FieldType::kNetwork:
      return std::holds_alternative<IpNetwork>(value);
  }
  return false;
}

// Reads parts off the front of a byte string.  The first mistake is kept, and
// from then on everything read is empty: callers go on and ask ok() before
// they use what they read as a bound.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return error_.empty(); }
  bool at_end() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }
  const std::string& error() const { return error_; }

  void fail(std::string message) {
    if (ok()) error_ = std::move(message);
    rest_ = {};
  }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() { return little_endian(8); }

  bool boolean() { return enumerator<std::uint8_t>(1, "boolean") == 1; }

  // `last` is the greatest enumerator of E.
  template <typename E>
  E enumerator(E last, const char* what) {
    const std::uint8_t value = u8();
    if (value > static_cast<std::uint8_t>(last)) {
      fail("unknown " + std::string(what) + " " + std::to_string(value));
      return E{};
    }
    return static_cast<E>(value);
  }

  std::string text() {
    const std::uint32_t length = u32();
    return std::string(raw(length));
  }

  Digest digest() {
    Digest value;
    const std::string_view bytes = raw(kDigestBytes);
    std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
    return value;
  }

  // The number of elements that follow, each at least `element_bytes` long: no
  // count makes a reader reserve more than the file could hold.
  std::uint32_t count(std::size_t element_bytes, const char* what) {
    const std::uint32_t value = u32();
    if (value > rest_.size() / element_bytes) {
      fail("more " + std::string(what) + " than the file can hold");
      return 0;
    }
    return value;
  }

  std::vector<std::uint32_t> indices(std::size_t bound, const char* what) {
    const std::uint32_t length = count(4, what);
    std::vector<std::uint32_t> values;
    values.reserve(length);
    for (std::uint32_t i = 0; i < length && ok(); ++i) {
      values.push_back(u32());
      if (ok() && values.back() >= bound) {
        fail("index of " + std::string(what) + " out of bounds");
      }
    }
    return values;
  }

  std::vector<std::string> texts(const char* what) {
    const std::uint32_t length = count(4, what);
    std::vector<std::string> values;
    values.reserve(length);
    for (std::uint32_t i = 0; i < length && ok(); ++i) {
      values.push_back(text());
    }
    return values;
  }

  Value value() {
    switch (enumerator(ValueTag::kEndpoint, "kind of value")) {
      case ValueTag::kNull:
        return Null{};
      case ValueTag::kBool:
        return boolean();
      case ValueTag::kNumber:
        return static_cast<std::int64_t>(u64());
      case ValueTag::kString:
        return text();
      case ValueTag::kAddress:
        return address();
      case ValueTag::kNetwork:
        return network();
      case ValueTag::kUnsigned:
        return unsigned_number();
      case ValueTag::kDouble:
        return std::bit_cast<double>(u64());
      case ValueTag::kEndpoint:
        return endpoint();
    }
    return Null{};
  }

  // `depth` counts the and, or and not nodes around the expression.
  Expr expr(std::size_t lists, int depth) {
    if (depth > kMaxExprDepth) {
      fail("condition nested deeper than " + std::to_string(kMaxExprDepth));
      return {};
    }
    switch (enumerator(NodeTag::kTermCheck, "kind of condition")) {
      case NodeTag::kConstant:
        return {Constant{boolean()}};
      case NodeTag::kCheck:
        return {check(lists)};
      case NodeTag::kNot:
        return {Not{expr(lists, depth + 1)}};
      case NodeTag::kAnd:
        return {And{exprs(lists, depth)}};
      case NodeTag::kOr:
        return {Or{exprs(lists, depth)}};
      case NodeTag::kTermCheck:
        return {term_check(lists)};
    }
    return {};
  }

 private:
  std::string_view raw(std::size_t length) {
    if (length > rest_.size()) {
      fail("a part reaches past the end of the file");
      return {};
    }
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }

  std::uint64_t little_endian(std::size_t bytes) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const char byte : raw(bytes)) {
      value |= std::uint64_t{static_cast<std::uint8_t>(byte)} << shift;
      shift += 8;
    }
    return value;
  }

  // One number has one form: see Value.
  Value unsigned_number() {
    Value value = number_value(u64());
    if (ok() && !std::holds_alternative<std::uint64_t>(value)) {
      fail("unsigned number that a signed one holds");
    }
    return value;
  }

  IpAddress address() {
    IpAddress value;
    value.family = u8();
    if (ok() && value.family != 4 && value.family != 6) {
      fail("address family " + std::to_string(value.family));
      return {};
    }
    const std::string_view bytes = raw(value.family == 4 ? 4 : 16);
    std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
    return value;
  }

  IpNetwork network() {
    IpNetwork value;
    value.base = address();
    value.prefix = u8();
    const unsigned longest = value.base.family == 4 ? 32 : 128;
    if (value.prefix > longest) {
      fail("network prefix " + std::to_string(value.prefix));
    } else if (!value.contains(value.base)) {
      fail("network with host bits");
    }
    return value;
  }

  IpEndpoint endpoint() {
    IpEndpoint value;
    value.address = address();
    const std::uint32_t port = u32();
    if (ok() && (port == 0 || port > UINT16_MAX)) {
      fail("port " + std::to_string(port));
      return {};
    }
    value.port = static_cast<std::uint16_t>(port);
    return value;
  }

  // What a field's argument was written as is for who extracts to read.
  FieldReference field_term() {
    FieldReference term;
    const std::uint32_t id = u32();
    if (id >= all_fields().size()) {
      fail("unknown field " + std::to_string(id));
      return term;
    }
    term.field = static_cast<FieldId>(id);
    term.argument = text();
    return term;
  }

  Check check(std::size_t lists) {
    Check check;
    FieldReference left = field_term();
    check.field = left.field;
    check.argument = std::move(left.argument);
    const FalcoType type =
        ok() ? value_type(check.field, check.argument) : FalcoType::kCharbuf;
    operands(check, field_type_of(type), lists);
    if (ok()) require_operands(check, 0);
    return check;
  }

  TermCheck term_check(std::size_t lists) {
    TermCheck check;
    check.left = term(0);
    check.right = terms(0);
    const FieldType type =
        ok() ? field_type_of(type_of(check.left).type) : FieldType::kString;
    operands(check, type, lists);
    if (check.right.size() > 1) fail("more than one right side");
    if (ok()) require_operands(check, check.right.size());
    return check;
  }

  // Whether the last value is an address with a port, where it may be one.
  static bool is_good_endpoint(const Check& check) {
    return std::holds_alternative<IpEndpoint>(check.values.back()) &&
           takes_endpoints(check.field, check.op, check.quantifier);
  }
  static bool is_good_endpoint(const TermCheck& /*check*/) { return false; }

  template <typename AnyCheck>
  void operands(AnyCheck& check, FieldType type, std::size_t lists) {
    check.op = enumerator(Op::kBstartswith, "operator");
    check.quantifier = enumerator(Quantifier::kAllof, "quantifier");
    const std::uint32_t values = count(1, "values");
    for (std::uint32_t i = 0; i < values && ok(); ++i) {
      check.values.push_back(value());
      if (ok() && !fits(type, check.values.back()) &&
          !is_good_endpoint(check)) {
        fail("value of another type than its field");
      }
    }
    check.lists = indices(lists, "lists");
  }

  // `right`: how many terms stand in place of values.
  template <typename AnyCheck>
  void require_operands(const AnyCheck& check, std::size_t right) {
    const bool many = right == 0 && takes_many(check.op, check.quantifier);
    const std::size_t wanted = check.op == Op::kExists ? 0 : 1;
    if (!many &&
        (check.values.size() + right != wanted || !check.lists.empty())) {
      fail("wrong number of values for '" + std::string(to_string(check.op)) +
           "'");
    }
  }

  std::vector<Term> terms(int depth) {
    const std::uint32_t length = count(5, "terms");
    std::vector<Term> values;
    for (std::uint32_t i = 0; i < length && ok(); ++i) {
      values.push_back(term(depth + 1));
    }
    return values;
  }

  Term term(int depth) {
    if (depth > kMaxExprDepth) {
      fail("term nested deeper than " + std::to_string(kMaxExprDepth));
      return {};
    }
    switch (enumerator(TermTag::kCall, "kind of term")) {
      case TermTag::kText:
        return {text()};
      case TermTag::kField:
        return {field_term()};
      case TermTag::kList:
        return {ListTerm{terms(depth)}};
      case TermTag::kCall:
        return {call(depth)};
    }
    return {};
  }

  CallTerm call(int depth) {
    CallTerm call;
    call.transform = enumerator(Transform::kGetopt, "transformer");
    call.arguments = terms(depth);
    call.option = text();
    if (ok() && !has_right_arity(call)) {
      fail("wrong number of arguments for '" +
           std::string(to_string(call.transform)) + "'");
    }
    return call;
  }

  std::vector<Expr> exprs(std::size_t lists, int depth) {
    const std::uint32_t length = count(2, "conditions");
    if (ok() && length == 0) fail("'and' or 'or' of nothing");
    std::vector<Expr> values;
    for (std::uint32_t i = 0; i < length && ok(); ++i) {
      values.push_back(expr(lists, depth + 1));
    }
    return values;
  }

  std::string_view rest_;
  std::string error_;
};

// Least bytes a field beside the output takes, to judge counts by.
constexpr std::size_t kLeastExtraBytes = 9;

void write(Writer& out, const Rule& rule) {
  out.text(rule.name);
  out.text(rule.description);
  out.text(rule.source);
  out.enumerator(rule.priority);
  out.texts(rule.tags);
  out.expr(rule.condition);
  out.text(rule.output);
  out.count(rule.extra_fields.size());
  for (const ExtraField& extra : rule.extra_fields) {
    out.text(extra.name);
    out.text(extra.output);
    out.boolean(extra.formatted);
  }
  out.boolean(rule.enabled);
}

Rule read_rule(Reader& in, std::size_t lists) {
  Rule rule;
  rule.name = in.text();
  rule.description = in.text();
  rule.source = in.text();
  rule.priority = in.enumerator(Priority::kDebug, "priority");
  rule.tags = in.texts("tags");
  rule.condition = in.expr(lists, 0);
  rule.output = in.text();
  const std::uint32_t extras = in.count(kLeastExtraBytes, "fields");
  for (std::uint32_t i = 0; i < extras && in.ok(); ++i) {
    ExtraField extra;
    extra.name = in.text();
    extra.output = in.text();
    extra.formatted = in.boolean();
    rule.extra_fields.push_back(std::move(extra));
  }
  rule.enabled = in.boolean();
  return rule;
}

void write(Writer& out, const Policy& policy) {
  out.text(policy.name);
  out.boolean(policy.scope.has_value());
  if (policy.scope) out.expr(*policy.scope);
  out.indices(policy.rules);
  out.enumerator(policy.mode);
  out.boolean(policy.block);
  out.boolean(policy.capture);
  out.enumerator(policy.response);
  out.enumerator(policy.on_loss);
  out.u64(static_cast<std::uint64_t>(policy.terms.grace_ms));
  out.u64(static_cast<std::uint64_t>(policy.terms.pause_limit_ms));
  out.enumerator(policy.terms.pause_then);
  out.u64(static_cast<std::uint64_t>(policy.terms.isolate_limit_ms));
  out.boolean(policy.notify.has_value());
  if (policy.notify) out.texts(*policy.notify);
}

Policy read_policy(Reader& in, const CompiledPolicy& compiled) {
  Policy policy;
  policy.name = in.text();
  if (in.boolean()) policy.scope = in.expr(compiled.lists.size(), 0);
  policy.rules = in.indices(compiled.rules.size(), "rules");
  for (std::size_t i = 0; i < policy.rules.size() && in.ok(); ++i) {
    if (!compiled.rules[policy.rules[i]].enabled) {
      in.fail("policy with a rule that is not enabled");
    } else if (i > 0 && policy.rules[i] <= policy.rules[i - 1]) {
      in.fail("policy with rules out of order");
    }
  }
  policy.mode = in.enumerator(Mode::kMonitor, "mode");
  policy.block = in.boolean();
  policy.capture = in.boolean();
  policy.response = in.enumerator(Response::kKill, "response");
  policy.on_loss = in.enumerator(Response::kKill, "response to losses");
  if (policy.on_loss == Response::kKillProcess) {
    in.fail("response to losses that is 'kill_process'");
  }
  const auto milliseconds = [&in] {
    const std::uint64_t value = in.u64();
    if (value > static_cast<std::uint64_t>(kMaxTermMs)) in.fail("time limit");
    return static_cast<std::int64_t>(value);
  };
  policy.terms.grace_ms = milliseconds();
  policy.terms.pause_limit_ms = milliseconds();
  policy.terms.pause_then = in.enumerator(PauseThen::kResume, "end of a pause");
  policy.terms.isolate_limit_ms = milliseconds();
  if (in.boolean()) policy.notify = in.texts("sinks");
  return policy;
}

// Which lists have their items apart: those that no check needs to read, since
// the kernel compares what is in them.
class ListsApart {
 public:
  explicit ListsApart(const CompiledPolicy& policy)
      : lists_(policy.lists), apart_(policy.lists.size(), true) {
    for (const Rule& rule : policy.rules)
      std::visit(*this, rule.condition.node);
    for (const Policy& each : policy.policies) {
      if (each.scope) std::visit(*this, each.scope->node);
    }
  }
  bool operator[](std::size_t list) const { return apart_[list]; }
  const std::vector<bool>& all() const { return apart_; }

  void operator()(const Constant& /*node*/) {}
  void operator()(const Check& node) {
    if (node.lists.empty()) return;
    const Field& subject = field(node.field);
    const bool address = subject.type == FieldType::kAddress ||
                         subject.type == FieldType::kNetwork ||
                         of_host_name(node.field);
    // What is known of the container is compared when it is created.
    if (address && (subject.from & kFromContainer) == 0) return;
    keep(node.lists);
  }
  void operator()(const TermCheck& node) { keep(node.lists); }
  void operator()(const Not& node) { std::visit(*this, node.operand->node); }
  void operator()(const And& node) { visit_all(node.operands); }
  void operator()(const Or& node) { visit_all(node.operands); }

 private:
  // In the head, with all they include.
  void keep(std::vector<std::uint32_t> pending) {
    while (!pending.empty()) {
      const std::uint32_t list = pending.back();
      pending.pop_back();
      if (list >= apart_.size() || !apart_[list]) continue;
      apart_[list] = false;
      const std::vector<std::uint32_t>& includes = lists_[list].includes;
      pending.insert(pending.end(), includes.begin(), includes.end());
    }
  }
  void visit_all(const std::vector<Expr>& exprs) {
    for (const Expr& expr : exprs) std::visit(*this, expr.node);
  }

  const std::vector<List>& lists_;
  std::vector<bool> apart_;
};

// Items that are apart.
struct Part {
  std::uint32_t list = 0;
  std::uint32_t bytes = 0;
  Digest digest;
};

struct Head {
  std::size_t bytes = 0;
  CompiledPolicy policy;
  std::vector<Part> parts;  // in the order of the file
  std::size_t parts_bytes = 0;
};

// Least bytes an element takes, to judge counts by.
constexpr std::size_t kLeastListBytes = 12;
constexpr std::size_t kLeastRuleBytes = 28;
constexpr std::size_t kLeastPolicyBytes = 13;

Head read_head(Reader& in) {
  Head head;
  CompiledPolicy& policy = head.policy;
  policy.on_failure = in.boolean() ? OnError::kAllow : OnError::kDeny;
  policy.exempt = in.texts("exempt containers");

  const std::uint32_t lists = in.count(kLeastListBytes, "lists");
  policy.lists.resize(lists);
  for (std::uint32_t i = 0; i < lists && in.ok(); ++i) {
    policy.lists[i].name = in.text();
    policy.lists[i].includes = in.indices(lists, "lists");
  }
  const std::uint32_t rules = in.count(kLeastRuleBytes, "rules");
  if (rules > BAILIFF_MAX_RULES) {
    in.fail("more than " + std::to_string(BAILIFF_MAX_RULES) + " rules");
  }
  for (std::uint32_t i = 0; i < rules && in.ok(); ++i) {
    policy.rules.push_back(read_rule(in, lists));
  }
  const std::uint32_t policies = in.count(kLeastPolicyBytes, "policies");
  for (std::uint32_t i = 0; i < policies && in.ok(); ++i) {
    policy.policies.push_back(read_policy(in, policy));
  }
  if (!in.ok()) return head;
  const ListsApart apart(policy);
  for (std::uint32_t i = 0; i < lists && in.ok(); ++i) {
    policy.lists[i].complete = !apart[i];
    if (!apart[i]) policy.lists[i].items = in.texts("items");
  }
  head.parts_bytes = in.left();
  for (std::uint32_t i = 0; i < lists && in.ok(); ++i) {
    if (!apart[i]) continue;
    Part part{.list = i, .bytes = in.u32(), .digest = in.digest()};
    head.parts.push_back(part);
  }
  if (in.ok() && !in.at_end()) in.fail("bytes at the end of the head");
  return head;
}

// The last digest of the head, or the one before it.
Digest digest_at_end(std::string_view encoded, std::size_t from_end) {
  Digest digest;
  const Result<std::size_t> length = policy_head_bytes(encoded);
  if (!length || encoded.size() < *length) return digest;
  std::memcpy(digest.bytes.data(),
              encoded.data() + (*length - from_end * kDigestBytes),
              kDigestBytes);
  return digest;
}

Error refusal(const std::string& why) {
  return {.code = Code::kInvalidArgument, .message = "compiled policy: " + why};
}

Result<Head> checked_head(std::string_view bytes) {
  ASSIGN_OR_RETURN(const std::size_t length, policy_head_bytes(bytes));
  if (bytes.size() < length) return refusal("truncated");
  const std::string_view body = bytes.substr(0, length - kDigestBytes);
  if (digest_of(body) != policy_digest(bytes)) {
    return refusal("truncated or altered (the digest does not match)");
  }
  Reader in(body.substr(kPolicyPrefixBytes,
                        body.size() - kPolicyPrefixBytes - kDigestBytes));
  Head head = read_head(in);
  if (!in.ok()) return refusal(in.error());
  const std::size_t conditions =
      body.size() - kPolicyPrefixBytes - kDigestBytes - head.parts_bytes;
  if (digest_of(body.substr(kPolicyPrefixBytes, conditions)) !=
      conditions_digest(bytes)) {
    return refusal("altered (the digest of its conditions does not match)");
  }
  head.bytes = length;
  return head;
}

}  // namespace

std::string encode(const CompiledPolicy& policy) {
  Writer out;
  out.raw(kMagic);
  out.u32(kFormatVersion);
  out.u32(0);  // the length of the head
  out.boolean(policy.on_failure == OnError::kAllow);
  out.texts(policy.exempt);
  out.count(policy.lists.size());
  for (const List& list : policy.lists) {
    out.text(list.name);
    out.indices(list.includes);
  }
  out.count(policy.rules.size());
  for (const Rule& rule : policy.rules) write(out, rule);
  out.count(policy.policies.size());
  for (const Policy& part : policy.policies) write(out, part);

  const ListsApart apart(policy);
  for (std::size_t i = 0; i < policy.lists.size(); ++i) {
    assert(policy.lists[i].complete);
    if (!apart[i]) out.texts(policy.lists[i].items);
  }
  const Digest conditions =
      digest_of(std::string_view(out.written()).substr(kPolicyPrefixBytes));
  Writer items;
  for (std::size_t i = 0; i < policy.lists.size(); ++i) {
    if (!apart[i]) continue;
    const std::size_t begin = items.written().size();
    items.texts(policy.lists[i].items);
    const std::string_view part = items.written().substr(begin);
    out.count(part.size());
    out.digest(digest_of(part));
  }
  out.digest(conditions);
  out.put_u32(kVersionEnd,
              static_cast<std::uint32_t>(out.written().size() + kDigestBytes));
  out.digest(digest_of(out.written()));
  out.raw(items.written());
  return std::move(out).take();
}

std::vector<bool> kernel_lists(const CompiledPolicy& policy) {
  return ListsApart(policy).all();
}

Result<std::size_t> policy_head_bytes(std::string_view prefix) {
  if (!prefix.starts_with(kMagic)) {
    return refusal(kMagic.starts_with(prefix) ? "truncated"
                                              : "not a compiled policy file");
  }
  Reader in(prefix.substr(kMagic.size()));
  const std::uint32_t version = in.u32();
  if (in.ok() && version != kFormatVersion) {
    return refusal("format version " + std::to_string(version) +
                   ", this program reads version " +
                   std::to_string(kFormatVersion) +
                   "; compile the policy again");
  }
  const std::size_t bytes = in.u32();
  if (!in.ok()) return refusal("truncated");
  if (bytes < kPolicyPrefixBytes + 2 * kDigestBytes ||
      bytes > BAILIFF_MAX_POLICY_BYTES) {
    return refusal("its head cannot have " + std::to_string(bytes) + " bytes");
  }
  return bytes;
}

Result<CompiledPolicy> decode_head(std::string_view bytes) {
  ASSIGN_OR_RETURN(Head head, checked_head(bytes));
  return std::move(head.policy);
}

Result<CompiledPolicy> decode(std::string_view bytes) {
  if (bytes.size() > BAILIFF_MAX_POLICY_BYTES) {
    return refusal("larger than " + std::to_string(BAILIFF_MAX_POLICY_BYTES) +
                   " bytes");
  }
  ASSIGN_OR_RETURN(Head head, checked_head(bytes));
  bytes.remove_prefix(head.bytes);
  for (const Part& part : head.parts) {
    List& list = head.policy.lists[part.list];
    if (bytes.size() < part.bytes) return refusal("truncated");
    const std::string_view items = bytes.substr(0, part.bytes);
    bytes.remove_prefix(part.bytes);
    if (digest_of(items) != part.digest) {
      return refusal("list '" + list.name +
                     "' is altered (the digest does not match)");
    }
    Reader in(items);
    list.items = in.texts("items");
    list.complete = true;
    if (in.ok() && !in.at_end()) in.fail("bytes after the items of a list");
    if (!in.ok()) return refusal(in.error());
  }
  if (!bytes.empty()) return refusal("bytes after the last list");
  return std::move(head.policy);
}

Digest policy_digest(std::string_view encoded) {
  return digest_at_end(encoded, 1);
}

Digest conditions_digest(std::string_view encoded) {
  return digest_at_end(encoded, 2);
}

}  // namespace bailiff
