// SPDX-License-Identifier: Apache-2.0
#include "rules/fields/event_type.h"

#include <algorithm>
#include <array>
#include <vector>

#include "rules/base/diagnostic.h"
#include "rules/fields/sorted_names.h"

namespace bailiff {
namespace {

using enum EventCategory;
using enum EventFlag;

// The parameters of all rows, one after the other.
constexpr EventParameter kParameters[] = {
#define PARAM(name, type) {name, FalcoType::type},
#define EVENT_TYPE(name, category, flags, params) params
#define EVENT_ALIAS(name, event)
#define SYSTEM_CALL(name)
#define OTHER_PARAM(name, type)
#include "rules/fields/event_types.def"
#undef PARAM
#undef EVENT_TYPE
#undef EVENT_ALIAS
#undef SYSTEM_CALL
#undef OTHER_PARAM
};

constexpr EventParameter kOtherParameters[] = {
#define PARAM(name, type)
#define EVENT_TYPE(name, category, flags, params)
#define EVENT_ALIAS(name, event)
#define SYSTEM_CALL(name)
#define OTHER_PARAM(name, type) {name, FalcoType::type},
#include "rules/fields/event_types.def"
#undef PARAM
#undef EVENT_TYPE
#undef EVENT_ALIAS
#undef SYSTEM_CALL
#undef OTHER_PARAM
};

// What there is of a system call that is told without arguments.
constexpr EventParameter kUntoldParameters[] = {
    {"ID", FalcoType::kSyscallid}, {"nativeID", FalcoType::kUint16}};

struct Row {
  std::string_view name;
  std::string_view event;
  EventCategory category;
  EventFlag flags;
  std::size_t parameters;
};

constexpr Row kRows[] = {
// NOLINTBEGIN(bugprone-macro-parentheses): each PARAM counts one more.
#define PARAM(name, type) +1
#define EVENT_TYPE(name, category, flags, params) \
  {name, name, category, flags, std::size_t{0} params},
#define EVENT_ALIAS(name, event) {name, event, kOther, kPlain, 0},
#define SYSTEM_CALL(name) {name, name, kOther, kSystemCall | kUntold, 0},
#define OTHER_PARAM(name, type)
#include "rules/fields/event_types.def"
#undef PARAM
#undef EVENT_TYPE
#undef EVENT_ALIAS
#undef SYSTEM_CALL
#undef OTHER_PARAM
    // NOLINTEND(bugprone-macro-parentheses)
};

class Table {
 public:
  Table() {
    std::span<const EventParameter> rest = kParameters;
    for (const Row& row : kRows) {
      std::span<const EventParameter> parameters = rest.first(row.parameters);
      rest = rest.subspan(row.parameters);
      if ((row.flags | kUntold) == row.flags) parameters = kUntoldParameters;
      events_.push_back({.name = row.name,
                         .event = row.event,
                         .category = row.category,
                         .flags = row.flags,
                         .parameters = parameters});
    }
    for (std::size_t i = 0; i < events_.size(); ++i) by_name_.push_back(i);
    std::sort(by_name_.begin(), by_name_.end(),
              [&](std::size_t a, std::size_t b) {
                return events_[a].name < events_[b].name;
              });
    for (EventType& alias : events_) {
      if (alias.event == alias.name) continue;
      const EventType& target = events_[*find(alias.event)];
      alias.category = target.category;
      alias.flags = target.flags;
      alias.parameters = target.parameters;
    }
    add_parameters();
  }

  std::span<const EventType> events() const { return events_; }
  std::span<const EventParameter> parameters() const { return parameters_; }

  std::optional<std::size_t> find(std::string_view name) const {
    const std::size_t* found = find_name(by_name_, name, NameOf{events_});
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  std::string_view longest_prefix(std::string_view text) const {
    const std::size_t* found =
        find_longest_prefix(by_name_, text, NameOf{events_});
    return found == nullptr ? std::string_view() : events_[*found].name;
  }

 private:
  struct NameOf {
    const std::vector<EventType>& events;
    std::string_view operator()(std::size_t index) const {
      return events[index].name;
    }
  };

  // Of parameters with one name the first counts.
  void add_parameters() {
    const auto add = [&](std::span<const EventParameter> more) {
      parameters_.insert(parameters_.end(), more.begin(), more.end());
    };
    add(kOtherParameters);
    add(kParameters);
    add(kUntoldParameters);
    std::stable_sort(parameters_.begin(), parameters_.end(),
                     [](const EventParameter& a, const EventParameter& b) {
                       return a.name < b.name;
                     });
    const auto same = [](const EventParameter& a, const EventParameter& b) {
      return a.name == b.name;
    };
    parameters_.erase(std::unique(parameters_.begin(), parameters_.end(), same),
                      parameters_.end());
  }

  std::vector<EventType> events_;
  std::vector<std::size_t> by_name_;        // indices in events_
  std::vector<EventParameter> parameters_;  // by name, each name once
};

const Table& table() {
  static const Table kTable;
  return kTable;
}

std::string_view parameter_name(const EventParameter& parameter) {
  return parameter.name;
}

template <typename Named>
std::string_view nearest_of(std::string_view name, std::span<const Named> all) {
  std::vector<std::string_view> names;
  for (const Named& one : all) names.push_back(one.name);
  return nearest(name, names);
}

}  // namespace

std::string_view to_string(EventCategory category) {
  switch (category) {
    case kOther:
      return "other";
    case kFile:
      return "file";
    case kNet:
      return "net";
    case kIpc:
      return "IPC";
    case kMemory:
      return "memory";
    case kProcess:
      return "process";
    case kSleep:
      return "sleep";
    case kSystem:
      return "system";
    case kSignal:
      return "signal";
    case kUser:
      return "user";
    case kTime:
      return "time";
    case kIoRead:
      return "io_read";
    case kIoWrite:
      return "io_write";
    case kIoOther:
      return "io_other";
    case kWait:
      return "wait";
    case kScheduler:
      return "scheduler";
    case kInternal:
      return "internal";
  }
  return "";
}

std::span<const EventType> all_event_types() { return table().events(); }

std::optional<std::size_t> find_event_type(std::string_view name) {
  return table().find(name);
}

std::string_view nearest_event_type(std::string_view name) {
  return nearest_of(name, table().events());
}

std::optional<FalcoType> find_parameter(std::string_view name) {
  const EventParameter* found =
      find_name(table().parameters(), name, parameter_name);
  if (found == nullptr) return std::nullopt;
  return found->type;
}

std::string_view nearest_parameter(std::string_view name) {
  return nearest_of(name, table().parameters());
}

std::string_view longest_event_type_prefix(std::string_view text) {
  return table().longest_prefix(text);
}

std::string_view longest_parameter_prefix(std::string_view text) {
  const EventParameter* found =
      find_longest_prefix(table().parameters(), text, parameter_name);
  return found == nullptr ? std::string_view() : found->name;
}

}  // namespace bailiff
