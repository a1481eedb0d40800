// SPDX-License-Identifier: Apache-2.0
#include "sidecar/http/client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/unix_socket.h"
#include "sidecar/http/event_stream.h"

namespace bailiff::sidecar {
namespace {

constexpr int kConnectSeconds = 2;
constexpr int kAnswerSeconds = 30;
// A change may have to write millions of items, on a host that is busy.
constexpr int kChangeSeconds = 120;
// A stream has a heartbeat every 15 s; twice that is a dead one.
constexpr int kStreamSilenceSeconds = 40;

HttpAnswer to_answer(const httplib::Response& response) {
  return {.status = response.status, .body = response.body};
}

// "127.0.0.1:8686", "[::1]:8686", "localhost".  Checked here because the
// library takes what it does not understand for a host name.
bool is_authority(std::string_view text) {
  const std::size_t colon = text.find_last_of(":]");
  if (colon != std::string_view::npos && text[colon] == ':') {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string_view::npos) {
      return false;
    }
    text = text.substr(0, colon);
  }
  return !text.empty() && text.find_first_of("/?#@ ") == std::string_view::npos;
}

class Client : public HttpClient {
 public:
  Client(std::string api, std::string unix_path, httplib::Client client)
      : api_(std::move(api)),
        unix_path_(std::move(unix_path)),
        client_(std::move(client)) {
    if (!unix_path_.empty()) client_.set_address_family(AF_UNIX);
    client_.set_connection_timeout(kConnectSeconds);
    client_.set_read_timeout(kAnswerSeconds);
    client_.set_write_timeout(kAnswerSeconds);
    client_.set_keep_alive(true);
    // Targets come percent-encoded.
    client_.set_url_encode(false);
  }

  Result<HttpAnswer> get(const std::string& target) override {
    RETURN_IF_ERROR(check_socket());
    client_.set_read_timeout(kAnswerSeconds);
    const httplib::Result result = client_.Get(target, headers());
    if (!result) return failure(result.error());
    return to_answer(*result);
  }

  Result<HttpAnswer> post(const std::string& target,
                          const std::string& json) override {
    RETURN_IF_ERROR(check_socket());
    client_.set_read_timeout(kAnswerSeconds);
    const httplib::Result result =
        client_.Post(target, headers(), json, "application/json");
    if (!result) return failure(result.error());
    return to_answer(*result);
  }

  Result<HttpAnswer> patch(const std::string& target,
                           const std::string& json) override {
    RETURN_IF_ERROR(check_socket());
    client_.set_read_timeout(kChangeSeconds);
    const httplib::Result result =
        client_.Patch(target, headers(), json, "application/json");
    if (!result) return failure(result.error());
    return to_answer(*result);
  }

  Result<HttpAnswer> download(const std::string& target,
                              const OnPiece& piece) override {
    RETURN_IF_ERROR(check_socket());
    client_.set_read_timeout(kAnswerSeconds);
    HttpAnswer answer;
    const httplib::Result result = client_.Get(
        target, headers(),
        [&](const httplib::Response& response) {
          answer.status = response.status;
          return true;
        },
        [&](const char* bytes, size_t size) {
          if (answer.status == 200) return piece({bytes, size});
          answer.body.append(bytes, size);
          return true;
        });
    if (!result) return failure(result.error());
    return answer;
  }

  Result<HttpAnswer> stream(const std::string& target,
                            const std::string& last_event_id,
                            const OnEvent& on_event) override {
    RETURN_IF_ERROR(check_socket());
    client_.set_read_timeout(kStreamSilenceSeconds);
    httplib::Headers sent = headers();
    if (!last_event_id.empty()) sent.emplace("Last-Event-ID", last_event_id);
    EventStreamReader reader;
    HttpAnswer answer;
    bool wanted = true;
    const httplib::Result result = client_.Get(
        target, sent,
        [&](const httplib::Response& response) {
          answer.status = response.status;
          return true;
        },
        [&](const char* bytes, size_t size) {
          const std::string_view text(bytes, size);
          if (answer.status != 200) {
            answer.body += text;
            return true;
          }
          wanted = reader.feed(text, on_event);
          return wanted;
        });
    if (!wanted) return answer;
    if (!result) return failure(result.error());
    if (answer.status != 200) return answer;
    return Error{.code = Code::kIo,
                 .message = "'" + api_ + "' ended the stream"};
  }

 private:
  httplib::Headers headers() const {
    httplib::Headers sent = {{"User-Agent", "bailiff/" BAILIFF_VERSION}};
    // The library would name the socket's path.
    if (!unix_path_.empty()) sent.emplace("Host", "localhost");
    return sent;
  }

  // The library does not say why it could not connect.
  Status check_socket() const {
    if (unix_path_.empty() || ::access(unix_path_.c_str(), W_OK) == 0) {
      return Ok{};
    }
    return errno_error("connect to '" + api_ + "'");
  }

  Error failure(httplib::Error error) const {
    if (error == httplib::Error::Connection ||
        error == httplib::Error::ConnectionTimeout) {
      return {.code = Code::kNotFound,
              .message = "connect to '" + api_ + "': nobody listens there"};
    }
    return {.code = Code::kIo,
            .message =
                "'" + api_ + "' gave no answer: " + httplib::to_string(error)};
  }

  std::string api_;
  std::string unix_path_;  // "": TCP
  httplib::Client client_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::create(const std::string& api) {
  static constexpr std::string_view kUnix = "unix:";
  static constexpr std::string_view kHttp = "http://";
  try {
    if (api.rfind(kUnix, 0) == 0 && api.size() > kUnix.size()) {
      std::string path = api.substr(kUnix.size());
      httplib::Client client(path, 80);
      return std::unique_ptr<HttpClient>(
          std::make_unique<Client>(api, std::move(path), std::move(client)));
    }
    if (api.rfind(kHttp, 0) == 0 && is_authority(api.substr(kHttp.size()))) {
      httplib::Client client(api);
      if (client.is_valid()) {
        return std::unique_ptr<HttpClient>(
            std::make_unique<Client>(api, "", std::move(client)));
      }
    }
  } catch (const std::exception&) {
    // A port that is no number is thrown by the library: refused below.
  }
  return Error{
      .code = Code::kInvalidArgument,
      .message = "'" + api + "' is neither unix:PATH nor http://ADDRESS:PORT"};
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  static constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

}  // namespace bailiff::sidecar
