// SPDX-License-Identifier: Apache-2.0
#include "hook/attach/attach.h"

#include <errno.h>
#include <linux/if_arp.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "hook/attach/isolation.h"
#include "hook/attach/judged.h"
#include "hook/attach/kept_facts.h"
#include "hook/attach/lists.h"
#include "hook/attach/maps.h"
#include "hook/attach/observer.h"
#include "hook/attach/pins.h"
#include "hook/attach/tables.h"
#include "hook/attach/undo.h"
#include "hook/attach/unused.h"
#include "oci/sys/errno_error.h"
#include "rules/abi/event.h"
#include "rules/emit/task_table.h"

namespace bailiff::hook {
namespace {

// What the names of links at interfaces begin with; what follows tells the
// interface and the program.
constexpr std::string_view kFramePrefix = "frame-";
constexpr std::string_view kQueryPrefix = "query-";

// How often BPF_DIR may vanish between making and locking it: each time,
// another attach has failed and taken its folder along.
constexpr int kLockTries = 100;

Deadline lock_deadline() {
  return std::chrono::steady_clock::now() + kLockWait;
}

// Makes the folder and those above it that are missing.
Status make_folders(const std::string& path, Kernel& kernel, Undo& undo) {
  auto made = kernel.make_folder(path);
  if (!made && not_found(made.error())) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return made.error();
    RETURN_IF_ERROR(make_folders(path.substr(0, slash), kernel, undo));
    made = kernel.make_folder(path);
  }
  if (!made) return made.error();
  // Undoing fails when somebody else has put something in by then: right.
  if (*made) undo.add([=, &kernel] { (void)kernel.remove_folder(path); });
  return Ok{};
}

Result<UniqueFd> make_and_lock(const Pins& pins, Kernel& kernel, Undo& undo) {
  const Deadline deadline = lock_deadline();
  for (int attempt = 1;; ++attempt) {
    RETURN_IF_ERROR(make_folders(pins.root(), kernel, undo));
    auto lock = kernel.lock(pins.root(), deadline);
    if (lock || !not_found(lock.error()) || attempt == kLockTries) return lock;
  }
}

// nullopt when there is no BPF_DIR, and so nothing to remove.
Result<std::optional<UniqueFd>> lock_existing(const Pins& pins,
                                              Kernel& kernel) {
  auto lock = kernel.lock(pins.root(), lock_deadline());
  if (lock) return std::optional(*std::move(lock));
  if (not_found(lock.error())) return std::optional<UniqueFd>();
  return lock.error();
}

// The names in a folder; none when it is not there.
Result<std::vector<std::string>> names_in(const std::string& folder,
                                          Kernel& kernel) {
  auto names = kernel.list(folder);
  if (!names && not_found(names.error())) return std::vector<std::string>();
  return names;
}

// Of the links of one container, those whose cgroup is alive.
struct Live {
  std::set<std::uint64_t> cgroups;  // ids
  bool judge = false;               // one is not of its isolation
};

Result<Live> live_links(const std::string& folder, Kernel& kernel) {
  Live live;
  ASSIGN_OR_RETURN(const auto names, names_in(folder, kernel));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const Link link, kernel.open_link(folder + "/" + name));
    ASSIGN_OR_RETURN(const LinkState state, kernel.state(link));
    if (state.cgroup == 0) continue;
    live.cgroups.insert(state.cgroup);
    live.judge = live.judge || !isolates(name);
  }
  return live;
}

bool is_at_interface(std::string_view link) {
  return link.starts_with(kFramePrefix) || link.starts_with(kQueryPrefix);
}

Result<LinkState> state_of(const std::string& pin, Kernel& kernel) {
  ASSIGN_OR_RETURN(const Link link, kernel.open_link(pin));
  return kernel.state(link);
}

// Takes a container's link from it.  One at an interface may be others' too,
// and ends with its last pin, some time later; whoever needs it ended at once
// has to wait.  Until then its program refuses nothing of a container that is
// not entered as judged by its rules, but still what is of nobody.
Status remove_link(const std::string& folder, const std::string& name,
                   Kernel& kernel) {
  const std::string pin = folder + "/" + name;
  if (!is_at_interface(name)) {
    ASSIGN_OR_RETURN(const Link link, kernel.open_link(pin));
    // Unlinking alone would end it too, but only some time later.
    RETURN_IF_ERROR(kernel.detach(link));
  }
  return kernel.unlink(pin);
}

Status remove_links(const std::string& folder, Kernel& kernel) {
  auto names = kernel.list(folder);
  if (!names) {
    if (not_found(names.error())) return Ok{};
    return names.error();
  }
  for (const std::string& name : *names) {
    RETURN_IF_ERROR(remove_link(folder, name, kernel));
  }
  return kernel.remove_folder(folder);
}

