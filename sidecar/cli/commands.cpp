// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli/commands.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "hook/attach/probes.h"
#include "rules/document/service_config.h"
#include "sidecar/cli/adopt.h"
#include "sidecar/cli/doctor.h"
#include "sidecar/cli/online.h"
#include "sidecar/cli/test_policies.h"

namespace bailiff::sidecar {
namespace {

struct Streams {
  std::ostream& out;
  std::ostream& err;
};

using Api = std::shared_ptr<std::string>;

// What every online command is made with.
struct Site {
  Streams streams;
  Api api;  // shared by the app's option and the commands' callbacks
  int& exit_code;
};

void add_output(CLI::App& command, std::string& output) {
  command.add_option("-o,--output", output, "Format of the result")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

using Run = std::function<int(HttpClient&, const Terminal&)>;

// Runs `run` when the command is chosen, and none of its own.
void run_online(CLI::App& command, const Site& site,
                std::shared_ptr<std::string> output, Run run) {
  command.fallthrough();  // --api may stand on either side of the command
  command.final_callback([site, output = std::move(output),
                          run = std::move(run), chosen = &command] {
    // A command's callback also runs after that of one of its own.
    if (!chosen->get_subcommands().empty()) return;
    const Terminal terminal{.out = site.streams.out,
                            .err = site.streams.err,
                            .json = *output == "json"};
    auto client = HttpClient::create(*site.api);
    if (!client) {
      terminal.err << "bailiff: --api: " << client.error().message << '\n';
      site.exit_code = kExitUsage;
      return;
    }
    site.exit_code = run(**client, terminal);
  });
}

// The same, with what every such command has but those that print no table.
void make_online(CLI::App& command, const Site& site, Run run) {
  // Shared by the option and the callback, which both outlive this call.
  auto output = std::make_shared<std::string>("table");
  add_output(command, *output);
  run_online(command, site, output, std::move(run));
}

void add_events(CLI::App& app, const Site& site) {
  CLI::App& command = *app.add_subcommand("events", "What happened, in order");
  auto options = std::make_shared<EventsOptions>();
  command.add_flag("-f,--follow", options->follow, "Go on as events come");
  command.add_option("--since", options->since,
                     "How long ago (10m, 1h, 2d) or a time (RFC 3339)");
  command.add_option("--container", options->container, "Id prefix or name");
  command.add_option("--rule", options->rule, "Exact name");
  command.add_option("--priority", options->priority,
                     "This one and what is more severe");
  make_online(command, site,
              [options](HttpClient& client, const Terminal& terminal) {
                return show_events(client, terminal, *options);
              });
}

// A command that does something to a container.
struct OperateCommand {
  const char* verb;
  const char* description;
  bool grace = false, limit = false, then = false;
};

void add_operate(CLI::App& app, const Site& site, const OperateCommand& what) {
  CLI::App& command = *app.add_subcommand(what.verb, what.description);
  auto options = std::make_shared<OperateOptions>();
  command
      .add_option("container", options->container,
                  "Id, unique id prefix, name, or namespace/pod/container")
      ->required();
  command.add_option("--reason", options->reason, "Kept with the event");
  if (what.grace) {
    command.add_option("--grace", options->grace,
                       "From the signal to the kill (10s)");
  }
  if (what.limit) {
    command.add_option("--limit", options->limit,
                       "When it ends by itself (30m, 2h); without, never");
  }
  if (what.then) {
    command
        .add_option("--then", options->then,
                    "What follows the limit: resume, unless said otherwise")
        ->check(CLI::IsMember({"kill", "resume"}));
  }
  make_online(command, site,
              [options, verb = std::string(what.verb)](
                  HttpClient& client, const Terminal& terminal) {
                return operate(client, terminal, verb, *options);
              });
}

void add_rearm(CLI::App& app, const Site& site) {
  CLI::App& command = *app.add_subcommand(
      "rearm", "Respond again, where the budget of responses is used up");
  auto reason = std::make_shared<std::string>();
  command.add_option("--reason", *reason, "Kept with the event");
  make_online(command, site,
              [reason](HttpClient& client, const Terminal& terminal) {
                return rearm(client, terminal, *reason);
              });
}

void add_capture(CLI::App& app, const Site& site) {
  CLI::App& command =
      *app.add_subcommand("capture", "Keep evidence of a container");
  struct Options {
    std::string container, reason;
  };
  auto options = std::make_shared<Options>();
  command
      .add_option("container", options->container,
                  "Id, unique id prefix, name, or namespace/pod/container")
      ->required();
  command.add_option("--reason", options->reason, "Kept with the event");
  make_online(command, site,
              [options](HttpClient& client, const Terminal& terminal) {
                return capture_container(client, terminal, options->container,
                                         options->reason);
              });
}

void add_evidence(CLI::App& app, const Site& site) {
  CLI::App& command =
      *app.add_subcommand("evidence", "What was kept of containers");
  CLI::App& out = *command.add_subcommand(
      "export", "Write a capture's archive (tar, zstd) to a file");
  struct Options {
    std::string id, file;
  };
  auto options = std::make_shared<Options>();
  out.add_option("id", options->id, "As in the table")->required();
  out.add_option("-o,--output", options->file,
                 "The new file; - is standard output; ID.tar.zst unless given");
  run_online(out, site, std::make_shared<std::string>("table"),
             [options](HttpClient& client, const Terminal& terminal) {
               return export_evidence(client, terminal, options->id,
                                      options->file);
             });
  make_online(command, site, show_evidence);
}

void add_change_list(CLI::App& lists, const Site& site, const char* verb,
                     const char* description) {
  CLI::App& command = *lists.add_subcommand(verb, description);
  auto options = std::make_shared<ChangeListOptions>();
  command.add_option("name", options->list, "As in the table")->required();
  command
      .add_option("item", options->items,
                  "Addresses, ADDRESS|PORT, networks or host names, as the "
                  "list has them")
      ->required();
  command.add_option("--reason", options->reason, "Kept with the event");
  command.add_option("--for", options->for_time,
                     "When it ends by itself (30m, 2h); without, never");
  make_online(command, site,
              [options, verb = std::string(verb)](HttpClient& client,
                                                  const Terminal& terminal) {
                return change_list(client, terminal, verb, *options);
              });
}

void add_lists(CLI::App& app, const Site& site) {
  CLI::App& command = *app.add_subcommand(
      "lists", "The lists of the rules, and what was changed of them by hand");
  CLI::App& show = *command.add_subcommand(
      "show", "What was changed of a list by hand, and its counts");
  struct Options {
    std::string name;
    bool all = false;
  };
  auto options = std::make_shared<Options>();
  show.add_option("name", options->name, "As in the table")->required();
  show.add_flag("--all", options->all, "Every item");
  make_online(show, site,
              [options](HttpClient& client, const Terminal& terminal) {
                return show_list(client, terminal, options->name, options->all);
              });
  add_change_list(command, site, "add",
                  "Add items to a list, in every container that runs");
  add_change_list(command, site, "remove",
                  "Remove items from a list, in every container that runs");
  make_online(command, site, show_lists);
}

void add_alerts(CLI::App& app, const Site& site) {
  CLI::App& command =
      *app.add_subcommand("alerts", "Whether alerts were delivered");
  auto failed = std::make_shared<bool>(false);
  command.add_flag("--failed", *failed, "Only those that were given up");

  CLI::App& retry =
      *command.add_subcommand("retry", "Deliver an alert that was given up");
  auto id = std::make_shared<std::string>();
  retry.add_option("id", *id, "As in the table")->required();
  make_online(retry, site, [id](HttpClient& client, const Terminal& terminal) {
    return retry_alert(client, terminal, *id);
  });

  make_online(command, site,
              [failed](HttpClient& client, const Terminal& terminal) {
                return show_alerts(client, terminal, *failed);
              });
}

void add_policies(CLI::App& app, const Site& site) {
  CLI::App& command = *app.add_subcommand("policies", "The policies in force");
  CLI::App& test = *command.add_subcommand(
      "test",
      "Tell what policy files would have made of stored events; nothing is "
      "changed");
  auto options = std::make_shared<PolicyTestOptions>();
  test.add_option("FILE", options->files,
                  "policy files, and rule files unless the rules are the "
                  "service's own")
      ->required();
  test.add_option("--since", options->since,
                  "How long ago (10m, 1h, 2d) or a time (RFC 3339)");
  test.add_option("--until", options->until, "The same");
  test.add_option("--container", options->container, "Id prefix or name");
  test.add_option("--rule", options->rule, "Exact name");
  test.add_option("--events", options->events,
                  "Events of a file and not of a service: what events -o json "
                  "prints, or events.jsonl of evidence");
  test.add_option("--config", options->config,
                  "bailiff.yaml, of which limits and exempt count; without it "
                  "the defaults");
  test.add_flag("--all", options->all, "Also what would have been as it was");
  make_online(test, site,
              [options](HttpClient& client, const Terminal& terminal) {
                return test_policies(client, terminal, *options);
              });
  make_online(command, site, show_policies);
}

}  // namespace

void add_online_commands(CLI::App& app, std::ostream& terminal_out,
                         std::ostream& terminal_err, int& exit_code) {
  const Site site{.streams = {terminal_out, terminal_err},
                  .api = std::make_shared<std::string>(kDefaultApi),
                  .exit_code = exit_code};
  app.add_option("--api", *site.api,
                 "The service: unix:PATH or http://127.0.0.1:PORT")
      ->capture_default_str();
  const auto add = [&](const char* name, const char* description,
                       int (*show)(HttpClient&, const Terminal&)) {
    make_online(*app.add_subcommand(name, description), site, show);
  };
  add("ps", "The containers that are enforced", show_containers);
  add_events(app, site);
  add_operate(app, site, {"kill", "Kill a container"});
  add_operate(app, site,
              {.verb = "stop",
               .description = "End a container, killing it after a grace",
               .grace = true});
  add_operate(app, site,
              {.verb = "pause",
               .description = "Freeze a container",
               .limit = true,
               .then = true});
  add_operate(app, site, {"resume", "Undo a pause"});
  add_operate(app, site,
              {.verb = "isolate",
               .description = "Take a container off the network",
               .limit = true});
  add_operate(app, site, {"release", "Undo an isolation"});
  add_rearm(app, site);
  add_capture(app, site);
  add_evidence(app, site);
  add("status", "Whether the service enforces, check by check", show_status);
  add_policies(app, site);
  add_lists(app, site);
  add("reload", "Load rule and policy files again, all or nothing", reload);
  add_alerts(app, site);
}

void add_adopt(CLI::App& app, std::ostream& terminal_out,
               std::ostream& terminal_err, int& exit_code) {
  CLI::App& command = *app.add_subcommand(
      "adopt", "Enforce containers that ran before Bailiff did");
  struct Options {
    AdoptOptions adopt;
    std::string output = "table";
  };
  auto options = std::make_shared<Options>();
  command.add_option("container", options->adopt.ids,
                     "Ids or unique id prefixes; none: every container");
  command
      .add_option("--root", options->adopt.roots,
                  "A state folder of the runtime, as runc's --root; may be "
                  "repeated; without it, where engines have them")
      ->allow_extra_args(false);
  command.add_option(
      "--runtime", options->adopt.runtime,
      "The program that is asked for their state; without it, runc "
      "or crun, whichever made them");
  command.add_option("--config", options->adopt.config, "bailiff.yaml");
  add_output(command, options->output);
  const Streams streams{terminal_out, terminal_err};
  command.final_callback([options, streams, &exit_code] {
    exit_code = adopt_containers({.out = streams.out,
                                  .err = streams.err,
                                  .json = options->output == "json"},
                                 options->adopt);
  });
}

void add_doctor(CLI::App& app, std::ostream& terminal_out,
                std::ostream& terminal_err, int& exit_code) {
  CLI::App& command =
      *app.add_subcommand("doctor", "What this host can enforce, by trying");
  struct Options {
    std::string bpf_dir = ServiceConfig{}.bpf_dir;
    std::string output = "table";
  };
  auto options = std::make_shared<Options>();
  command.add_option("--bpf-dir", options->bpf_dir, "bpf_dir of bailiff.yaml")
      ->capture_default_str();
  add_output(command, options->output);
  const Streams streams{terminal_out, terminal_err};
  command.final_callback([options, streams, &exit_code] {
    hook::LinuxKernel kernel;
    std::vector<hook::Probe> probes =
        hook::probe_host(options->bpf_dir, kernel);
    probes.push_back(probe_checkpoints());
    exit_code = show_probes({.out = streams.out,
                             .err = streams.err,
                             .json = options->output == "json"},
                            probes);
  });
}

}  // namespace bailiff::sidecar
