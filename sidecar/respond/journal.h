// SPDX-License-Identifier: Apache-2.0
// sidecar/respond/journal.h
// What was begun and is not finished, so that a service that was killed knows
// it when it is back.
//
// RUN_DIR/responses: one line for each step, appended with one write(2) before
// (begin, limit, undo) or after (done, end, told) the step is made.  What a
// process has written is there when the process is not; nothing is synced,
// since what responses are about does not outlive the host's power either: the
// first line names the boot, and a journal of another one is empty.
//
//   begin    a response is about to be carried out, with all it takes to do so
//   done     what it achieved
//   limit    it ends by itself at another time, or in another way
//   undo     a pause or an isolation is about to be undone
//   end      what it left behind has ended
//   told     the timeline has it
//   over     a budget is used up; rearm: all budgets are whole again
//
// Fields are separated by tabs, with every other byte than [!-~] and '%' as
// %XX.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec/container_record.h"
#include "oci/sys/unique_fd.h"
#include "rules/base/response.h"
#include "rules/base/result.h"
#include "sidecar/respond/responder.h"

namespace bailiff::sidecar {

// A response as it was begun.  Times are CLOCK_BOOTTIME.
struct Begun {
  std::string id;
  Response response = Response::kNone;
  // Of it only what names the container and its processes is written down.
  oci::ContainerRecord record;
  std::uint64_t begun_ns = 0;
  std::uint64_t until_ns = 0;  // when it ends by itself; 0: it does not
  PauseThen then = PauseThen::kKill;
  std::string policy;  // "": by hand
  std::string rule;
  std::string actor;   // by hand
  std::string reason;  // by hand
  std::string workload;
  ProcessName process;  // kKillProcess
};

// What the journal knows of a response.
struct Journaled {
  Begun begun;
  std::string outcome;  // "": not done
  bool undone = false;  // undoing it had begun
  bool ended = false;   // what it left has ended
  bool told = false;
};

struct OverBudget {
  std::string scope;  // "policy", "workload", "node"
  std::string name;   // "" of the node
  std::uint64_t since_ns = 0;
  bool operator==(const OverBudget&) const = default;
};

// Whether it has left nothing that a restart would have to know.
bool is_over(const Journaled& response);

struct JournalContent {
  std::vector<Journaled> responses;  // in order
  std::vector<OverBudget> over;      // each budget once
  // What was begun until then counts for no budget; 0: all does.
  std::uint64_t rearmed_ns = 0;
};

// Past it the journal is written anew with what still matters; that is some
// thousand responses.
inline constexpr std::size_t kJournalBytes = 4 << 20;

// Any thread; no method waits for a disk where RUN_DIR is a tmpfs.  A step that
// cannot be written is made all the same, and the error is for the log.
class Journal {
 public:
  virtual ~Journal() = default;
  // Opens or makes it.  Lines that are no step, as the last of a process that
  // was killed might be, are passed over.
  static Result<std::unique_ptr<Journal>> open(const std::string& path,
                                               JournalContent& content);

  virtual Status begin(const Begun& begun) = 0;
  virtual Status done(const std::string& id, const std::string& outcome) = 0;
  virtual Status limit(const std::string& id, std::uint64_t until_ns,
                       PauseThen then) = 0;
  virtual Status undo(const std::string& id) = 0;
  virtual Status end(const std::string& id) = 0;
  virtual Status told(const std::string& id) = 0;
  virtual Status over(const OverBudget& budget) = 0;
  virtual Status rearm(std::uint64_t now_ns) = 0;
  // If it has become long, writes it anew without the responses that were begun
  // before, have ended and are told; and without the oldest of those since,
  // where they are too many.  One thread.
  virtual Status shorten(std::uint64_t before_ns) = 0;
};

// The lines as they are written, and what they say.  Pure.
std::string journal_lines(const JournalContent& content);
JournalContent parse_journal(std::string_view text);

}  // namespace bailiff::sidecar
