// SPDX-License-Identifier: Apache-2.0
#include "sidecar/alert/webhook.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "oci/sys/errno_error.h"
#include "oci/sys/files.h"
#include "oci/sys/unique_fd.h"
#include "sidecar/alert/signature.h"
#include "sidecar/alert/timestamp.h"

namespace bailiff::sidecar {
namespace {

constexpr long kConnectMillis = 2000;
constexpr long kTotalMillis = 10000;
// A receiver's answer is not read for its content; one that does not end here
// is cut off.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} * 1024;

struct EasyCleanup {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using HeaderList = std::unique_ptr<curl_slist, ListCleanup>;

// The key of a secret file, read again when the file is another or changed.
class Secret {
 public:
  explicit Secret(std::string path) : path_(std::move(path)) {}

  // Borrowed until the next call.
  Result<std::string_view> read() {
    UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return errno_error("open secret file '" + path_ + "'");
    struct stat now {};
    if (::fstat(fd.get(), &now) != 0) {
      return errno_error("stat secret file '" + path_ + "'");
    }
    RETURN_IF_ERROR(check(now));
    if (!same_file(now)) {
      ASSIGN_OR_RETURN(std::string key,
                       read_bounded(fd.get(), path_, kMaxSecretBytes));
      while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) {
        key.pop_back();  // editors and echo(1) end files with one
      }
      if (key.empty()) {
        return Error{.code = Code::kInvalidArgument,
                     .message = "secret file '" + path_ + "' is empty"};
      }
      key_ = std::move(key);
      read_as_ = now;
    }
    return std::string_view(key_);
  }

 private:
  Status check(const struct stat& file) const {
    if (!S_ISREG(file.st_mode)) {
      return Error{.code = Code::kInvalidArgument,
                   .message = "secret file '" + path_ + "' is no file"};
    }
    if (file.st_uid != 0 && file.st_uid != ::geteuid()) {
      return Error{.code = Code::kPermission,
                   .message = "secret file '" + path_ +
                              "' does not belong to root: chown it"};
    }
    if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
      return Error{.code = Code::kPermission,
                   .message = "secret file '" + path_ +
                              "' is open to others: chmod it to 0600"};
    }
    return Ok{};
  }

  bool same_file(const struct stat& now) const {
    return read_as_ && read_as_->st_ino == now.st_ino &&
           read_as_->st_dev == now.st_dev && read_as_->st_size == now.st_size &&
           read_as_->st_mtim.tv_sec == now.st_mtim.tv_sec &&
           read_as_->st_mtim.tv_nsec == now.st_mtim.tv_nsec;
  }

  std::string path_;
  std::string key_;
  std::optional<struct stat> read_as_;
};

// What the callbacks collect of one answer.
struct Answer {
  std::size_t body_bytes = 0;
};

std::size_t count_body(char*, std::size_t size, std::size_t count,
                       void* answer) {
  std::size_t& bytes = static_cast<Answer*>(answer)->body_bytes;
  bytes += size * count;
  return bytes > kMaxAnswerBytes ? 0 : size * count;
}

int stop_when_cancelled(void* cancelled, curl_off_t, curl_off_t, curl_off_t,
                        curl_off_t) {
  return static_cast<std::atomic<bool>*>(cancelled)->load() ? 1 : 0;
}

class Webhook : public Sink {
 public:
  Webhook(std::string url, std::optional<Secret> secret, Easy easy)
      : url_(std::move(url)),
        secret_(std::move(secret)),
        easy_(std::move(easy)) {}

