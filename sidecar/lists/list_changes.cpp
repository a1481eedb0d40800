// SPDX-License-Identifier: Apache-2.0
#include "sidecar/lists/list_changes.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

namespace bailiff::sidecar {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

// One request on its way.
class Changing {
 public:
  Changing(ListChanges& changes, const ListRequest& request,
           const ListSite& site, const std::string& id, std::uint64_t now_ns)
      : changes_(changes),
        request_(request),
        site_(site),
        now_ns_(now_ns),
        until_ns_(request.for_ms
                      ? now_ns + static_cast<std::uint64_t>(*request.for_ms) *
                                     kNanosecondsPerMillisecond
                      : 0) {
    outcome_.id = id;
    for (std::size_t i = 0; i < changes.changes.size(); ++i) {
      const ListChange& each = changes.changes[i];
      if (each.list == site.name) by_key_.emplace(site.key(each.item), i);
    }
  }

  Result<ListOutcome> make() && {
    std::set<std::string> added;
    for (const std::string& item : request_.add) {
      const std::string key = site_.key(item);
      if (added.insert(key).second) add(item, key);
    }
    std::set<std::string> removed;
    for (const std::string& item : request_.remove) {
      const std::string key = site_.key(item);
      if (added.contains(key)) {
        return Error{Code::kInvalidArgument,
                     what(item) + " is both added and removed"};
      }
      if (!removed.insert(key).second) continue;
      RETURN_IF_ERROR(remove(item, key));
    }
    return finish();
  }

 private:
  std::string what(const std::string& item) const {
    return "list '" + site_.name + "': item '" + item + "'";
  }

  void unchanged(const std::string& item, std::string why) {
    outcome_.unchanged.push_back({item, std::move(why)});
  }

  // nullptr: nobody changed it.
  const ListChange* change_of(const std::string& key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &changes_.changes[found->second];
  }

  // Whether the change says already what is asked for, for as long.
  bool says_so(const ListChange* change, bool added) const {
    return change != nullptr && change->added == added &&
           change->until_ns == 0 && until_ns_ == 0;
  }

  void add(const std::string& item, const std::string& key) {
    const ListChange* change = change_of(key);
    const auto present = site_.present.find(key);
    if (says_so(change, true)) {
      return unchanged(item, "is an item already, added by " + change->actor);
    }
    if (present == site_.present.end()) {
      outcome_.added.push_back(item);
      return put(item, key, true);
    }
    if (change != nullptr) {
      // Of a removal that is undone the file's word is left.
      outcome_.added.push_back(item);
      if (!change->added) return drop(key);
      return put(item, key, true);
    }
    unchanged(item, present->second.empty()
                        ? "is an item already, of the rule files"
                        : "is an item already, of list '" + present->second +
                              "', which this one includes");
  }

  Status remove(const std::string& item, const std::string& key) {
    const ListChange* change = change_of(key);
    const auto present = site_.present.find(key);
    const bool is_present = present != site_.present.end();
    if (is_present && !present->second.empty()) {
      return Error{Code::kUnsupported, what(item) + " is of list '" +
                                           present->second +
                                           "', which this one includes: "
                                           "remove it there"};
    }
    if (says_so(change, false)) {
      unchanged(item, "is removed already, by " + change->actor);
    } else if (is_present) {
      outcome_.removed.push_back(item);
      put(item, key, false);
    } else if (change != nullptr) {
      // An addition that is undone, or the removal of what no file has now.
      outcome_.removed.push_back(item);
      drop(key);
    } else {
      unchanged(item, "is no item");
    }
    return Ok{};
  }

  void put(const std::string& item, const std::string& key, bool added) {
    ListChange change{.list = site_.name,
                      .item = item,
                      .added = added,
                      .id = outcome_.id,
                      .actor = request_.actor,
                      .reason = request_.reason,
                      .since_ns = now_ns_,
                      .until_ns = until_ns_};
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      replaced_.emplace_back(found->second, std::move(change));
    } else {
      made_.push_back(std::move(change));
    }
  }
  void drop(const std::string& key) { dropped_.insert(key); }

