#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ways a listed peer may reach a server, each from an address of its own: of a
# container that nobody enforces, which must take it, or it would show nothing;
# and of one that is enforced, which must not, and where one alert must tell of
# it. INBOUND.md is what comes out.

load ../e2e/story
load targets

setup_file() {
  story_open
  install -D -m 0755 "$TAKER" "$ROOTFS/bin/taker"
  scenery_of_peers
  rules_of_peers
  service_configure inbound "$SCRATCH/rules/peers.rules.yaml" \
    "$SCRATCH/rules/peers.policies.yaml"
  service_start
  bundle_make "$SCRATCH/bundle-plain" "$ROOTFS" plain taker 7000
  started plain_runc plain
  reach plain 7000
  contained_detached enforced taker 7001
  reach enforced 7001
}

teardown_file() {
  story_quiet
  story_close
}

scenery_of_peers() {
  # The peers' addresses are all of 'outside'.
  in_netns outside ip route add local 203.0.113.96/27 dev lo
  in_netns outside ip -6 -batch - <<END
route add local 2001:db8:66:2::/64 dev lo
route add local 64:ff9b::/96 dev lo
END
  in_netns outside sh -c 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
    echo 1 >/proc/sys/net/ipv4/tcp_ecn'
  in_netns inside ip -6 -batch - <<END
route add 2001:db8:66:2::/64 via $ATTACKER6
route add 64:ff9b::/96 via $ATTACKER6
END
}

rules_of_peers() {
  cat >"$SCRATCH/rules/peers.rules.yaml" <<END
- list: peers
  items: [203.0.113.96/27, "2001:db8:66:2::/64"]
- rule: Peer arrived
  desc: one of the addresses the peer comes from
  condition: >
    evt.type in (accept, accept4, recvfrom, recvmsg) and fd.cnet in (peers)
  output: "%evt.type %fd.cip"
  priority: WARNING
END
  cat >"$SCRATCH/rules/peers.policies.yaml" <<END
policies:
  - name: Refuse
    rules: [Peer arrived]
    block: true
    response: none
END
}

# reach ID PORT: every technique, and then a harmless client, whom the container
# takes last.
reach() {
  listener_at inside "$2"
  in_netns outside python3 "$BATS_TEST_DIRNAME/peer.py" "$SERVER4" "$SERVER6" \
    "$2" >"$SCRATCH/$1.tsv"
  in_netns outside python3 -c 'import socket, sys
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    peer = socket.socket(socket.AF_INET, kind)
    peer.bind((sys.argv[1], 0))
    peer.connect((sys.argv[2], int(sys.argv[3])))
    peer.send(b"x")' "$HARMLESS4" "$SERVER4" "$2"
  wait_until 10 "the harmless client" taken "$1" udp "$HARMLESS4"
  wait_until 10 "the harmless client" taken "$1" tcp "$HARMLESS4"
}

# taken ID PROTOCOL ADDRESS
taken() { grep -qxF "$2"$'\t'"$3" "$SCRATCH/$1.out"; }

delivery() {
  if cut -f2 "$SCRATCH/$1.out" | grep -qxF "$2"; then
    echo delivers
  else
    echo nothing
  fi
}

# The alerts of an address: "hook verdict", a line each.
alerts_of() {
  service_events | jq -r --arg ip "$(judged_as "$1")" '
    select(.rule == "Peer arrived" and .output_fields["fd.cip"] == $ip)
    | "\(.bailiff.hook) \(.bailiff.verdict)"'
}

matrix() {
  local address what
  cat <<END
# Ways in for a listed peer

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2): a rule on accept, recvfrom and their like refuses
the peer, whose packets are dropped before the server sees them.

| technique | without Bailiff | with Bailiff | caught at |
|---|---|---|---|
END
  while IFS=$'\t' read -r address what; do
    echo "| $what | $(delivery plain "$address") |" \
      "$(delivery enforced "$address") |" \
      "$(alerts_of "$address" | cut -d' ' -f1 | sort -u | paste -sd, -) |"
  done <"$SCRATCH/enforced.tsv"
}

@test "each technique delivers where nobody enforces" {
  local address what failed=0
  while IFS=$'\t' read -r address what; do
    [[ $(delivery plain "$address") == delivers ]] || {
      echo "$what: nothing from $address"
      failed=1
    }
  done <"$SCRATCH/plain.tsv"
  ((!failed))
}

@test "no technique delivers to an enforced container" {
  local address what failed=0
  while IFS=$'\t' read -r address what; do
    [[ $(delivery enforced "$address") == nothing ]] || {
      echo "$what: taken from $address"
      failed=1
    }
  done <"$SCRATCH/enforced.tsv"
  ((!failed))
}

@test "one alert tells of each technique" {
  local address what failed=0
  local -a alerts
  while IFS=$'\t' read -r address what; do
    mapfile -t alerts < <(alerts_of "$address")
    [[ ${#alerts[@]} -eq 1 && ${alerts[0]} == "ingress denied" ]] || {
      echo "$what: ${#alerts[@]} alerts of $address: ${alerts[*]}"
      failed=1
    }
  done <"$SCRATCH/enforced.tsv"
  ((!failed))
}

@test "INBOUND.md says what was seen" {
  matrix >"$SCRATCH/INBOUND.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] ||
    cp "$SCRATCH/INBOUND.md" "$BATS_TEST_DIRNAME/INBOUND.md"
  diff -u "$BATS_TEST_DIRNAME/INBOUND.md" "$SCRATCH/INBOUND.md"
}