// How the frames of an interface are read, by rules for packets and by those
// for the names that they ask for; nullopt: nobody here knows.
struct FrameFlavours {
  emit::Flavour packets;
  emit::Flavour queries;
};
std::optional<FrameFlavours> frame_flavours(const Interface& interface) {
  switch (interface.type) {
    case ARPHRD_ETHER:
      return FrameFlavours{emit::Flavour::kFrame, emit::Flavour::kFrameQuery};
    // What the kernel hands them begins with the IP header (dev->header_ops is
    // not set), or, of a GRE device without a remote end, with that of the
    // packet around it.
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return FrameFlavours{emit::Flavour::kBareFrame,
                           emit::Flavour::kBareFrameQuery};
    default:  // a number of the kernel's, of more kinds than there are here
      return std::nullopt;
  }
}

// What its programs for frames say they are; 0: it has none.
std::uint64_t frames_of(const AttachRequest& request) {
  return emit::frames_id(request.plan, request.policy.lists, request.policy_id);
}

// Those that frames are judged on.  In the host's network a container has the
// other end of each pair that has no address: a hundred pods are a hundred, a
// program at each takes its time, and they lead nowhere but to the host itself.
Result<std::vector<Interface>> judged_interfaces(const Network& network,
                                                 Kernel& kernel) {
  ASSIGN_OR_RETURN(std::vector<Interface> interfaces,
                   kernel.interfaces(network.netns));
  if (network.host) {
    std::erase_if(interfaces,
                  [](const Interface& each) { return each.leads_inside; });
  }
  return interfaces;
}

// What is attached, where, and the name of its link.
struct Planned {
  emit::Program program;
  std::optional<Interface> interface;  // nullopt: the cgroup
  // Of one at an interface it tells the program too, so that another program
  // has a link beside it: the link may be others' as well, who keep theirs.
  std::string pin;
};

// Frames are judged by what packets are.  `id`: frames_of() the request.
Status plan_frames(const AttachRequest& request, std::uint64_t id,
                   Kernel& kernel, std::vector<Planned>& planned,
                   Attachment& attachment) {
  const emit::Frames frames{.id = id, .of_host = request.network.host};
  ASSIGN_OR_RETURN(const std::vector<Interface> interfaces,
                   judged_interfaces(request.network, kernel));
  std::map<emit::Flavour, emit::Program> emitted;
  const auto plan = [&](HookPoint hook, emit::Flavour flavour,
                        const Interface& interface) -> Status {
    const std::vector<KernelRule>& rules = request.plan.rules_at(hook);
    if (rules.empty()) return Ok{};
    if (!emitted.contains(flavour)) {
      ASSIGN_OR_RETURN(emitted[flavour],
                       emit::emit_program(rules, request.policy.lists, flavour,
                                          request.policy_id, nullptr, frames));
    }
    const emit::Program& program = emitted[flavour];
    const auto prefix = hook == HookPoint::kFrame ? kFramePrefix : kQueryPrefix;
    planned.push_back({program, interface,
                       std::string(prefix) + std::to_string(interface.index) +
                           "-" + program.digest().hex()});
    return Ok{};
  };
  for (const Interface& interface : interfaces) {
    const auto flavours = frame_flavours(interface);
    if (!flavours) {
      attachment.unjudged.push_back(
          "interface '" + interface.name + "': frames of kind '" +
          std::to_string(interface.type) + "' cannot be read");
      continue;
    }
    RETURN_IF_ERROR(plan(HookPoint::kFrame, flavours->packets, interface));
    RETURN_IF_ERROR(plan(HookPoint::kQuery, flavours->queries, interface));
  }
  if (!emitted.empty()) {
    const emit::Flavour guard = emit::Flavour::kSetsockopt;
    planned.push_back({emit::emit_frame_guard(), std::nullopt,
                       std::string(emit::to_string(guard))});
  }
  return Ok{};
}

Result<std::vector<Planned>> plan_programs(const AttachRequest& request,
                                           const emit::TaskTable& table,
                                           Kernel& kernel,
                                           Attachment& attachment) {
  std::vector<Planned> planned;
  const std::uint64_t id = request.network.netns < 0 ? 0 : frames_of(request);
  const emit::Frames frames{.id = id, .of_host = request.network.host};
  for (const HookPoint hook : kHookPoints) {
    if (hook == HookPoint::kFrame) continue;
    if (!request.plan.acts_at(hook)) continue;
    ASSIGN_OR_RETURN(
        emit::Program program,
        emit::emit_program(request.plan.rules_at(hook), request.policy.lists,
                           emit::flavour_of(hook), request.policy_id, &table,
                           frames));
    planned.push_back(
        {std::move(program), std::nullopt, std::string(to_string(hook))});
  }
  if (id != 0) {
    RETURN_IF_ERROR(plan_frames(request, id, kernel, planned, attachment));
  }
  return planned;
}

