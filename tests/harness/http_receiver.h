// SPDX-License-Identifier: Apache-2.0
// tests/harness/http_receiver.h
// The other end of a webhook: a server on loopback that remembers what it was
// sent and answers what the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "oci/sys/unique_fd.h"

namespace bailiff::test {

struct ReceivedRequest {
  std::string line;                            // "POST /alerts HTTP/1.1"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;  // 0 for the first accepted, …
};

// Whole answers, status line first; "" means none ever.
inline std::string http_answer(const std::string& status,
                               const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n" + headers + "\r\n";
}

class HttpReceiver {
 public:
  // Answers for the n-th request (from 0).
  using Script = std::function<std::string(int)>;

  explicit HttpReceiver(Script script) : script_(std::move(script)) {
    stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, size) != 0 ||
        ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }

  ~HttpReceiver() {
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) != sizeof one) std::abort();
    accepting_.join();
    for (std::thread& thread : connections_) thread.join();
  }

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int port() const { return port_; }

  // The first `count` requests; fewer when 30 s pass.
  std::vector<ReceivedRequest> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, std::chrono::seconds(30),
                      [&] { return requests_.size() >= count; });
    return requests_;
  }

 private:
  // False when the test is over.
  bool readable(int fd) const {
    pollfd fds[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                    {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    return ::poll(fds, 2, -1) > 0 && fds[1].revents == 0;
  }

  void accept_all() {
    for (int number = 0; readable(listener_.get()); ++number) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      connections_.emplace_back(
          [this, number, fd = std::move(fd)] { serve(fd.get(), number); });
    }
  }

  void serve(int fd, int number) {
    std::string buffer;
    while (true) {
      std::optional<ReceivedRequest> request;
      while (!(request = take_request(buffer))) {
        char bytes[65536];
        if (!readable(fd)) return;
        const ssize_t size = ::read(fd, bytes, sizeof bytes);
        if (size <= 0) return;
        buffer.append(bytes, static_cast<std::size_t>(size));
      }
      request->connection = number;
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        answer = script_(static_cast<int>(requests_.size()));
        requests_.push_back(*request);
        arrived_.notify_all();
      }
      if (answer.empty()) {
        readable(stop_.get());  // silent until the test is over
        return;
      }
      if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  static std::optional<ReceivedRequest> take_request(std::string& buffer) {
    const std::size_t end = buffer.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    ReceivedRequest request;
    std::size_t at = buffer.find("\r\n");
    request.line = buffer.substr(0, at);
    while (at < end) {
      const std::size_t begin = at + 2;
      at = buffer.find("\r\n", begin);
      const std::string header = buffer.substr(begin, at - begin);
      const std::size_t colon = header.find(": ");
      if (colon == std::string::npos) continue;
      std::string name = header.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      });
      request.headers[name] = header.substr(colon + 2);
    }
    const std::size_t length =
        std::strtoul(request.headers["content-length"].c_str(), nullptr, 10);
    if (buffer.size() < end + 4 + length) return std::nullopt;
    request.body = buffer.substr(end + 4, length);
    buffer.erase(0, end + 4 + length);
    return request;
  }

  Script script_;
  UniqueFd stop_;
  UniqueFd listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<ReceivedRequest> requests_;
  std::list<std::thread> connections_;
  std::thread accepting_;
};

}  // namespace bailiff::test
