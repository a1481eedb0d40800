// SPDX-License-Identifier: Apache-2.0
// tests/kernel/faulty_kernel.h
#pragma once

#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hook/kernel/kernel.h"

namespace bailiff::test {

// The real kernel, but for one call, counted from 0, that fails without being
// made.
class FaultyKernel : public hook::Kernel {
 public:
  explicit FaultyKernel(int failing_call,
                        Error error = {Code::kIo, "injected", EIO})
      : left_(failing_call), error_(std::move(error)) {}
  bool failed() const { return left_ < 0; }

  Status check_bpffs(const std::string& path) override {
    if (fails()) return injected();
    return real_.check_bpffs(path);
  }
  Result<UniqueFd> lock(const std::string& folder, Deadline deadline) override {
    if (fails()) return injected();
    return real_.lock(folder, deadline);
  }
  Result<bool> make_folder(const std::string& path) override {
    if (fails()) return injected();
    return real_.make_folder(path);
  }
  Status remove_folder(const std::string& path) override {
    if (fails()) return injected();
    return real_.remove_folder(path);
  }
  Status unlink(const std::string& path) override {
    if (fails()) return injected();
    return real_.unlink(path);
  }
  Status make_link(const std::string& text, const std::string& path) override {
    if (fails()) return injected();
    return real_.make_link(text, path);
  }
  Result<std::string> read_link(const std::string& path) override {
    if (fails()) return injected();
    return real_.read_link(path);
  }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    if (fails()) return injected();
    return real_.list(folder);
  }
  Result<hook::Map> create_map(const hook::MapSpec& spec,
                               const hook::Map* inner) override {
    if (fails()) return injected();
    return real_.create_map(spec, inner);
  }
  Status look_up(const hook::Map& map, hook::Bytes key,
                 std::span<std::byte> value) override {
    if (fails()) return injected();
    return real_.look_up(map, key, value);
  }
  Status update(const hook::Map& map, hook::Bytes key,
                hook::Bytes value) override {
    if (fails()) return injected();
    return real_.update(map, key, value);
  }
  // Nothing hangs on that.
  Status update_of_each_processor(const hook::Map& map, hook::Bytes key,
                                  hook::Bytes value) override {
    return real_.update_of_each_processor(map, key, value);
  }
  Status update_all(const hook::Map& map, hook::Bytes keys, hook::Bytes values,
                    std::size_t count) override {
    if (fails()) return injected();
    return real_.update_all(map, keys, values, count);
  }
  Status erase(const hook::Map& map, hook::Bytes key) override {
    if (fails()) return injected();
    return real_.erase(map, key);
  }
  Result<std::vector<hook::MapEntry>> entries(const hook::Map& map,
                                              std::size_t key_size,
                                              std::size_t value_size) override {
    if (fails()) return injected();
    return real_.entries(map, key_size, value_size);
  }
  Status set_inners(const hook::Map& array,
                    std::span<const hook::InnerMap> inners) override {
    if (fails()) return injected();
    return real_.set_inners(array, inners);
  }
  Result<std::string> inner_name(const hook::Map& array,
                                 std::uint32_t index) override {
    if (fails()) return injected();
    return real_.inner_name(array, index);
  }
  Result<hook::Program> load(const emit::Program& program,
                             std::span<const int> map_fds) override {
    if (fails()) return injected();
    return real_.load(program, map_fds);
  }
  Result<hook::Link> attach(const hook::Program& program, int cgroup,
                            emit::Flavour flavour) override {
    if (fails()) return injected();
    return real_.attach(program, cgroup, flavour);
  }
  Result<std::vector<hook::ObserverProgram>> load_observer(
      const hook::ObserverMaps& maps) override {
    if (fails()) return injected();
    return real_.load_observer(maps);
  }
  Result<hook::Link> attach_tracing(const hook::Program& program) override {
    if (fails()) return injected();
    return real_.attach_tracing(program);
  }
  Result<std::vector<hook::Interface>> interfaces(int netns) override {
    if (fails()) return injected();
    return real_.interfaces(netns);
  }
  Result<hook::Link> attach_frames(const hook::Program& program, int netns,
                                   const hook::Interface& interface) override {
    if (fails()) return injected();
    return real_.attach_frames(program, netns, interface);
  }
  Result<hook::Link> frames_link(const hook::Program& program, int netns,
                                 const hook::Interface& interface,
                                 Deadline deadline) override {
    if (fails()) return injected();
    return real_.frames_link(program, netns, interface, deadline);
  }
  Result<hook::FrameLinks> frame_links(
      int netns, std::span<const hook::Interface> interfaces) override {
    if (fails()) return injected();
    return real_.frame_links(netns, interfaces);
  }
  Status replace(const hook::Link& link,
                 const hook::Program& program) override {
    if (fails()) return injected();
    return real_.replace(link, program);
  }
  Result<hook::Program> program_of(const hook::Link& link) override {
    if (fails()) return injected();
    return real_.program_of(link);
  }
  Result<std::vector<hook::IsolationProgram>> load_isolation(
      const hook::Map& allowed) override {
    if (fails()) return injected();
    return real_.load_isolation(allowed);
  }
  Result<hook::Link> attach_isolation(const hook::IsolationProgram& program,
                                      int cgroup) override {
    if (fails()) return injected();
    return real_.attach_isolation(program, cgroup);
  }
  Status cut_connections(int netns, const std::set<std::uint64_t>& cgroups,
                         std::span<const IpNetwork> spared) override {
    if (fails()) return injected();
    return real_.cut_connections(netns, cgroups, spared);
  }
  Status detach(const hook::Link& link) override {
    if (fails()) return injected();
    return real_.detach(link);
  }
  Status pin(int fd, const std::string& path) override {
    if (fails()) return injected();
    return real_.pin(fd, path);
  }
  Result<hook::Map> open_map(const std::string& path) override {
    if (fails()) return injected();
    return real_.open_map(path);
  }
  Result<hook::Program> open_program(const std::string& path) override {
    if (fails()) return injected();
    return real_.open_program(path);
  }
  Result<hook::Link> open_link(const std::string& path) override {
    if (fails()) return injected();
    return real_.open_link(path);
  }
  Result<std::uint32_t> program_id(const hook::Program& program) override {
    if (fails()) return injected();
    return real_.program_id(program);
  }
  Result<hook::LinkState> state(const hook::Link& link) override {
    if (fails()) return injected();
    return real_.state(link);
  }

 private:
  bool fails() { return left_ >= 0 && left_-- == 0; }
  Error injected() const { return error_; }

  hook::LinuxKernel real_;
  int left_;
  Error error_;
};

// As before Linux 6.6.
class WithoutTcx final : public hook::LinuxKernel {
 public:
  Result<hook::Link> attach_frames(const hook::Program& /*program*/,
                                   int /*netns*/,
                                   const hook::Interface& interface) override {
    return Error{Code::kUnsupported, "no tcx for '" + interface.name + "'",
                 EINVAL};
  }
};

}  // namespace bailiff::test
