// SPDX-License-Identifier: Apache-2.0
// sidecar/service/service.h
// bailiffd without its main(): owns every part and answers the HTTP API.
//
//   files ─▶ policy.bin, lists            (start, reload)
//   Intake ─▶ ResponseEngine              (one thread: events to responses;
//      │                                   the engine's: their limits)
//      ├────▶ Captures ─▶ ResponseEngine  (their own threads: evidence first)
//      └────▶ Recorder ─▶ Store           (one thread: what is told)
//                           └▶ Forwarder  (one thread for each sink)
//   HTTP ─▶ Backend, this object          (the server's threads)
//
// A host that cannot enforce (no bpffs, no cgroup eBPF) does not keep the
// service from running: containers it must not let run are held back by the
// hook (on_failure), while violations from outside, kills by hand, the timeline
// and deliveries still work, and a service that is up can say in /readyz what
// is missing.  What cannot be believed or done safely (untrusted files, rules
// that do not load, a second service, no store) does keep it from running.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "oci/sys/files.h"
#include "rules/document/service_config.h"
#include "sidecar/alert/delivery.h"
#include "sidecar/evidence/captures.h"
#include "sidecar/evidence/evidence_folder.h"
#include "sidecar/evidence/flight_recorder.h"
#include "sidecar/http/backend.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/generations.h"
#include "sidecar/notify/notifier.h"
#include "sidecar/respond/engine.h"
#include "sidecar/respond/responder.h"
#include "sidecar/service/connection_cuts.h"
#include "sidecar/service/draft.h"
#include "sidecar/service/files.h"
#include "sidecar/service/foreign_watch.h"
#include "sidecar/service/intake.h"
#include "sidecar/service/interface_watch.h"
#include "sidecar/service/kernel_side.h"
#include "sidecar/service/list_state.h"
#include "sidecar/service/metrics.h"
#include "sidecar/service/recorder.h"
#include "sidecar/service/updater.h"
#include "sidecar/store/store.h"

namespace bailiff::sidecar {

// What stands between the service and the machine.
struct Machine {
  std::function<std::unique_ptr<KernelSide>(const std::string& bpf_dir)>
      kernel_side = make_kernel_side;
  std::function<Result<std::unique_ptr<Responder>>()> responder =
      make_cgroup_responder;
  std::function<std::unique_ptr<Managers>()> managers = [] {
    return std::make_unique<CommandManagers>();
  };
  // The program that keeps seccomp listeners when the service ends, run as
  // `PROGRAM --keeper RUN_DIR`; "": they end with it.
  std::string keeper;
};

class Service final : public Backend {
 public:
  // Reads the configuration and starts everything but the HTTP server.  For a
  // process with one thread: the self-test forks.  On failure nothing has
  // changed in policy.bin and in the kernel.
  static Result<std::unique_ptr<Service>> start(const std::string& config_path,
                                                const Machine& machine);
  ~Service() override;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const ServiceConfig& config() const { return config_; }

  // Reads no more events, stores what was decided, and sends what is due, all
  // until the deadline.  Prevention stays in place.
  void stop(std::chrono::steady_clock::time_point deadline);

  std::vector<ReadinessCheck> readiness() override;
  std::string metrics() override;
  Result<std::string> violation(const std::string& body) override;
  Store& store() override { return *store_; }
  std::vector<ContainerView> containers() override;
  Result<ContainerView> container(const std::string& name) override;
  Result<std::string> respond(Verb verb, const std::string& name,
                              const OperatorRequest& request) override;
  std::vector<std::string> rearm(const OperatorRequest& request) override;
  Result<CaptureView> capture(const std::string& name,
                              const std::string& reason,
                              const std::string& actor) override;
  Result<std::string> evidence() override;
  Result<std::string> evidence(const std::string& id) override;
  Result<UniqueFd> evidence_archive(const std::string& id,
                                    const std::string& actor) override;
  std::vector<PolicyView> policies() override;
  std::string rules_json() override;
  std::vector<ListView> lists() override;
  Result<ListPage> list(const std::string& name, std::int64_t after,
                        int limit) override;
  Result<ListOutcome> change_list(const std::string& name,
                                  const ListRequest& request) override;
  // Rules, policies, lists, exemptions and on_failure take effect, in every
  // container that runs or in none; a change of anything else is refused, as it
  // needs a restart.
  Status reload(const std::string& actor) override;
  Status retry(std::int64_t delivery, const std::string& actor) override;
  void refused(const std::string& actor, int status,
               const std::string& answer) override;

 private:
  explicit Service(std::string config_path)
      : config_path_(std::move(config_path)) {}

