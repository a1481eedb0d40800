// SPDX-License-Identifier: Apache-2.0
#include "oci/wrapper/command_line.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "oci/sys/errno_error.h"

namespace bailiff::oci {
namespace {

using std::string_view;

// Global options of runc 1.0 to 1.4 and crun 1.0 to 1.27 that take a value,
// which may be the next argument.
constexpr std::array<string_view, 6> kGlobalValues = {
    "log", "log-format", "root", "criu", "rootless", "cgroup-manager"};
constexpr std::array<string_view, 9> kGlobalFlags = {
    "debug", "systemd-cgroup", "help", "h", "version", "v", "V", "usage", "?"};

// Options of create, run and restore that take a value, but for the bundle and
// crun's config.
constexpr std::array<string_view, 11> kCreateValues = {
    "console-socket", "pidfd-socket", "pid-file",         "preserve-fds",
    "image-path",     "work-path",    "parent-path",      "manage-cgroups-mode",
    "empty-ns",       "lsm-profile",  "lsm-mount-context"};
constexpr std::array<string_view, 5> kHelpFlags = {"--help", "-h", "-help",
                                                   "-?", "--usage"};

template <std::size_t N>
bool is_one_of(string_view word, const std::array<string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_option(string_view arg) { return arg.size() > 1 && arg[0] == '-'; }

struct Option {
  string_view name;
  std::optional<string_view> value;  // after '='
  bool two_dashes = false;
};

Option split_option(string_view arg) {
  Option option;
  option.two_dashes = arg.starts_with("--");
  arg.remove_prefix(option.two_dashes ? 2 : 1);
  const std::size_t equals = arg.find('=');
  option.name = arg.substr(0, equals);
  if (equals != string_view::npos) option.value = arg.substr(equals + 1);
  return option;
}

std::optional<Verb> creating_verb(string_view word) {
  if (word == "create") return Verb::kCreate;
  if (word == "run") return Verb::kRun;
  if (word == "restore") return Verb::kRestore;
  return std::nullopt;
}

// Of a container that is there.
std::optional<Verb> container_verb(string_view word) {
  if (word == "start") return Verb::kStart;
  if (word == "pause") return Verb::kPause;
  if (word == "resume") return Verb::kResume;
  return std::nullopt;
}

// What the global options, read in order, say about themselves.
struct GlobalOption {
  Option option;
  string_view value;      // of a valued option; "" when it is missing
  std::size_t begin = 0;  // arguments [begin, end)
  std::size_t end = 0;
  bool known = true;
};

struct Globals {
  std::vector<GlobalOption> options;
  std::size_t verb = 0;  // its index; args.size(): there is none
};

Globals read_globals(const std::vector<std::string>& args) {
  Globals globals;
  std::size_t i = 0;
  while (i < args.size() && is_option(args[i])) {
    if (args[i] == "--") {
      ++i;
      break;
    }
    GlobalOption global;
    global.option = split_option(args[i]);
    global.begin = i++;
    const bool own =
        global.option.two_dashes && global.option.name == "bailiff-config";
    if (own || is_one_of(global.option.name, kGlobalValues)) {
      if (global.option.value) {
        global.value = *global.option.value;
      } else if (i < args.size()) {
        global.value = args[i++];
      }
    } else if (global.option.name != "bailiff-version") {
      global.known = is_one_of(global.option.name, kGlobalFlags);
    }
    global.end = i;
    globals.options.push_back(global);
  }
  globals.verb = i;
  return globals;
}

// Whether `arg`, in the place of an option of create, is the bundle's or the
// config's name in a spelling that runc and crun read differently: "-b=DIR" and
// "-bundle" (Go takes one dash for two), "--bund" (crun takes abbreviations).
bool is_ambiguous(string_view arg, const Option& option) {
  if (!option.two_dashes) {
    const bool plain = arg == "-b" || arg == "-f";
    return (option.name.starts_with('b') || option.name.starts_with('f') ||
            option.name.starts_with("config")) &&
           !plain && option.name != "file-locks";
  }
  constexpr string_view kBundle = "bundle";
  constexpr string_view kConfig = "config";
  constexpr std::size_t kUniqueConfig = 4;  // "con" is --console-socket too
  const string_view name = option.name;
  return (!name.empty() && name != kBundle && kBundle.starts_with(name)) ||
         (name.size() >= kUniqueConfig && name != kConfig &&
          kConfig.starts_with(name));
}

Status read_create_options(const std::vector<std::string>& args, std::size_t i,
                           RuntimeCall& call) {
  bool after_id = false;
  for (; i < args.size(); ++i) {
    const string_view arg = args[i];
    if (!is_option(arg)) {
      if (!after_id) call.id = arg;
      after_id = true;
      continue;
    }
    if (arg == "--") {
      if (!after_id && i + 1 < args.size()) call.id = args[i + 1];
      return Ok{};
    }
    if (!after_id && is_one_of(arg, kHelpFlags)) {
      call.verb = Verb::kOther;  // prints its help and ends
      return Ok{};
    }
    const Option option = split_option(arg);
    if (is_ambiguous(arg, option)) {
      return invalid_argument("runtimes differ in how they read '" +
                              std::string(arg) +
                              "': write '--bundle DIR' or '--config FILE'");
    }
    const bool bundle = option.name == "bundle" || arg == "-b";
    const bool config = option.name == "config" || arg == "-f";
    const bool valued =
        bundle || config || is_one_of(option.name, kCreateValues);
    if (!valued) continue;
    if ((bundle || config) && after_id) {
      return invalid_argument("'" + std::string(arg) +
                              "' must come before the container's id");
    }
    string_view value;
    if (option.value) {
      value = *option.value;
    } else if (++i < args.size()) {
      value = args[i];
    } else {
      return invalid_argument("'" + std::string(arg) + "' needs a value");
    }
    if (bundle) call.bundle = value;
    if (config) call.config_file = value;
  }
  return Ok{};
}

}  // namespace

Result<RuntimeCall> parse_command_line(const std::vector<std::string>& args) {
  RuntimeCall call;
  const Globals globals = read_globals(args);
  bool unknown_option = false;
  std::size_t kept = 0;  // arguments up to here are copied or taken out
  const auto copy_until = [&](std::size_t end) {
    for (; kept < end; ++kept) call.args.push_back(args[kept]);
  };
  for (const GlobalOption& global : globals.options) {
    const string_view name = global.option.name;
    if (global.option.two_dashes && name == "bailiff-config") {
      if (global.value.empty()) {
        return invalid_argument("'--bailiff-config' needs a file");
      }
      call.bailiff_config = global.value;
      copy_until(global.begin);
      kept = global.end;
    } else if (global.option.two_dashes && name == "bailiff-version") {
      call.bailiff_version = true;
      copy_until(global.begin);
      kept = global.end;
    } else if (!global.known && !global.option.value) {
      unknown_option = true;
    }
  }
  copy_until(args.size());
  if (globals.verb >= args.size()) return call;

  // Anything more is an option we do not know: the runtime's alone.
  if (const std::optional<Verb> verb = container_verb(args[globals.verb]);
      verb && !unknown_option && globals.verb + 2 == args.size() &&
      !args.back().starts_with('-')) {
    call.verb = *verb;
    call.id = args.back();
    return call;
  }
  const std::optional<Verb> verb = creating_verb(args[globals.verb]);
  if (verb) {
    call.verb = *verb;
    for (const GlobalOption& global : globals.options) {
      if (global.option.name == "root") call.root = global.value;
    }
    RETURN_IF_ERROR(read_create_options(args, globals.verb + 1, call));
    return call;
  }
  // The option we do not know may take a value: then the command is further on.
  if (unknown_option) {
    for (std::size_t i = globals.verb + 1; i < args.size(); ++i) {
      if (!creating_verb(args[i])) continue;
      return invalid_argument(
          "cannot tell whether '" + args[globals.verb] + "' or '" + args[i] +
          "' is the command, after a global option bailiff-runc does not "
          "know: write it as '--option=value'");
    }
  }
  return call;
}

LogOptions find_log_options(const std::vector<std::string>& args) {
  LogOptions log;
  for (const GlobalOption& global : read_globals(args).options) {
    if (global.option.name == "log") log.file = global.value;
    if (global.option.name == "log-format") log.json = global.value == "json";
  }
  return log;
}

std::string config_path(const RuntimeCall& call) {
  constexpr char kDefaultName[] = "config.json";
  if (!call.config_file.empty() && call.config_file != kDefaultName) {
    return call.config_file;
  }
  return call.bundle.empty() ? kDefaultName : call.bundle + "/" + kDefaultName;
}

}  // namespace bailiff::oci
