// SPDX-License-Identifier: Apache-2.0
// sidecar/service/foreign_work.h
// What follows from a socket that was made outside of its container.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/abi/foreign.h"
#include "rules/eval/matcher.h"
#include "sidecar/decide/decide.h"
#include "sidecar/ingest/containers.h"
#include "sidecar/ingest/foreign_socket.h"
#include "sidecar/ingest/process_facts.h"
#include "sidecar/service/draft.h"

namespace bailiff::sidecar {

// A rule that holds for the connection.
struct ForeignHit {
  std::uint32_t rule = 0;
  bool deny = false;    // some policy refuses it
  bool frames = false;  // programs for frames have refused by it, too
  ConnectEvent event;   // as which it holds
  Decision decision;    // of who tells it
};

// The rules of the container that hold for the connection of the socket, each
// once; without decisions.  Precondition: has_peer(), and it has a generation.
//
// Whoever the container connects to is judged as by a connect(2) or, of
// datagrams, a send.  Of a connection that was taken, its peer is judged as by
// an accept(2), and by the rules that cut a connection to it whoever began.
// `names`: of the peer, as the container was told.
std::vector<ForeignHit> judge_foreign(
    const bailiff_foreign& socket, bool accepted,
    std::vector<std::string> names, const Container& container,
    const ProcessFacts& process, std::uint64_t realtime_ns,
    std::uint64_t number, MatchMemory& memory);

// A socket and what is to be told of it, as the recorder keeps it.
struct SeenForeign {
  bailiff_foreign socket{};
  bool tell_socket = false;  // an alert on the socket itself
  bool cut = false;          // because of the hits
  std::vector<ForeignHit> hits;
  ContainerPtr container;
  std::shared_ptr<const Settings> settings;
  ProcessFacts process;
  std::uint64_t realtime_ns = 0;
  std::uint64_t number = 0;

  // The hit that asks for the strongest response; nullptr: none asks for one.
  const ForeignHit* strongest() const;
};

std::vector<Draft> drafts_of(const SeenForeign& seen);

}  // namespace bailiff::sidecar
