// SPDX-License-Identifier: Apache-2.0
// oci/wrapper/command_line.h
// What a runtime was asked to do, read from its command line as runc and crun
// would read it.
//
// Nothing may be created behind our back, so whatever the two would read
// differently, or could read so that a container is created which we do not
// see, is an error and not a guess.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/base/result.h"

namespace bailiff::oci {

enum class Verb {
  kCreate,
  kRun,
  kRestore,
  kStart,
  kPause,
  kResume,
  kOther,  // creates nothing: the runtime's alone
};

struct RuntimeCall {
  // Ours, taken out of `args`; allowed wherever a global option is.
  std::optional<std::string> bailiff_config;  // --bailiff-config FILE
  bool bailiff_version = false;               // --bailiff-version

  std::vector<std::string> args;  // for the runtime, without argv[0]
  Verb verb = Verb::kOther;
  // Of create, run and restore: where the runtime keeps its containers, as
  // given; "": its own default.
  std::string root;
  std::string bundle;       // "": the working folder
  std::string config_file;  // crun's --config; "": config.json of the bundle
  // Of the container to create, start, pause or resume; "": not given.
  std::string id;
};

// Where the runtime's caller looks for errors.
struct LogOptions {
  std::string file;   // --log; "": not given
  bool json = false;  // --log-format json
};

// `args` is without argv[0].
Result<RuntimeCall> parse_command_line(const std::vector<std::string>& args);

// Never fails: what cannot be read counts as not given.  Separate from the
// above, whose errors are to be written there.
LogOptions find_log_options(const std::vector<std::string>& args);

// The config.json the runtime will read.  Relative ones are relative to the
// working folder, but for crun's default name, which is in the bundle.
std::string config_path(const RuntimeCall& call);

}  // namespace bailiff::oci
