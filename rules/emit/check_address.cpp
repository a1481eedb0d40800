// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "rules/emit/check.h"
#include "rules/emit/list_code.h"
#include "rules/lower/connect.h"
#include "rules/lower/inbound.h"

namespace bailiff::emit {
namespace {

// Bytes of an address as the number a load of them gives.
template <typename Word>
Word word_at(const std::array<std::uint8_t, 16>& bytes, std::size_t offset) {
  Word word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

IpNetwork host_network(const IpAddress& address) {
  return {.base = address,
          .prefix = static_cast<std::uint8_t>(address.family == 4 ? 32 : 128)};
}

std::array<std::uint8_t, 16> mask_bytes(unsigned prefix) {
  std::array<std::uint8_t, 16> mask{};
  for (unsigned i = 0; i < mask.size(); ++i) {
    const unsigned kept = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0;
    mask[i] = static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return mask;
}

bool is_network(const Check& check) {
  return field(check.field).type == FieldType::kNetwork;
}

MapRef map_of(const Target& target, std::uint32_t list, bool networks,
              std::uint8_t family) {
  const ListKind addresses =
      family == 4 ? ListKind::kAddress4 : ListKind::kAddress6;
  const ListKind ranges =
      family == 4 ? ListKind::kNetwork4 : ListKind::kNetwork6;
  return {.kind = MapKind::kList,
          .list = target.lists[list].name,
          .list_kind = networks ? ranges : addresses};
}

// The end of the event the check is on: nullopt is that of its address.
std::optional<LocalEnd> end_of(const Target& target, const Check& check) {
  return of_local_end(check.field) ? target.flavour.local : std::nullopt;
}

int slot_of(const std::optional<LocalEnd>& end) {
  return end ? end->slot : kAddressSlot;
}

// r1 = x - x, which the verifier does not see to be 0.  Clobbers r2.
void append_unknown_zero(const Target& target) {
  target.flavour.load_unknown(target.code, kR1);
  target.flavour.load_unknown(target.code, kR2);
  target.code.append(alu(BPF_SUB, kR1, kR2));
}

class AddressCheck {
 public:
  AddressCheck(const Target& target, const Check& check)
      : target_(target),
        code_(target.code),
        check_(check),
        end_(end_of(target, check)) {}

  void emit(const Exits& exits) const {
    if (check_.op == Op::kNe) {
      emit_in({.if_true = exits.if_false,
               .if_false = exits.if_true,
               .next = exits.next});
      return;
    }
    if (check_.op == Op::kEq || is_membership(check_.op)) {
      emit_in(exits);
      return;
    }
    // No other operator knows addresses.
    code_.go(exits.if_false, exits.next);
  }

 private:
  void emit_in(const Exits& exits) const {
    if (target_.flavour.family) {
      emit_family(*target_.flavour.family, exits);
      return;
    }
    load_address();
    const Label six = code_.new_label();
    if (end_) {
      code_.load_compared(Size::k32, kR1, end_->family_slot);
      code_.jump(jump_if(Comparison::kEq, kR1, 6), six);
    } else {
      branch_family6(target_, six);
    }
    emit_family(
        4, {.if_true = exits.if_true, .if_false = exits.if_false, .next = six});
    code_.bind(six);
    emit_family(6, exits);
  }

  void load_address() const {
    if (code_.begin_load(kLoadedAddress)) {
      target_.flavour.load_address(code_);
    }
  }

  // For events of that family.
  void emit_family(std::uint8_t family, const Exits& exits) const {
    std::vector<IpNetwork> networks;
    std::vector<IpEndpoint> endpoints;
    for (const Value& value : check_.values) {
      if (const auto* endpoint = std::get_if<IpEndpoint>(&value)) {
        if (endpoint->address.family == family) endpoints.push_back(*endpoint);
        continue;
      }
      const auto* network = std::get_if<IpNetwork>(&value);
      networks.push_back(network != nullptr
                             ? *network
                             : host_network(std::get<IpAddress>(value)));
      if (networks.back().base.family != family) networks.pop_back();
    }
    if (!networks.empty()) load_words(family);
    for (const IpNetwork& network : networks) {
      const Label other = code_.new_label();
      const bool last = &network == &networks.back() && endpoints.empty() &&
                        check_.lists.empty();
      compare(network, {.if_true = exits.if_true,
                        .if_false = last ? exits.if_false : other,
                        .next = last ? exits.next : other});
      code_.bind(other);
    }
    for (const IpEndpoint& endpoint : endpoints) {
      const Label other = code_.new_label();
      const bool last = &endpoint == &endpoints.back() && check_.lists.empty();
      compare(endpoint, {.if_true = exits.if_true,
                         .if_false = last ? exits.if_false : other,
                         .next = last ? exits.next : other});
      code_.bind(other);
    }
    for (const std::uint32_t list : check_.lists) {
      const Label other = code_.new_label();
      const bool last = list == check_.lists.back();
      look_up(list, family,
              {.if_true = exits.if_true,
               .if_false = last ? exits.if_false : other,
               .next = last ? exits.next : other});
      code_.bind(other);
      if (last) return;
    }
    if (networks.empty() && endpoints.empty()) {
      code_.go(exits.if_false, exits.next);
    }
  }

  // The address into r1, and r2 for IPv6.
  void load_words(std::uint8_t family) const {
    if (family == 4 && end_) {
      code_.load_compared(Size::k32, kR1, end_->slot);
      return;
    }
    if (family == 4) {
      target_.flavour.load_address4(code_, kR1);
      return;
    }
    load_address();
    code_.load_compared(Size::k64, kR1, slot_of(end_));
    code_.load_compared(Size::k64, kR2, slot_of(end_) + 8);
  }

  // Loads the address again: the port takes its registers.
  void compare(const IpEndpoint& endpoint, const Exits& exits) const {
    const Label port = code_.new_label();
    load_words(endpoint.address.family);
    compare(host_network(endpoint.address),
            {.if_true = port, .if_false = exits.if_false, .next = port});
    code_.bind(port);
    target_.flavour.load_number(code_,
                                end_ ? Number::kLocalPort : Number::kPort, kR1);
    code_.branch(jump_if(Comparison::kEq, kR1, endpoint.port), exits.if_true,
                 exits.if_false, exits.next);
  }

  void compare(const IpNetwork& network, const Exits& exits) const {
    if (network.base.family == 4) {
      compare4(network, exits);
    } else {
      compare6(network, exits);
    }
  }

  void compare4(const IpNetwork& network, const Exits& exits) const {
    if (network.prefix == 0) {
      code_.go(exits.if_true, exits.next);
      return;
    }
    Register address = kR1;
    if (network.prefix < 32) {
      code_.append(move(kR3, kR1));
      code_.append(alu32(
          BPF_AND, kR3, word_at<std::uint32_t>(mask_bytes(network.prefix), 0)));
      address = kR3;
    }
    code_.load_constant(kR4, word_at<std::uint32_t>(network.base.bytes, 0));
    code_.branch(jump_if(Comparison::kEq, address, kR4), exits.if_true,
                 exits.if_false, exits.next);
  }

  void compare6(const IpNetwork& network, const Exits& exits) const {
    if (network.prefix == 0) {
      code_.go(exits.if_true, exits.next);
      return;
    }
    if (network.prefix <= 64) {
      compare_word(kR1, network, 0, exits);
      return;
    }
    const Label second = code_.new_label();
    compare_word(
        kR1, network, 0,
        {.if_true = second, .if_false = exits.if_false, .next = second});
    code_.bind(second);
    compare_word(kR2, network, 8, exits);
  }

  // The 8 bytes at `offset` of the network, with those in `word`.
  void compare_word(Register word, const IpNetwork& network, std::size_t offset,
                    const Exits& exits) const {
    const auto mask =
        word_at<std::uint64_t>(mask_bytes(network.prefix), offset);
    if (~mask != 0) {
      code_.load_constant(kR3, mask);
      code_.append(alu(BPF_AND, kR3, word));
      word = kR3;
    }
    code_.load_constant(kR4,
                        word_at<std::uint64_t>(network.base.bytes, offset));
    code_.branch(jump_if(Comparison::kEq, word, kR4), exits.if_true,
                 exits.if_false, exits.next);
  }

  void look_up(std::uint32_t list, std::uint8_t family,
               const Exits& exits) const {
    const bool networks = is_network(check_);
    const auto& answers = target_.look_ups.answers;
    if (const auto answer = answers.find({list, networks, end_.has_value()});
        answer != answers.end()) {
      const auto [word, bit] = std::div(static_cast<int>(answer->second), 64);
      code_.append(load(Size::k64, kR1, kFrame, kAnswersSlot + word * 8));
      if (bit > 0) code_.append(alu(BPF_RSH, kR1, bit));
      code_.append(alu(BPF_AND, kR1, 1));
      code_.branch(jump_if(Comparison::kNe, kR1, 0), exits.if_true,
                   exits.if_false, exits.next);
      return;
    }
    if (family == 6) load_address();
    const MapRef map = map_of(target_, list, networks, family);
    if (!target_.look_ups.as_functions) {
      emit_look_up(code_, target_.flavour, map, slot_of(end_), exits);
      return;
    }
    call_look_up(code_, target_.flavour, map, slot_of(end_), target_.look_ups);
    code_.branch(jump_if(Comparison::kNe, kR0, 0), exits.if_true,
                 exits.if_false, exits.next);
  }

  const Target& target_;
  Writer& code_;
  const Check& check_;
  std::optional<LocalEnd> end_;
};

}  // namespace

void emit_address_check(const Target& target, const Check& check,
                        const Exits& exits) {
  AddressCheck(target, check).emit(exits);
}

void emit_list_answers(const Target& target,
                       const std::vector<const Check*>& checks) {
  constexpr std::size_t kWordBits = 64;
  Writer& code = target.code;
  const FlavourCode& flavour = target.flavour;
  auto& answers = target.look_ups.answers;
  const auto keep_word = [&] {
    // As the hits are (hits.h): a number the verifier knows nothing of.
    append_unknown_zero(target);
    code.append(alu(BPF_XOR, kR1, kR8));
    const auto word = static_cast<int>((answers.size() - 1) / kWordBits);
    code.append(store(Size::k64, kFrame, kAnswersSlot + word * 8, kR1));
  };
  if (flavour.family != 4 && code.begin_load(kLoadedAddress)) {
    flavour.load_address(code);
  }
  for (const Check* check : checks) {
    const bool networks = is_network(*check);
    const std::optional<LocalEnd> end = end_of(target, *check);
    for (const std::uint32_t list : check->lists) {
      if (answers.size() == target.look_ups.most_answers) break;
      if (!answers
               .try_emplace({list, networks, end.has_value()}, answers.size())
               .second) {
        continue;
      }
      const std::size_t bit = (answers.size() - 1) % kWordBits;
      if (bit == 0) code.append(move(kR8, 0));
      const auto ask = [&](std::uint8_t family) {
        call_look_up(code, flavour, map_of(target, list, networks, family),
                     slot_of(end), target.look_ups);
      };
      if (flavour.family) {
        ask(*flavour.family);
      } else {
        const Label six = code.new_label();
        const Label asked = code.new_label();
        if (end) {
          code.load_compared(Size::k32, kR1, end->family_slot);
          code.jump(jump_if(Comparison::kEq, kR1, 6), six);
        } else {
          code.jump(jump_if(Comparison::kEq, kFamily, 6), six);
        }
        ask(4);
        code.go(asked);
        code.bind(six);
        ask(6);
        code.bind(asked);
      }
      if (bit > 0) code.append(alu(BPF_LSH, kR0, static_cast<int>(bit)));
      code.append(alu(BPF_OR, kR8, kR0));
      if (bit + 1 == kWordBits) keep_word();
    }
  }
  if (answers.size() % kWordBits != 0) keep_word();
  if (flavour.family) return;
  // Unknown as well: what is known of it is from before the calls, and to make
  // sure of it the verifier of Linux 6.1 would take everything to matter.
  append_unknown_zero(target);
  code.append(alu(BPF_XOR, kFamily, kR1));
}

}  // namespace bailiff::emit
