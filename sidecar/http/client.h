// SPDX-License-Identifier: Apache-2.0
// sidecar/http/client.h
// Calls the HTTP API of a running service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "rules/base/result.h"

namespace bailiff::sidecar {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// One thread at a time.
class HttpClient {
 public:
  // `api`: "unix:/run/bailiff/bailiffd.sock" or "http://127.0.0.1:8686".
  // kInvalidArgument when it is neither.  Does not connect yet.
  static Result<std::unique_ptr<HttpClient>> create(const std::string& api);
  virtual ~HttpClient() = default;

  // Any status is a value.  Errors: kNotFound, nobody listens; kPermission, we
  // may not connect; kIo, the connection broke or no answer came in 30 s.
  virtual Result<HttpAnswer> get(const std::string& target) = 0;
  virtual Result<HttpAnswer> post(const std::string& target,
                                  const std::string& json) = 0;
  // The same, in 2 min.
  virtual Result<HttpAnswer> patch(const std::string& target,
                                   const std::string& json) = 0;

  // As get(), but gives the body of a 200 away piece by piece, until `piece`
  // returns false (kIo).
  using OnPiece = std::function<bool(std::string_view bytes)>;
  virtual Result<HttpAnswer> download(const std::string& target,
                                      const OnPiece& piece) = 0;

  // Reads server-sent events until `event` returns false (Ok) or the stream
  // ends (kIo).  Another status than 200 is the value's status and body.
  using OnEvent =
      std::function<bool(std::string_view id, std::string_view json)>;
  virtual Result<HttpAnswer> stream(const std::string& target,
                                    const std::string& last_event_id,
                                    const OnEvent& event) = 0;
};

// `text` for use in a path segment or a query value: everything but RFC 3986's
// unreserved characters as %XX.
std::string percent_encode(std::string_view text);

}  // namespace bailiff::sidecar
