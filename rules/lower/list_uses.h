// SPDX-License-Identifier: Apache-2.0
// rules/lower/list_uses.h
// What lists are compared with, for whoever changes one without loading the
// rule files again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/compiled_policy.h"

namespace bailiff {

// Of a policy's lists, by index.  Borrows nothing; any thread.
class ListUses {
 public:
  explicit ListUses(const CompiledPolicy& policy);

  // "addresses", "networks", "names", or of several "addresses, networks" for a
  // list that only the kernel looks things up in; "conditions" for one that
  // programs are made of; "unused" for one that no condition names.
  std::string kind(std::uint32_t list) const;

  // Whether it is of the first sort.  Of no other may the rest be asked.
  bool is_table(std::uint32_t list) const;

  // Why the text is no item of the list, or is one in a rule file that the load
  // would warn of ("is not an IP address"); "" when it is one.
  std::string problem(std::uint32_t list, std::string_view item) const;

  // What two items have in common that are one, however each is written: bytes
  // to compare, and not to show.
  std::string key(std::uint32_t list, std::string_view item) const;

 private:
  struct Use {
    bool addresses = false;
    bool networks = false;
    bool names = false;
    bool ports = true;  // whether an item may be an address with a port
    bool conditions = false;
  };

  class Finder;

  std::vector<Use> uses_;
};

}  // namespace bailiff