// One attach in progress; each step leaves its undo behind, which may run when
// this object is gone.
class Attacher {
 public:
  Attacher(const AttachRequest& request, const Pins& pins, Kernel& kernel,
           Undo& undo)
      : request_(request),
        pins_(pins),
        kernel_(kernel),
        undo_(undo),
        container_(encode_name(request.container_id)) {}

  // The pinned map, made when it is not there.
  Result<Map> map(emit::MapKind kind) {
    const std::string pin = pins_.map(kind);
    auto map = kernel_.open_map(pin);
    if (map || !not_found(map.error())) return map;
    map = create_map(kind, kernel_);
    if (map) RETURN_IF_ERROR(pin_new(map->fd(), pin));
    return map;
  }

  // Puts the lists into the kernel, all at once, that the programs among these
  // need which are not pinned; with kMakeRoom, after removing what nobody uses.
  enum class Room : std::uint8_t { kMakeRoom, kLeave };
  Status prepare(const std::vector<Planned>& planned, Room room) {
    const auto pinned = [&](const Planned& one) -> Result<bool> {
      const auto opened =
          kernel_.open_program(pins_.program(one.program.digest()));
      if (!opened && !not_found(opened.error())) return opened.error();
      return opened.has_value();
    };
    bool all = true;
    for (const Planned& one : planned) {
      ASSIGN_OR_RETURN(const bool there, pinned(one));
      all = all && there;
    }
    if (all) return Ok{};
    // Something new is about to stay: time to see what is no longer needed,
    // which may be one of these.
    if (room == Room::kMakeRoom) {
      RETURN_IF_ERROR(remove_unused(pins_, kernel_));
    }
    std::set<emit::MapRef> lists;
    for (const Planned& one : planned) {
      ASSIGN_OR_RETURN(const bool there, pinned(one));
      if (there) continue;
      for (const emit::MapRef& ref : one.program.maps) {
        if (ref.kind == emit::MapKind::kList) lists.insert(ref);
      }
    }
    return add_missing(lists);
  }

  // The pinned program, loaded when it is not there.
  Result<Program> program(const emit::Program& emitted, const Digest& digest) {
    const std::string pin = pins_.program(digest);
    auto program = kernel_.open_program(pin);
    if (program || !not_found(program.error())) return program;
    ASSIGN_OR_RETURN(const std::optional<Map> numbers,
                     numbers_of(emitted, digest));
    program = load(emitted, numbers);
    if (!program) return program;
    RETURN_IF_ERROR(pin_new(program->fd(), pin));
    const std::string user = pins_.user(digest);
    const Status removed = kernel_.unlink(user);
    if (!removed && !not_found(removed.error())) return removed.error();
    RETURN_IF_ERROR(kernel_.make_link(container_, user));
    undo_.add([&kernel = kernel_, user] { (void)kernel.unlink(user); });
    return program;
  }

  // A new program, over the pinned maps; it lives as long as its link.
  Result<Program> load(const emit::Program& emitted,
                       const std::optional<Map>& numbers) {
    std::vector<Map> maps;
    std::vector<int> fds;
    for (const emit::MapRef& ref : emitted.maps) {
      if (ref.kind == emit::MapKind::kList) {
        fds.push_back(numbers->fd());
        continue;
      }
      ASSIGN_OR_RETURN(Map map, this->map(ref.kind));
      fds.push_back(map.fd());
      maps.push_back(std::move(map));
    }
    if (emitted.facts.empty()) return kernel_.load(emitted, fds);
    ASSIGN_OR_RETURN(const KernelFacts facts,
                     kept_facts(pins_, kernel_, undo_));
    return kernel_.load(with_facts(emitted, facts), fds);
  }

  // Attaches it to the cgroup, or to the interface it is for.  An interface
  // takes a program once: what a container of the same network and rules has
  // attached there is this one's too.
  Result<std::shared_ptr<Link>> attach(const Planned& one,
                                       const Program& program, int cgroup) {
    auto made = new_link(one, program, cgroup);
    if (!made && one.interface && made.error().sys_errno == EEXIST) {
      auto shared = kernel_.frames_link(program, request_.network.netns,
                                        *one.interface, lock_deadline());
      if (shared) return std::make_shared<Link>(*std::move(shared));
      if (!not_found(shared.error())) return shared.error();
      // It was on its way out, with its last container.
      made = new_link(one, program, cgroup);
    }
    if (!made) return made.error();
    const auto link = std::make_shared<Link>(*std::move(made));
    // Nobody else has it yet, as the lock is held, or has let go of it again.
    undo_.add([&kernel = kernel_, link] { (void)kernel.detach(*link); });
    return link;
  }

  Status pin_new(int fd, const std::string& pin) {
    RETURN_IF_ERROR(kernel_.pin(fd, pin));
    undo_.add([&kernel = kernel_, pin] { (void)kernel.unlink(pin); });
    return Ok{};
  }

