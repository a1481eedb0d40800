// SPDX-License-Identifier: Apache-2.0
// hook/kernel/connections.h
#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "rules/base/result.h"
#include "rules/types/value.h"

namespace bailiff::hook {

// Ends every TCP connection and every connected UDP socket of the caller's
// network namespace whose socket belongs to one of the cgroups (by id), but
// for those with a peer in `spared`: their owners see ECONNABORTED.  Sockets
// that listen stay.  kUnsupported on a kernel without INET_DIAG_DESTROY.
Status cut_connections_here(const std::set<std::uint64_t>& cgroups,
                            std::span<const IpNetwork> spared);

}  // namespace bailiff::hook
