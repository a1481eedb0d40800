// SPDX-License-Identifier: Apache-2.0
// sidecar/notify/keeper.h
// A process of its own that holds the listeners for bailiffd, where there is no
// systemd to do it: as long as one process has a listener, the callers it holds
// wait; when the last one is gone their calls fail with ENOSYS.
//
// It is asked over RUN_DIR/keeper.sock, one message at a time: "keep NAME" with
// a descriptor; "all", which it answers with a message for each, its name and
// the descriptor, and "." behind the last.  What it has no room for it names:
// "full NAME".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bailiff::sidecar {

std::string keeper_socket(const std::string& run_dir);

// What listeners' names begin with; everything else is kept for their sake.
inline constexpr char kListenerPrefix[] = "listener.";
inline constexpr std::size_t kMaxKeptName = 300;

// How it says that what it was to keep is not kept.
inline constexpr std::string_view kKeeperFull = "full ";

// Connections at once; the next ones wait for one to end.  Who takes over what
// is kept needs one more than who has just died.
inline constexpr std::size_t kMaxKeeperClients = 8;
// Of its descriptors (RLIMIT_NOFILE), those that are no room for what is kept:
// it must be able to hand that over when it is full.
inline constexpr std::size_t kKeeperReserve = 16;

// What whoever starts it gives it: the socket at keeper_socket(), and a
// connection of its own.
inline constexpr int kKeeperListening = 0;
inline constexpr int kKeeperClient = 1;

// The keeper's life: until nobody asks it any more and it has no listener whose
// container still runs.  For a process that has nothing else to do, and has
// touched neither descriptor.  Returns its exit code.
int run_keeper(const std::string& run_dir);

}  // namespace bailiff::sidecar