 private:
  Result<Link> new_link(const Planned& one, const Program& program,
                        int cgroup) {
    if (!one.interface) {
      return kernel_.attach(program, cgroup, one.program.flavour);
    }
    return kernel_.attach_frames(program, request_.network.netns,
                                 *one.interface);
  }

  // The array of the places of the program's lists, pinned; nullopt for a
  // program without lists.
  Result<std::optional<Map>> numbers_of(const emit::Program& emitted,
                                        const Digest& digest) {
    std::vector<std::uint32_t> numbers;
    for (const emit::MapRef& ref : emitted.maps) {
      if (ref.kind != emit::MapKind::kList) continue;
      ASSIGN_OR_RETURN(const auto place, place_of(ref, pins_, kernel_));
      if (!place) {
        return Error{Code::kNotFound, "list '" + ref.list + "' has no place"};
      }
      numbers.push_back(*place);
    }
    if (numbers.empty()) return std::optional<Map>();
    ASSIGN_OR_RETURN(Map map, create_numbers(numbers, kernel_));
    // What a crash left there is of no program.
    const std::string pin = pins_.numbers(digest);
    const Status removed = kernel_.unlink(pin);
    if (!removed && !not_found(removed.error())) return removed.error();
    RETURN_IF_ERROR(pin_new(map.fd(), pin));
    return std::optional(std::move(map));
  }

  // Makes the tables of those lists that have none, and puts them into the
  // kernel all at once.
  Status add_missing(const std::set<emit::MapRef>& lists) {
    std::vector<const emit::MapRef*> missing;
    for (const emit::MapRef& list : lists) {
      ASSIGN_OR_RETURN(const auto place, place_of(list, pins_, kernel_));
      if (!place) missing.push_back(&list);
    }
    if (missing.empty()) return Ok{};
    ASSIGN_OR_RETURN(const CompiledPolicy* policy, request_.whole_policy());
    ASSIGN_OR_RETURN(const std::vector<std::uint32_t> places,
                     free_places(missing.size(), pins_, kernel_));
    ASSIGN_OR_RETURN(Map tables, map(emit::MapKind::kTables));
    std::vector<Map> made;
    std::vector<InnerMap> inners;
    for (std::size_t i = 0; i < missing.size(); ++i) {
      ASSIGN_OR_RETURN(
          Map table,
          create_table(*missing[i], *policy, request_.policy_digest, kernel_));
      inners.push_back({.index = places[i], .fd = table.fd()});
      made.push_back(std::move(table));
    }
    const auto array = std::make_shared<Map>(std::move(tables));
    undo_.add([&kernel = kernel_, array, places] {
      (void)clear_places(*array, places, kernel);
    });
    RETURN_IF_ERROR(kernel_.set_inners(*array, inners));
    for (std::size_t i = 0; i < missing.size(); ++i) {
      const std::string link = pins_.map(*missing[i]);
      RETURN_IF_ERROR(kernel_.make_link(std::to_string(places[i]), link));
      undo_.add([&kernel = kernel_, link] { (void)kernel.unlink(link); });
    }
    return Ok{};
  }

  const AttachRequest& request_;
  const Pins& pins_;
  Kernel& kernel_;
  Undo& undo_;
  std::string container_;
};

// Puts a program where it judges.
struct Placed {
  std::shared_ptr<Link> link;  // what is new; null: in the place of another
  std::string pin;             // the name for it
};
using Place = std::function<Result<Placed>(const Planned&, const Program&)>;

// Has `place` put the programs where they judge, one after the other, and pins
// the links that are new in the container's folder.
Status put_in_place(const std::vector<Planned>& planned, Attacher& attacher,
                    const std::string& folder, const Place& place,
                    Attachment& attachment) {
  bool judges_frames = false;
  for (const Planned& one : planned) {
    const bool guard = one.program.flavour == emit::Flavour::kSetsockopt;
    if (guard && !judges_frames) continue;
    const Digest digest = one.program.digest();
    ASSIGN_OR_RETURN(const Program program,
                     attacher.program(one.program, digest));
    const auto placed = place(one, program);
    if (!placed && one.interface) {
      // Nothing leaves by an interface that is gone.
      if (not_found(placed.error())) continue;
      if (placed.error().code == Code::kUnsupported && !judges_frames) {
        attachment.unjudged.push_back(placed.error().message);
        break;
      }
    }
    if (!placed) return placed.error();
    if (placed->link != nullptr) {
      RETURN_IF_ERROR(
          attacher.pin_new(placed->link->fd(), folder + "/" + placed->pin));
    }
    judges_frames = judges_frames || one.interface;
    const auto& known = attachment.programs;
    if (std::find(known.begin(), known.end(), digest) == known.end()) {
      attachment.programs.push_back(digest);
    }
  }
  return Ok{};
}

}  // namespace

