// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service/kernel_side.h"

#include <utility>

#include "hook/attach/attach.h"
#include "hook/attach/isolation.h"
#include "hook/attach/lists.h"
#include "hook/attach/pins.h"
#include "hook/attach/self_test.h"
#include "hook/attach/shared_maps.h"
#include "hook/attach/told_names.h"
#include "hook/kernel/kernel.h"
#include "oci/sys/cgroup.h"
#include "sidecar/respond/container_cgroup.h"

namespace bailiff::sidecar {
namespace {

class LinuxKernelSide final : public KernelSide {
 public:
  explicit LinuxKernelSide(std::string bpf_dir)
      : bpf_dir_(std::move(bpf_dir)) {}

  Status check() override { return kernel_.check_bpffs(bpf_dir_); }
  Result<std::string> self_test() override { return hook::self_test(kernel_); }
  Result<std::vector<std::string>> reconcile() override {
    return hook::reconcile(bpf_dir_, kernel_);
  }
  Status publish_lists(const CompiledPolicy& policy,
                       const Digest& digest) override {
    return hook::publish_lists(bpf_dir_, policy, digest, kernel_);
  }
  Result<hook::UpdatedContainers> update_containers(
      const CompiledPolicy& policy,
      const std::vector<oci::ContainerRecord>& containers,
      const hook::WriteRecords& write) override {
    return hook::update_containers(bpf_dir_, policy, containers, write,
                                   kernel_);
  }
  Result<hook::UpdatedContainers> judge_interfaces(
      const hook::PolicyInForce& policy, const oci::ContainerRecord& container,
      const hook::WriteRecords& write) override {
    return hook::judge_interfaces(bpf_dir_, policy, container, write, kernel_);
  }
  Result<std::unique_ptr<EventSource>> open_events(
      EventSource::Record record) override {
    RETURN_IF_ERROR(hook::ensure_shared_maps(bpf_dir_, kernel_));
    return open_ring_buffer(bpf_dir_, std::move(record));
  }
  Result<std::unique_ptr<ObserverSource>> open_observer(
      EventSource::Record record) override {
    RETURN_IF_ERROR(hook::ensure_shared_maps(bpf_dir_, kernel_));
    return sidecar::open_observer(bpf_dir_, std::move(record));
  }

  Result<std::unique_ptr<ForeignSource>> open_foreign(
      ForeignSource::Use use) override {
    RETURN_IF_ERROR(hook::ensure_shared_maps(bpf_dir_, kernel_));
    return open_foreign_sockets(bpf_dir_, std::move(use));
  }

  Status isolate(const oci::ContainerRecord& record,
                 const std::vector<IpNetwork>& allowed) override {
    ASSIGN_OR_RETURN(const CgroupMount mount, CgroupMount::find());
    ASSIGN_OR_RETURN(const Cgroup cgroup, open_container_cgroup(mount, record));
    return hook::isolate(bpf_dir_, record.id, cgroup, allowed, kernel_);
  }
  Status release(const oci::ContainerRecord& record) override {
    return hook::release(bpf_dir_, record.id, kernel_);
  }
  ConnectionCalls connection_calls() override {
    return {.names_of =
                [pins = hook::Pins(bpf_dir_)](std::uint64_t cgroup_id,
                                              const IpAddress& address) {
                  hook::LinuxKernel kernel;
                  return hook::told_names(pins, cgroup_id, address, kernel);
                },
            .cut = hook::cut_refused};
  }

 private:
  const std::string bpf_dir_;
  hook::LinuxKernel kernel_;
};

}  // namespace

std::unique_ptr<KernelSide> make_kernel_side(std::string bpf_dir) {
  return std::make_unique<LinuxKernelSide>(std::move(bpf_dir));
}

}  // namespace bailiff::sidecar
