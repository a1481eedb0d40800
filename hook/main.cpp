// SPDX-License-Identifier: Apache-2.0
//
// bailiff-hook: run by a container runtime as root, once when a container has
// been created and not yet started, and once when it is gone; by bailiff-runc
// before one is started; and by 'bailiff adopt' for one that runs already. When
// all went well it prints nothing.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hook/container_start.h"
#include "hook/kernel/kernel.h"
#include "oci/spec/state.h"
#include "oci/sys/process.h"

namespace bailiff::hook {
namespace {

// The longest it may take, whatever it waits for; the hook entries that
// Bailiff writes allow more, so that this program's own message is seen.
constexpr unsigned kLimitSeconds = 10;
// Longer ones are cut: a runtime puts the line in its own error text.
constexpr std::size_t kMaxLine = 2000;

constexpr int kExitRefused = 1;
constexpr int kExitUsage = 2;

constexpr char kUsage[] =
    "usage: bailiff-hook createRuntime|adopt|poststop [--run-dir DIR]\n"
    "           [--state-dir DIR] [--bpf-dir DIR] [--bundle DIR]\n"
    "           [--runtime FILE] [--runtime-root DIR]\n"
    "           [--on-failure deny|allow]\n"
    "       bailiff-hook start --container ID [--run-dir DIR] ...\n"
    "\n"
    "Attaches the compiled policy STATE_DIR/policy.bin to the container whose\n"
    "OCI state is on standard input, or takes it off again.  adopt is for a\n"
    "container that runs already, and changes nothing when it fails.\n"
    "start is for one that was created: it judges the interfaces that came\n"
    "since, and reads no state.\n"
    "\n"
    "  --run-dir DIR     records for bailiffd (/run/bailiff)\n"
    "  --state-dir DIR   the compiled policy (/var/lib/bailiff)\n"
    "  --bpf-dir DIR     kernel objects, on a bpffs (/sys/fs/bpf/bailiff)\n"
    "  --bundle DIR      where config.json is if the state does not tell\n"
    "  --runtime FILE    what runs the container, for a checkpoint of it\n"
    "  --runtime-root DIR  the folder that keeps its containers\n"
    "  --container ID    which one, of start\n"
    "  --on-failure W    what a container gets that cannot be protected: deny\n"
    "                    (it does not start) or allow; the default is the\n"
    "                    compiled policy's, and deny without one\n";

enum class Stage { kCreateRuntime, kStart, kAdopt, kPoststop };

struct Options {
  Stage stage = Stage::kCreateRuntime;
  Places places;
  std::string bundle;
  std::string container;  // of kStart
  std::optional<OnError> on_failure;
};

// One line on standard error, in one write: runtimes mix it with their own.
void say(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  if (text.size() > kMaxLine) text = text.substr(0, kMaxLine) + "...";
  text = "bailiff-hook: " + text + "\n";
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, text.data(), text.size());
}

// What a line about a container begins with.
std::string about(const std::string& id) { return "container '" + id + "': "; }

void warn(const std::string& id, const Start& start) {
  for (const std::string& line : start.unjudged) {
    say("warning: " + about(id) + line);
  }
}

// nullopt after having said what is wrong.
std::optional<Options> parse_options(const std::vector<std::string>& args) {
  const auto wrong = [](const std::string& what) {
    say(what + "; see --help");
    return std::nullopt;
  };
  Options options;
  if (args.empty())
    return wrong("which stage, createRuntime, start, adopt or poststop?");
  // "prestart" is where hooks of old configurations run; it is the same point.
  if (args[0] == "createRuntime" || args[0] == "prestart") {
    options.stage = Stage::kCreateRuntime;
  } else if (args[0] == "start") {
    options.stage = Stage::kStart;
  } else if (args[0] == "adopt") {
    options.stage = Stage::kAdopt;
  } else if (args[0] == "poststop") {
    options.stage = Stage::kPoststop;
  } else {
    return wrong("unknown stage '" + args[0] + "'");
  }
  for (std::size_t i = 1; i < args.size(); ++i) {
    std::string name = args[i];
    std::string value;
    if (const std::size_t equals = name.find('='); equals != name.npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (++i < args.size()) {
      value = args[i];
    } else {
      return wrong("'" + name + "' is unknown or lacks its value");
    }
    if (name == "--on-failure") {
      if (value == "deny") {
        options.on_failure = OnError::kDeny;
      } else if (value == "allow") {
        options.on_failure = OnError::kAllow;
      } else {
        return wrong("--on-failure is deny or allow, not '" + value + "'");
      }
      continue;
    }
    if (name == "--container") {
      // It becomes part of a path.
      if (const Status good = oci::check_container_id(value); !good) {
        return wrong("--container: " + good.error().message);
      }
      options.container = value;
      continue;
    }
    Places& places = options.places;
    std::string* path = name == "--run-dir"        ? &places.run_dir
                        : name == "--state-dir"    ? &places.state_dir
                        : name == "--bpf-dir"      ? &places.bpf_dir
                        : name == "--bundle"       ? &options.bundle
                        : name == "--runtime"      ? &places.runtime
                        : name == "--runtime-root" ? &places.runtime_root
                                                   : nullptr;
    if (path == nullptr) return wrong("unknown option '" + name + "'");
    if (value.empty() || value[0] != '/') {
      return wrong(name + ": '" + value + "' is not an absolute path");
    }
    while (value.size() > 1 && value.back() == '/') value.pop_back();
    *path = value;
  }
  if ((options.stage == Stage::kStart) == options.container.empty()) {
    return wrong("--container ID is for start, and start needs it");
  }
  return options;
}

// What the alarm does is all decided beforehand: a signal handler may do
// hardly anything.
volatile sig_atomic_t late_exit = kExitRefused;

void on_alarm(int /*signal*/) {
  constexpr char kLine[] =
      "bailiff-hook: took longer than 10 s: look at what the host is busy "
      "with\n";
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, kLine, sizeof(kLine) - 1);
  ::_exit(late_exit);
}

// Runtimes fail when a hook leaves what they write to it unread (crun before
// 1.17), so an early failure reads on too.
void drain_stdin() {
  char bytes[4096];
  while (::read(STDIN_FILENO, bytes, sizeof(bytes)) > 0) {
  }
}

int fail(const Options& options, OnError on_failure, const Error& error,
         const std::string& who, oci::ContainerRecord record) {
  switch (on_failure) {
    case OnError::kDeny:
      // Closed: a container that cannot be protected does not start.
      say(who + error.message +
          "; refused (on_failure: deny), 'bailiff doctor' tells what is "
          "missing");
      return kExitRefused;
    case OnError::kAllow:
      break;
  }
  // Open, because the operator said so; it is written down and told.
  std::string line = "warning: " + who + error.message +
                     "; runs unprotected (on_failure: allow)";
  if (!record.id.empty()) {
    const Status written =
        record_degraded(options.places, std::move(record), error.message);
    if (!written) line += "; not recorded: " + written.error().message;
  }
  say(line);
  return 0;
}

int create(const Options& options, const std::string& started_in,
           Kernel& kernel) {
  const auto state = oci::read_state(STDIN_FILENO);
  if (!state) {
    drain_stdin();
    return fail(options, options.on_failure.value_or(OnError::kDeny),
                state.error(), "", {});
  }
  // "/" is what crun 1.22 to 1.26 say in place of the bundle.
  const std::vector<std::string> folders = {
      state->bundle == "/" ? "" : state->bundle, options.bundle, started_in};
  Start start = start_container(options.places, *state, folders, kernel,
                                options.on_failure);
  if (start.status) {
    warn(state->id, start);
    return 0;
  }
  const OnError on_failure =
      options.on_failure.value_or(start.on_failure.value_or(OnError::kDeny));
  return fail(options, on_failure, start.status.error(), about(state->id),
              std::move(start.record));
}

int start(const Options& options, Kernel& kernel) {
  Start started = judge_interfaces(options.places, options.container, kernel);
  if (started.status) {
    warn(options.container, started);
    return 0;
  }
  const std::string line =
      about(options.container) + started.status.error().message;
  switch (options.on_failure.value_or(
      started.on_failure.value_or(OnError::kDeny))) {
    case OnError::kDeny:
      // Closed, as when it is created.
      say(line + "; refused (on_failure: deny)");
      return kExitRefused;
    case OnError::kAllow:
      break;
  }
  // Open, because the operator said so.  All else of it is judged.
  say("warning: " + line +
      "; raw frames are not judged on interfaces that came late "
      "(on_failure: allow)");
  return 0;
}

// Of no runtime's doing: it runs on as it did when this fails.
int adopt(const Options& options, Kernel& kernel) {
  const auto state = oci::read_state(STDIN_FILENO);
  if (!state) {
    say(state.error().message);
    return kExitRefused;
  }
  const Start start = adopt_container(options.places, *state,
                                      {state->bundle, options.bundle}, kernel);
  if (!start.status) {
    say(about(state->id) + start.status.error().message + "; not adopted");
    return kExitRefused;
  }
  warn(state->id, start);
  return 0;
}

int stop(const Options& options, Kernel& kernel) {
  const auto state = oci::read_state(STDIN_FILENO);
  if (!state) {
    drain_stdin();
    say(state.error().message);
    return kExitRefused;
  }
  const Status stopped = stop_container(options.places, state->id, kernel);
  if (stopped) return 0;
  say(about(state->id) + stopped.error().message +
      "; bailiffd removes what is left");
  return kExitRefused;
}

int run(const std::vector<std::string>& args) {
  if (std::find(args.begin(), args.end(), "--help") != args.end()) {
    ::fputs(kUsage, stdout);
    return 0;
  }
  if (std::find(args.begin(), args.end(), "--version") != args.end()) {
    ::puts("bailiff-hook " BAILIFF_VERSION);
    return 0;
  }
  // Before it is left: crun tells the bundle by the working folder alone.
  char* folder = ::get_current_dir_name();
  const std::string started_in = folder == nullptr ? "" : folder;
  ::free(folder);
  const Status isolated = isolate_process();
  const auto options = parse_options(args);
  if (!options) {
    drain_stdin();
    return kExitUsage;
  }
  if (!isolated) {
    drain_stdin();
    return fail(*options, options->on_failure.value_or(OnError::kDeny),
                isolated.error(), "", {});
  }
  late_exit = options->on_failure == OnError::kAllow ? 0 : kExitRefused;
  struct sigaction alarm_action {};
  alarm_action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &alarm_action, nullptr);
  ::alarm(kLimitSeconds);

  LinuxKernel kernel;
  switch (options->stage) {
    case Stage::kCreateRuntime:
      return create(*options, started_in, kernel);
    case Stage::kStart:
      return start(*options, kernel);
    case Stage::kAdopt:
      return adopt(*options, kernel);
    case Stage::kPoststop:
      return stop(*options, kernel);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace bailiff::hook

int main(int argc, char** argv) {
  try {
    return bailiff::hook::run(
        std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {
    // Out of memory, in practice.  Closed: nothing is known of the container.
    ::fprintf(stderr, "bailiff-hook: %s; refused\n", error.what());
    return 1;
  }
}