Result<Attachment> attach(const AttachRequest& request, const Cgroup& cgroup,
                          Kernel& kernel) {
  Attachment attachment;
  if (!request.plan.attaches()) return attachment;
  const emit::TaskTable table =
      emit::make_task_table(request.plan, request.policy.lists);
  ASSIGN_OR_RETURN(const std::vector<Planned> planned,
                   plan_programs(request, table, kernel, attachment));
  const Pins pins(request.bpf_dir);
  ASSIGN_OR_RETURN(const std::string folder,
                   pins.container(request.container_id));
  RETURN_IF_ERROR(kernel.check_bpffs(pins.root()));

  // In this order, so that what follows is undone while it is held.
  UniqueFd lock;
  Undo undo;
  ASSIGN_OR_RETURN(lock, make_and_lock(pins, kernel, undo));
  for (const std::string& sub : {pins.lists(), pins.numbers(), pins.programs(),
                                 pins.users(), pins.links()}) {
    RETURN_IF_ERROR(make_folders(sub, kernel, undo));
  }
  ASSIGN_OR_RETURN(const Live live, live_links(folder, kernel));
  if (std::any_of(live.cgroups.begin(), live.cgroups.end(),
                  [&](std::uint64_t id) { return id != cgroup.id(); })) {
    return invalid_argument("container id '" + request.container_id +
                            "' is in use by a container in another cgroup");
  }
  RETURN_IF_ERROR(remove_links(folder, kernel));
  RETURN_IF_ERROR(make_folders(folder, kernel, undo));

  if (request.plan.observes()) {
    RETURN_IF_ERROR(ensure_observer_maps(pins, kernel, undo));
  }
  Attacher attacher(request, pins, kernel, undo);
  RETURN_IF_ERROR(attacher.prepare(planned, Attacher::Room::kMakeRoom));
  RETURN_IF_ERROR(put_in_place(
      planned, attacher, folder,
      [&](const Planned& one, const Program& program) -> Result<Placed> {
        ASSIGN_OR_RETURN(auto link, attacher.attach(one, program, cgroup.fd()));
        return Placed{.link = std::move(link), .pin = one.pin};
      },
      attachment));
  if (request.plan.observes()) {
    // There is no process yet that has bits of another.
    ASSIGN_OR_RETURN(
        const auto before,
        observe(pins, request.container_id, cgroup, request.policy_id,
                request.plan.observe, table, kernel, undo));
    if (before) {
      RETURN_IF_ERROR(forget_table(pins, cgroup.id(), *before, kernel));
    }
    attachment.observed = true;
  }
  if (!request.plan.judges()) {
    undo.keep();
    return attachment;
  }
  const std::uint64_t frames = frames_of(request);
  RETURN_IF_ERROR(enter_judged(pins, request.container_id, cgroup.id(), frames,
                               kernel, undo));
  RETURN_IF_ERROR(settle_judged(pins, cgroup.id(), frames, kernel));
  // The kernel made the cgroup's entry, all zero, with the first link.
  ASSIGN_OR_RETURN(const Map states, attacher.map(emit::MapKind::kContainers));
  const bailiff_container_state state{.cgroup_id = cgroup.id()};
  if (auto written =
          kernel.update(states, bytes_of(cgroup.id()), bytes_of(state));
      !written) {
    written.error().message += ": state of the container";
    return written.error();
  }
  undo.keep();
  return attachment;
}

// What add() does for one container.
class Exchange::Step {
 public:
  Step(const AttachRequest& request, const Cgroup& cgroup, Exchange& exchange,
       std::string folder, bool is_judged, Undo& undo)
      : request_(request),
        cgroup_(cgroup),
        pins_(exchange.pins_),
        kernel_(exchange.kernel_),
        folder_(std::move(folder)),
        is_judged_(is_judged),
        undo_(undo),
        attacher_(request, exchange.pins_, exchange.kernel_, undo) {}

  Result<Attachment> run(std::vector<std::string>& retired) {
    Attachment attachment;
    const emit::TaskTable table =
        emit::make_task_table(request_.plan, request_.policy.lists);
    std::vector<Planned> planned;
    if (request_.plan.judges()) {
      ASSIGN_OR_RETURN(planned,
                       plan_programs(request_, table, kernel_, attachment));
    }
    if (request_.plan.observes()) {
      RETURN_IF_ERROR(ensure_observer_maps(pins_, kernel_, undo_));
    }
    ASSIGN_OR_RETURN(const auto pinned, names_in(folder_, kernel_));
    // An isolation is nobody's policy, and stays.
    std::copy_if(pinned.begin(), pinned.end(),
                 std::inserter(before_, before_.end()),
                 [](const std::string& name) { return !isolates(name); });
    if (!planned.empty()) {
      for (const std::string& sub :
           {pins_.lists(), pins_.numbers(), pins_.programs(), pins_.users(),
            pins_.links(), folder_}) {
        RETURN_IF_ERROR(make_folders(sub, kernel_, undo_));
      }
      RETURN_IF_ERROR(write_state());
      RETURN_IF_ERROR(attacher_.prepare(planned, Attacher::Room::kLeave));
    }
    if (request_.plan.judges()) {
      // Programs for frames judge nobody's else, so it comes before them.
      frames_ = frames_of(request_);
      RETURN_IF_ERROR(enter_judged(pins_, request_.container_id, cgroup_.id(),
                                   frames_, kernel_, undo_));
    }
    RETURN_IF_ERROR(place_all(planned, attachment));
    if (request_.plan.observes()) {
      ASSIGN_OR_RETURN(
          replaced_table_,
          observe(pins_, request_.container_id, cgroup_, request_.policy_id,
                  request_.plan.observe, table, kernel_, undo_));
      attachment.observed = true;
    }
    for (const std::string& name : before_) {
      if (!after_.contains(name)) retired.push_back(folder_ + "/" + name);
    }
    return attachment;
  }

