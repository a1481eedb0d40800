// SPDX-License-Identifier: Apache-2.0
// hook/attach/pins.h
// Where each kernel object is pinned below BPF_DIR; see attach.h.  Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/base/digest.h"
#include "rules/base/result.h"
#include "rules/emit/program.h"

namespace bailiff::hook {

class Pins {
 public:
  explicit Pins(std::string bpf_dir) : bpf_dir_(std::move(bpf_dir)) {}

  const std::string& root() const { return bpf_dir_; }
  std::string lists() const { return bpf_dir_ + "/lists"; }
  std::string programs() const { return bpf_dir_ + "/programs"; }
  std::string numbers() const { return bpf_dir_ + "/numbers"; }
  std::string users() const { return bpf_dir_ + "/users"; }
  std::string links() const { return bpf_dir_ + "/links"; }
  // Of another format, a map has another name.
  std::string facts() const { return bpf_dir_ + "/facts-2"; }
  // As of ForeignSockets::load() (hook/kernel/foreign.h).
  std::string foreign() const { return bpf_dir_ + "/foreign"; }
  std::string foreign_links() const { return foreign() + "/links"; }

  std::string map(emit::MapKind kind) const {
    return map({.kind = kind, .list = {}});
  }
  // Of a kList, where the number of its table is told.
  std::string map(const emit::MapRef& ref) const;
  std::string program(const Digest& digest) const;
  // The array of the program's numbers.
  std::string numbers(const Digest& digest) const;
  // Where a container that uses the program is named (unused.h).
  std::string user(const Digest& digest) const;
  // kInvalidArgument for an id that is empty or, encoded, longer than a file
  // name may be.
  Result<std::string> container(std::string_view id) const;

 private:
  std::string bpf_dir_;
};

// Every byte other than [A-Za-z0-9_-] as %XX: bpffs refuses names with a dot,
// which container ids and list names may have.
std::string encode_name(std::string_view name);
// The inverse; nullopt for what encode_name() does not make.
std::optional<std::string> decode_name(std::string_view encoded);

}  // namespace bailiff::hook