  Status open_folders();
  Status open_sinks();
  void open_notifier(const std::string& keeper);
  ContainerPtr running_container(const std::string& id) const;
  Status load_anew();
  // The audit record of what is done to no container.
  void record_operation(const std::string& word, const std::string& actor,
                        const std::string& reason, const std::string& outcome);
  Status open_evidence();
  Status open_foreign();
  Status open_interfaces();
  // Containers have come, or gone.
  void look_at_networks();
  // Of a container whose network has got some.
  Status judge_interfaces(const ContainerPtr& container);
  // Answers what the service left frozen when it died.
  void settle_captures();
  Status apply(const CompiledPolicy& policy, bool with_degraded = true);
  // Brings lists and containers that run to the current policy, all or none.
  // Precondition: kernel_mutex_ is held.
  Status bring_up_to_date(bool with_degraded);
  // What bring_up_to_date() has to change.  Those that run unprotected are
  // tried again when something has changed, and not for ever.
  std::vector<oci::ContainerRecord> outdated(bool with_degraded) const;
  Status write_records(const std::vector<oci::ContainerRecord>& now,
                       const std::vector<oci::ContainerRecord>& before) const;
  // Removes what containers left that are gone, and brings those that are found
  // to be under an earlier policy to the current one.
  void update_containers();
  void forget_gone();
  void forget_generations();
  std::shared_ptr<const Settings> settings() const;

  // Lists that people change (service_lists.cpp).  Precondition but of
  // list_state(): reload_mutex_ is held.
  //
  // What was kept of an earlier run, over the lists of the loaded policy.
  Status open_lists(LoadedPolicy& loaded);
  std::shared_ptr<const ListState> list_state() const;
  void set_lists(std::shared_ptr<const ListState> state);
  // Of a load, what lay_over() has to warn of.
  static void warn_of_lists(const std::vector<std::string>& warnings);
  Result<ListOutcome> change_list_now(const std::string& name,
                                      const ListRequest& request);
  // Writes the changes down, and then has them take effect; all or nothing.
  Status take_lists(ListState next);
  // Ends what is over, tells what is untold, and comes back for the next.
  void end_list_changes();
  void await_next_end();
  void tell_lists();
  bool store_news(const ListNews& news);

  Status start_engine();
  // Stores what came of a response later; see ResponseEngine::Parts.
  bool store_effect(const Effect& effect);
  ContainerView view(const KnownContainer& known) const;
  // What was done to a container that a violation names.
  struct Answered {
    TicketPtr ticket;
    std::string evidence;
  };
  Answered answer_violation(const ContainerPtr& container,
                            std::optional<ResponseRequest> request,
                            std::optional<Trigger> capture,
                            const std::string& event);
  // Completes the drafts with the response's result, which is waited for.
  Status store_all(std::vector<Draft>& drafts, const TicketPtr& ticket,
                   std::uint64_t event_ns);
  Result<std::string> undo(Verb verb, const oci::ContainerRecord& record,
                           const OperatorRequest& request);

  const std::string config_path_;
  ServiceConfig config_;  // as at the start
  std::unique_ptr<FileLock> lock_;

  std::mutex reload_mutex_;  // one reload at a time
  mutable std::mutex settings_mutex_;
  std::shared_ptr<const Settings> settings_;  // shared with events on their way

  mutable std::mutex lists_mutex_;  // of the pointer
  std::shared_ptr<const ListState> lists_ =
      std::make_shared<const ListState>();  // shared with who shows it
  // Told perhaps, by a run that could not note it.
  std::set<std::string> perhaps_told_;
  std::string lists_problem_;  // what was lost of the file; "": nothing

  std::mutex kernel_mutex_;
  std::unique_ptr<KernelSide> kernel_;
  ReadinessCheck self_test_;
  bool try_degraded_ = true;  // of update_containers(), until it is done once
  // Why containers run under an earlier policy; "": they do not.
  std::string outdated_problem_;

  Metrics metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<Generations> generations_;
  Containers containers_;
  std::unique_ptr<Responder> responder_;
  std::unique_ptr<Managers> managers_;
  std::unique_ptr<Isolator> isolator_;
  // These end after the recorder and the captures, which hold work of them.
  std::unique_ptr<ResponseEngine> engine_;
  FlightRecorder flight_;
  std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<Captures> captures_;
  std::unique_ptr<ConnectionCuts> cuts_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<ForeignWatch> foreign_;      // answers by the intake
  std::atomic<ForeignWatch*> looks_{nullptr};  // the same, for the intake
  std::unique_ptr<InterfaceWatch> interfaces_;
  std::atomic<InterfaceWatch*> hears_{nullptr};  // the same
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Updater> updater_;  // uses all of the above
  std::unique_ptr<Notifier> notifier_;
  std::string notifier_problem_;  // why there is none
};

}  // namespace bailiff::sidecar