  // Puts the programs for frames where they are not.
  Result<Attachment> run_interfaces(std::vector<std::string>& retired) {
    Attachment attachment;
    if (request_.network.netns < 0) return attachment;
    frames_ = frames_of(request_);
    if (frames_ == 0) return attachment;
    std::vector<Planned> planned;
    RETURN_IF_ERROR(
        plan_frames(request_, frames_, kernel_, planned, attachment));
    ASSIGN_OR_RETURN(const auto pinned, names_in(folder_, kernel_));
    before_.insert(pinned.begin(), pinned.end());
    RETURN_IF_ERROR(attacher_.prepare(planned, Attacher::Room::kLeave));
    RETURN_IF_ERROR(place_all(planned, attachment));
    RETURN_IF_ERROR(find_ended(retired));
    return attachment;
  }

  const std::optional<bailiff_observed>& replaced_table() const {
    return replaced_table_;
  }
  std::uint64_t frames() const { return frames_; }

 private:
  // The cgroup has its entry in kContainers before the first program that
  // reads it.  It stays when the placeholder goes: the kernel keeps it as long
  // as the cgroup and the map.
  Status write_state() {
    if (is_judged_) return Ok{};
    ASSIGN_OR_RETURN(const Map states,
                     attacher_.map(emit::MapKind::kContainers));
    ASSIGN_OR_RETURN(const Program placeholder,
                     attacher_.load(emit::emit_placeholder(), std::nullopt));
    ASSIGN_OR_RETURN(const Link link, kernel_.attach(placeholder, cgroup_.fd(),
                                                     emit::Flavour::kConnect4));
    const bailiff_container_state state{.cgroup_id = cgroup_.id()};
    return kernel_.update(states, bytes_of(cgroup_.id()), bytes_of(state));
  }

  Status place_all(const std::vector<Planned>& planned,
                   Attachment& attachment) {
    RETURN_IF_ERROR(find_frame_links(planned));
    return put_in_place(
        planned, attacher_, folder_,
        [&](const Planned& one, const Program& program) {
          return place(one, program);
        },
        attachment);
  }

  // Which of its pins are of a link at an interface of its network.  Not told
  // by the index: an interface that has gone into another network keeps its own
  // there, and one that comes may have the same.
  Status find_frame_links(const std::vector<Planned>& planned) {
    std::vector<Interface> interfaces;
    for (const Planned& one : planned) {
      if (one.interface) interfaces.push_back(*one.interface);
    }
    if (interfaces.empty()) return Ok{};
    ASSIGN_OR_RETURN(const FrameLinks here,
                     kernel_.frame_links(request_.network.netns, interfaces));
    for (const std::string& name : before_) {
      if (!is_at_interface(name)) continue;
      ASSIGN_OR_RETURN(const LinkState state,
                       state_of(folder_ + "/" + name, kernel_));
      if (here.contains(state.id)) here_.insert(name);
    }
    return Ok{};
  }

  // The name of the pin of what is there in its place; nullopt: nothing is.
  std::optional<std::string> pin_of(const Planned& one) const {
    if (!one.interface) {
      return before_.contains(one.pin) ? std::optional(one.pin) : std::nullopt;
    }
    for (const std::string& name : here_) {
      if (name == one.pin || name.starts_with(one.pin + "-")) return name;
    }
    return std::nullopt;
  }

