// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "oci/sys/process.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {
namespace {

constexpr int kBacklog = 4;
constexpr std::string_view kKeep = "keep ";

std::optional<UniqueFd> listen_at(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!fd || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // Whoever starts a keeper has found that there is none.
  ::unlink(path.c_str());
  if (::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) !=
          0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return std::nullopt;
  }
  return fd;
}

class Keeper {
 public:
  explicit Keeper(UniqueFd listening) : listening_(std::move(listening)) {}

  void run() {
    bool asked = false;
    while (!asked || !clients_.empty() || has_listeners()) {
      std::vector<pollfd> polled = {{listening_.get(), POLLIN, 0}};
      for (const UniqueFd& client : clients_) {
        polled.push_back({client.get(), POLLIN, 0});
      }
      // Of what is kept only the end is of interest.
      for (const NamedDescriptor& each : kept_) {
        polled.push_back({each.fd.get(), 0, 0});
      }
      if (::poll(polled.data(), polled.size(), asked ? -1 : kFirstAskedMs) <=
          0) {
        if (!asked) return;
        continue;
      }
      const std::size_t clients = clients_.size();
      forget(polled, 1 + clients);
      serve(polled, clients);
      if ((polled.front().revents & POLLIN) == 0) continue;
      UniqueFd client(
          ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ucred peer{};
      socklen_t size = sizeof peer;
      if (!client ||
          ::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) !=
              0 ||
          peer.uid != ::geteuid()) {
        continue;
      }
      asked = true;
      clients_.push_back(std::move(client));
    }
  }

 private:
  // Whoever started it asks at once.
  static constexpr int kFirstAskedMs = 10000;

  bool has_listeners() const {
    return std::any_of(kept_.begin(), kept_.end(),
                       [](const NamedDescriptor& each) {
                         return each.name.starts_with(kListenerPrefix);
                       });
  }

  // Listeners whose filter no process has any more.
  void forget(const std::vector<pollfd>& polled, std::size_t first) {
    std::vector<NamedDescriptor> left;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      const bool ended =
          kept_[i].name.starts_with(kListenerPrefix) &&
          (polled[first + i].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
      if (!ended) left.push_back(std::move(kept_[i]));
    }
    kept_ = std::move(left);
  }

  void serve(const std::vector<pollfd>& polled, std::size_t count) {
    std::vector<UniqueFd> left;
    for (std::size_t i = 0; i < count; ++i) {
      if (polled[1 + i].revents == 0 || serve_one(clients_[i].get())) {
        left.push_back(std::move(clients_[i]));
      }
    }
    clients_ = std::move(left);
  }

  // False: the client is gone.
  bool serve_one(int client) {
    Result<Message> message = receive_message(client, kMaxKeptName);
    if (!message || message->text.empty()) return false;
    if (message->text.starts_with(kKeep)) {
      std::string name = message->text.substr(kKeep.size());
      std::erase_if(kept_, [&](const NamedDescriptor& each) {
        return each.name == name;
      });
      if (message->fd)
        kept_.push_back({std::move(name), std::move(message->fd)});
      return true;
    }
    for (const NamedDescriptor& each : kept_) {
      if (!send_message(client, each.name, each.fd.get())) return false;
    }
    return send_message(client, ".", -1).has_value();
  }

  UniqueFd listening_;
  std::vector<UniqueFd> clients_;
  std::vector<NamedDescriptor> kept_;
};

}  // namespace

std::string keeper_socket(const std::string& run_dir) {
  return run_dir + "/keeper.sock";
}

int run_keeper(const std::string& run_dir) {
  if (!isolate_process()) return 1;
  ::prctl(PR_SET_NAME, "bailiff-keeper");
  ::signal(SIGPIPE, SIG_IGN);
  // A terminal that is closed is not the end of what it started.
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  std::optional<UniqueFd> listening = listen_at(keeper_socket(run_dir));
  if (!listening) return 1;
  Keeper(*std::move(listening)).run();
  ::unlink(keeper_socket(run_dir).c_str());
  return 0;
}

}  // namespace bailiff::sidecar
