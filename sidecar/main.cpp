// SPDX-License-Identifier: Apache-2.0
// bailiffd: one per node.  What it does is sidecar/service/service.h; here are
// its command line, its signals and its end.

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "oci/sys/errno_error.h"
#include "oci/sys/process.h"
#include "oci/sys/unique_fd.h"
#include "sidecar/http/server.h"
#include "sidecar/notify/keeper.h"
#include "sidecar/notify/systemd.h"
#include "sidecar/service/log.h"
#include "sidecar/service/service.h"

namespace bailiff::sidecar {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNotPossible = 4;

// What is still to be stored and delivered at the end has this long.  systemd
// waits 90 s before it kills.
constexpr std::chrono::seconds kStopLimit{10};

// As in the unit: one for each process that a runtime has started where calls
// may be held, which the keeper has as well.  The limit of a shell is 1024.
constexpr int kMostDescriptors = 16384;

// Far more than connections, deliveries and kills under way take; a table of
// that size is 10 KiB.  What comes on top only waits.
constexpr int kDescriptors = 1024;

struct CommandLine {
  std::string config = "/etc/bailiff/bailiff.yaml";
  std::string mode = "node";
  std::string keeper;  // RUN_DIR
};

int fail(const Error& error) {
  log_error(error.message);
  switch (error.code) {
    case Code::kPermission:
    case Code::kUnsupported:
      return kNotPossible;
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kExhausted:
    case Code::kIo:
      return kFailed;
  }
  return kFailed;
}

// Blocks the signals that are read from the descriptor, in this thread and all
// it will start.
Result<UniqueFd> take_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return errno_error("sigprocmask");
  }
  // A peer that hangs up is an error of its write, not our end.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return errno_error("signal");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd) return errno_error("signalfd");
  return fd;
}

// Serves until SIGTERM or SIGINT.
Status serve(Service& service, const UniqueFd& signals) {
  for (;;) {
    signalfd_siginfo signal{};
    const ssize_t size = ::read(signals.get(), &signal, sizeof signal);
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno_error("read signals");
    }
    if (signal.ssi_signo != SIGHUP) return Ok{};
    const std::string actor = "uid=" + std::to_string(signal.ssi_uid) +
                              " pid=" + std::to_string(signal.ssi_pid);
    if (Status reloaded = service.reload(actor); !reloaded) {
      log_error("reload, nothing changed:\n" + reloaded.error().message);
    }
  }
}

int run(const CommandLine& options) {
  ::umask(077);
  start_log();
  if (options.mode != "node") {
    return fail({Code::kUnsupported, "mode '" + options.mode +
                                         "' is not available in this version"});
  }
  if (!is_host_root()) {
    return fail({Code::kPermission, "bailiffd needs to be root of the host"});
  }
  if (Status raised = raise_descriptor_limit(kMostDescriptors); !raised) {
    log_warning(raised.error().message + ", ignoring");
  }
  if (Status reserved = reserve_descriptors(kDescriptors); !reserved) {
    // Only a response may be later for it.
    log_warning(reserved.error().message + ", ignoring");
  }
  Result<UniqueFd> signals = take_signals();
  if (!signals) return fail(signals.error());
  Result<std::unique_ptr<Service>> service =
      Service::start(options.config, Machine{.keeper = "/proc/self/exe"});
  if (!service) return fail(service.error());

  const ServiceConfig& config = (*service)->config();
  const HttpConfig http{.unix_path = config.api_unix.empty()
                                         ? config.run_dir + "/bailiffd.sock"
                                         : config.api_unix,
                        .group = config.api_group,
                        .tcp = config.api_tcp};
  Result<std::unique_ptr<HttpServer>> server =
      HttpServer::start(**service, http);
  if (!server) return fail(server.error());
  log_info("ready: version=" BAILIFF_VERSION " api=" + http.unix_path);
  if (const Status told = tell_systemd_ready(); !told) {
    // It gives up on the unit after a while, and says so.
    log_warning("tell systemd: " + told.error().message + ", ignoring");
  }

  const Status served = serve(**service, *signals);
  log_info("stopping: prevention stays in place");
  const auto deadline = std::chrono::steady_clock::now() + kStopLimit;
  (*service)->store().wake();
  *server = nullptr;
  (*service)->stop(deadline);
  return served ? 0 : fail(served.error());
}

}  // namespace
}  // namespace bailiff::sidecar

int main(int argc, char** argv) {
  using namespace bailiff::sidecar;
  try {
    CommandLine options;
    CLI::App app(
        "Receives what Bailiff's programs in the kernel report, "
        "responds, stores, and forwards alerts.");
    app.set_version_flag("--version", "bailiffd " BAILIFF_VERSION);
    app.add_option("--config", options.config, "Configuration file")
        ->capture_default_str();
    app.add_option("--mode", options.mode, "node or sidecar")
        ->check(CLI::IsMember({"node", "sidecar"}))
        ->capture_default_str();
    // For what this program starts itself.
    app.add_option("--keeper", options.keeper)->group("");
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : kUsage;
    }
    if (!options.keeper.empty()) return run_keeper(options.keeper);
    // Without the destructors of static objects: a container's thread that is
    // kept waiting (notify/notifier.h) cannot be waited for, and uses them.
    ::_exit(run(options));
  } catch (const std::exception& error) {
    ::fprintf(stderr, "bailiffd: %s\n", error.what());
    return kFailed;
  }
}
