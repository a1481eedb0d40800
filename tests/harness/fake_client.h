// SPDX-License-Identifier: Apache-2.0
// tests/harness/fake_client.h
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/http/client.h"

namespace bailiff::sidecar {

// Gives the answers it was told, in order, and remembers what it was asked.
class FakeClient : public HttpClient {
 public:
  Result<HttpAnswer> get(const std::string& target) override {
    asked.push_back("GET " + target);
    return next();
  }
  Result<HttpAnswer> post(const std::string& target,
                          const std::string& body) override {
    asked.push_back("POST " + target + " " + body);
    return next();
  }
  Result<HttpAnswer> patch(const std::string& target,
                           const std::string& body) override {
    asked.push_back("PATCH " + target + " " + body);
    return next();
  }
  Result<HttpAnswer> download(const std::string& target,
                              const OnPiece& piece) override {
    asked.push_back("DOWNLOAD " + target);
    Result<HttpAnswer> answer = next();
    if (answer && answer->status == 200) {
      if (!piece(answer->body)) return Error{Code::kIo, "not wanted"};
      answer->body.clear();
    }
    return answer;
  }
  Result<HttpAnswer> stream(const std::string& target, const std::string& id,
                            const OnEvent& event) override {
    asked.push_back("STREAM " + target + " " + id);
    for (const auto& [number, text] : events) {
      if (!event(number, text)) return HttpAnswer{.status = 200};
    }
    events.clear();
    return next();
  }

  void answer(int status, const std::string& body) {
    answers.push_back(HttpAnswer{.status = status, .body = body});
  }

  std::deque<Result<HttpAnswer>> answers;
  std::vector<std::pair<std::string, std::string>> events;
  std::vector<std::string> asked;

 private:
  Result<HttpAnswer> next() {
    if (answers.empty()) {
      return Error{.code = Code::kNotFound, .message = "nobody listens"};
    }
    Result<HttpAnswer> answer = answers.front();
    answers.pop_front();
    return answer;
  }
};

}  // namespace bailiff::sidecar
