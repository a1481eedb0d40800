// SPDX-License-Identifier: Apache-2.0
//
// cpp-httplib reads requests and writes answers; sockets, threads and bounds
// are ours.  It is given each connection as a stream and calls back into
// Protocol's handlers on the connection's own thread:
//
//   accept ─▶ thread ─▶ Protocol::serve ─▶ httplib::Server::process_request
//                           guard, refuse() ◀┘      (headers are there)
//                           answer()        ◀┘      (the body is there)
#include "sidecar/http/server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/unique_fd.h"
#include "sidecar/http/connection.h"
#include "sidecar/http/listen.h"
#include "sidecar/http/routes.h"

namespace bailiff::sidecar {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// Request line and headers; the library's own bound is per line.
constexpr std::size_t kMaxHeadBytes = std::size_t{64} * 1024;
// Longest path with its query.  Also keeps std::regex, which recurses once for
// each character, far from the end of the stack.
constexpr std::size_t kMaxTargetBytes = 2048;
// Then a connection makes room for others.  Clients are told so.
constexpr int kMaxRequests = 1000;
// A silent stream looks at whether it should end this often.
constexpr int kStreamPollMillis = 1000;

// Borrowed by the handlers of the request this thread serves.
thread_local Connection* current = nullptr;

class StreamOfConnection : public httplib::Stream {
 public:
  explicit StreamOfConnection(Connection& connection)
      : connection_(connection) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return connection_.is_writable(); }
  ssize_t read(char* into, size_t size) override {
    return connection_.read(into, size);
  }
  ssize_t write(const char* bytes, size_t size) override {
    return connection_.write(bytes, size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return connection_.fd(); }

 private:
  Connection& connection_;
};

// Reads it as it is sent: an archive may not fit memory.
void give_file(const ApiAnswer& answer, httplib::Response& response) {
  struct stat file {};
  if (::fstat(answer.file->get(), &file) != 0 || file.st_size <= 0) {
    response.status = 500;
    response.set_content(error_answer(500, "the file cannot be read").body,
                         "application/json");
    return;
  }
  response.set_content_provider(
      static_cast<std::size_t>(file.st_size), answer.content_type,
      [source = answer.file](std::size_t at, std::size_t left,
                             httplib::DataSink& sink) {
        std::array<char, std::size_t{64} * 1024> chunk;
        const ssize_t got =
            ::pread(source->get(), chunk.data(), std::min(chunk.size(), left),
                    static_cast<off_t>(at));
        if (got <= 0) return false;
        return sink.write(chunk.data(), static_cast<std::size_t>(got));
      });
}

void give(const ApiAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) {
    response.set_header(name, value);
  }
  if (answer.file) return give_file(answer, response);
  response.set_content(answer.body, answer.content_type);
}