  Result<ListOutcome> finish() {
    std::vector<ListChange> next = changes_.changes;
    for (auto& [index, change] : replaced_) next[index] = std::move(change);
    std::set<std::size_t> gone;
    for (const std::string& key : dropped_) gone.insert(by_key_.at(key));
    std::size_t index = 0;
    std::erase_if(next,
                  [&](const ListChange&) { return gone.contains(index++); });
    next.insert(next.end(), made_.begin(), made_.end());
    // What makes them fewer is always possible.
    if (next.size() > kMaxListChanges &&
        next.size() > changes_.changes.size()) {
      return Error{Code::kUnsupported, "lists would have " +
                                           std::to_string(next.size()) +
                                           " changes by hand, more than " +
                                           std::to_string(kMaxListChanges) +
                                           ": put items into the rule files"};
    }
    outcome_.until_ns = until_ns_;
    if (outcome_.added.empty() && outcome_.removed.empty()) {
      return std::move(outcome_);
    }
    changes_.changes = std::move(next);
    changes_.untold.push_back({.id = outcome_.id,
                               .list = site_.name,
                               .added = outcome_.added,
                               .removed = outcome_.removed,
                               .actor = request_.actor,
                               .reason = request_.reason,
                               .time_ns = now_ns_,
                               .until_ns = until_ns_});
    return std::move(outcome_);
  }

  ListChanges& changes_;
  const ListRequest& request_;
  const ListSite& site_;
  const std::uint64_t now_ns_;
  const std::uint64_t until_ns_;
  std::unordered_map<std::string, std::size_t> by_key_;  // of this list
  std::vector<std::pair<std::size_t, ListChange>> replaced_;
  std::vector<ListChange> made_;
  std::set<std::string> dropped_;
  ListOutcome outcome_;
};

}  // namespace

std::vector<std::string> keys_of(const ListRequest& request,
                                 const ItemKey& key) {
  std::vector<std::string> keys;
  for (const auto* items : {&request.add, &request.remove}) {
    for (const std::string& item : *items) keys.push_back(key(item));
  }
  return keys;
}

Result<ListOutcome> make_changes(ListChanges& changes,
                                 const ListRequest& request,
                                 const ListSite& site, const std::string& id,
                                 std::uint64_t now_ns) {
  return Changing(changes, request, site, id, now_ns).make();
}

bool end_changes(ListChanges& changes, std::uint64_t now_ns,
                 const std::function<std::string()>& new_id) {
  std::map<std::pair<std::string, std::string>, ListNews> news;
  std::erase_if(changes.changes, [&](const ListChange& change) {
    if (change.until_ns == 0 || change.until_ns > now_ns) return false;
    ListNews& told = news[{change.list, change.id}];
    told.list = change.list;
    told.ended = change.id;
    told.actor = change.actor;
    told.reason = change.reason;
    told.time_ns = now_ns;
    told.until_ns = change.until_ns;
    (change.added ? told.added : told.removed).push_back(change.item);
    return true;
  });
  for (auto& [key, told] : news) {
    told.id = new_id();
    changes.untold.push_back(std::move(told));
  }
  return !news.empty();
}

std::optional<std::uint64_t> next_end(const ListChanges& changes) {
  std::optional<std::uint64_t> next;
  for (const ListChange& change : changes.changes) {
    if (change.until_ns == 0) continue;
    next = std::min(next.value_or(change.until_ns), change.until_ns);
  }
  return next;
}

ChangedItems changed_items(const std::vector<std::string>& file_items,
                           const std::vector<const ListChange*>& changes,
                           const ItemKey& key) {
  std::unordered_map<std::string, const ListChange*> by_key;
  for (const ListChange* change : changes) by_key[key(change->item)] = change;
  std::unordered_set<const ListChange*> in_file;
  ChangedItems changed;
  changed.items.reserve(file_items.size() + changes.size());
  for (const std::string& item : file_items) {
    const auto found = by_key.find(key(item));
    if (found != by_key.end()) {
      if (!found->second->added) continue;
      in_file.insert(found->second);
    }
    changed.items.push_back(item);
  }
  for (const ListChange* change : changes) {
    if (!change->added || in_file.contains(change)) continue;
    changed.items.push_back(change->item);
    ++changed.appended;
  }
  return changed;
}

}  // namespace bailiff::sidecar
