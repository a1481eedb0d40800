// SPDX-License-Identifier: Apache-2.0
// rules/emit/dns_reader.h
// What programs that read DNS messages, and those that judge by the names of
// peers, have in common.
//
// The bytes are read by functions in C (dns_message.bpf.c), which become
// subprograms; nothing ties them to anything, so that their instructions are
// simply part of the program.  Which names are listed is asked in between, by
// emitted code, so a list of 100,000 names is one look-up for each label of a
// name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rules/abi/dns.h"
#include "rules/emit/condition.h"
#include "rules/emit/writer.h"
#include "rules/lower/lower.h"

namespace bailiff::emit {

// Of struct bailiff_dns_walk, on the stack of the main program.
#define BAILIFF_WALK(member) \
  (kNamesSlot + static_cast<int>(offsetof(bailiff_dns_walk, member)))

// Whether some rule is about the name of a host.
bool names_hosts(const std::vector<KernelRule>& rules);

enum class DnsFunction : std::uint8_t { kRead, kAsked, kLearn, kKnown };

class DnsReader {
 public:
  explicit DnsReader(const Target& target)
      : target_(target), code_(target.code) {}

  // Fills kNamesSlot with the names the container was told for the address of
  // the event.  Clobbers r0..r5.
  void load_names();

  // Makes the walk ready; clobbers r0..r5.  `refuses`: some rule does.
  void begin_walk(bool refuses);
  // A message begins at the place in `begin`, r1 or r2.  Clobbers r3 and r4.
  void begin_message(Register begin);
  // Reads the question of the message and, called again, the rest of it, up to
  // the walk's `end`, and adds what each name is listed as to its names.  r0:
  // enum bailiff_dns_found; with BAILIFF_DNS_FULL added when more are listed
  // than there is room for.  Clobbers r1..r5.  `rules` are those whose names
  // count, the same at each call.
  void read(const std::vector<KernelRule>& rules);
  // Notes down the question that was read, or of an answer sets r0 to whether
  // it was asked; r3: the container's port.  Clobbers r0..r5.
  void ask(bool is_answer);
  // Keeps the addresses of the answer.  r0: as read().  Clobbers r1..r5.
  void learn();

  // Puts what was called behind the main program.
  void finish();

 private:
  Label label_of(DnsFunction function);
  void load_table();
  void use_rules(const std::vector<KernelRule>& rules);
  // r3: the walk.
  void loop(Label step, std::int32_t times);
  void emit_step();
  void emit_listed();
  void emit_keep(std::size_t hash);

  const Target& target_;
  Writer& code_;
  std::array<std::optional<Label>, 4> labels_;
  std::optional<Label> next_step_;
  std::optional<Label> listed_;
  const std::vector<KernelRule>* rules_ = nullptr;
};

}  // namespace bailiff::emit
