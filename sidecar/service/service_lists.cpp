// SPDX-License-Identifier: Apache-2.0
//
// The part of Service that is about lists which people change.  A change is
// kept before it takes effect: whoever is killed in between has it take effect
// at the next start, and what the timeline has to tell of it is kept with it.
#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "rules/lower/list_uses.h"
#include "sidecar/alert/timestamp.h"
#include "sidecar/lists/list_changes_file.h"
#include "sidecar/service/log.h"
#include "sidecar/service/service.h"

namespace bailiff::sidecar {
namespace {

// Looked through at once for one that was told perhaps.
constexpr int kAlertsAtOnce = 1000;

Error not_enough_memory() {
  return {Code::kExhausted, "not enough memory for the list"};
}

std::optional<std::uint32_t> find_list(const CompiledPolicy& policy,
                                       const std::string& name) {
  const auto found =
      std::find_if(policy.lists.begin(), policy.lists.end(),
                   [&](const List& list) { return list.name == name; });
  if (found == policy.lists.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - policy.lists.begin());
}

// Why nobody but the rule files changes the list; "" when people do.
std::string why_fixed(const ListUses& uses, const ListState& state,
                      std::uint32_t list, const std::string& name) {
  if (state.pasted.contains(name)) {
    return "stands in a condition as text: change the rule files, and reload";
  }
  if (uses.is_table(list)) return "";
  if (uses.kind(list) == "unused") return "is used by no condition";
  return "is compared with what only new programs could: change the rule "
         "files, and reload";
}

Error bad_item(const std::string& list, const std::string& item,
               const std::string& problem) {
  return {Code::kInvalidArgument,
          "list '" + list + "': item '" + item + "' " + problem};
}

Status check_text(const std::string& list, const std::string& item) {
  if (item.empty()) return bad_item(list, item, "is empty");
  if (item.size() > kMaxItemBytes) {
    return bad_item(
        list, item.substr(0, 64) + "…",
        "is longer than " + std::to_string(kMaxItemBytes) + " bytes");
  }
  return Ok{};
}

// Whether there is a change that this one is the opposite of.
bool undoes(const ListState& state, const std::string& name,
            const std::string& item, bool adds) {
  return std::any_of(state.content.changes.begin(), state.content.changes.end(),
                     [&](const ListChange& change) {
                       return change.list == name && change.item == item &&
                              change.added != adds;
                     });
}

Status check_items(const ListRequest& request, const ListState& state,
                   const ListUses& uses, std::uint32_t list,
                   const std::string& name) {
  for (const auto* items : {&request.add, &request.remove}) {
    for (const std::string& item : *items) {
      RETURN_IF_ERROR(check_text(name, item));
      const std::string problem = uses.problem(list, item);
      // What is no item any more, since a reload, can still be undone.
      if (!problem.empty() &&
          !undoes(state, name, item, items == &request.add)) {
        return bad_item(name, item, problem);
      }
    }
  }
  return Ok{};
}

// Of a list of the policy that people may change.
ListSite site_of(const CompiledPolicy& policy, const ListState& state,
                 const ListRequest& request, std::uint32_t list,
                 const ListUses& uses) {
  ListSite site{.name = policy.lists[list].name,
                .present = {},
                .key = [&uses, list](std::string_view item) {
                  return uses.key(list, item);
                }};
  const std::vector<std::string> keys = keys_of(request, site.key);
  const std::unordered_set<std::string> asked(keys.begin(), keys.end());
  for (const std::uint32_t each : with_included(policy.lists, list)) {
    const List& one = policy.lists[each];
    const auto touched = state.touched.find(one.name);
    const bool own = each == list;
    const std::vector<std::string>& items =
        own && touched != state.touched.end() ? *touched->second.file_items
                                              : one.items;
    for (const std::string& item : items) {
      std::string key = site.key(item);
      if (!asked.contains(key)) continue;
      // Where several have it, whoever removes it must know of the others.
      site.present.insert_or_assign(std::move(key), own ? "" : one.name);
    }
  }
  return site;
}

// Of a list whose changes have no effect: they can only be undone, each by its
// opposite.  `why` is what is wrong with the list.
Result<ListSite> site_of_rest(const ListState& state,
                              const ListRequest& request,
                              const std::string& name, const std::string& why) {
  ListSite site{.name = name, .present = {}, .key = [](std::string_view item) {
                  return std::string(item);
                }};
  std::unordered_set<std::string> added;
  for (const ListChange& change : state.content.changes) {
    if (change.list != name) continue;
    if (change.added) {
      added.insert(change.item);
    } else {
      site.present.emplace(change.item, "");
    }
  }
  const bool undone = std::all_of(request.add.begin(), request.add.end(),
                                  [&](const std::string& item) {
                                    return site.present.contains(item);
                                  }) &&
                      std::all_of(request.remove.begin(), request.remove.end(),
                                  [&](const std::string& item) {
                                    return added.contains(item);
                                  });
  if (undone) return site;
  return Error{Code::kUnsupported, "list '" + name + "' " + why};
}

ListView view_of(const ListState& state, const std::string& name) {
  ListView view;
  view.name = name;
  for (const ListChange& change : state.content.changes) {
    if (change.list != name) continue;
    ++(change.added ? view.added : view.removed);
  }
  view.in_force =
      view.added + view.removed == 0 || state.touched.contains(name);
  return view;
}

ListView view_of(const ListState& state, const Generation& generation,
                 const ListUses& uses, std::uint32_t list) {
  const std::string& name = generation.policy().lists[list].name;
  ListView view = view_of(state, name);
  view.kind = state.pasted.contains(name) ? "text" : uses.kind(list);
  view.entries = generation.list_entries(list);
  return view;
}

// Adds the items from `after` on to the page, and where the next one begins.
void add_items(ListPage& page, const CompiledPolicy& policy,
               const ListState& state, std::uint32_t list, std::size_t after,
               std::size_t limit) {
  std::map<std::pair<std::string_view, std::string_view>, const ListChange*>
      changes;
  for (const ListChange& change : state.content.changes) {
    changes[{change.list, change.item}] = &change;
  }
  std::size_t before = 0;  // items in front of the list at hand
  for (const std::uint32_t each : with_included(policy.lists, list)) {
    const List& one = policy.lists[each];
    const std::size_t size = one.items.size();
    const auto touched = state.touched.find(one.name);
    const std::size_t by_hand =
        touched == state.touched.end() ? 0 : touched->second.appended;
    for (std::size_t i = after - std::min(after, before); i < size; ++i) {
      if (page.items.size() == limit) {
        page.next = static_cast<std::int64_t>(before + i);
        return;
      }
      ListPage::Item item{.item = one.items[i], .list = one.name, .change = {}};
      if (i + by_hand >= size) {
        const auto change = changes.find({one.name, item.item});
        if (change != changes.end()) item.change = *change->second;
      }
      page.items.push_back(std::move(item));
    }
    before += size;
  }
}

}  // namespace

std::shared_ptr<const ListState> Service::list_state() const {
  const std::lock_guard lock(lists_mutex_);
  return lists_;
}

void Service::set_lists(std::shared_ptr<const ListState> state) {
  const std::lock_guard lock(lists_mutex_);
  lists_ = std::move(state);
}

void Service::warn_of_lists(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) log_warning(warning);
}

