// SPDX-License-Identifier: Apache-2.0
// Checks on the name of the process: 16 bytes, of which at least the last is
// zero, and all behind the first zero.  As two big-endian words r1, r2 its
// bytes are in the order strings compare in, and shifting left drops bytes in
// front.
#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <string_view>
#include <vector>

#include "rules/emit/check.h"
#include "rules/lower/connect.h"

namespace bailiff::emit {
namespace {

constexpr std::size_t kCommBytes = 16;
constexpr std::size_t kLongest = kCommBytes - 1;

using Words = std::array<std::uint64_t, 2>;

// The first 16 bytes of `text`, zero behind its end, as big-endian words.
Words words_of(std::string_view text) {
  Words words{};
  for (std::size_t i = 0; i < text.size() && i < kCommBytes; ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    words[i / 8] |= std::uint64_t{byte} << (56 - 8 * (i % 8));
  }
  return words;
}

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

class CommCheck {
 public:
  CommCheck(const Target& target, const Check& check)
      : target_(target), code_(target.code), check_(check) {}

  void emit(const Exits& exits) const {
    if (is_membership(check_.op)) {
      emit_in(exits);
      return;
    }
    const auto& text = std::get<std::string>(check_.values.front());
    switch (check_.op) {
      case Op::kEq:
        emit_equal(text, exits);
        return;
      case Op::kNe:
        emit_equal(text, {.if_true = exits.if_false,
                          .if_false = exits.if_true,
                          .next = exits.next});
        return;
      case Op::kLt:
        emit_less(text, false, exits);
        return;
      case Op::kLe:
        emit_less(text, true, exits);
        return;
      case Op::kGt:
        emit_less(text, true,
                  {.if_true = exits.if_false,
                   .if_false = exits.if_true,
                   .next = exits.next});
        return;
      case Op::kGe:
        emit_less(text, false,
                  {.if_true = exits.if_false,
                   .if_false = exits.if_true,
                   .next = exits.next});
        return;
      case Op::kStartswith:
        emit_search(text, text, 1, exits);
        return;
      case Op::kContains:
        emit_search(text, text, kCommBytes, exits);
        return;
      case Op::kIcontains:
        emit_search(text, ascii_lower(text), kCommBytes, exits);
        return;
      case Op::kEndswith:
        emit_search(text, text + '\0', kCommBytes, exits);
        return;
      case Op::kExists:
      case Op::kIn:
      case Op::kIntersects:
        break;
      case Op::kGlob:
      case Op::kIglob:
      case Op::kRegex:
      case Op::kPmatch:
      case Op::kBcontains:
      case Op::kBstartswith:
        assert(false && "not decidable_at_connect()");
        break;
    }
    code_.go(exits.if_true, exits.next);
  }

 private:
  static bool has_zero(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
  }
  // Whether a name can be `text`.
  static bool possible(std::string_view text) {
    return text.size() <= kLongest && !has_zero(text);
  }

  void load_words() const {
    if (code_.begin_load(kLoadedComm)) target_.flavour.load_comm(code_);
    code_.append(load(Size::k64, kR1, kFrame, kCommSlot));
    code_.append(load(Size::k64, kR2, kFrame, kCommSlot + 8));
    code_.append(from_network_order(kR1, 64));
    code_.append(from_network_order(kR2, 64));
  }

  void emit_equal(const std::string& text, const Exits& exits) const {
    if (!possible(text)) {
      code_.go(exits.if_false, exits.next);
      return;
    }
    load_words();
    compare_words(words_of(text), exits);
  }

  void emit_in(const Exits& exits) const {
    load_words();
    for (const Value& operand : inline_operands(check_, target_.lists)) {
      const auto& text = std::get<std::string>(operand);
      if (!possible(text)) continue;
      const Label other = code_.new_label();
      compare_words(
          words_of(text),
          {.if_true = exits.if_true, .if_false = other, .next = other});
      code_.bind(other);
    }
    code_.go(exits.if_false, exits.next);
  }

  void compare_words(const Words& words, const Exits& exits) const {
    code_.load_constant(kR3, words[0]);
    code_.jump(jump_if(Comparison::kNe, kR1, kR3), exits.if_false);
    code_.load_constant(kR3, words[1]);
    code_.branch(jump_if(Comparison::kEq, kR2, kR3), exits.if_true,
                 exits.if_false, exits.next);
  }

