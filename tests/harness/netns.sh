# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The network scenery: two namespaces joined by one veth pair, without a route
# to anywhere else.
#
#   outside                              inside (the container's)
#   203.0.113.66, 2001:db8:66::66   <->  203.0.113.10, 2001:db8:66::10
#     the attacker; packets to it are
#     counted where they arrive
#   198.51.100.7, the visitor       <->  198.51.100.10
#
# The visitor has an address of its own so that answers to requests do not
# count as packets that reached the attacker.

export ATTACKER4=203.0.113.66 ATTACKER6=2001:db8:66::66
# A host of the same network that no list names.
export HARMLESS4=203.0.113.80 HARMLESS6=2001:db8:66::80
export SERVER4=203.0.113.10 SERVER6=2001:db8:66::10
export INSIDE_WEB=198.51.100.10

# in_netns NAME COMMAND...
in_netns() {
  local name=$1
  shift
  nsenter --net="$SCRATCH/netns/$name" -- "$@"
}

netns_make() {
  : >"$SCRATCH/netns/$1"
  unshare --net="$SCRATCH/netns/$1" ip link set lo up
}

netns_scenery() {
  netns_make outside
  netns_make inside
  in_netns outside ip link add eth0 type veth \
    peer name eth0 netns "$SCRATCH/netns/inside"
  # Nobody else has these addresses, and who asks would be kept waiting.
  local name
  for name in outside inside; do
    in_netns "$name" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
  done
  in_netns outside ip -batch - <<END
addr add $ATTACKER4/24 dev eth0
addr add $HARMLESS4/24 dev eth0
addr add 198.51.100.7/24 dev eth0
addr add $ATTACKER6/64 dev eth0 nodad
addr add $HARMLESS6/64 dev eth0 nodad
link set eth0 up
END
  in_netns inside ip -batch - <<END
addr add $SERVER4/24 dev eth0
addr add $INSIDE_WEB/24 dev eth0
addr add $SERVER6/64 dev eth0 nodad
link set eth0 up
END
  # Before anything else looks at a packet; neighbour discovery is the
  # network's own talk and not counted (ARP never comes here).
  in_netns outside nft -f - <<END
table inet bailiff {
  counter attacker { }
  chain arrived {
    type filter hook prerouting priority raw;
    ip daddr $ATTACKER4 counter name attacker
    ip6 daddr $ATTACKER6 meta l4proto != ipv6-icmp counter name attacker
  }
}
END
}

# How many packets reached the attacker since the scenery was made.
attacker_packets() {
  in_netns outside nft -j list counter inet bailiff attacker |
    jq '[.nftables[].counter // empty | .packets] | add'
}

attacker_forget_packets() {
  in_netns outside nft reset counter inet bailiff attacker >/dev/null
}

# listener_at NAME PORT: waits until somebody listens there, over TCP.
listener_at() {
  wait_until 10 "a listener at port $2" in_netns "$1" \
    sh -c "ss -Hltn 'sport = :$2' | grep -q ."
}

# asked_by ADDRESS SERVER PORT: what a server that echoes answers to "hello"
# from that address of 'outside'.
asked_by() {
  in_netns outside python3 -c 'import socket, sys
peer = socket.create_connection((sys.argv[2], int(sys.argv[3])), 2,
                                (sys.argv[1], 0))
peer.settimeout(20)  # a server may have to start a process first
peer.sendall(b"hello\n")
print(peer.recv(100).decode())' "$@"
}

# attacker_listen PORT LOG: takes connections on every address of 'outside',
# a JSON line in LOG for each.
attacker_listen() {
  spawn "$2.err" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 "$REPO_DIR/examples/log4shell/attacker.py" --port "$1" --out "$2"
  listener_at outside "$1"
}

# resolver_listen LOG [NAME=ADDRESS...]: a DNS server at HARMLESS4, with those
# names besides its own; a line in LOG for each name it is asked for.
resolver_listen() {
  spawn "$1.err" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 "$REPO_DIR/tests/bypass/resolver.py" "$HARMLESS4" "$@"
  listener_at outside 53
}
