// SPDX-License-Identifier: Apache-2.0
// tests/differential/test_program.h
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "rules/abi/event.h"
#include "rules/base/result.h"
#include "rules/emit/program.h"
#include "rules/policy/compiled_policy.h"

namespace bailiff::test {

// The maps programs over the lists of one policy use, made when one needs
// them.
class KernelMaps {
 public:
  explicit KernelMaps(const std::vector<List>& lists) : lists_(lists) {}
  // A borrowed descriptor; of a list, that of its table.
  Result<int> map(const emit::MapRef& ref);
  // The array of the program's numbers (emit::MapKind::kList).
  Result<UniqueFd> numbers(const emit::Program& program);

 private:
  Result<UniqueFd> make(const emit::MapRef& ref) const;
  Result<UniqueFd> make_table(const emit::MapRef& ref) const;
  static Result<UniqueFd> make_tables();
  // Of the list's table in kTables.
  Result<std::uint32_t> place(const emit::MapRef& list);

  const std::vector<List>& lists_;
  std::map<emit::MapRef, UniqueFd> maps_;
  std::map<emit::MapRef, std::uint32_t> places_;
};

// A program in the kernel.
class TestProgram {
 public:
  // A refusal by the verifier carries the end of its log.
  static Result<TestProgram> load(const emit::Program& program,
                                  KernelMaps& maps);
  // Judges the event; `hits` and `denied` are filled in.  Precondition: the
  // program is of the test flavour.
  Status run(bailiff_test_event& event) const;

 private:
  explicit TestProgram(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace bailiff::test