Status Service::open_lists(LoadedPolicy& loaded) {
  ASSIGN_OR_RETURN(KeptListChanges kept, read_list_changes(config_.state_dir));
  if (kept.damaged > 0) {
    lists_problem_ = std::to_string(kept.damaged) + " lines of '" +
                     config_.state_dir +
                     "/lists.damaged' could not be read: some changes by hand "
                     "are lost";
    log_error("lists: " + lists_problem_);
  }
  ListState state;
  state.content = std::move(kept.content);
  state.pasted = std::move(loaded.pasted_lists);
  for (const ListNews& news : state.content.untold) {
    perhaps_told_.insert(news.id);
  }
  // What was over while nobody watched does not take effect once more.
  if (end_changes(state.content, now_ns(), new_uuid)) {
    RETURN_IF_ERROR(write_list_changes(config_.state_dir, state.content));
  }
  warn_of_lists(lay_over(loaded.policy, state));
  set_lists(std::make_shared<const ListState>(std::move(state)));
  return Ok{};
}

Result<ListOutcome> Service::change_list(const std::string& name,
                                         const ListRequest& request) {
  const std::lock_guard one(reload_mutex_);
  try {
    return change_list_now(name, request);
  } catch (const std::bad_alloc&) {
    return not_enough_memory();
  }
}

Result<ListOutcome> Service::change_list_now(const std::string& name,
                                             const ListRequest& request) {
  const GenerationPtr current = generations_->current();
  const std::shared_ptr<const ListState> before = list_state();
  const CompiledPolicy& policy = current->policy();
  const ListUses uses(policy);
  const std::optional<std::uint32_t> index = find_list(policy, name);
  std::string why =
      "is in no rule file now: what was changed of it can only "
      "be undone";
  if (index) {
    why = why_fixed(uses, *before, *index, name);
  } else if (view_of(*before, name).in_force) {
    return Error{Code::kNotFound, "no list '" + name + "'"};
  }
  ListSite site;
  if (why.empty()) {
    RETURN_IF_ERROR(check_items(request, *before, uses, *index, name));
    site = site_of(policy, *before, request, *index, uses);
  } else {
    ASSIGN_OR_RETURN(site, site_of_rest(*before, request, name, why));
  }
  ListState next = *before;
  ASSIGN_OR_RETURN(
      ListOutcome outcome,
      make_changes(next.content, request, site, new_uuid(), now_ns()));
  if (!outcome.added.empty() || !outcome.removed.empty()) {
    RETURN_IF_ERROR(take_lists(std::move(next)));
    log_info("list is changed list=" + name +
             " added=" + std::to_string(outcome.added.size()) +
             " removed=" + std::to_string(outcome.removed.size()));
    tell_lists();
    forget_generations();
    await_next_end();
  }
  if (index) outcome.entries = generations_->current()->list_entries(*index);
  return outcome;
}

