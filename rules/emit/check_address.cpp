// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include "rules/emit/check.h"
#include "rules/emit/list_code.h"
#include "rules/lower/connect.h"

namespace bailiff::emit {
namespace {

// Bytes of an address as the number a load of them gives.
template <typename Word>
Word word_at(const std::array<std::uint8_t, 16>& bytes, std::size_t offset) {
  Word word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

IpNetwork host_network(const Value& value) {
  if (const auto* network = std::get_if<IpNetwork>(&value)) return *network;
  const IpAddress address = std::get<IpAddress>(value);
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

class AddressCheck {
 public:
  AddressCheck(const Target& target, const Check& check)
      : target_(target), code_(target.code), check_(check) {}

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
    code_.jump(jump_if(Comparison::kEq, kFamily, 6), six);
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
    for (const Value& value : check_.values) {
      const IpNetwork network = host_network(value);
      if (network.base.family == family) networks.push_back(network);
    }
    if (!networks.empty()) load_words(family);
    for (const IpNetwork& network : networks) {
      const Label other = code_.new_label();
      const bool last = &network == &networks.back() && check_.lists.empty();
      const Exits here = {.if_true = exits.if_true,
                          .if_false = last ? exits.if_false : other,
                          .next = last ? exits.next : other};
      if (family == 4) {
        compare4(network, here);
      } else {
        compare6(network, here);
      }
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
    if (networks.empty()) code_.go(exits.if_false, exits.next);
  }

  // The address into r1, and r2 for IPv6.
  void load_words(std::uint8_t family) const {
    if (family == 4) {
      target_.flavour.load_address4(code_, kR1);
      return;
    }
    load_address();
    code_.load_compared(Size::k64, kR1, kAddressSlot);
    code_.load_compared(Size::k64, kR2, kAddressSlot + 8);
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
    const auto answer = target_.answers.find({list, networks});
    if (answer != target_.answers.end()) {
      code_.load_compared(Size::k8, kR1, answer->second);
      code_.branch(jump_if(Comparison::kNe, kR1, 0), exits.if_true,
                   exits.if_false, exits.next);
      return;
    }
    if (family == 6) load_address();
    emit_look_up(code_, target_.flavour,
                 {.kind = MapKind::kList,
                  .list = target_.lists[list].name,
                  .list_kind = list_kind(networks, family)},
                 exits);
  }

  static ListKind list_kind(bool networks, std::uint8_t family) {
    if (networks) {
      return family == 4 ? ListKind::kNetwork4 : ListKind::kNetwork6;
    }
    return family == 4 ? ListKind::kAddress4 : ListKind::kAddress6;
  }

  const Target& target_;
  Writer& code_;
  const Check& check_;
};

}  // namespace

void emit_address_check(const Target& target, const Check& check,
                        const Exits& exits) {
  AddressCheck(target, check).emit(exits);
}

void emit_list_answers(const Target& target, const Check& check) {
  Writer& code = target.code;
  for (const std::uint32_t list : check.lists) {
    const bool networks = is_network(check);
    if (target.answers.contains({list, networks})) continue;
    if (target.answers.size() == kAnswers) return;
    const Label listed = code.new_label();
    const Label other = code.new_label();
    const Label done = code.new_label();
    Check one = check;
    one.op = Op::kIn;
    one.values.clear();
    one.lists = {list};
    AddressCheck(target, one)
        .emit({.if_true = listed, .if_false = other, .next = listed});
    code.bind(listed);
    code.append(move(kR8, 1));
    code.go(done);
    code.bind(other);
    code.append(move(kR8, 0));
    code.bind(done);
    // As the hits are (hits.h): a number the verifier knows nothing of.
    target.flavour.load_unknown(code, kR1);
    target.flavour.load_unknown(code, kR2);
    code.append(alu(BPF_SUB, kR1, kR2));
    code.append(alu(BPF_XOR, kR1, kR8));
    const int slot = kAnswersSlot + static_cast<int>(target.answers.size());
    code.append(store(Size::k8, kFrame, slot, kR1));
    target.answers[{list, networks}] = slot;
  }
}

}  // namespace bailiff::emit
