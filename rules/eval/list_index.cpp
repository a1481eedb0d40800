// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <compare>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "rules/eval/evaluate.h"
#include "rules/types/compare.h"

namespace bailiff {
namespace {

struct AddressHash {
  std::size_t operator()(const IpAddress& address) const {
    const std::string_view bytes(
        reinterpret_cast<const char*>(address.bytes.data()),
        address.bytes.size());
    return std::hash<std::string_view>()(bytes) ^ address.family;
  }
};

using Addresses = std::unordered_set<IpAddress, AddressHash>;

struct EndpointHash {
  std::size_t operator()(const IpEndpoint& endpoint) const {
    return AddressHash()(endpoint.address) * 31 + endpoint.port;
  }
};

// A host is in one network of each length: asking costs a look-up for each
// length that occurs, however many networks there are.
class Networks {
 public:
  void insert(const IpNetwork& network) {
    by_length_[{network.base.family, network.prefix}].insert(network.base);
  }
  bool contains(const IpAddress& address) const {
    return std::any_of(by_length_.begin(), by_length_.end(),
                       [&](const auto& entry) {
                         const auto& [length, bases] = entry;
                         return length.first == address.family &&
                                bases.contains(base(address, length.second));
                       });
  }

 private:
  static IpAddress base(IpAddress address, unsigned prefix) {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
      const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
      address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return address;
  }

  std::map<std::pair<std::uint8_t, std::uint8_t>, Addresses> by_length_;
};

// One list as operands of one type.
struct Items {
  std::unordered_set<std::string> strings;
  std::unordered_set<std::int64_t> numbers;
  std::unordered_set<std::uint64_t> great_numbers;  // past those: see Value
  std::unordered_set<bool> bools;
  Addresses addresses;
  Networks networks;
  std::unordered_set<IpEndpoint, EndpointHash> endpoints;
  // All of them once more, for operators that look at one after the other.
  std::vector<Value> ordered;

  void insert(Value item) {
    struct Visitor {
      Items& items;
      void operator()(Null) const {}
      void operator()(bool v) const { items.bools.insert(v); }
      void operator()(std::int64_t v) const { items.numbers.insert(v); }
      void operator()(std::uint64_t v) const { items.great_numbers.insert(v); }
      void operator()(double) const {}
      void operator()(std::string& v) const {
        items.strings.insert(std::move(v));
      }
      void operator()(const IpAddress& v) const { items.addresses.insert(v); }
      void operator()(const IpNetwork& v) const { items.networks.insert(v); }
      void operator()(const IpEndpoint& v) const { items.endpoints.insert(v); }
    };
    std::visit(Visitor{*this}, item);
  }

  // `networks` and `addresses` are never both filled.
  bool contains(const Value& value) const {
    struct Visitor {
      const Items& items;
      bool operator()(Null) const { return false; }
      bool operator()(bool v) const { return items.bools.contains(v); }
      bool operator()(std::int64_t v) const {
        return items.numbers.contains(v);
      }
      bool operator()(std::uint64_t v) const {
        return items.great_numbers.contains(v);
      }
      bool operator()(double v) const {
        return std::any_of(items.numbers.begin(), items.numbers.end(),
                           [&](std::int64_t number) {
                             return static_cast<double>(number) == v;
                           });
      }
      bool operator()(const std::string& v) const {
        return items.strings.contains(v);
      }
      bool operator()(const IpAddress& v) const {
        return items.addresses.contains(v) || items.networks.contains(v);
      }
      bool operator()(const IpNetwork&) const { return false; }
      bool operator()(const IpEndpoint& v) const {
        return items.endpoints.contains(v);
      }
    };
    return std::visit(Visitor{*this}, value);
  }
};

// A list and how its items are read: as operands of which values, and of an
// operator with hexadecimal ones or another.
struct Key {
  std::uint32_t list = 0;
  FalcoType type = FalcoType::kCharbuf;
  bool hexadecimal = false;
  auto operator<=>(const Key&) const = default;
};

Key key_of(std::uint32_t list, FalcoType type, Op op) {
  return {.list = list,
          .type = type,
          .hexadecimal = op == Op::kBcontains || op == Op::kBstartswith};
}

// How the checks of an expression use lists; true: one after the other.
class Uses {
 public:
  void collect(const Expr& expr) { std::visit(*this, expr.node); }
  const std::map<Key, bool>& keys() const { return keys_; }

  void operator()(const Constant&) {}
  void operator()(const Check& check) {
    add(check, value_type(check.field, check.argument));
  }
  void operator()(const TermCheck& check) {
    add(check, type_of(check.left).type);
  }
  void operator()(const Not& node) { collect(*node.operand); }
  void operator()(const And& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }
  void operator()(const Or& node) {
    for (const Expr& operand : node.operands) collect(operand);
  }

 private:
  template <typename AnyCheck>
  void add(const AnyCheck& check, FalcoType type) {
    const bool ordered =
        check.op == Op::kPmatch || check.quantifier != Quantifier::kNone;
    for (const std::uint32_t list : check.lists) {
      bool& known = keys_[key_of(list, type, check.op)];
      known = known || ordered;
    }
  }

  std::map<Key, bool> keys_;
};

}  // namespace

struct ListIndex::Impl {
  std::map<Key, Items> lists;

  Impl(const Uses& uses, const std::vector<List>& all) {
    for (const auto& [key, ordered] : uses.keys()) {
      Items& items = lists[key];
      const Op op = key.hexadecimal ? Op::kBcontains : Op::kIn;
      for (const std::string& text : flatten(all, key.list)) {
        auto item = parse_operand(key.type, op, text);
        if (!item) continue;
        if (ordered) items.ordered.push_back(*item);
        items.insert(*std::move(item));
      }
    }
  }

  const Items* find(const Key& key) const {
    const auto found = lists.find(key);
    return found == lists.end() ? nullptr : &found->second;
  }
};

namespace {

Uses uses_of(const CompiledPolicy& policy) {
  Uses uses;
  for (const Rule& rule : policy.rules) uses.collect(rule.condition);
  for (const Policy& part : policy.policies) {
    if (part.scope) uses.collect(*part.scope);
  }
  return uses;
}

Uses uses_of(const Expr& expr) {
  Uses uses;
  uses.collect(expr);
  return uses;
}

}  // namespace

ListIndex::ListIndex(const CompiledPolicy& policy)
    : impl_(std::make_unique<const Impl>(uses_of(policy), policy.lists)) {}
ListIndex::ListIndex(const Expr& expr, const std::vector<List>& lists)
    : impl_(std::make_unique<const Impl>(uses_of(expr), lists)) {}
ListIndex::ListIndex(ListIndex&&) noexcept = default;
ListIndex& ListIndex::operator=(ListIndex&&) noexcept = default;
ListIndex::~ListIndex() = default;

bool ListIndex::contains(std::uint32_t list, FalcoType type,
                         const Value& value) const {
  const Items* items = impl_->find(key_of(list, type, Op::kIn));
  return items != nullptr && items->contains(value);
}

bool ListIndex::for_each(std::uint32_t list, FalcoType type, Op op,
                         const std::function<bool(const Value&)>& visit) const {
  const Items* items = impl_->find(key_of(list, type, op));
  return items == nullptr ||
         std::all_of(items->ordered.begin(), items->ordered.end(), visit);
}

}  // namespace bailiff
