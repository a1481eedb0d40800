// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/query.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rules/abi/dns.h"
#include "rules/emit/flavour.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr std::uint8_t kQuestionCode[][8] = {
#include "rules/emit/dns_question.inc"
};

constexpr int kDnsPort = 53;
constexpr std::uint32_t kDockerResolver = 0x7f00000b;  // 127.0.0.11
constexpr int kUdpHeader = 8;
// Of TCP's header, the byte with its length in words.
constexpr int kTcpLength = 12;

// Only while the packet is read; look-ups use the places later.
constexpr int kMessageSlot = kHeaderSlot;  // where a message begins
constexpr int kEndSlot = kFilterBitsSlot;  // and where it ends
constexpr int kWalkSlot = kNumbersSlot;    // for the subprogram

static_assert(kQuestions * 16 <= kAnswers);
static_assert(kWalkSlot + BAILIFF_DNS_WALK_BYTES <= kEndSlot);

class QuestionReader {
 public:
  QuestionReader(Writer& code, Label subprogram)
      : code_(code),
        subprogram_(subprogram),
        pass_(code.new_label()),
        unreadable_(code.new_label()),
        judge_(code.new_label()) {}

  void emit(bool refuses) const {
    code_.append(store(Size::k64, kFrame, kNameSlot, 0));
    for (std::size_t i = 0; i < kQuestions; ++i) {
      code_.append(store(Size::k64, kFrame, question(i), 0));
      code_.append(store(Size::k64, kFrame, question(i) + 8, 0));
    }
    branch_other();
    const Label segment = code_.new_label();
    const Label found = code_.new_label();
    code_.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, IPPROTO_TCP), segment);
    code_.jump(jump_if(Comparison::kNe, kR1, IPPROTO_UDP), pass_);
    find_datagram();
    code_.go(found);
    code_.bind(segment);
    find_segment();
    find_message();
    code_.bind(found);
    read_question(0);
    for (std::size_t i = 1; i < kQuestions; ++i) {
      find_message();
      read_question(i);
    }
    code_.go(unreadable_);
    code_.bind(pass_);
    code_.append(move(kR0, 1));
    code_.exit();
    code_.bind(unreadable_);
    code_.append(move(kR0, refuses ? 0 : 1));
    code_.exit();
    code_.bind(judge_);
  }

 private:
  static int question(std::size_t index) {
    return kQuestionsSlot + 16 * static_cast<int>(index);
  }

  // To `pass_` what is for no resolver.
  void branch_other() const {
    const Label resolver = code_.new_label();
    egress_code().load_number(code_, Number::kPort, kR1);
    code_.jump(jump_if(Comparison::kEq, kR1, kDnsPort), resolver);
    code_.jump(jump_if(Comparison::kNe, kFamily, 4), pass_);
    egress_code().load_address4(code_, kR1);
    code_.load_constant(kR2, htonl(kDockerResolver));
    code_.jump(jump_if(Comparison::kNe, kR1, kR2), pass_);
    code_.bind(resolver);
    // What is not the first fragment has no header, and no beginning.
    code_.append(load(Size::k32, kR1, kFrame, kTransportSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), pass_);
  }

  // The message of a datagram, into kMessageSlot and kEndSlot.
  void find_datagram() const {
    // Cut into several datagrams behind this program, of which it would read
    // the first (UDP_SEGMENT, udp(7)).
    code_.append(load(Size::k32, kR1, kContext, offsetof(__sk_buff, gso_segs)));
    code_.jump(jump_if(Comparison::kGt, kR1, 1), unreadable_);
    code_.append(load(Size::k32, kR1, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR1, kUdpHeader));
    code_.append(store(Size::k64, kFrame, kMessageSlot, kR1));
    load_length(kR1);
    code_.append(store(Size::k64, kFrame, kEndSlot, kR1));
  }

  // The data of a segment of TCP, into kEndSlot: that of what came before.
  void find_segment() const {
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR2, kTcpLength));
    read_packet(1);
    code_.append(load(Size::k8, kR1, kFrame, kPacketSlot));
    code_.append(alu(BPF_RSH, kR1, 4));
    code_.append(alu(BPF_LSH, kR1, 2));
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR2, kR1));
    code_.append(store(Size::k64, kFrame, kEndSlot, kR2));
    load_length(kR1);
    code_.jump(jump_if(Comparison::kEq, kR1, kR2), pass_);
  }

  // The message behind the one that ends at kEndSlot, behind its length.
  void find_message() const {
    code_.append(load(Size::k64, kR2, kFrame, kEndSlot));
    read_packet(2);
    code_.append(load(Size::k16, kR1, kFrame, kPacketSlot));
    code_.append(from_network_order(kR1, 16));
    code_.append(load(Size::k64, kR2, kFrame, kEndSlot));
    code_.append(alu(BPF_ADD, kR2, 2));
    code_.append(store(Size::k64, kFrame, kMessageSlot, kR2));
    code_.append(alu(BPF_ADD, kR1, kR2));
    code_.append(store(Size::k64, kFrame, kEndSlot, kR1));
  }

  // Of that message.  To `judge_` when it ends the packet.
  void read_question(std::size_t index) const {
    code_.append(move(kR1, kContext));
    code_.append(load(Size::k64, kR2, kFrame, kMessageSlot));
    // Plus 0, of which the verifier knows nothing: with a place it knows, it
    // would look at every length a label can have.
    egress_code().load_unknown(code_, kR3);
    egress_code().load_unknown(code_, kR4);
    code_.append(alu(BPF_SUB, kR3, kR4));
    code_.append(alu(BPF_ADD, kR2, kR3));
    code_.frame_address(kR3, kWalkSlot);
    code_.jump(call_subprogram(), subprogram_);
    // As an unsigned number, what could not be read ends past everything.
    code_.append(load(Size::k64, kR1, kFrame, kEndSlot));
    code_.jump(jump_if(Comparison::kGt, kR0, kR1), unreadable_);
    load_length(kR2);
    code_.jump(jump_if(Comparison::kGt, kR1, kR2), unreadable_);
    for (int i = 0; i < 16; i += 8) {
      code_.append(load(Size::k64, kR3, kFrame, kWalkSlot + i));
      code_.append(store(Size::k64, kFrame, question(index) + i, kR3));
    }
    code_.jump(jump_if(Comparison::kEq, kR1, kR2), judge_);
  }

  void load_length(Register dst) const {
    code_.append(load(Size::k32, dst, kContext, offsetof(__sk_buff, len)));
  }

  // Copies `size` bytes from the place in r2 to kPacketSlot.
  void read_packet(int size) const {
    code_.append(move(kR1, kContext));
    code_.frame_address(kR3, kPacketSlot);
    code_.append(move(kR4, size));
    code_.append(call(BPF_FUNC_skb_load_bytes));
    code_.jump(jump_if(Comparison::kNe, kR0, 0), unreadable_);
  }

  Writer& code_;
  Label subprogram_;
  Label pass_;
  Label unreadable_;
  Label judge_;
};

}  // namespace

Label read_questions(Writer& code, const std::vector<KernelRule>& rules) {
  const Label subprogram = code.new_label();
  const bool refuses =
      std::any_of(rules.begin(), rules.end(),
                  [](const KernelRule& rule) { return rule.deny; });
  QuestionReader(code, subprogram).emit(refuses);
  return subprogram;
}

void append_question_subprogram(Writer& code, Label subprogram) {
  code.bind(subprogram);
  for (const auto& bytes : kQuestionCode) {
    bpf_insn insn{};
    static_assert(sizeof bytes == sizeof insn);
    std::memcpy(&insn, bytes, sizeof insn);
    code.append(insn);
  }
}

const FlavourCode& query_code() {
  static constexpr auto from_egress = [](FlavourCode flavour) {
    flavour.hook = BAILIFF_HOOK_QUERY;
    return flavour;
  };
  static const FlavourCode flavour = from_egress(egress_code());
  return flavour;
}

}  // namespace bailiff::emit
