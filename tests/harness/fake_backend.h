// SPDX-License-Identifier: Apache-2.0
// tests/harness/fake_backend.h
// A Backend whose answers are the test's, over a FakeStore.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/http/backend.h"
#include "tests/harness/fake_store.h"

namespace bailiff::sidecar {

class FakeBackend : public Backend {
 public:
  std::vector<ReadinessCheck> readiness() override { return checks; }
  std::string metrics() override { return "bailiff_build_info 1\n"; }
  Result<std::string> violation(const std::string& body) override {
    const std::lock_guard lock(mutex_);
    violations.push_back(body);
    if (violation_error) return *violation_error;
    // As the service does: the body's fields are checked.
    if (auto parsed = parse_falco_violation(body); !parsed) {
      return parsed.error();
    }
    return std::string("3d5c0d3e-1f0a-4c58-9f3e-0b8f6a3f2d11");
  }
  Store& store() override { return fake_store; }
  std::vector<ContainerView> containers() override { return views; }
  Result<ContainerView> container(const std::string& name) override {
    for (const ContainerView& view : views) {
      const std::string path = view.identity.name_space + "/" +
                               view.identity.pod + "/" + view.identity.name;
      if (name == view.id || name == path) return view;
    }
    return Error{.code = Code::kNotFound,
                 .message = "no container '" + name + "'"};
  }
  Result<std::string> respond(Verb verb, const std::string& name,
                              const OperatorRequest& request) override {
    const std::lock_guard lock(mutex_);
    asked.push_back({verb, name, request});
    if (respond_error) return *respond_error;
    return std::string(verb == Verb::kKill ? "killed" : "done");
  }
  std::vector<std::string> rearm(const OperatorRequest& request) override {
    const std::lock_guard lock(mutex_);
    rearmed_by = request.actor;
    return {"node"};
  }
  Result<CaptureView> capture(const std::string& name,
                              const std::string& reason,
                              const std::string& actor) override {
    const std::lock_guard lock(mutex_);
    captures.push_back({name, reason, actor});
    if (capture_error) return *capture_error;
    return CaptureView{.id = kEvidence, .state = "complete"};
  }
  Result<std::string> evidence() override {
    return std::string(R"({"evidence":[{"id":"e"}]})");
  }
  Result<std::string> evidence(const std::string& id) override {
    if (id != kEvidence) return no_evidence(id);
    return std::string(R"({"manifest":{}})");
  }
  Result<UniqueFd> evidence_archive(const std::string& id,
                                    const std::string& actor) override {
    exported_by = actor;
    if (id != kEvidence) return no_evidence(id);
    UniqueFd fd(::memfd_create("archive", MFD_CLOEXEC));
    if (::ftruncate(fd.get(), static_cast<off_t>(archive_bytes)) != 0) {
      return Error{.code = Code::kIo, .message = "ftruncate"};
    }
    return fd;
  }
  static constexpr char kEvidence[] = "20260101T000000-0123abcd";
  std::vector<PolicyView> policies() override {
    return {{.name = "Block",
             .mode = "enforce",
             .response = "kill",
             .on_loss = "stop",
             .block = true,
             .rules = {"a", "b"}}};
  }
  std::string rules_json() override { return R"([{"rule":"a"}])"; }
  std::vector<ListView> lists() override { return list_views; }
  Result<ListPage> list(const std::string& name, std::int64_t after,
                        int limit) override {
    if (name != "c2") {
      return Error{.code = Code::kNotFound,
                   .message = "no list '" + name + "'"};
    }
    asked_page = {after, limit};
    return list_page;
  }
  Result<ListOutcome> change_list(const std::string& name,
                                  const ListRequest& request) override {
    const std::lock_guard lock(mutex_);
    list_requests.emplace_back(name, request);
    if (list_error) return *list_error;
    return ListOutcome{.id = "id-1",
                       .added = request.add,
                       .removed = request.remove,
                       .unchanged = {},
                       .until_ns = 0,
                       .entries = 7};
  }
  Status retry(std::int64_t delivery, const std::string& actor) override {
    retried_by = actor;
    return store().retry(delivery);
  }
  void refused(const std::string& /*actor*/, int status,
               const std::string& /*answer*/) override {
    const std::lock_guard lock(mutex_);
    refusals.push_back(status);
  }
  Status reload(const std::string& actor) override {
    reloaded_by = actor;
    if (reload_error) return *reload_error;
    return Ok{};
  }

  struct AskedCapture {
    std::string name, reason, actor;
  };
  struct Asked {
    Verb verb;
    std::string name;
    OperatorRequest request;
  };

  FakeStore fake_store;
  std::vector<ReadinessCheck> checks = {{.name = "self_test", .ok = true}};
  std::vector<ContainerView> views;
  std::vector<std::string> violations;
  std::vector<Asked> asked;
  std::string rearmed_by;
  std::vector<AskedCapture> captures;
  std::optional<Error> capture_error;
  std::size_t archive_bytes = 300'000;  // more than one piece
  std::optional<Error> violation_error;
  std::optional<Error> respond_error;
  std::optional<Error> reload_error;
  std::string reloaded_by;
  std::string exported_by;
  std::string retried_by;
  std::vector<int> refusals;  // their statuses
  std::vector<ListView> list_views;
  ListPage list_page;
  std::pair<std::int64_t, int> asked_page;
  std::vector<std::pair<std::string, ListRequest>> list_requests;
  std::optional<Error> list_error;

 private:
  static Error no_evidence(const std::string& id) {
    return {.code = Code::kNotFound, .message = "no evidence '" + id + "'"};
  }

  std::mutex mutex_;
};

}  // namespace bailiff::sidecar