  Result<Placed> place(const Planned& one, const Program& program) {
    if (const auto name = pin_of(one)) {
      const std::string pin = folder_ + "/" + *name;
      ASSIGN_OR_RETURN(Link opened, kernel_.open_link(pin));
      ASSIGN_OR_RETURN(Program opened_program, kernel_.program_of(opened));
      // At an interface it is the program it has, and shows whether that is
      // still there.
      const Status replaced = kernel_.replace(opened, program);
      if (replaced) {
        undo_.add(
            [&kernel = kernel_,
             link = std::make_shared<Link>(std::move(opened)),
             before = std::make_shared<Program>(std::move(opened_program))] {
              (void)kernel.replace(*link, *before);
            });
        after_.insert(*name);
        return Placed{.link = nullptr, .pin = *name};
      }
      // What it was attached to is gone, and the link with it; or somebody
      // removed pins, and the program was loaded and attached there anew.
      if (!not_found(replaced.error()) &&
          !(one.interface && replaced.error().sys_errno == EEXIST)) {
        return replaced.error();
      }
      RETURN_IF_ERROR(kernel_.unlink(pin));
      before_.erase(*name);
      undo_.add([&kernel = kernel_, pin,
                 link = std::make_shared<Link>(std::move(opened))] {
        (void)kernel.pin(link->fd(), pin);
      });
    }
    ASSIGN_OR_RETURN(auto link, attacher_.attach(one, program, cgroup_.fd()));
    Placed placed{.link = std::move(link), .pin = one.pin};
    // That of an interface that has gone, and had the index.
    if (before_.contains(one.pin)) {
      ASSIGN_OR_RETURN(const LinkState state, kernel_.state(*placed.link));
      placed.pin += "-" + std::to_string(state.id);
    }
    after_.insert(placed.pin);
    return placed;
  }

  // Interfaces come and go, and the pins of links that went with them would
  // pile up.  One that went into another network namespace keeps its own.
  Status find_ended(std::vector<std::string>& retired) {
    for (const std::string& name : before_) {
      if (after_.contains(name) || !is_at_interface(name)) continue;
      ASSIGN_OR_RETURN(const LinkState state,
                       state_of(folder_ + "/" + name, kernel_));
      if (state.interface == 0) retired.push_back(folder_ + "/" + name);
    }
    return Ok{};
  }

  const AttachRequest& request_;
  const Cgroup& cgroup_;
  const Pins& pins_;
  Kernel& kernel_;
  const std::string folder_;
  const bool is_judged_;  // by links on this cgroup
  Undo& undo_;
  Attacher attacher_;
  std::set<std::string> before_;  // names of its links
  std::set<std::string> here_;    // of those, at interfaces of its network
  std::set<std::string> after_;
  std::optional<bailiff_observed> replaced_table_;
  std::uint64_t frames_ = 0;  // frames_of() the request
};

Result<std::unique_ptr<Exchange>> Exchange::begin(const std::string& bpf_dir,
                                                  Kernel& kernel) {
  std::unique_ptr<Exchange> exchange(new Exchange(bpf_dir, kernel));
  RETURN_IF_ERROR(kernel.check_bpffs(bpf_dir));
  ASSIGN_OR_RETURN(exchange->lock_, make_and_lock(exchange->pins_, kernel,
                                                  exchange->folder_undo_));
  // Later it could be what has to be put back.
  RETURN_IF_ERROR(remove_unused(exchange->pins_, kernel));
  return exchange;
}

Exchange::~Exchange() {
  while (!undo_.empty()) undo_.pop_back();
}

Result<Exchange::Found> Exchange::find(const AttachRequest& request,
                                       const Cgroup& cgroup) {
  ASSIGN_OR_RETURN(const std::string folder,
                   pins_.container(request.container_id));
  ASSIGN_OR_RETURN(const Live live, live_links(folder, kernel_));
  if (std::any_of(live.cgroups.begin(), live.cgroups.end(),
                  [&](std::uint64_t id) { return id != cgroup.id(); })) {
    return invalid_argument("container id '" + request.container_id +
                            "' is in use by a container in another cgroup");
  }
  return Found{.folder = folder, .judged = live.judge};
}

Result<Attachment> Exchange::add(const AttachRequest& request,
                                 const Cgroup& cgroup) {
  ASSIGN_OR_RETURN(const Found found, find(request, cgroup));
  auto undo = std::make_unique<Undo>();
  std::vector<std::string> retired;
  Step step(request, cgroup, *this, found.folder, found.judged, *undo);
  ASSIGN_OR_RETURN(Attachment attachment, step.run(retired));
  undo_.push_back(std::move(undo));
  retired_.insert(retired_.end(), retired.begin(), retired.end());
  if (!attachment.observed) unobserved_.push_back(request.container_id);
  if (request.plan.judges()) {
    judged_.emplace_back(cgroup.id(), step.frames());
  } else {
    unjudged_.push_back(request.container_id);
  }
  if (step.replaced_table()) {
    tables_.emplace_back(cgroup.id(), *step.replaced_table());
  }
  return attachment;
}

Result<Attachment> Exchange::add_interfaces(const AttachRequest& request,
                                            const Cgroup& cgroup) {
  ASSIGN_OR_RETURN(const Found found, find(request, cgroup));
  if (!found.judged) return Attachment();
  auto undo = std::make_unique<Undo>();
  std::vector<std::string> retired;
  Step step(request, cgroup, *this, found.folder, true, *undo);
  ASSIGN_OR_RETURN(Attachment attachment, step.run_interfaces(retired));
  undo_.push_back(std::move(undo));
  retired_.insert(retired_.end(), retired.begin(), retired.end());
  return attachment;
}

