// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/unused.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hook/attach/maps.h"
#include "hook/attach/tables.h"

namespace bailiff::hook {
namespace {

// The names in a folder; none when it is not there.
Result<std::vector<std::string>> names_in(const std::string& folder,
                                          Kernel& kernel) {
  auto names = kernel.list(folder);
  if (!names && not_found(names.error())) return std::vector<std::string>();
  return names;
}

Status unlink_if_there(const std::string& path, Kernel& kernel) {
  Status unlinked = kernel.unlink(path);
  if (!unlinked && not_found(unlinked.error())) return Ok{};
  return unlinked;
}

// Kernel ids of the programs a container's links use.
Result<std::set<std::uint32_t>> programs_of(const std::string& container,
                                            const Pins& pins, Kernel& kernel) {
  std::set<std::uint32_t> programs;
  const std::string folder = pins.links() + "/" + container;
  ASSIGN_OR_RETURN(const auto names, names_in(folder, kernel));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const Link link, kernel.open_link(folder + "/" + name));
    ASSIGN_OR_RETURN(const LinkState state, kernel.state(link));
    programs.insert(state.program);
  }
  return programs;
}

class Collector {
 public:
  Collector(const Pins& pins, Kernel& kernel) : pins_(pins), kernel_(kernel) {}

  Status collect() {
    RETURN_IF_ERROR(ask_named());
    RETURN_IF_ERROR(look_for_others());
    for (const auto& [id, name] : doubtful_) {
      RETURN_IF_ERROR(kernel_.unlink(pins_.programs() + "/" + name));
    }
    RETURN_IF_ERROR(remove_users());
    std::set<std::uint32_t> places;
    // A program is pinned after its numbers, and they are unpinned after it.
    ASSIGN_OR_RETURN(const auto numbers, names_in(pins_.numbers(), kernel_));
    for (const std::string& name : numbers) {
      const std::string pin = pins_.numbers() + "/" + name;
      if (!used_.contains(name)) {
        RETURN_IF_ERROR(kernel_.unlink(pin));
        continue;
      }
      ASSIGN_OR_RETURN(const Map map, kernel_.open_map(pin));
      ASSIGN_OR_RETURN(const auto used, read_numbers(map, kernel_));
      places.insert(used.begin(), used.end());
    }
    return remove_lists_but(places, pins_, kernel_);
  }

 private:
  // Divides the programs into those the named container uses and the others.
  Status ask_named() {
    ASSIGN_OR_RETURN(const auto names, names_in(pins_.programs(), kernel_));
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(const Program program,
                       kernel_.open_program(pins_.programs() + "/" + name));
      ASSIGN_OR_RETURN(const std::uint32_t id, kernel_.program_id(program));
      const auto container = kernel_.read_link(pins_.users() + "/" + name);
      if (!container && !not_found(container.error())) {
        return container.error();
      }
      if (container) {
        ASSIGN_OR_RETURN(const auto programs,
                         programs_of(*container, pins_, kernel_));
        if (programs.contains(id)) {
          used_.insert(name);
          continue;
        }
      }
      doubtful_[id] = name;
    }
    return Ok{};
  }

  Status look_for_others() {
    if (doubtful_.empty()) return Ok{};
    ASSIGN_OR_RETURN(const auto containers, names_in(pins_.links(), kernel_));
    for (const std::string& container : containers) {
      if (doubtful_.empty()) break;
      ASSIGN_OR_RETURN(const auto programs,
                       programs_of(container, pins_, kernel_));
      for (const std::uint32_t id : programs) {
        const auto found = doubtful_.find(id);
        if (found == doubtful_.end()) continue;
        const std::string user = pins_.users() + "/" + found->second;
        RETURN_IF_ERROR(unlink_if_there(user, kernel_));
        RETURN_IF_ERROR(kernel_.make_link(container, user));
        used_.insert(found->second);
        doubtful_.erase(found);
      }
    }
    return Ok{};
  }

  Status remove_users() {
    ASSIGN_OR_RETURN(const auto names, names_in(pins_.users(), kernel_));
    for (const std::string& name : names) {
      if (used_.contains(name)) continue;
      RETURN_IF_ERROR(kernel_.unlink(pins_.users() + "/" + name));
    }
    return Ok{};
  }

  const Pins& pins_;
  Kernel& kernel_;
  std::set<std::string> used_;                     // names
  std::map<std::uint32_t, std::string> doubtful_;  // kernel id to name
};

}  // namespace

Status remove_unused(const Pins& pins, Kernel& kernel) {
  return Collector(pins, kernel).collect();
}

}  // namespace bailiff::hook
