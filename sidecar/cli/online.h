// SPDX-License-Identifier: Apache-2.0
// sidecar/cli/online.h
// The commands that ask a running service: each one calls the HTTP API and
// prints what it said, as a table or as the JSON it was.
//
// Each returns the program's exit code.  Problems go to `err`, one line.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "sidecar/http/client.h"

namespace bailiff::sidecar {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // it was done, and the answer is no
  kExitUsage = 2,        // wrong usage
  kExitNoService = 3,    // the service does not answer
  kExitNotPossible = 4,  // not allowed, or not possible here
};

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool json = false;
};

// Where a service listens unless told otherwise.
inline constexpr char kDefaultApi[] = "unix:/run/bailiff/bailiffd.sock";

struct EventsOptions {
  bool follow = false;
  std::string since;  // "10m", "1h", an RFC 3339 time; "" all
  std::string container;
  std::string rule;
  std::string priority;
};

int show_containers(HttpClient& client, const Terminal& terminal);
// JSON output is one alert a line, so that it can be followed too.  Following
// begins with the last 10 events unless `since` says otherwise, and goes on
// until the output is closed or the service stays away for long.
int show_events(HttpClient& client, const Terminal& terminal,
                const EventsOptions& options);
// What a command about a container says beside its name; "" is not said.
struct OperateOptions {
  std::string container;
  std::string reason;
  std::string grace;  // stop
  std::string limit;  // pause, isolate
  std::string then;   // pause
};
// `verb`: "kill", "stop", "pause", "resume", "isolate", "release".
int operate(HttpClient& client, const Terminal& terminal,
            const std::string& verb, const OperateOptions& options);
// Makes the budgets of responses whole.
int rearm(HttpClient& client, const Terminal& terminal,
          const std::string& reason);
int capture_container(HttpClient& client, const Terminal& terminal,
                      const std::string& name, const std::string& reason);
int show_evidence(HttpClient& client, const Terminal& terminal);
// Writes the archive to a new file only its owner can read, "" is ID.tar.zst
// here, "-" is standard output.  A file that is there is not touched.
int export_evidence(HttpClient& client, const Terminal& terminal,
                    const std::string& id, const std::string& file);
// kExitFailed when the service is not ready.
int show_status(HttpClient& client, const Terminal& terminal);
int show_policies(HttpClient& client, const Terminal& terminal);
int show_lists(HttpClient& client, const Terminal& terminal);
// What was changed of the list by hand, and its counts; with `all` every item,
// as JSON one a line.  kExitFailed when it is changed while it is read.
int show_list(HttpClient& client, const Terminal& terminal,
              const std::string& name, bool all);
struct ChangeListOptions {
  std::string list;
  std::vector<std::string> items;
  std::string reason;
  std::string for_time;  // "": until it is undone
};
// `verb`: "add", "remove".
int change_list(HttpClient& client, const Terminal& terminal,
                const std::string& verb, const ChangeListOptions& options);
// kExitFailed, with the diagnostics on `err`, when the files are not loaded.
int reload(HttpClient& client, const Terminal& terminal);
int show_alerts(HttpClient& client, const Terminal& terminal, bool failed);
int retry_alert(HttpClient& client, const Terminal& terminal,
                const std::string& id);

}  // namespace bailiff::sidecar
