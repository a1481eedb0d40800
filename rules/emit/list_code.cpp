// SPDX-License-Identifier: Apache-2.0
//
// Straight code: only what may be missing is branched on, so that to the
// verifier a look-up is one path, whatever is compared.  Where there are few
// they are no subprograms, which cost more, and which are called before the
// first rule only: where a number has to be known behind the call of one, the
// verifier of Linux 6.1 takes every number before it to matter, and looks at
// the program once for each combination of hits.
#include "rules/emit/list_code.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "rules/emit/list_table.h"

namespace bailiff::emit {
namespace {

// The list's table, across calls; the verdict, which is there later, is decided
// when no list is asked any more.
constexpr Register kTable = kR8;

// Where a look-up keeps what it needs on the stack, beside kAddressSlot,
// kPageSlot and kZeroSlot.
struct Frame {
  int header;
  int filter_bits;
  int filter_word;
  int tree_page;
  int numbers;
  int port;  // of functions: what is looked up
};
constexpr Frame kMainFrame = {.header = kHeaderSlot,
                              .filter_bits = kFilterBitsSlot,
                              .filter_word = kFilterWordSlot,
                              .tree_page = kTreePageSlot,
                              .numbers = kNumbersSlot,
                              .port = 0};
constexpr Frame kFunctionFrame = {.header = -32,
                                  .filter_bits = -40,
                                  .filter_word = -48,
                                  .tree_page = -56,
                                  .numbers = -88,
                                  .port = -96};
// The kernel lets all frames together have so much, each rounded up.
constexpr int rounded_up(int bytes) { return (bytes + 31) / 32 * 32; }
static_assert(rounded_up(-kAnswersSlot) + rounded_up(-kFunctionFrame.port) <=
              512);

constexpr std::uint32_t kPageWords = kListPageBytes / 8;

std::uint8_t family_of(ListKind kind) {
  switch (kind) {
    case ListKind::kAddress4:
    case ListKind::kNetwork4:
      return 4;
    case ListKind::kAddress6:
    case ListKind::kNetwork6:
    case ListKind::kNames:
      break;
  }
  return 6;
}

class LookUp {
 public:
  using LoadAddress4 = std::function<void(Writer& code, Register dst)>;

  // `load_port` clobbers r0..r5.
  LookUp(Writer& code, std::uint8_t family, LoadAddress4 load_address4,
         std::function<void(Register dst)> load_port, const Frame& frame,
         int slot, Label missing)
      : code_(code),
        load_address4_(std::move(load_address4)),
        load_port_(std::move(load_port)),
        frame_(frame),
        slot_(slot),
        missing_(missing),
        family_(family),
        shape_(family == 4 ? kTree4 : kTree6) {}

  // Goes on behind with r0 1 when the address is listed and 0 when it is not;
  // or to `missing`, when the filter says so.
  void emit(const MapRef& list) const {
    code_.load_map(kR2, list);
    emit_behind_number();
  }
  // The same of the list whose number kPageSlot has.
  void emit() const {
    code_.frame_address(kR2, kPageSlot);
    emit_behind_number();
  }

 private:
  // r2: where the number of the list's table is.
  void emit_behind_number() const {
    open();
    load_hash();
    ask_filter();
    search();
  }

  // The header into r0 and the frame.  The hook puts the list there before it
  // attaches the program, and an update only ever replaces it: no list, and no
  // page of one, is one without items.
  void open() const {
    if (code_.begin_load(kLoadedZero)) {
      code_.append(store(Size::k32, kFrame, kZeroSlot, 0));
    }
    code_.load_map(kR1, {.kind = MapKind::kTables, .list = {}});
    code_.append(call(BPF_FUNC_map_lookup_elem));
    code_.jump(jump_if(Comparison::kEq, kR0, 0), missing_);
    code_.append(move(kTable, kR0));
    look_up_element(kZeroSlot);
    code_.append(store(Size::k64, kFrame, frame_.header, kR0));
  }

  // What the table has under the number in the slot, into r0.
  void look_up_element(int slot) const {
    code_.append(move(kR1, kTable));
    code_.frame_address(kR2, slot);
    code_.append(call(BPF_FUNC_map_lookup_elem));
    code_.jump(jump_if(Comparison::kEq, kR0, 0), missing_);
  }

