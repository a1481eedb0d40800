// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/generator.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "rules/emit/dns_name.h"
#include "rules/lower/connect.h"
#include "rules/types/compare.h"

namespace bailiff::test {
namespace {

constexpr Op kOperators[] = {
    Op::kExists,     Op::kEq,        Op::kNe,          Op::kLt,
    Op::kLe,         Op::kGt,        Op::kGe,          Op::kIn,
    Op::kContains,   Op::kIcontains, Op::kStartswith,  Op::kEndswith,
    Op::kGlob,       Op::kIglob,     Op::kRegex,       Op::kPmatch,
    Op::kIntersects, Op::kBcontains, Op::kBstartswith,
};

// Which of lists() a check on a field of the type can name.
constexpr std::uint32_t kAddressLists[] = {0, 1, 2};
constexpr std::uint32_t kNetworkLists[] = {3, 4};
constexpr std::uint32_t kStringLists[] = {5, 6};
constexpr std::uint32_t kNumberLists[] = {7};

constexpr const char* kAddresses[] = {
    "203.0.113.66",
    "203.0.113.67",
    "203.0.112.66",
    "5.255.97.172",
    "0.0.0.0",
    "255.255.255.255",
    "127.0.0.1",
    "128.0.0.1",
    "10.1.2.3",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:0:1::1",
    "::",
    "::1",
    "fe80::1",
    "ff02::fb",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

// Names: short, as long as can be, longer, with capitals, with bytes above
// ASCII, parts of each other.
constexpr const char* kNames[] = {
    "nc",
    "ncat",
    "NC",
    "Nc",
    "c",
    "cat",
    "",
    "curl",
    "docker-entrypoi",
    "docker-entrypoint.sh",
    "entrypoi",
    "entry",
    "docker-",
    "rypoi",
    "12345678",
    "123456789",
    "1234567",
    "5678",
    "\x80\xff",
    "\xff",
    "[@`{",
    "[@Z{",
    "[@z{",
    "a b",
    "rhsmcertd-worke",
};

// Few, so that events have those that rules compare with.  Domains mean more in
// the kernel than they do in an evaluation, and are for its own suite.
constexpr const char* kHosts[] = {"evil.example", "a.evil.example",
                                  "evil.exampl", "localhost"};

constexpr const char* kTexts[] = {
    "tcp",  "udp",     "icmp", "raw", "<NA>",    "ipv4", "ipv6", "4", "6",
    "conn", "connect", "<",    ">",   "SUCCESS", "ip",   "p",    "",  "TCP",
};

constexpr std::int64_t kNumbers[] = {
    -1,    0,     1,     2,          53,         80,         443,
    1389,  65534, 65535, 65536,      2147483647, 2147483648, 4294967295,
    -5000, 1000,  1001,  4294967296, 1LL << 40,
};

// Few, so that an address has several, and events one of them.
constexpr std::int64_t kPorts[] = {1, 80, 443, 1389, 65534, 65535};

constexpr const char* kExpressions[] = {".*", "c.*", "(nc|tcp)", "[a-z0-9]+"};
constexpr const char* kGlobs[] = {"*", "c*", "*c", "??", "[a-n]*", "N?"};

constexpr const char* kImages[] = {"docker.io/shop/cart", "busybox", "nc"};

}  // namespace

bool has_operator(FieldType type, Op op) {
  switch (op) {
    case Op::kExists:
    case Op::kEq:
    case Op::kNe:
    case Op::kIn:
    case Op::kIntersects:
      return true;
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      return type == FieldType::kNumber || type == FieldType::kString;
    case Op::kContains:
    case Op::kIcontains:
    case Op::kStartswith:
    case Op::kEndswith:
    case Op::kGlob:
    case Op::kIglob:
    case Op::kRegex:
    case Op::kPmatch:
      return type == FieldType::kString;
    case Op::kBcontains:
    case Op::kBstartswith:
      return type == FieldType::kBytes;
  }
  return false;
}

std::vector<Op> all_operators() {
  return {std::begin(kOperators), std::end(kOperators)};
}

std::vector<Value> Event::extract(FieldId field, std::string_view) const {
  IpAddress address{.family = record.family};
  std::memcpy(address.bytes.data(), record.addr_be, address.bytes.size());
  const std::string comm(record.comm, strnlen(record.comm, sizeof record.comm));
  switch (field) {
    case FieldId::kEvtType:
      return {"connect"};
    case FieldId::kEvtDir:
      return {"<"};
    case FieldId::kEvtRes:
      return {"SUCCESS"};
    case FieldId::kEvtRawres:
      return {std::int64_t{0}};
    case FieldId::kEvtFailed:
      return {false};
    case FieldId::kFdSockfamily:
      return {"ip"};
    case FieldId::kFdType:
      return {record.family == 4 ? "ipv4" : "ipv6"};
    case FieldId::kFdTypechar:
      return {record.family == 4 ? "4" : "6"};
    case FieldId::kFdSip:
    case FieldId::kFdSnet:
    case FieldId::kFdRip:
    case FieldId::kFdRnet:
      return {address};
    case FieldId::kFdSport:
    case FieldId::kFdRport:
      return {std::int64_t{record.port}};
    case FieldId::kFdL4proto:
      return {record.l4proto == 6     ? "tcp"
              : record.l4proto == 17  ? "udp"
              : record.l4proto == 1   ? "icmp"
              : record.l4proto == 255 ? "raw"
                                      : "<NA>"};
    case FieldId::kProcName:
      return {comm};
    case FieldId::kProcPid:
      return {std::int64_t{record.tgid}};
    case FieldId::kThreadTid:
      return {std::int64_t{record.tid}};
    case FieldId::kThreadIsmain:
      return {record.tid == record.tgid};
    case FieldId::kUserUid:
      return {std::int64_t{record.uid}};
    case FieldId::kGroupGid:
      return {std::int64_t{record.gid}};
    default:
      break;
  }
  const auto found = others.find(field);
  if (found == others.end()) return {};
  return {found->second};
}

std::int64_t Generator::between(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
}

IpAddress Generator::address() { return *parse_address(one_of(kAddresses)); }

IpAddress Generator::address(std::uint8_t family) {
  IpAddress result{.family = family};
  const std::size_t size = family == 4 ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) {
    result.bytes[i] = static_cast<std::uint8_t>(between(0, UINT8_MAX));
  }
  return result;
}

IpNetwork Generator::network() {
  const IpAddress base = address();
  const std::int64_t bits = base.family == 4 ? 32 : 128;
  std::int64_t prefix = between(0, bits);
  if (chance(30)) prefix = chance(50) ? bits : bits - between(0, 2);
  // "::/0" is none, as in Falco.
  if (base.family == 6) prefix = std::max<std::int64_t>(prefix, 1);
  // Host bits are cleared.
  return *parse_network(to_string(base) + "/" + std::to_string(prefix));
}

IpEndpoint Generator::endpoint() {
  return {.address = address(),
          .port = static_cast<std::uint16_t>(one_of(kPorts))};
}

std::string Generator::name() { return one_of(kNames); }

std::string Generator::list_item(FieldType type) {
  switch (type) {
    case FieldType::kAddress:
      if (chance(40)) return to_string(endpoint());
      return to_string(address());
    case FieldType::kNetwork:
      if (chance(30)) return to_string(endpoint());
      return to_string(network());
    case FieldType::kNumber:
    case FieldType::kDouble:
      return std::to_string(one_of(kNumbers));
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
    case FieldType::kBool:
      break;
  }
  return chance(70) ? name() : one_of(kTexts);
}

std::vector<List> Generator::lists() {
  constexpr FieldType kTypes[] = {
      FieldType::kAddress, FieldType::kAddress, FieldType::kAddress,
      FieldType::kNetwork, FieldType::kNetwork, FieldType::kString,
      FieldType::kString,  FieldType::kNumber,
  };
  std::vector<List> lists;
  for (const FieldType type : kTypes) {
    List list;
    list.name = "list_" + std::to_string(lists.size());
    const std::int64_t count = between(0, 6);
    for (std::int64_t i = 0; i < count; ++i) {
      list.items.push_back(list_item(type));
    }
    lists.push_back(std::move(list));
  }
  lists[2].includes = {0, 1};
  lists[4].includes = {3};
  lists[6].includes = {5};
  return lists;
}

Value Generator::operand(FieldId id, Op op, Quantifier quantifier) {
  if (takes_endpoints(id, op, quantifier) && chance(25)) return endpoint();
  if (of_host_name(id)) return one_of(kHosts);
  switch (field(id).type) {
    case FieldType::kAddress:
      return address();
    case FieldType::kNetwork:
      return network();
    case FieldType::kNumber:
    case FieldType::kDouble:
      return one_of(kNumbers);
    case FieldType::kBool:
      return chance(50);
    case FieldType::kString:
    case FieldType::kBytes:
    case FieldType::kDynamic:
      break;
  }
  if (op == Op::kRegex) return one_of(kExpressions);
  if ((op == Op::kGlob || op == Op::kIglob) && chance(50)) {
    return one_of(kGlobs);
  }
  std::string text = id == FieldId::kProcName || chance(10) ? name()
                     : (field(id).from & kFromContainer) != 0
                         ? std::string(one_of(kImages))
                         : std::string(one_of(kTexts));
  const bool search = op == Op::kContains || op == Op::kIcontains ||
                      op == Op::kStartswith || op == Op::kEndswith;
  if (search && !text.empty()) {
    const auto size = static_cast<std::int64_t>(text.size());
    const auto begin = static_cast<std::size_t>(between(0, size - 1));
    text = text.substr(begin, static_cast<std::size_t>(between(0, size)));
  }
  return text;
}

Check Generator::check(FieldId id, bool in_kernel) {
  Check check;
  check.field = id;
  const FieldType type = field(id).type;
  do {
    check.op = one_of(kOperators);
  } while (!has_operator(type, check.op) || (in_kernel && !has_code(check)));
  cells_.insert({id, check.op});
  if (check.op == Op::kExists) return check;
  const bool set = takes_many(check.op, Quantifier::kNone);
  if (!set && chance(10)) {
    constexpr Quantifier kQuantifiers[] = {
        Quantifier::kOneof, Quantifier::kAnyof, Quantifier::kAllof};
    check.quantifier = one_of(kQuantifiers);
    if (in_kernel && !has_code(check)) {
      check.quantifier = Quantifier::kNone;
    }
  }
  if (!takes_many(check.op, check.quantifier)) {
    check.values.push_back(operand(id, check.op, check.quantifier));
    return check;
  }
  const std::int64_t count = between(0, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    check.values.push_back(operand(id, check.op, check.quantifier));
  }
  // Those of lists() are no names of hosts.
  const std::int64_t lists = of_host_name(id) ? 0 : between(0, 2);
  for (std::int64_t i = 0; i < lists; ++i) {
    switch (type) {
      case FieldType::kAddress:
        check.lists.push_back(one_of(kAddressLists));
        break;
      case FieldType::kNetwork:
        check.lists.push_back(one_of(kNetworkLists));
        break;
      case FieldType::kString:
      case FieldType::kBytes:
      case FieldType::kDynamic:
        check.lists.push_back(one_of(kStringLists));
        break;
      case FieldType::kNumber:
      case FieldType::kDouble:
        check.lists.push_back(one_of(kNumberLists));
        break;
      case FieldType::kBool:
        break;
    }
  }
  return check;
}

Expr Generator::condition(std::uint8_t from, int depth) {
  const std::int64_t kind = depth > 0 ? between(0, 9) : 0;
  if (kind < 3) {
    if (chance(2)) return {Constant{chance(50)}};
    std::vector<FieldId> fields;
    for (const Field& one : all_fields()) {
      if ((one.from & from) != 0) fields.push_back(one.id);
    }
    const auto last = static_cast<std::int64_t>(fields.size()) - 1;
    return {check(fields[static_cast<std::size_t>(between(0, last))],
                  from == kFromKernelConnect || from == kFromKernelArrival)};
  }
  if (kind < 5) return {Not{condition(from, depth - 1)}};
  std::vector<Expr> operands;
  const std::int64_t count = between(1, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    operands.push_back(condition(from, depth - 1));
  }
  if (kind < 8) return {And{std::move(operands)}};
  return {Or{std::move(operands)}};
}

std::vector<std::string> Generator::addresses(std::uint8_t family,
                                              std::size_t count) {
  std::vector<std::string> items;
  while (items.size() < count) items.push_back(to_string(address(family)));
  return items;
}

std::vector<std::string> Generator::endpoints(std::uint8_t family,
                                              std::size_t count) {
  std::vector<std::string> items;
  IpEndpoint made{.address = address(family)};
  while (items.size() < count) {
    if (chance(80)) {
      made.address = address(family);
    } else if (chance(50)) {
      ++made.address.bytes[family == 4 ? 3 : 15];
    }
    made.port = static_cast<std::uint16_t>(chance(50) ? one_of(kPorts)
                                                      : between(1, UINT16_MAX));
    items.push_back(to_string(made));
  }
  return items;
}

std::vector<std::string> Generator::networks(std::uint8_t family,
                                             std::size_t count, int shortest) {
  std::vector<std::string> items;
  while (items.size() < count) {
    const auto prefix = family == 4 ? between(shortest, 32)
                                    : between(std::max(shortest, 1), 128);
    items.push_back(to_string(address(family)) + "/" + std::to_string(prefix));
  }
  return items;
}

Event Generator::event_near(const std::string& item) {
  const auto network = parse_network(item);
  const auto endpoint = parse_endpoint(item);
  IpAddress near = network    ? network->base
                   : endpoint ? endpoint->address
                              : *parse_address(item);
  const std::size_t bits = near.family == 4 ? 32 : 128;
  if (chance(50)) {
    for (std::size_t i = network ? network->prefix : bits; i < bits; ++i) {
      near.bytes[i / 8] |= static_cast<std::uint8_t>(0x80U >> i % 8);
    }
  }
  const std::int64_t step = between(-1, 1);
  for (std::size_t i = bits / 8; step != 0 && i-- > 0;) {
    near.bytes[i] = static_cast<std::uint8_t>(near.bytes[i] + step);
    if (near.bytes[i] != (step > 0 ? 0 : UINT8_MAX)) break;
  }
  Event event = this->event();
  event.record.family = near.family;
  std::memcpy(event.record.addr_be, near.bytes.data(), near.bytes.size());
  if (endpoint && chance(70)) {
    event.record.port =
        static_cast<std::uint16_t>(endpoint->port + between(-1, 1));
  }
  return event;
}

Event Generator::event() {
  Event event;
  bailiff_test_event& record = event.record;
  IpAddress destination = address();
  if (chance(10)) destination.bytes[3] ^= 1;
  record.family = destination.family;
  std::memcpy(record.addr_be, destination.bytes.data(), 16);
  const IpAddress local = address();
  record.local_family = local.family;
  std::memcpy(record.local_be, local.bytes.data(), 16);

  const auto number = [&](std::uint64_t largest) {
    const std::int64_t drawn =
        chance(80) ? one_of(kNumbers) : between(0, INT64_MAX);
    return static_cast<std::uint64_t>(drawn) & largest;
  };
  record.port = static_cast<std::uint16_t>(number(UINT16_MAX));
  record.local_port = static_cast<std::uint16_t>(number(UINT16_MAX));
  constexpr std::uint8_t kProtocols[] = {6, 17, 1, 255, 132, 58, 0};
  record.l4proto = one_of(kProtocols);
  record.tgid = static_cast<std::uint32_t>(number(UINT32_MAX));
  record.tid =
      chance(50) ? record.tgid : static_cast<std::uint32_t>(number(UINT32_MAX));
  record.uid = static_cast<std::uint32_t>(number(UINT32_MAX));
  record.gid = static_cast<std::uint32_t>(number(UINT32_MAX));
  const std::string comm = name().substr(0, sizeof record.comm - 1);
  std::memcpy(record.comm, comm.data(), comm.size());
  if (chance(75)) {
    const std::string host = one_of(kHosts);
    const auto hash = emit::name_hash(host);
    std::copy(hash.begin(), hash.end(), std::begin(record.name));
    event.others[FieldId::kFdSipName] = host;
    event.others[FieldId::kFdRipName] = host;
  }
  // What the program does not write must not look like what it should.
  record.denied = 0xdeadbeef;
  std::fill(std::begin(record.hits), std::end(record.hits), ~std::uint64_t{0});

  for (const Field& one : all_fields()) {
    const bool held = (one.from & (kFromKernelConnect | kFromContainer)) != 0;
    if (one.id == FieldId::kEvtNum) {
      event.others[one.id] = between(1, 3);  // never null
    } else if (!held && one.from != kFromNobody && chance(75)) {
      event.others[one.id] = operand(one.id, Op::kEq);
    }
  }
  return event;
}

Facts Generator::facts() {
  Facts facts;
  facts.complete = true;
  for (const Field& one : all_fields()) {
    if ((one.from & kFromContainer) == 0) continue;
    // Every container has an id.
    const bool id =
        one.id == FieldId::kContainerId || one.id == FieldId::kContainerFullId;
    if (!id && chance(30)) continue;
    facts.values[std::string(one.name)] = {operand(one.id, Op::kEq)};
  }
  return facts;
}

}  // namespace bailiff::test
