// SPDX-License-Identifier: Apache-2.0
#include "sidecar/notify/keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "oci/sys/process.h"
#include "oci/sys/unix_socket.h"
#include "sidecar/notify/descriptors.h"

namespace bailiff::sidecar {
namespace {

constexpr std::string_view kKeep = "keep ";

// A connection that could not be taken is tried again after this long.
constexpr int kAcceptAgainMillis = 1000;

// How many descriptors may be kept.
std::size_t room() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return std::max<std::size_t>(limit.rlim_cur, kKeeperReserve) - kKeeperReserve;
}

ino_t inode_of(const std::string& path) {
  struct stat file {};
  return ::lstat(path.c_str(), &file) == 0 ? file.st_ino : 0;
}

// Somebody may type what bailiffd starts.
bool listens(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
         listening != 0;
}

class Keeper {
 public:
  Keeper(UniqueFd listening, UniqueFd first)
      : listening_(std::move(listening)) {
    clients_.push_back(std::move(first));
  }

  void run() {
    while (!clients_.empty() || has_listeners()) {
      // Who waits to be taken would make it readable all the time.
      const bool accepts = accepts_ && clients_.size() < kMaxKeeperClients;
      std::vector<pollfd> polled = {
          {accepts ? listening_.get() : -1, POLLIN, 0}};
      for (const UniqueFd& client : clients_) {
        polled.push_back({client.get(), POLLIN, 0});
      }
      // Of what is kept only the end is of interest.
      for (const NamedDescriptor& each : kept_) {
        polled.push_back({each.fd.get(), 0, 0});
      }
      const int ready = ::poll(polled.data(), polled.size(),
                               accepts_ ? -1 : kAcceptAgainMillis);
      accepts_ = true;
      if (ready <= 0) continue;
      const std::size_t clients = clients_.size();
      forget(polled, 1 + clients);
      // Before the next client, which asks for what the last one gave.
      if (serve(polled, clients)) continue;
      if ((polled.front().revents & POLLIN) == 0) continue;
      UniqueFd client(
          ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      accepts_ = static_cast<bool>(client);
      if (!client) continue;
      const Result<PeerCredentials> peer = peer_credentials(client.get());
      if (!peer || peer->uid != ::geteuid()) continue;
      clients_.push_back(std::move(client));
    }
  }

 private:
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

  // True: one of them had something to say.
  bool serve(const std::vector<pollfd>& polled, std::size_t count) {
    bool served = false;
    std::vector<UniqueFd> left;
    for (std::size_t i = 0; i < count; ++i) {
      if (polled[1 + i].revents != 0) {
        served = true;
        if (!serve_one(clients_[i].get())) continue;
      }
      left.push_back(std::move(clients_[i]));
    }
    clients_ = std::move(left);
    return served;
  }

  // False: the client is gone.
  bool serve_one(int client) {
    Result<Message> message =
        receive_message(client, kKeep.size() + kMaxKeptName);
    if (!message || message->text.empty()) return false;
    if (message->text.starts_with(kKeep)) {
      std::string name = message->text.substr(kKeep.size());
      std::erase_if(kept_, [&](const NamedDescriptor& each) {
        return each.name == name;
      });
      if (message->fd && kept_.size() < room()) {
        kept_.push_back({std::move(name), std::move(message->fd)});
        return true;
      }
      // Who does not read it must not be waited for.
      static_cast<void>(send_message(client, std::string(kKeeperFull) + name,
                                     -1, MSG_DONTWAIT));
      return true;
    }
    for (const NamedDescriptor& each : kept_) {
      if (!send_message(client, each.name, each.fd.get())) return false;
    }
    return send_message(client, ".", -1).has_value();
  }

  UniqueFd listening_;
  bool accepts_ = true;  // false: for a while, as it has just failed
  std::vector<UniqueFd> clients_;
  std::vector<NamedDescriptor> kept_;
};

}  // namespace

std::string keeper_socket(const std::string& run_dir) {
  return run_dir + "/keeper.sock";
}

int run_keeper(const std::string& run_dir) {
  if (!listens(kKeeperListening) || !isolate_process()) return 1;
  ::prctl(PR_SET_NAME, "bailiff-keeper");
  ::signal(SIGPIPE, SIG_IGN);
  // A terminal that is closed is not the end of what it started.
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  const std::string path = keeper_socket(run_dir);
  const ino_t own = inode_of(path);
  Keeper keeper{UniqueFd(kKeeperListening), UniqueFd(kKeeperClient)};
  keeper.run();
  // Before its sockets close: who finds its connection closed starts another
  // keeper, whose file this must not remove.  Nor that of one that was started
  // because this one did not answer.
  if (inode_of(path) == own) ::unlink(path.c_str());
  return 0;
}

}  // namespace bailiff::sidecar