  // r0: the header.  The hash of the address's block into r1.
  void load_hash() const {
    constexpr int kMask = offsetof(ListHeader, mask);
    if (family_ == 4) {
      load_address4_(code_, kR1);
      and_memory(kR1, kR0, kMask);
    } else {
      code_.append(load(Size::k64, kR1, kFrame, slot_));
      and_memory(kR1, kR0, kMask);
      multiply(kR1, kListHash2);
      code_.append(load(Size::k64, kR3, kFrame, slot_ + 8));
      and_memory(kR3, kR0, kMask + 8);
      code_.append(alu(BPF_ADD, kR1, kR3));
    }
    multiply(kR1, kListHash1);
    code_.append(move(kR2, kR1));
    code_.append(alu(BPF_RSH, kR2, 32));
    code_.append(alu(BPF_XOR, kR1, kR2));
    multiply(kR1, kListHash2);
  }
  void and_memory(Register dst, Register base, int offset) const {
    code_.append(load(Size::k64, kR2, base, offset));
    code_.append(alu(BPF_AND, dst, kR2));
  }
  void multiply(Register dst, std::uint64_t factor) const {
    code_.load_constant(kR2, factor);
    code_.append(alu(BPF_MUL, dst, kR2));
  }

  // r0: the header, r1: the hash.
  void ask_filter() const {
    // r2: the word's index; r3: the bits.
    code_.append(move(kR2, kR1));
    code_.append(alu(BPF_RSH, kR2, 32));
    code_.append(load(Size::k32, kR3, kR0, offsetof(ListHeader, filter_words)));
    code_.append(alu(BPF_MUL, kR2, kR3));
    code_.append(alu(BPF_RSH, kR2, 32));
    code_.append(alu(BPF_ADD, kR2, kFirstFilterWord));
    code_.append(move(kR3, 0));
    for (const int shift : kListBitShifts) {
      code_.append(move(kR4, kR1));
      code_.append(alu(BPF_RSH, kR4, shift));
      code_.append(alu(BPF_AND, kR4, 63));
      code_.append(move(kR5, 1));
      code_.append(alu(BPF_LSH, kR5, kR4));
      code_.append(alu(BPF_OR, kR3, kR5));
    }
    const Label found = code_.new_label();
    code_.append(move(kR4, kR2));
    code_.append(alu(BPF_RSH, kR4, std::countr_zero(kPageWords)));
    code_.jump(jump_if(Comparison::kEq, kR4, 0), found);
    code_.append(store(Size::k32, kFrame, kPageSlot, kR4));
    code_.append(store(Size::k64, kFrame, frame_.filter_word, kR2));
    code_.append(store(Size::k64, kFrame, frame_.filter_bits, kR3));
    look_up_element(kPageSlot);
    code_.append(load(Size::k64, kR2, kFrame, frame_.filter_word));
    code_.append(load(Size::k64, kR3, kFrame, frame_.filter_bits));
    code_.bind(found);
    code_.append(alu(BPF_AND, kR2, kPageWords - 1));
    code_.append(alu(BPF_LSH, kR2, 3));
    code_.append(alu(BPF_ADD, kR0, kR2));
    code_.append(load(Size::k64, kR1, kR0, 0));
    code_.append(alu(BPF_AND, kR1, kR3));
    code_.jump(jump_if(Comparison::kNe, kR1, kR3), missing_);
  }

  // How many keys are below the address, even or odd, says where it is.
  void search() const {
    keep_numbers();
    search_tree(shape_, offsetof(ListHeader, tree));
    // The pages before this one have an even number of keys.
    load_header(kR1, offsetof(ListHeader, inverted));
    code_.append(alu(BPF_ADD, kBelow, kR1));
    search_port();
    code_.append(move(kR0, kBelow));
    code_.append(alu(BPF_AND, kR0, 1));
  }