  // A longer text is compared by its first 16 bytes: there the name has a zero
  // and the text has not, which decides.
  void emit_less(const std::string& text, bool or_equal,
                 const Exits& exits) const {
    // C strings end at their first zero, std::string does not: a text with one
    // inside comes right behind its part in front.
    const std::string front = text.substr(0, text.find('\0'));
    const bool equal = or_equal || front.size() < text.size();
    const Words words = words_of(front);
    load_words();
    code_.load_constant(kR3, words[0]);
    code_.jump(jump_if(Comparison::kLt, kR1, kR3), exits.if_true);
    code_.jump(jump_if(Comparison::kNe, kR1, kR3), exits.if_false);
    code_.load_constant(kR3, words[1]);
    code_.branch(jump_if(equal ? Comparison::kLe : Comparison::kLt, kR2, kR3),
                 exits.if_true, exits.if_false, exits.next);
  }

  // Whether `pattern`, made of the operand, is at one of the first `places`
  // bytes.  Every name has the empty text, and none one that it cannot be.
  void emit_search(const std::string& operand, const std::string& pattern,
                   std::size_t places, const Exits& exits) const {
    if (operand.empty() || !possible(operand)) {
      code_.go(operand.empty() ? exits.if_true : exits.if_false, exits.next);
      return;
    }
    load_words();
    if (check_.op == Op::kIcontains) {
      fold_case(kR1);
      fold_case(kR2);
    }
    // Every place is looked at, without a jump: the verifier follows at most
    // 8192 on one way through a program.
    const std::size_t last = std::min(places, kCommBytes - pattern.size() + 1);
    code_.append(move(kR0, -1));
    for (std::size_t place = 0; place < last; ++place) {
      if (place > 0) shift_left();
      compare_front(pattern);
    }
    code_.append(alu(BPF_RSH, kR0, 63));
    code_.branch(jump_if(Comparison::kEq, kR0, 0), exits.if_true,
                 exits.if_false, exits.next);
  }

  // Clears the top bit of r0 when the words begin with `text`, at most 16
  // bytes.
  void compare_front(const std::string& text) const {
    const Words words = words_of(text);
    if (text.size() <= 8) {
      difference(kR4, kR1, words[0], text.size());
    } else {
      difference(kR4, kR1, words[0], 8);
      difference(kR5, kR2, words[1], text.size() - 8);
      code_.append(alu(BPF_OR, kR4, kR5));
    }
    // Of x | -x the top bit is set unless x is 0.
    code_.append(move(kR5, kR4));
    code_.append(negate(kR5));
    code_.append(alu(BPF_OR, kR5, kR4));
    code_.append(alu(BPF_AND, kR0, kR5));
  }

  // `dst` = 0 if the first `bytes` of `word` are those of `expected`.
  void difference(Register dst, Register word, std::uint64_t expected,
                  std::size_t bytes) const {
    const int shift = 64 - 8 * static_cast<int>(bytes);
    code_.append(move(dst, word));
    if (shift > 0) code_.append(alu(BPF_RSH, dst, shift));
    code_.load_constant(kR3, expected >> shift);
    code_.append(alu(BPF_XOR, dst, kR3));
  }

  // Drops the first byte of r1, r2.
  void shift_left() const {
    code_.append(alu(BPF_LSH, kR1, 8));
    code_.append(move(kR3, kR2));
    code_.append(alu(BPF_RSH, kR3, 56));
    code_.append(alu(BPF_OR, kR1, kR3));
    code_.append(alu(BPF_LSH, kR2, 8));
  }

  // Every byte A..Z of `word` to a..z, all eight at once: the sums carry into
  // a byte's top bit when its lower seven are at least 'A', and past 'Z'.
  void fold_case(Register word) const {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    code_.load_constant(kR5, 0x7f * kEach);
    code_.append(alu(BPF_AND, kR5, word));
    code_.append(move(kR4, kR5));
    code_.load_constant(kR3, (0x80 - 'A') * kEach);
    code_.append(alu(BPF_ADD, kR4, kR3));
    code_.load_constant(kR3, (0x7f - 'Z') * kEach);
    code_.append(alu(BPF_ADD, kR5, kR3));
    code_.append(alu(BPF_XOR, kR4, kR5));
    // Bytes above 127 are no letters.
    code_.append(move(kR5, word));
    code_.append(alu(BPF_XOR, kR5, -1));
    code_.append(alu(BPF_AND, kR4, kR5));
    code_.load_constant(kR3, 0x80 * kEach);
    code_.append(alu(BPF_AND, kR4, kR3));
    // 0x80 becomes 0x20, the distance between the cases.
    code_.append(alu(BPF_RSH, kR4, 2));
    code_.append(alu(BPF_OR, word, kR4));
  }

  const Target& target_;
  Writer& code_;
  const Check& check_;
};

}  // namespace

void emit_comm_check(const Target& target, const Check& check,
                     const Exits& exits) {
  CommCheck(target, check).emit(exits);
}

}  // namespace bailiff::emit
