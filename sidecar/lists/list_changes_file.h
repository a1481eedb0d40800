// SPDX-License-Identifier: Apache-2.0
// sidecar/lists/list_changes_file.h
// STATE_DIR/lists: what people changed of lists, over restarts and the host's
// power.  A text of lines, each with a digest of its own, so that of a file
// that was damaged what is left can be believed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rules/base/result.h"
#include "sidecar/lists/list_changes.h"

namespace bailiff::sidecar {

// kMaxListChanges of them take less, unless every one is as long as it may be.
inline constexpr std::size_t kMaxListFileBytes = 16 << 20;

struct KeptListChanges {
  ListChanges content;
  // How many lines could not be believed.
  std::size_t damaged = 0;
};

// The text of the file, and what it says.  Pure.
std::string list_changes_text(const ListChanges& changes);
KeptListChanges parse_list_changes(std::string_view text);

// Empty when there is no file.  Refuses one that somebody other than root could
// change.  A damaged one is copied to STATE_DIR/lists.damaged and
// written anew with what is left of it.
Result<KeptListChanges> read_list_changes(const std::string& state_dir);

// Whole or not at all, and on the disk when it returns.  kUnsupported past
// kMaxListFileBytes.
Status write_list_changes(const std::string& state_dir,
                          const ListChanges& changes);

}  // namespace bailiff::sidecar