class Protocol : public httplib::Server {
 public:
  explicit Protocol(Backend& backend) : backend_(backend) {
    svr_sock_ = 0;  // not INVALID_SOCKET: the library is not shutting down
    set_payload_max_length(kMaxBodyBytes);
    // What the Keep-Alive header says; serve() is who does it.
    set_keep_alive_max_count(kMaxRequests);
    set_keep_alive_timeout(kIdleSeconds);
    set_default_headers(
        {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    set_pre_routing_handler([this](const auto& request, auto& response) {
      return head(request, response) ? HandlerResponse::Handled
                                     : HandlerResponse::Unhandled;
    });
    const HandlerWithContentReader take =
        [this](const auto& request, auto& response,
               const httplib::ContentReader& reader) {
          body(request, response, reader);
        };
    Post(".*", take);
    Patch(".*", take);
    // What the library refuses by itself has no body yet, and may have left
    // one unread.
    set_error_handler(Handler([](const auto&, httplib::Response& response) {
      if (!response.body.empty()) return;
      give(error_answer(response.status, "the request is not valid HTTP"),
           response);
      current->close_after_answer();
    }));
    set_exception_handler([](const auto&, httplib::Response& response,
                             const std::exception_ptr&) {
      give(error_answer(500, "the request could not be processed"), response);
    });
  }

  // One request after the other until the connection ends.
  void serve(Connection& connection) {
    current = &connection;
    StreamOfConnection stream(connection);
    bool closed = false;
    for (int left = kMaxRequests; left > 0; --left) {
      if (closed || stopping_ || connection.is_last() ||
          !connection.wait_for_request(seconds(kIdleSeconds))) {
        break;
      }
      connection.begin_request(seconds(kRequestSeconds),
                               kMaxHeadBytes + kMaxBodyBytes);
      // Ranges are for files; here they would cut JSON into pieces.
      if (!process_request(stream, stopping_ || left == 1, closed,
                           [](httplib::Request& r) { r.ranges.clear(); })) {
        break;
      }
    }
    connection.finish();
    current = nullptr;
  }

  // Streams end at their next look; a connection closes after its answer.
  void stop() {
    stopping_ = true;
    backend_.store().wake();
  }

 private:
  // The headers are there.  True when the answer needs no body.
  bool head(const httplib::Request& request, httplib::Response& response) {
    const ApiRequest asked = to_api(request);
    std::optional<ApiAnswer> refused = guard(request);
    if (!refused) refused = refuse(asked);
    if (!refused && (asked.method == "POST" || asked.method == "PATCH")) {
      return false;
    }
    if (request.has_header("Content-Length") ||
        request.has_header("Transfer-Encoding")) {
      current->close_after_answer();  // for the body that nobody reads
    }
    const ApiAnswer given = refused ? *refused : answer(backend_, asked);
    if (given.stream && request.method == "GET") {
      start_stream(*given.stream, response);
    } else {
      give(given, response);
    }
    return true;
  }

  void body(const httplib::Request& request, httplib::Response& response,
            const httplib::ContentReader& reader) {
    ApiRequest asked = to_api(request);
    bool too_large = false;
    const bool whole = reader([&](const char* bytes, size_t size) {
      too_large = asked.body.size() + size > kMaxBodyBytes;
      if (!too_large) asked.body.append(bytes, size);
      return !too_large;
    });
    if (!whole) current->close_after_answer();
    if (too_large) {
      give(body_too_large(), response);
    } else if (!whole) {
      give(error_answer(400, "the body ended early or came too slowly"),
           response);
    } else {
      give(answer(backend_, asked), response);
    }
  }

  static ApiRequest to_api(const httplib::Request& request) {
    ApiRequest asked{
        .method = request.method == "HEAD" ? "GET" : request.method,
        .path = request.path,
        .content_type = request.get_header_value("Content-Type"),
        .last_event_id = request.get_header_value("Last-Event-ID"),
        .actor = current->actor(),
        .is_root = current->is_root(),
    };
    for (const auto& [name, value] : request.params) {
      asked.query.emplace_back(name, value);
    }
    return asked;
  }

  static ApiAnswer body_too_large() {
    return error_answer(413, "the body is larger than " +
                                 std::to_string(kMaxBodyBytes) + " bytes");
  }

  static std::optional<ApiAnswer> guard(const httplib::Request& request) {
    if (request.target.size() > kMaxTargetBytes) {
      return error_answer(414, "the path is longer than " +
                                   std::to_string(kMaxTargetBytes) + " bytes");
    }
    if (request.has_header("Content-Length") &&
        request.get_header_value<uint64_t>("Content-Length") > kMaxBodyBytes) {
      return body_too_large();
    }
    if (current->transport() == Transport::kUnix) return std::nullopt;
    const std::string host = request.get_header_value("Host");
    if (request.get_header_value_count("Host") != 1 ||
        !is_loopback_host(host)) {
      return error_answer(403, "the Host header must name a loopback address",
                          "Host");
    }
    // Browsers send it with every POST and with what other sites ask for.
    if (request.has_header("Origin") &&
        request.get_header_value("Origin") != "http://" + host) {
      return error_answer(403, "pages of other origins may not call this API",
                          "Origin");
    }
    return std::nullopt;
  }

  void start_stream(AlertQuery query, httplib::Response& response) {
    if (streams_.fetch_add(1) >= static_cast<int>(kMaxStreams)) {
      --streams_;
      ApiAnswer busy = error_answer(
          503, "there are " + std::to_string(kMaxStreams) + " streams already");
      busy.headers = {{"Retry-After", "30"}};
      give(busy, response);
      return;
    }
    current->streaming = true;
    current->close_after_answer();
    response.status = 200;
    auto quiet_since = steady_clock::now();
    bool greeted = false;
    response.set_chunked_content_provider(
        "text/event-stream",
        [this, query, quiet_since, greeted](size_t,
                                            httplib::DataSink& sink) mutable {
          if (!greeted) {
            greeted = true;  // so that the client has its headers at once
            return write(sink, ": bailiff\n\n");
          }
          return send_events(query, quiet_since, sink);
        },
        [this](bool) { --streams_; });
  }

  static bool write(httplib::DataSink& sink, const std::string& text) {
    return sink.write(text.data(), text.size());
  }

  // One page of events, or a heartbeat when there was none for long.  False
  // ends the stream.
  bool send_events(AlertQuery& query, steady_clock::time_point& quiet_since,
                   httplib::DataSink& sink) {
    if (stopping_ || current->peer_is_gone()) return false;
    Result<EventPage> page = read_events(backend_.store(), query);
    // The client comes back with the last id it has seen.
    if (!page) return false;
    query.after = page->next;
    if (page->alerts.empty()) {
      backend_.store().wait_for_newer(query.after, kStreamPollMillis);
      const auto now = steady_clock::now();
      if (now - quiet_since < seconds(kHeartbeatSeconds)) return true;
      quiet_since = now;
      return write(sink, ": still here\n\n");
    }
    std::string text;
    for (const StoredAlert& alert : page->alerts) {
      text +=
          "id: " + std::to_string(alert.id) + "\ndata: " + alert.json + "\n\n";
    }
    quiet_since = steady_clock::now();
    return write(sink, text);
  }

  Backend& backend_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> streams_ = 0;
};

class Server : public HttpServer {
 public:
  Server(Backend& backend, std::string unix_path, UniqueFd unix_listener,
         std::optional<TcpListener> tcp, UniqueFd stop)
      : protocol_(backend),
        unix_path_(std::move(unix_path)),
        unix_(std::move(unix_listener)),
        tcp_(std::move(tcp)),
        stop_(std::move(stop)),
        accepting_([this] { accept_all(); }) {}

  ~Server() override {
    const std::uint64_t one = 1;
    // An eventfd that was never written to takes a 1.
    (void)!::write(stop_.get(), &one, sizeof one);
    accepting_.join();
    protocol_.stop();
    for (Served& served : served_) {
      if (served.connection.streaming) {
        served.connection.shut_down();
      } else {
        served.connection.stop_reading();
      }
    }
    for (Served& served : served_) served.thread.join();
    if (unix_) ::unlink(unix_path_.c_str());
  }

  int tcp_port() const override { return tcp_ ? tcp_->port : 0; }

 private:
  struct Served {
    Served(UniqueFd fd, Transport transport)
        : connection(std::move(fd), transport) {}
    Connection connection;
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void accept_all() {
    pollfd fds[] = {
        {.fd = stop_.get(), .events = POLLIN, .revents = 0},
        {.fd = unix_.get(), .events = POLLIN, .revents = 0},
        {.fd = tcp_ ? tcp_->fd.get() : -1, .events = POLLIN, .revents = 0}};
    while (true) {
      if (::poll(fds, 3, -1) < 0) continue;  // EINTR
      if (fds[0].revents != 0) return;
      served_.remove_if([](Served& served) {
        if (!served.done) return false;
        served.thread.join();
        return true;
      });
      if (fds[1].revents != 0) accept_one(fds[1].fd, Transport::kUnix);
      if (fds[2].revents != 0) accept_one(fds[2].fd, Transport::kTcp);
    }
  }

  void accept_one(int listener, Transport transport) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      // Out of descriptors: the connection waits, and so must this loop.
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    if (served_.size() >= kMaxConnections) return refuse_busy(fd.get());
    Served& served = served_.emplace_back(std::move(fd), transport);
    try {
      served.thread = std::thread([this, &served] {
        protocol_.serve(served.connection);
        served.connection.shut_down();
        served.done = true;
      });
    } catch (const std::system_error&) {
      served_.pop_back();  // out of threads: the peer sees the end
    }
  }

  static void refuse_busy(int fd) {
    static const std::string kBody =
        error_answer(503, "too many connections already").body;
    static const std::string kAnswer =
        "HTTP/1.1 503 Service Unavailable\r\n"
        "Content-Type: application/json\r\nRetry-After: 5\r\n"
        "Connection: close\r\nContent-Length: " +
        std::to_string(kBody.size()) + "\r\n\r\n" + kBody;
    // One small write to a new socket: its buffer takes it whole.
    (void)!::send(fd, kAnswer.data(), kAnswer.size(),
                  MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  Protocol protocol_;
  std::string unix_path_;
  UniqueFd unix_;
  std::optional<TcpListener> tcp_;
  UniqueFd stop_;
  std::list<Served> served_;  // of the accepting thread until it has ended
  std::thread accepting_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(
    Backend& backend, const HttpConfig& config) {
  std::optional<TcpListener> tcp;
  if (!config.tcp.empty()) {
    ASSIGN_OR_RETURN(tcp, listen_on_loopback(config.tcp));
  }
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return errno_error("eventfd");
  // Last, as it is what leaves something behind.
  UniqueFd unix_listener;
  if (!config.unix_path.empty()) {
    ASSIGN_OR_RETURN(unix_listener,
                     listen_for_group(config.unix_path, config.group));
  }
  try {
    return std::unique_ptr<HttpServer>(std::make_unique<Server>(
        backend, config.unix_path, std::move(unix_listener), std::move(tcp),
        std::move(stop)));
  } catch (const std::system_error& e) {
    if (!config.unix_path.empty()) ::unlink(config.unix_path.c_str());
    return Error{.code = Code::kExhausted,
                 .message = std::string("start the API's thread: ") + e.what()};
  }
}

}  // namespace bailiff::sidecar
