// SPDX-License-Identifier: Apache-2.0
#include "rules/emit/query.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "rules/abi/dns.h"
#include "rules/emit/flavour.h"
#include "rules/emit/report.h"

namespace bailiff::emit {
namespace {

constexpr int kUdpHeader = 8;
// Of TCP's header, the byte with its length in words, before that with flags.
constexpr int kTcpLength = 12;
constexpr int kTcpUrgent = 0x20;
// Messages of one packet: over TCP, resolvers ask for the addresses of both
// families at once.
constexpr int kQuestions = 2;

class QuestionReader {
 public:
  QuestionReader(const Target& target, DnsReader& reader,
                 const std::vector<KernelRule>& rules)
      : code_(target.code),
        flavour_(target.flavour),
        reader_(reader),
        rules_(rules),
        pass_(code_.new_label()),
        unreadable_(code_.new_label()),
        judge_(code_.new_label()) {}

  void emit(bool refuses) const {
    branch_other();
    reader_.begin_walk(refuses);
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
    read_question();
    for (int i = 1; i < kQuestions; ++i) {
      find_message();
      read_question();
    }
    code_.bind(unreadable_);
    if (refuses && flavour_.confirm != nullptr) {
      flavour_.confirm(code_, flavour_, pass_);
    }
    code_.append(move(kR0, refuses ? flavour_.refuse : flavour_.pass));
    code_.exit();
    code_.bind(pass_);
    code_.append(move(kR0, flavour_.pass));
    code_.exit();
    code_.bind(judge_);
  }

 private:
  // To `pass_` what is for no resolver.
  void branch_other() const {
    const Label resolver = code_.new_label();
    flavour_.load_number(code_, Number::kPort, kR1);
    code_.jump(jump_if(Comparison::kEq, kR1, kDnsPort), resolver);
    code_.jump(jump_if(Comparison::kNe, kFamily, 4), pass_);
    flavour_.load_address4(code_, kR1);
    code_.load_constant(kR2, htonl(kDockerResolver));
    code_.jump(jump_if(Comparison::kNe, kR1, kR2), pass_);
    code_.bind(resolver);
    // What is not the first fragment has no header, and no beginning.
    code_.append(load(Size::k32, kR1, kFrame, kTransportSlot));
    code_.jump(jump_if(Comparison::kEq, kR1, 0), pass_);
    if (!flavour_.of_frame) return;
    // From here on counted from where the frame begins.
    code_.append(load(Size::k32, kR2, kFrame, kNetworkSlot));
    code_.append(alu(BPF_ADD, kR1, kR2));
    code_.append(store(Size::k32, kFrame, kTransportSlot, kR1));
  }

  // The message of a datagram, into the walk.
  void find_datagram() const {
    // Cut into several datagrams behind this program, of which it would read
    // the first (UDP_SEGMENT, udp(7)).
    code_.append(load(Size::k32, kR1, kContext, offsetof(__sk_buff, gso_segs)));
    code_.jump(jump_if(Comparison::kGt, kR1, 1), unreadable_);
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
    read_packet(2);
    // An urgent byte (MSG_OOB, tcp(7)) is in the segment, and not in what the
    // resolver reads, to whom a name begins elsewhere then.
    code_.append(load(Size::k8, kR1, kFrame, kCommSlot + 1));
    code_.append(alu(BPF_AND, kR1, kTcpUrgent));
    code_.jump(jump_if(Comparison::kNe, kR1, 0), unreadable_);
    code_.append(load(Size::k8, kR1, kFrame, kCommSlot));
    code_.append(alu(BPF_RSH, kR1, 4));
    code_.append(alu(BPF_LSH, kR1, 2));
    code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
    code_.append(alu(BPF_ADD, kR2, kR1));
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kR2));
    load_length(kR1);
    code_.jump(jump_if(Comparison::kEq, kR1, kR2), pass_);
  }

  // The message behind the one before, behind its length.
  void find_message() const {
    code_.append(load(Size::k32, kR2, kFrame, BAILIFF_WALK(end)));
    read_packet(2);
    code_.append(load(Size::k16, kR1, kFrame, kCommSlot));
    code_.append(from_network_order(kR1, 16));
    code_.append(load(Size::k32, kR2, kFrame, BAILIFF_WALK(end)));
    code_.append(alu(BPF_ADD, kR2, 2));
    code_.append(alu(BPF_ADD, kR1, kR2));
    reader_.begin_message(kR2);
    code_.append(store(Size::k32, kFrame, BAILIFF_WALK(end), kR1));
  }

  // Of that message.  To `judge_` when it ends the packet.
  void read_question() const {
    const Label asks_nothing = code_.new_label();
    reader_.read(rules_);
    code_.jump(jump_if(Comparison::kEq, kR0, BAILIFF_DNS_END), asks_nothing);
    code_.jump(jump_if(Comparison::kNe, kR0, BAILIFF_DNS_NAME), unreadable_);
    // Whoever asks by himself learns nothing: answers are read where a socket
    // of the container gets them.
    if (!flavour_.of_frame) {
      code_.append(load(Size::k32, kR2, kFrame, kTransportSlot));
      read_packet(2);
      code_.append(load(Size::k16, kR3, kFrame, kCommSlot));
      code_.append(from_network_order(kR3, 16));
      reader_.ask(false);
    }
    code_.bind(asks_nothing);
    code_.append(load(Size::k32, kR1, kFrame, BAILIFF_WALK(end)));
    load_length(kR2);
    code_.jump(jump_if(Comparison::kGt, kR1, kR2), unreadable_);
    code_.jump(jump_if(Comparison::kEq, kR1, kR2), judge_);
  }

  void load_length(Register dst) const {
    code_.append(load(Size::k32, dst, kContext, offsetof(__sk_buff, len)));
  }

  // Copies `size` bytes from the place in r2 to kCommSlot.
  void read_packet(int size) const {
    code_.append(move(kR1, kContext));
    code_.frame_address(kR3, kCommSlot);
    code_.append(move(kR4, size));
    code_.append(call(BPF_FUNC_skb_load_bytes));
    code_.jump(jump_if(Comparison::kNe, kR0, 0), unreadable_);
  }

  Writer& code_;
  const FlavourCode& flavour_;
  DnsReader& reader_;
  const std::vector<KernelRule>& rules_;
  Label pass_;
  Label unreadable_;
  Label judge_;
};

}  // namespace

void read_questions(const Target& target, DnsReader& reader,
                    const std::vector<KernelRule>& rules) {
  const bool refuses =
      std::any_of(rules.begin(), rules.end(),
                  [](const KernelRule& rule) { return rule.deny; });
  QuestionReader(target, reader, rules).emit(refuses);
}

const FlavourCode& query_code() {
  static const FlavourCode kFlavour = [] {
    FlavourCode flavour = egress_code();
    flavour.hook = BAILIFF_HOOK_QUERY;
    return flavour;
  }();
  return kFlavour;
}

}  // namespace bailiff::emit