Status Exchange::publish_lists(const CompiledPolicy& policy,
                               const Digest& digest) {
  return publish_locked(
      pins_, policy.lists, digest,
      [&]() -> Result<const CompiledPolicy*> { return &policy; }, kernel_);
}

Status Exchange::keep() {
  for (const auto& undo : undo_) undo->keep();
  undo_.clear();
  folder_undo_.keep();
  // One that fails does not keep the others on.
  Status first = Ok{};
  const auto note = [&](const Status& status) {
    if (first && !status) first = status;
  };
  for (const std::string& pin : retired_) note(retire(pin));
  for (const std::string& id : unobserved_) {
    note(stop_observing(pins_, id, kernel_));
  }
  for (const auto& [cgroup_id, frames] : judged_) {
    note(settle_judged(pins_, cgroup_id, frames, kernel_));
  }
  for (const std::string& id : unjudged_) {
    note(leave_judged(pins_, id, kernel_));
  }
  for (const auto& [cgroup_id, before] : tables_) {
    note(forget_table(pins_, cgroup_id, before, kernel_));
  }
  note(remove_unused(pins_, kernel_));
  return first;
}

Status Exchange::retire(const std::string& pin) {
  const std::size_t slash = pin.rfind('/');
  const std::string folder = pin.substr(0, slash);
  RETURN_IF_ERROR(remove_link(folder, pin.substr(slash + 1), kernel_));
  ASSIGN_OR_RETURN(const auto left, names_in(folder, kernel_));
  return left.empty() ? kernel_.remove_folder(folder) : Status(Ok{});
}

Result<bool> lacks_programs(const std::string& bpf_dir,
                            const std::string& container_id,
                            const Network& network, Kernel& kernel) {
  const Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(const std::string folder, pins.container(container_id));
  ASSIGN_OR_RETURN(const std::vector<Interface> interfaces,
                   judged_interfaces(network, kernel));
  std::set<std::uint32_t> without;
  for (const Interface& each : interfaces) without.insert(each.index);
  if (without.empty()) return false;
  ASSIGN_OR_RETURN(const FrameLinks links,
                   kernel.frame_links(network.netns, interfaces));
  ASSIGN_OR_RETURN(const auto names, names_in(folder, kernel));
  for (const std::string& name : names) {
    if (!is_at_interface(name)) continue;
    ASSIGN_OR_RETURN(const LinkState state,
                     state_of(folder + "/" + name, kernel));
    const auto link = links.find(state.id);
    if (link != links.end()) without.erase(link->second);
  }
  return !without.empty();
}

Status detach(const std::string& bpf_dir, const std::string& container_id,
              Kernel& kernel) {
  const Pins pins(bpf_dir);
  ASSIGN_OR_RETURN(const std::string folder, pins.container(container_id));
  ASSIGN_OR_RETURN(const auto lock, lock_existing(pins, kernel));
  if (!lock) return Ok{};
  RETURN_IF_ERROR(stop_observing(pins, container_id, kernel));
  RETURN_IF_ERROR(leave_judged(pins, container_id, kernel));
  return remove_links(folder, kernel);
}

Result<std::vector<std::string>> reconcile(const std::string& bpf_dir,
                                           Kernel& kernel) {
  const Pins pins(bpf_dir);
  std::vector<std::string> removed;
  ASSIGN_OR_RETURN(const auto lock, lock_existing(pins, kernel));
  if (!lock) return removed;
  ASSIGN_OR_RETURN(const auto names, names_in(pins.links(), kernel));
  for (const std::string& name : names) {
    const std::string folder = pins.links() + "/" + name;
    ASSIGN_OR_RETURN(const Live live, live_links(folder, kernel));
    const std::string id = decode_name(name).value_or(name);
    if (!live.cgroups.empty()) {
      // One that an earlier version attached is not entered.
      Undo undo;
      if (live.judge && live.cgroups.size() == 1) {
        RETURN_IF_ERROR(enter_judged(pins, id, *live.cgroups.begin(),
                                     std::nullopt, kernel, undo));
      }
      undo.keep();
      continue;
    }
    // One that judges nothing tells of nobody; whoever is observed is there as
    // long as the cgroup is.
    ASSIGN_OR_RETURN(const auto links, names_in(folder, kernel));
    Observed observed = Observed::kNot;
    if (links.empty()) {
      ASSIGN_OR_RETURN(observed, is_observed(pins, id, kernel));
    }
    if (observed == Observed::kLive) continue;
    RETURN_IF_ERROR(remove_links(folder, kernel));
    if (!links.empty() || observed == Observed::kGone) removed.push_back(id);
  }
  RETURN_IF_ERROR(stop_observing_gone(pins, kernel));
  RETURN_IF_ERROR(leave_judged_gone(pins, kernel));
  RETURN_IF_ERROR(remove_unused(pins, kernel));
  return removed;
}

}  // namespace bailiff::hook