  // When the address is listed, and some are for some ports alone: the same of
  // the run and the port.
  void search_port() const {
    constexpr std::size_t kPorts = offsetof(ListHeader, ports);
    const Label decided = code_.new_label();
    load_header(kR1, kPorts + offsetof(ListTree, levels));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), decided);
    // A copy: of the number that is returned the verifier is to know nothing.
    code_.append(move(kR1, kBelow));
    code_.append(alu(BPF_AND, kR1, 1));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), decided);
    code_.append(load(Size::k64, kR1, kFrame, frame_.tree_page));
    code_.append(alu(BPF_MUL, kR1, static_cast<int>(shape_.keys())));
    code_.append(alu(BPF_ADD, kBelow, kR1));
    code_.append(alu(BPF_LSH, kBelow, kPortBits));
    code_.append(store(Size::k64, kFrame, frame_.numbers, kBelow));
    load_port_(kR1);
    code_.append(load(Size::k64, kR2, kFrame, frame_.numbers));
    code_.append(alu(BPF_OR, kR1, kR2));
    code_.append(store(Size::k64, kFrame, frame_.numbers, kR1));
    search_tree(kPortTree, kPorts);
    code_.bind(decided);
  }

  // The tree that the header has at `tree`, for what the frame has: how many
  // keys of its page are below it, in kBelow, and of the page its number there.
  void search_tree(const TreeShape& shape, std::size_t tree) const {
    code_.append(move(kR1, 0));
    code_.append(store(Size::k64, kFrame, frame_.tree_page, kR1));
    for (std::uint32_t level = kMaxListLevels; level-- > 0;) {
      search_level(shape, tree, level);
    }
  }

  // The address into the frame, in numbers of 32 bits, 8 bytes for each.
  void keep_numbers() const {
    if (family_ == 4) {
      load_address4_(code_, kR1);
      code_.append(from_network_order(kR1, 32));
      code_.append(store(Size::k64, kFrame, frame_.numbers, kR1));
      return;
    }
    for (int word = 0; word < 2; ++word) {
      code_.append(load(Size::k64, kR1, kFrame, slot_ + 8 * word));
      code_.append(from_network_order(kR1, 64));
      code_.append(move32(kR2, kR1));
      code_.append(alu(BPF_RSH, kR1, 32));
      code_.append(store(Size::k64, kFrame, frame_.numbers + 16 * word, kR1));
      code_.append(
          store(Size::k64, kFrame, frame_.numbers + 16 * word + 8, kR2));
    }
  }

  void load_header(Register dst, std::size_t member) const {
    code_.append(load(Size::k64, dst, kFrame, frame_.header));
    code_.append(load(Size::k32, dst, dst, static_cast<int>(member)));
  }

  // In the frame: which page of the level; then, of the level below.
  void search_level(const TreeShape& shape, std::size_t tree,
                    std::uint32_t level) const {
    const Label below = code_.new_label();
    if (level > 0) {
      load_header(kR1, tree + offsetof(ListTree, levels));
      code_.jump(jump_if(Comparison::kLe, kR1, static_cast<int>(level)), below);
    }
    load_header(kR1,
                tree + offsetof(ListTree, first_page) + std::size_t{4} * level);
    code_.append(load(Size::k64, kR2, kFrame, frame_.tree_page));
    code_.append(alu(BPF_ADD, kR1, kR2));
    code_.append(store(Size::k32, kFrame, kPageSlot, kR1));
    look_up_element(kPageSlot);

    // Among the pivots first, each of which stands for a group of keys.
    code_.append(move(kBelow, 0));
    narrow(shape, shape.keys(), shape.pivots);
    const auto group = static_cast<int>(shape.group);
    code_.append(move(kR1, kBelow));
    code_.append(alu(BPF_MUL, kR1, group - 1));
    code_.append(alu(BPF_ADD, kR0, kR1));
    code_.append(alu(BPF_MUL, kBelow, group));
    narrow(shape, 0, shape.group);
    code_.append(alu(BPF_RSH, kBelow, std::countr_zero(shape.key_bytes())));
    if (level > 0) {
      code_.append(load(Size::k64, kR1, kFrame, frame_.tree_page));
      code_.append(alu(BPF_MUL, kR1, static_cast<int>(shape.keys())));
      code_.append(alu(BPF_ADD, kR1, kBelow));
      code_.append(store(Size::k64, kFrame, frame_.tree_page, kR1));
    }
    code_.bind(below);
  }

  // r0 and kBelow, in bytes, go on by the keys that are below the address, of
  // `count`; the first of them is `begin` keys behind r0.
  //
  // In few steps, each of which asks several keys that need not wait for each
  // other; of keys of several numbers one, which are as many instructions.
  void narrow(const TreeShape& shape, std::uint32_t begin,
              std::uint32_t count) const {
    const bool one = shape.numbers == 1;
    const std::uint32_t most_parts = one ? 8 : 2;
    if (one) code_.append(load(Size::k64, kNumber, kFrame, frame_.numbers));
    while (count > 1) {
      const std::uint32_t parts = std::min(most_parts, count);
      count /= parts;
      skip(shape, begin, count, parts);
    }
  }

  // By `part` keys as often as the last key of a part is below the address; of
  // the last of the parts that need not be asked.  Each adds one of few
  // constants, which is how the verifier knows r0 to stay in the page.
  void skip(const TreeShape& shape, std::uint32_t begin, std::uint32_t part,
            std::uint32_t parts) const {
    constexpr Register kSum = kR5;
    for (std::uint32_t i = 1; i < parts; ++i) {
      const Register below = compare(shape, begin + i * part - 1);
      code_.append(i == 1 ? move(kSum, below) : alu(BPF_ADD, kSum, below));
    }
    code_.append(
        alu(BPF_LSH, kSum, std::countr_zero(part * shape.key_bytes())));
    code_.append(alu(BPF_ADD, kR0, kSum));
    code_.append(alu(BPF_ADD, kBelow, kSum));
  }

  // Whether the key behind r0 is below the address, 1 or 0, in the register
  // that is returned; the address is in kNumber when it is one number.  By
  // subtraction, the last number first: what has to be borrowed in the end says
  // which is less.
  Register compare(const TreeShape& shape, std::uint32_t index) const {
    const auto key = static_cast<int>(index * shape.key_bytes());
    const Size size = shape.number_bytes == 8 ? Size::k64 : Size::k32;
    Register borrow = kR1;
    Register spare = kR2;
    for (std::uint32_t i = shape.numbers; i-- > 0;) {
      const auto number = static_cast<int>(i);
      code_.append(load(size, spare, kR0, key + 4 * number));
      if (shape.numbers > 1) {
        code_.append(
            load(Size::k64, kNumber, kFrame, frame_.numbers + 8 * number));
      }
      code_.append(alu(BPF_SUB, spare, kNumber));
      if (i + 1 < shape.numbers) code_.append(alu(BPF_SUB, spare, borrow));
      code_.append(alu(BPF_RSH, spare, 63));
      std::swap(borrow, spare);
    }
    return borrow;
  }

  // How many keys of the page are below the address.
  static constexpr Register kBelow = kR4;
  static constexpr Register kNumber = kR3;

  Writer& code_;
  LoadAddress4 load_address4_;
  std::function<void(Register dst)> load_port_;
  const Frame& frame_;
  int slot_;  // of what is looked up, unless it is IPv4
  Label missing_;
  std::uint8_t family_;
  TreeShape shape_;
};

