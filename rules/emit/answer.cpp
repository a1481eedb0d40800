// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/answer.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>

#include "rules/emit/flavour.h"
#include "rules/emit/packet.h"
#include "rules/emit/query.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr int kUdpHeader = 8;
constexpr int kTcpLength = 12;
constexpr int kSource4 = 12;  // in IPv4's header
constexpr int kMessages = 2;

// What is no packet the kernel would hand on is not for us to refuse.
constexpr PacketPlace kPlace = {.refuse = 1};

void load_address(Writer& code) {
  const Label six = code.new_label();
  const Label done = code.new_label();
  code.append(load(Size::k32, kR1, kContext, offsetof(__sk_buff, protocol)));
  code.jump(jump_if(Comparison::kEq, kR1, htons(ETH_P_IPV6)), six);
  load_packet4(code, kPlace);
  code.go(done);
  code.bind(six);
  load_packet6(code, kPlace);
  code.bind(done);
}

class AnswerReader {
 public:
  AnswerReader(const Target& target, DnsReader& reader,
               const std::vector<KernelRule>& rules)
      : code_(target.code),
        reader_(reader),
        rules_(rules),
        refuses_(std::any_of(rules.begin(), rules.end(),
                             [](const KernelRule& rule) { return rule.deny; })),
        pass_(code_.new_label()),
        refuse_(code_.new_label()) {}

