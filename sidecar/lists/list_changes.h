// SPDX-License-Identifier: Apache-2.0
// sidecar/lists/list_changes.h
// What people change of lists while the service runs.
//
// A change says of one item that it is in a list, or that it is not, whatever
// the rule files say, until it ends or somebody says otherwise; then the files'
// word counts again.  So there is at most one change of an item, and what was
// removed of a file's items comes back when its removal ends, and what was
// added stays if a file has it by then.
//
// Everything here is pure; list_changes_file.h keeps it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::sidecar {

// What an item may have, and how many changes there may be of all lists
// together: by hand, that is thousands more than a person can oversee.  Longer
// lists belong into rule files.
inline constexpr std::size_t kMaxItemBytes = 1024;
inline constexpr std::size_t kMaxListChanges = 10'000;

// Times are CLOCK_REALTIME.
struct ListChange {
  std::string list;
  std::string item;
  bool added = true;  // or removed
  std::string id;     // of the request it came with
  std::string actor;
  std::string reason;
  std::uint64_t since_ns = 0;
  std::uint64_t until_ns = 0;  // 0: it does not end by itself
  bool operator==(const ListChange&) const = default;
};

// What the timeline has to tell.
struct ListNews {
  std::string id;  // of what tells it
  std::string list;
  std::vector<std::string> added;    // or, when they ended, had been added
  std::vector<std::string> removed;  // the same
  std::string ended;  // the request whose changes ended; "": this is a request
  std::string actor;
  std::string reason;
  std::uint64_t time_ns = 0;
  std::uint64_t until_ns = 0;
  bool operator==(const ListNews&) const = default;
};

struct ListChanges {
  std::vector<ListChange> changes;
  std::vector<ListNews> untold;
  bool operator==(const ListChanges&) const = default;
};

// What two items have in common that are one, however they are written.
using ItemKey = std::function<std::string(std::string_view item)>;

struct ListRequest {
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::string actor;
  std::string reason;
  std::optional<std::int64_t> for_ms;  // absent: until it is undone
};

struct ListOutcome {
  std::string id;
  std::vector<std::string> added;
  std::vector<std::string> removed;
  struct Unchanged {
    std::string item;
    std::string why;  // "is an item already"
  };
  std::vector<Unchanged> unchanged;
  std::uint64_t until_ns = 0;
  std::uint64_t entries = 0;  // of the list now, with all it includes
};

// The list a request is about.
struct ListSite {
  std::string name;
  // By key, of the items asked for: those the list has of the files ("") or
  // through another list that it includes (the name of that).
  std::unordered_map<std::string, std::string> present;
  ItemKey key;
};

// Keys of the items in a request.
std::vector<std::string> keys_of(const ListRequest& request,
                                 const ItemKey& key);

// Makes the changes and the news of them, all or, on failure, none.  An outcome
// in which nothing is added or removed has left all as it was.  Times of the
// request are from `now_ns`.
//
// kInvalidArgument: an item is both added and removed.  kUnsupported: one is to
// be removed that an included list has, or there are too many changes.
Result<ListOutcome> make_changes(ListChanges& changes,
                                 const ListRequest& request,
                                 const ListSite& site, const std::string& id,
                                 std::uint64_t now_ns);

// Ends what is over at `now_ns`: one piece of news for each request and list.
// Whether there was any.
bool end_changes(ListChanges& changes, std::uint64_t now_ns,
                 const std::function<std::string()>& new_id);

// When the next one is over; nullopt: none is.
std::optional<std::uint64_t> next_end(const ListChanges& changes);

// The items of a file with the changes made: without those removed, and behind
// them those added that are not among them.
struct ChangedItems {
  std::vector<std::string> items;
  std::size_t appended = 0;
};
ChangedItems changed_items(const std::vector<std::string>& file_items,
                           const std::vector<const ListChange*>& changes,
                           const ItemKey& key);

}  // namespace bailiff::sidecar
