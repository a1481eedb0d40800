// SPDX-License-Identifier: Apache-2.0
// rules/resolve/lists.h
// The lists of a load, with what their items mean.
//
// Falco has no lists in conditions: it replaces their names by their items, as
// text (see paste_lists.h).  An item means what it says as such a text, which
// is why items may carry quotes inside their YAML quotes: "\"5.255.97.172\""
// means the inner text, and never the list of that name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/resolve/definitions.h"
#include "rules/types/check.h"

namespace bailiff {

struct ResolvedLists {
  // Same order as the lists resolved; the includes have no loops.
  std::vector<ListDefinition> definitions;
  // By list: whether its items, as text, are something else than values with
  // commas between them, so that only pasting it gives it a meaning.  So it is
  // with an item that needs quotes inside its quotes, such as `(systemd)`, or
  // `a,b`, which is two; with one that has the name of a later list between
  // other words; and with a list that includes such a list.
  std::vector<bool> textual;
  // A list and one it includes that includes it, and so is not among its
  // includes.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> loops;
};

// Tells the items of each list that are values from those that name another
// list, be it defined before or after.
//
// A list may hold its own name, which then is a value, as in Falco.  Where
// lists include each other, the last step of the loop takes over the other
// list's items instead, with the lists among them as values: what Falco's
// pasting comes to.  Falco leaves the names of lists alone that a list names
// whose items name further lists defined before it; here they are included.
//
// Reports loops past kMaxLoopItems (LOAD_ERR_VALIDATE); the include that closes
// one is left out.
ResolvedLists resolve_lists(const std::vector<RawList>& lists,
                            Diagnostics& diagnostics);

// Items copied for lists that include each other.
inline constexpr std::size_t kMaxLoopItems = 10'000;

// The item as it is pasted: with quotes when it has a space and does not begin
// with a quote.
std::string pasted_item(std::string_view item);

}  // namespace bailiff