void load_argument4(Writer& code, Register dst) {
  code.append(load(Size::k32, dst, kFrame, kAddressSlot));
}

LookUp::LoadAddress4 loader(const FlavourCode& flavour, int slot) {
  if (slot == kAddressSlot) return flavour.load_address4;
  return [slot](Writer& code, Register dst) {
    code.load_compared(Size::k32, dst, slot);
  };
}

// The port that belongs to the address at `slot`.
Number port_of(int slot) {
  return slot == kAddressSlot ? Number::kPort : Number::kLocalPort;
}

// What is looked up is in r2, or in r2 and r3, and its port in the register
// behind.
void call_function(Writer& code, const MapRef& list, LookUps& look_ups) {
  const std::uint8_t family = family_of(list.list_kind);
  auto function = look_ups.functions.find(family);
  if (function == look_ups.functions.end()) {
    function = look_ups.functions.emplace(family, code.new_label()).first;
  }
  code.load_map(kR1, list);
  code.append(load(Size::k32, kR1, kR1, 0));
  code.jump(call_subprogram(), function->second);
}

}  // namespace

void emit_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  int slot, const Exits& exits) {
  const auto load_port = [&](Register dst) {
    flavour.load_number(code, port_of(slot), dst);
  };
  LookUp(code, family_of(list.list_kind), loader(flavour, slot), load_port,
         kMainFrame, slot, exits.if_false)
      .emit(list);
  code.branch(jump_if(Comparison::kNe, kR0, 0), exits.if_true, exits.if_false,
              exits.next);
}

void call_look_up(Writer& code, const FlavourCode& flavour, const MapRef& list,
                  int slot, LookUps& look_ups) {
  const std::uint8_t family = family_of(list.list_kind);
  const Register port = family == 4 ? kR3 : kR4;
  flavour.load_number(code, port_of(slot), kR1);
  code.append(move(port, kR1));
  if (family == 4) {
    loader(flavour, slot)(code, kR2);
  } else {
    code.append(load(Size::k64, kR2, kFrame, slot));
    code.append(load(Size::k64, kR3, kFrame, slot + 8));
  }
  call_function(code, list, look_ups);
}

void call_name_look_up(Writer& code, const MapRef& list, LookUps& look_ups) {
  code.append(move(kR4, 0));  // no name has a port
  call_function(code, list, look_ups);
}

void emit_look_up_functions(Writer& code, const LookUps& look_ups) {
  for (const auto& [family, function] : look_ups.functions) {
    const Label missing = code.new_label();
    code.bind(function);
    code.begin_function(family == 4 ? 3 : 4);
    code.append(store(Size::k32, kFrame, kPageSlot, kR1));
    // The callers have 16 bits; the verifier takes it to be any number.
    const Register port = family == 4 ? kR3 : kR4;
    code.append(alu(BPF_AND, port, (1 << kPortBits) - 1));
    code.append(store(Size::k64, kFrame, kFunctionFrame.port, port));
    if (family == 4) {
      code.append(store(Size::k32, kFrame, kAddressSlot, kR2));
    } else {
      code.append(store(Size::k64, kFrame, kAddressSlot, kR2));
      code.append(store(Size::k64, kFrame, kAddressSlot + 8, kR3));
    }
    const auto load_port = [&code](Register dst) {
      code.append(load(Size::k64, dst, kFrame, kFunctionFrame.port));
    };
    LookUp(code, family, load_argument4, load_port, kFunctionFrame,
           kAddressSlot, missing)
        .emit();
    code.exit();
    code.bind(missing);
    code.append(move(kR0, 0));
    code.exit();
  }
}

}  // namespace bailiff::emit