Status Service::take_lists(ListState next) {
  const std::shared_ptr<const ListState> before = list_state();
  const CompiledPolicy policy =
      with_changes(generations_->current()->policy(), *before, next);
  const auto state = std::make_shared<const ListState>(std::move(next));
  RETURN_IF_ERROR(write_list_changes(config_.state_dir, state->content));
  Status applied = apply(policy, /*with_degraded=*/false);
  if (applied) {
    set_lists(state);
    return Ok{};
  }
  if (const Status back =
          write_list_changes(config_.state_dir, before->content);
      !back) {
    log_error("undo a list change that failed: " + back.error().message);
  }
  // Of what was asked for all was well.
  Error error = applied.error();
  if (error.code != Code::kExhausted) error.code = Code::kIo;
  error.message = "the lists are what they were: " + error.message;
  return error;
}

void Service::end_list_changes() {
  const std::lock_guard one(reload_mutex_);
  Status ended = Ok{};
  try {
    ListState next = *list_state();
    if (end_changes(next.content, now_ns(), new_uuid)) {
      ended = take_lists(std::move(next));
      if (ended) forget_generations();
    }
    tell_lists();
  } catch (const std::bad_alloc&) {
    ended = not_enough_memory();
  }
  if (!ended) {
    // Every period it is tried again.
    log_repeated("lists", "changes by hand that are over stay in force: " +
                              ended.error().message);
    return;
  }
  await_next_end();
}

void Service::await_next_end() {
  const std::optional<std::uint64_t> next = next_end(list_state()->content);
  if (!next) return;
  // When the host's clock is set meanwhile, the period's look finds out.
  const std::uint64_t now = now_ns();
  updater_->ask_at(std::chrono::steady_clock::now() +
                   std::chrono::nanoseconds(*next - std::min(now, *next)));
}

void Service::tell_lists() {
  ListState next = *list_state();
  const std::size_t before = next.content.untold.size();
  std::erase_if(next.content.untold,
                [this](const ListNews& news) { return store_news(news); });
  if (next.content.untold.size() == before) return;
  // What is told and not noted is looked for at the next start.
  if (const Status written =
          write_list_changes(config_.state_dir, next.content);
      !written) {
    log_warning("note that list changes are told: " + written.error().message +
                ", ignoring");
  }
  set_lists(std::make_shared<const ListState>(std::move(next)));
}

bool Service::store_news(const ListNews& news) {
  const Draft draft = list_draft(*settings(), news);
  if (perhaps_told_.contains(news.id)) {
    AlertQuery query{.limit = kAlertsAtOnce,
                     .rule = draft.alert.rule,
                     .since_ns = news.time_ns};
    for (;;) {
      const Result<std::vector<StoredAlert>> alerts = store_->query(query);
      if (!alerts) return false;
      const bool told = std::any_of(
          alerts->begin(), alerts->end(),
          [&](const StoredAlert& alert) { return alert.uuid == news.id; });
      if (told) return true;
      if (alerts->size() < kAlertsAtOnce) break;
      query.after = alerts->back().id;
    }
  }
  return recorder_->store(draft).has_value();
}

std::vector<ListView> Service::lists() {
  const std::shared_ptr<const ListState> state = list_state();
  const GenerationPtr current = generations_->current();
  const ListUses uses(current->policy());
  std::set<std::string> gone;
  for (const ListChange& change : state->content.changes) {
    gone.insert(change.list);
  }
  std::vector<ListView> views;
  const std::vector<List>& lists = current->policy().lists;
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    gone.erase(lists[i].name);
    views.push_back(view_of(*state, *current, uses, i));
  }
  for (const std::string& name : gone) views.push_back(view_of(*state, name));
  return views;
}

Result<ListPage> Service::list(const std::string& name, std::int64_t after,
                               int limit) {
  const std::shared_ptr<const ListState> state = list_state();
  const GenerationPtr current = generations_->current();
  const CompiledPolicy& policy = current->policy();
  const std::optional<std::uint32_t> index = find_list(policy, name);
  ListPage page;
  page.policy_digest = current->digest().hex();
  if (index) {
    page.list = view_of(*state, *current, ListUses(policy), *index);
    if (limit > 0) {
      add_items(page, policy, *state, *index, static_cast<std::size_t>(after),
                static_cast<std::size_t>(limit));
    }
  } else {
    page.list = view_of(*state, name);
    if (page.list.in_force) {
      return Error{Code::kNotFound, "no list '" + name + "'"};
    }
  }
  if (after > 0) return page;
  for (const ListChange& change : state->content.changes) {
    if (change.list == name) page.changes.push_back(change);
  }
  return page;
}

}  // namespace bailiff::sidecar