  Attempt post(const Delivery& delivery) override {
    Result<HeaderList> headers = make_headers(delivery);
    if (!headers) return {.error = headers.error().message};
    if (cancelled_) return {.error = "the service is stopping"};

    Answer answer;
    char problem[CURL_ERROR_SIZE] = "";
    CURL* easy = easy_.get();
    // Options go, the connection stays: that is what keeps it alive.
    curl_easy_reset(easy);
    set_limits(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers->get());
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery.json.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(delivery.json.size()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &count_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
    const CURLcode code = curl_easy_perform(easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);

    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    // Cutting off an answer that never ends is no failure of the delivery.
    const bool cut_off = code == CURLE_WRITE_ERROR && status != 0;
    if (code != CURLE_OK && !cut_off) {
      return {.error = describe(code, problem)};
    }
    return judge(status);
  }

  void cancel() override { cancelled_ = true; }

 private:
  void set_limits(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);  // we have threads
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC,
                     static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kTotalMillis);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &stop_when_cancelled);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &cancelled_);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bailiff/" BAILIFF_VERSION);
  }

  Result<HeaderList> make_headers(const Delivery& delivery) {
    const std::uint64_t now = now_ns() / 1'000'000'000;
    std::vector<std::string> lines = {
        "Content-Type: application/json",
        "Expect:",  // no round trip to ask whether we may
        "X-Bailiff-Id: " + delivery.uuid,
        "X-Bailiff-Timestamp: " + std::to_string(now),
    };
    if (secret_) {
      ASSIGN_OR_RETURN(const std::string_view key, secret_->read());
      lines.push_back("X-Bailiff-Signature: " + sign(key, now, delivery.json));
    }
    HeaderList headers;
    for (const std::string& line : lines) {
      curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
      if (longer == nullptr) {
        return Error{.code = Code::kExhausted, .message = "out of memory"};
      }
      (void)headers.release();  // `longer` begins with it
      headers.reset(longer);
    }
    return headers;
  }

  Attempt judge(long status) {
    if (status >= 200 && status < 300) return {.outcome = Outcome::kDelivered};
    Attempt attempt{.outcome = Outcome::kRefused,
                    .error = "the receiver answered " + std::to_string(status)};
    if (status >= 300 && status < 400) {
      attempt.error += ": redirects are not followed";
    }
    if (status >= 500 || status == 408 || status == 429) {
      attempt.outcome = Outcome::kRetry;
      curl_off_t seconds = 0;  // a date is turned into seconds by libcurl
      if (curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds) ==
              CURLE_OK &&
          seconds > 0) {
        attempt.retry_after = std::chrono::seconds(seconds);
      }
    }
    return attempt;
  }

  std::string describe(CURLcode code, const char* problem) {
    if (code == CURLE_ABORTED_BY_CALLBACK) return "the service is stopping";
    // libcurl's own sentence may name the host, never the path or a header.
    const char* text = *problem != '\0' ? problem : curl_easy_strerror(code);
    return text;
  }

  const std::string url_;
  std::optional<Secret> secret_;
  const Easy easy_;
  std::atomic<bool> cancelled_ = false;
};

Status check_url(const std::string& url, const std::string& sink) {
  struct UrlCleanup {
    void operator()(CURLU* parsed) const { curl_url_cleanup(parsed); }
  };
  const std::unique_ptr<CURLU, UrlCleanup> parsed(curl_url());
  if (parsed == nullptr) {
    return Error{.code = Code::kExhausted, .message = "out of memory"};
  }
  char* scheme = nullptr;
  const bool well_formed =
      curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
  const std::string found = scheme == nullptr ? "" : scheme;
  curl_free(scheme);
  if (well_formed && (found == "http" || found == "https")) return Ok{};
  return Error{.code = Code::kInvalidArgument,
               .message = "sink '" + sink +
                          "': url: must be http:// or https:// and a host"};
}

}  // namespace

Result<std::unique_ptr<Sink>> open_webhook(const SinkConfig& config) {
  // Once for the process; not undone, as other threads may still use it.
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kReady != CURLE_OK) {
    return Error{.code = Code::kIo,
                 .message = std::string("initialise libcurl: ") +
                            curl_easy_strerror(kReady)};
  }
  RETURN_IF_ERROR(check_url(config.url, config.name));
  std::optional<Secret> secret;
  if (!config.secret_file.empty()) {
    secret.emplace(config.secret_file);
    if (Result<std::string_view> key = secret->read(); !key) {
      Error error = key.error();
      error.message = "sink '" + config.name + "': " + error.message;
      return error;
    }
  }
  Easy easy(curl_easy_init());
  if (easy == nullptr) {
    return Error{.code = Code::kExhausted, .message = "out of memory"};
  }
  return std::unique_ptr<Sink>(std::make_unique<Webhook>(
      config.url, std::move(secret), std::move(easy)));
}

}  // namespace bailiff::sidecar