  void emit() const {
    if (code_.begin_load(kLoadedAddress)) load_address(code_);
    branch_other();
    reader_.begin_walk(refuses_);
    const Label segment = code_.new_label();
    const Label found = code_.new_label();
    code_.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, IPPROTO_TCP), segment);
    find_datagram();
    code_.go(found);
    code_.bind(segment);
    find_segment();
    find_message();
    code_.bind(found);
    for (int i = 0; i < kMessages; ++i) {
      if (i > 0) find_next();
      read_message();
    }
    code_.bind(pass_);
    code_.append(move(kR0, 1));
    code_.exit();
    code_.bind(refuse_);
    code_.append(move(kR0, 0));
    code_.exit();
  }

 private:
  // Across calls: 1 when the answer was asked for, when it does not end in its
  // segment.
  static constexpr Register kAskedFor = kR7;
  static constexpr Register kCut = kR8;
  static constexpr Register kEnd = kR9;

  // To `pass_` what is from no resolver.  In kPortSlot, the container's port.
  void branch_other() const {
    const Label ports = code_.new_label();
    const Label resolver = code_.new_label();
    code_.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, IPPROTO_UDP), ports);
    code_.jump(jump_if(Comparison::kNe, kR1, IPPROTO_TCP), pass_);
    code_.bind(ports);
    // What is not the first fragment has no header; the kernel puts them
    // together first.
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.jump(jump_if(Comparison::kEq, kR2, 0), pass_);
    read_packet(4);
    code_.append(load(Size::k16, kR1, kFrame, kCommSlot + 2));
    code_.append(from_network_order(kR1, 16));
    code_.append(store(Size::k32, kFrame, kPortSlot, kR1));
    code_.append(load(Size::k16, kR1, kFrame, kCommSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, htons(kDnsPort)), resolver);
    code_.jump(jump_if(Comparison::kNe, kFamily, 4), pass_);
    code_.append(move(kR2, kSource4));
    read_packet(4);
    code_.append(load(Size::k32, kR1, kFrame, kCommSlot));
    code_.load_constant(kR2, htonl(kDockerResolver));
    code_.jump(jump_if(Comparison::kNe, kR1, kR2), pass_);
    code_.bind(resolver);
  }

  // The message of a datagram, into the walk.
  void find_datagram() const {
    code_.append(move(kCut, 0));
    code_.append(load(Size::k32, kR1, kContext, offsetof(__sk_buff, gso_segs)));
    code_.jump(jump_if(Comparison::kGt, kR1, 1), refuses_ ? refuse_ : pass_);
    code_.append(load(Size::k32, kR1, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR1, kUdpHeader));
    reader_.begin_message(kR1);
    load_length(kR1);
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kR1));
  }

  // The data of a segment of TCP, as the end of what came before.
  void find_segment() const {
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR2, kTcpLength));
    read_packet(1);
    code_.append(load(Size::k8, kR1, kFrame, kCommSlot));
    code_.append(alu(BPF_RSH, kR1, 4));
    code_.append(alu(BPF_LSH, kR1, 2));
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR2, kR1));
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kR2));
  }

  // The message behind the one before, behind its length.
  void find_message() const {
    const Label whole = code_.new_label();
    code_.append(load(Size::k32, kR2, kFrame, BAILIFF_WALK(end)));
    read_packet(2);
    code_.append(load(Size::k16, kR1, kFrame, kCommSlot));
    code_.append(from_network_order(kR1, 16));
    code_.append(load(Size::k32, kR2, kFrame, BAILIFF_WALK(end)));
    code_.append(alu(BPF_ADD, kR2, 2));
    code_.append(alu(BPF_ADD, kR1, kR2));
    reader_.begin_message(kR2);
    load_length(kR2);
    code_.append(move(kCut, 0));
    code_.jump(jump_if(Comparison::kLe, kR1, kR2), whole);
    code_.append(move(kR1, kR2));
    code_.append(move(kCut, 1));
    code_.bind(whole);
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kR1));
  }

  // To `pass_` when there is none.
  void find_next() const {
    code_.append(load(Size::k32, kR1, kFrame, kProtocolSlot));
    code_.jump(jump_if(Comparison::kNe, kR1, IPPROTO_TCP), pass_);
    // Of the first message nothing is left, so that to the verifier, too, there
    // is one way to the second.
    code_.append(load(Size::k32, kEnd, kFrame, BAILIFF_WALK(end)));
    reader_.begin_walk(refuses_);
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kEnd));
    find_message();
  }

  void read_message() const {
    const Label done = code_.new_label();
    const Label read = code_.new_label();
    reader_.read(rules_);
    // What has no question is no answer to one.
    code_.append(alu(BPF_AND, kR0, ~BAILIFF_DNS_FULL));
    code_.jump(jump_if(Comparison::kNe, kR0, BAILIFF_DNS_NAME), done);
    code_.append(load(Size::k8, kR1, kFrame, BAILIFF_WALK(is_answer)));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), done);
    code_.append(load(Size::k32, kR3, kFrame, kPortSlot));
    reader_.ask(true);
    code_.append(move(kAskedFor, kR0));
    reader_.read(rules_);
    if (refuses_) {
      code_.jump(jump_if(Comparison::kEq, kR0, BAILIFF_DNS_END), read);
      code_.jump(jump_if(Comparison::kNe, kCut, 0), read);
      code_.append(load(Size::k8, kR1, kFrame, BAILIFF_WALK(is_truncated)));
      code_.jump(jump_if(Comparison::kNe, kR1, 0), read);
      code_.jump(jump_if(Comparison::kNe, kAskedFor, 0), refuse_);
    }
    code_.bind(read);
    code_.append(load(Size::k64, kR1, kFrame, BAILIFF_WALK(names.name)));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), done);
    if (refuses_) {
      code_.jump(jump_if(Comparison::kNe, kCut, 0), refuse_);
    }
    code_.jump(jump_if(Comparison::kEq, kAskedFor, 0),
               refuses_ ? refuse_ : done);
    reader_.learn();
    if (refuses_) {
      code_.jump(jump_if(Comparison::kEq, kR0, BAILIFF_DNS_END), done);
      code_.jump(jump_if(Comparison::kEq, kR0, BAILIFF_DNS_FULL), refuse_);
      code_.append(load(Size::k8, kR1, kFrame, BAILIFF_WALK(is_truncated)));
      code_.jump(jump_if(Comparison::kEq, kR1, 0), refuse_);
    }
    code_.bind(done);
  }

  void load_length(Register dst) const {
    code_.append(load(Size::k32, dst, kContext, offsetof(__sk_buff, len)));
  }

  // Copies `size` bytes from the place in r2 to kCommSlot; to `pass_` when they
  // are not there.
  void read_packet(int size) const {
    code_.append(move(kR1, kContext));
    code_.frame_address(kR3, kCommSlot);
    code_.append(move(kR4, size));
    code_.append(call(BPF_FUNC_skb_load_bytes));
    code_.jump(jump_if(Comparison::kNe, kR0, 0), pass_);
  }

  Writer& code_;
  DnsReader& reader_;
  const std::vector<KernelRule>& rules_;
  bool refuses_;
  Label pass_;
  Label refuse_;
};

}  // namespace

void emit_answer(const Target& target, DnsReader& reader,
                 const std::vector<KernelRule>& rules) {
  AnswerReader(target, reader, rules).emit();
}

}  // namespace bailiff::emit
