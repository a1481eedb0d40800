// SPDX-License-Identifier: Apache-2.0
// sidecar/http/routes.h
// The HTTP API as a function from request to answer, without sockets.
//
// Names after ':' below stand for one path segment or more: a container may be
// called namespace/pod/container.
//
//   GET   /                            the timeline as a web page
//   GET   /healthz /readyz /metrics
//   POST  /v1/violations
//   GET   /v1/events /v1/events/stream
//   GET   /v1/containers /v1/containers/:name
//   POST  /v1/containers/:name/V        V: kill, stop, pause, resume, isolate,
//                                       release, capture
//   POST  /v1/responses/rearm
//   GET   /v1/evidence /v1/evidence/:id
//   GET   /v1/evidence/:id/archive      for root over the unix socket only
//   GET   /v1/rules /v1/policies
//   GET   /v1/lists /v1/lists/:name
//   PATCH /v1/lists/:name
//   POST  /v1/reload
//   GET   /v1/alerts
//   POST  /v1/alerts/:id/retry
//
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/sys/unique_fd.h"
#include "sidecar/http/backend.h"

namespace bailiff::sidecar {

struct ApiRequest {
  std::string method;  // HEAD is the transport's: it asks for GET
  std::string path;    // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::string content_type;
  std::string last_event_id;
  std::string actor;     // who asks, for the audit record
  bool is_root = false;  // who asks, as the kernel says of a unix socket's peer
  std::string body;
};

struct ApiAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  // Set on 200 of an archive: what is sent in place of `body`, whole.
  std::shared_ptr<const UniqueFd> file;  // shared with the one who sends it
  // Set on 200 of /v1/events/stream: send what matches from here on, for ever.
  std::optional<AlertQuery> stream;
};

// {"error":{"code","message","field"?}} with the code that goes with `status`.
ApiAnswer error_answer(int status, const std::string& message,
                       const std::string& field = "");

// What can be refused before the body is read: an unknown path, another
// method, another content type than JSON on POST and PATCH.
std::optional<ApiAnswer> refuse(const ApiRequest& request);

// Answers a request that refuse() lets pass.  May block for the disk, and for
// a kill until the container is dead.
ApiAnswer answer(Backend& backend, const ApiRequest& request);

// Alerts that match, as {"events":[…],"next":cursor}, or one page of a stream.
struct EventPage {
  std::vector<StoredAlert> alerts;
  std::int64_t next = 0;  // `after` of the page behind this one
};
// `next` also passes over what does not match, so that a filter that matches
// nothing does not read the same alerts again and again.
Result<EventPage> read_events(Store& store, const AlertQuery& query);

}  // namespace bailiff::sidecar
