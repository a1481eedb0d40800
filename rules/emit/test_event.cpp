// SPDX-License-Identifier: Apache-2.0
// The test flavour: struct bailiff_test_event is the context, and takes the
// results.
#include <cstddef>

#include "rules/abi/event.h"
#include "rules/emit/flavour.h"
#include "rules/emit/hits.h"

namespace bailiff::emit {
namespace {

constexpr int kAddress = offsetof(bailiff_test_event, addr_be);
constexpr int kLocal = offsetof(bailiff_test_event, local_be);
constexpr int kComm = offsetof(bailiff_test_event, comm);
// There is no record, and numbers stay where they are.
constexpr LocalEnd kLocalEnd = {.slot = kUidSlot, .family_slot = kRecordSlot};

void load_address(Writer& code) {
  code.append(
      load(Size::k8, kFamily, kContext, offsetof(bailiff_test_event, family)));
  code.append(load(Size::k64, kR1, kContext, kAddress));
  code.append(load(Size::k64, kR2, kContext, kAddress + 8));
  code.append(store(Size::k64, kFrame, kAddressSlot, kR1));
  code.append(store(Size::k64, kFrame, kAddressSlot + 8, kR2));
  code.append(load(Size::k64, kR1, kContext, kLocal));
  code.append(load(Size::k64, kR2, kContext, kLocal + 8));
  code.append(store(Size::k64, kFrame, kLocalEnd.slot, kR1));
  code.append(store(Size::k64, kFrame, kLocalEnd.slot + 8, kR2));
  code.append(load(Size::k8, kR1, kContext,
                   offsetof(bailiff_test_event, local_family)));
  code.append(store(Size::k32, kFrame, kLocalEnd.family_slot, kR1));
}

void load_address4(Writer& code, Register dst) {
  code.load_compared(Size::k32, dst, kAddressSlot);
}

void load_comm(Writer& code) {
  code.append(load(Size::k64, kR1, kContext, kComm));
  code.append(load(Size::k64, kR2, kContext, kComm + 8));
  code.append(store(Size::k64, kFrame, kCommSlot, kR1));
  code.append(store(Size::k64, kFrame, kCommSlot + 8, kR2));
}

void load_number(Writer& code, Number number, Register dst) {
  switch (number) {
    case Number::kPort:
      code.append(
          load(Size::k16, dst, kContext, offsetof(bailiff_test_event, port)));
      return;
    case Number::kLocalPort:
    case Number::kBoundPort:
      code.append(load(Size::k16, dst, kContext,
                       offsetof(bailiff_test_event, local_port)));
      return;
    case Number::kL4proto:
      code.append(
          load(Size::k8, dst, kContext, offsetof(bailiff_test_event, l4proto)));
      return;
    case Number::kPid:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bailiff_test_event, tgid)));
      return;
    case Number::kTid:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bailiff_test_event, tid)));
      return;
    case Number::kUid:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bailiff_test_event, uid)));
      return;
    case Number::kGid:
      code.append(
          load(Size::k32, dst, kContext, offsetof(bailiff_test_event, gid)));
      return;
  }
}

void load_names(Writer& code) {
  for (int i = 0; i < static_cast<int>(sizeof(bailiff_dns_names)); i += 8) {
    code.append(store(Size::k64, kFrame, kNamesSlot + i, 0));
  }
  for (int i = 0; i < 16; i += 8) {
    code.append(load(Size::k64, kR1, kContext,
                     static_cast<int>(offsetof(bailiff_test_event, name)) + i));
    code.append(store(Size::k64, kFrame, kNamesSlot + i, kR1));
  }
}

void load_unknown(Writer& code, Register dst) {
  load_number(code, Number::kUid, dst);
}

void finish(Writer& code, const std::vector<KernelRule>& rules,
            const FlavourCode& /*flavour*/) {
  emit_verdict(code, rules, nullptr);
  code.append(store(Size::k32, kContext, offsetof(bailiff_test_event, denied),
                    kVerdict));
  for (std::size_t word = 0; word < hit_words(rules); ++word) {
    load_hits(code, rules, word);
    code.append(
        store(Size::k64, kContext,
              static_cast<int>(offsetof(bailiff_test_event, hits) + word * 8),
              kHits));
  }
  code.append(move(kR0, 0));
  code.exit();
}

}  // namespace

const FlavourCode& test_code() {
  static constexpr FlavourCode kFlavour = {
      .family = std::nullopt,
      .load_address = load_address,
      .load_address4 = load_address4,
      .load_comm = load_comm,
      .load_number = load_number,
      .load_unknown = load_unknown,
      .finish = finish,
      .load_names = load_names,
      .local = kLocalEnd,
  };
  return kFlavour;
}

}  // namespace bailiff::emit
