#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a listed peer is answered that asks by itself, by a server or by the
# kernel, each way from an address of its own: in a network where nobody is
# enforced the answer must arrive, or it would show nothing; from that of a
# container that is, nothing may, and one alert must tell of it. ANSWERS.md is
# what comes out.

load ../e2e/story
load targets

setup_file() {
  story_open
  install -D -m 0755 "$TAKER" "$ROOTFS/bin/taker"
  scenery_of_askers
  rules_of_targets 203.0.113.96/27 2001:db8:66:2::/64 2001:db8:66::2:1/128
  service_configure answers "$SCRATCH/rules/targets.rules.yaml" \
    "$SCRATCH/rules/targets.policies.yaml"
  service_start
  bundle_make "$SCRATCH/bundle-plain" "$ROOTFS" plain taker 7000 answer
  started plain_runc plain
  ask plain 7000
  plain_runc delete --force plain
  contained_detached enforced taker 7010 answer
  ask enforced 7010
}

teardown_file() {
  story_quiet
  story_close
}

scenery_of_askers() {
  # The askers' addresses are all of 'outside'.
  in_netns outside ip route add local 203.0.113.96/27 dev lo
  in_netns outside ip -6 -batch - <<END
route add local 2001:db8:66:2::/64 dev lo
route add local 64:ff9b::/96 dev lo
addr add 2001:db8:66::2:1/64 dev eth0 nodad
END
  in_netns outside sh -c 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind'
  in_netns inside ip -6 -batch - <<END
route add 2001:db8:66:2::/64 via $ATTACKER6
route add 64:ff9b::/96 via $ATTACKER6
END
  # What is repeated would be told again, as others are told of meanwhile.
  in_netns inside sh -c 'echo 0 >/proc/sys/net/ipv4/tcp_synack_retries'
  # A reset does not end what waits for late segments.
  in_netns inside sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_rfc1337'
  count_arrivals
}

# ask ID PORT: every way.
ask() {
  listener_at inside "$2"
  forget_arrivals
  # Whoever is asked is looked for anew.
  in_netns outside ip -6 neigh flush dev eth0
  knock "$1" "$2" first
  cookies 2
  knock "$1" "$2" again
  cookies 1
  wait_until 20 "the answers to $1" "all_${1}"
  arrivals >"$SCRATCH/$1.arrived"
}
knock() {
  in_netns outside python3 "$BATS_TEST_DIRNAME/knock.py" "$SERVER4" "$SERVER6" \
    "$2" "$3" >>"$SCRATCH/$1.tsv"
}
cookies() {
  in_netns inside sh -c "echo $1 >/proc/sys/net/ipv4/tcp_syncookies"
}

# Each has been answered, or told of; it may take the kernel a moment.
all_plain() {
  diff <(cut -f1 "$SCRATCH/plain.tsv" | sort) \
    <(arrivals | grep -xFf <(cut -f1 "$SCRATCH/plain.tsv") | sort) >&2
}
all_enforced() {
  local address
  while read -r address; do
    alerts_of "$address" | grep -q . || {
      echo "nothing is told of $address" >&2
      return 1
    }
  done < <(cut -f1 "$SCRATCH/enforced.tsv")
}

# alerts_of ADDRESS [CONTAINER]: "hook verdict", a line each; of all containers,
# or of that one, "null" for what is nobody's.
alerts_of() {
  service_events | jq -r --arg ip "$(judged_as "$1")" --arg id "${2-}" '
    select(.rule == "Target reached" and .output_fields["fd.sip"] == $ip
      and ($id == "" or "\(.bailiff.container.id)" == $id))
    | "\(.bailiff.hook) \(.bailiff.verdict)"'
}

matrix() {
  local address what
  cat <<END
# What a listed peer is answered

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2): a rule on connect refuses what goes to the peer, who
asks by itself, a server in a container or the kernel of its network. Answers over
connections that are older than the list are in \`answers.bats\`, too. The kernel
answers in nobody's name, over sockets of its own: the alert has no container, and
where no frames are judged ([the matrix](MATRIX.md) and ARCHITECTURE.md say where)
nothing of what is caught there is refused.

| technique | without Bailiff | with Bailiff | caught at |
|---|---|---|---|
END
  while IFS=$'\t' read -r address what; do
    echo "| $what | $(delivery plain "$address") |" \
      "$(delivery enforced "$address") |" \
      "$(alerts_of "$address" | cut -d' ' -f1 | sort -u | paste -sd, -) |"
  done <"$SCRATCH/enforced.tsv"
}

delivery() {
  if grep -qxF "$2" "$SCRATCH/$1.arrived"; then
    echo answered
  else
    echo nothing
  fi
}

@test "each way is answered where nobody enforces" {
  local address what failed=0
  while IFS=$'\t' read -r address what; do
    [[ $(delivery plain "$address") == answered ]] || {
      echo "$what: nothing arrived at $address"
      failed=1
    }
  done <"$SCRATCH/plain.tsv"
  ((!failed))
}

@test "no way is answered where a container is enforced" {
  local address what failed=0
  while IFS=$'\t' read -r address what; do
    [[ $(delivery enforced "$address") == nothing ]] || {
      echo "$what: a packet arrived at $address"
      failed=1
    }
  done <"$SCRATCH/enforced.tsv"
  ((!failed))
}

@test "one alert tells of each way" {
  local address what failed=0
  local -a alerts
  while IFS=$'\t' read -r address what; do
    mapfile -t alerts < <(alerts_of "$address")
    [[ ${#alerts[@]} -eq 1 && ${alerts[0]} == *" denied" ]] || {
      echo "$what: ${#alerts[@]} alerts of $address: ${alerts[*]}"
      failed=1
    }
  done <"$SCRATCH/enforced.tsv"
  ((!failed))
}

@test "ANSWERS.md says what was seen" {
  matrix >"$SCRATCH/ANSWERS.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] ||
    cp "$SCRATCH/ANSWERS.md" "$BATS_TEST_DIRNAME/ANSWERS.md"
  diff -u "$BATS_TEST_DIRNAME/ANSWERS.md" "$SCRATCH/ANSWERS.md"
}

@test "another peer is answered" {
  in_netns outside "$ROOTFS/bin/busybox" ping -c 1 -W 5 -I "$HARMLESS4" "$SERVER4"
  in_netns outside python3 -c 'import socket, sys
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.settimeout(20)
peer.bind((sys.argv[1], 0))
for word in b"s", b"c":
    peer.sendto(word, (sys.argv[2], int(sys.argv[3])))
    assert peer.recv(10) == word
socket.create_connection((sys.argv[2], int(sys.argv[3])), 20, (sys.argv[1], 0))' \
    "$HARMLESS4" "$SERVER4" 7010
}

# knock_from SOURCE WHAT PORT: of a connection from port 40000, or so.
knock_from() {
  local server=$SERVER4
  [[ $1 != *:* ]] || server=$SERVER6
  in_netns outside python3 "$BATS_TEST_DIRNAME/knock.py" "$2" "$1" 40000 \
    "$server" "$3"
}

arrived() { arrivals | grep -qxF "$1"; }
told() { alerts_of "$@" | grep -q .; }

@test "an older connection that has ended answers no late segment" {
  local source
  contained_detached late nc -ll -p 7100 -e true
  listener_at inside 7100
  for source in "$HARMLESS4" "$HARMLESS6"; do
    knock_from "$source" ended 7100
    wait_until 10 "the end of the connection" waits_for_late_segments "$source"
    forget_arrivals
    knock_from "$source" segment 7100
    wait_until 10 "an answer at $source" arrived "$source"
  done
  rules_of_targets "$HARMLESS4/32" "$HARMLESS6/128"
  bailiff_api reload
  forget_arrivals
  for source in "$HARMLESS4" "$HARMLESS6"; do
    waits_for_late_segments "$source"
    knock_from "$source" segment 7100
    wait_until 20 "an alert of $source" told "$source" null
    [[ $(alerts_of "$source" null) == "frame denied" ]]
    run ! arrived "$source"
  done
}
waits_for_late_segments() {
  in_netns inside ss -Htn state time-wait 'sport = :7100' | grep -qF "$1]"
}

# Resets are counted by whom they are for.
count_resets() { count_arrivals resets "tcp flags & rst == rst"; }
reset_at() { arrivals resets | grep -qxF "$1"; }

# connect_from SOURCE ID PORT: to a container that ends the connection when
# nobody holds the descriptor in END any more; a line to that in WORDS is sent.
connect_from() {
  local server=$SERVER4
  [[ $1 != *:* ]] || server=$SERVER6
  mkfifo -m 0666 "$ROOTFS/tmp/$2" "$SCRATCH/words-$2"
  contained_detached "$2" nc -ll -p "$3" -e cat "/tmp/$2"
  listener_at inside "$3"
  spawn "$SCRATCH/knock.err" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 "$BATS_TEST_DIRNAME/knock.py" hold "$1" 0 "$server" "$3" \
    "$SCRATCH/words-$2"
  exec {END}>"$ROOTFS/tmp/$2" {WORDS}>"$SCRATCH/words-$2"
}
# in_state NAMESPACE STATE PORT
in_state() {
  in_netns "$1" ss -Htn state "$2" "sport = :$3 or dport = :$3" | grep -q .
}

# What the peer sends then has nobody to go to, and is answered with a reset.
@test "an older connection that the container has ended is not reset" {
  local source sent port=7200
  count_resets
  for source in 203.0.113.81 2001:db8:66::81; do
    in_netns outside ip addr add "$source" dev eth0
    rules_of_targets 198.51.100.77/32
    bailiff_api reload
    connect_from "$source" "resets-$((++port))" "$port"
    exec {END}>&-
    wait_until 10 "the end of the connection" in_state outside close-wait "$port"
    run ! reset_at "$source"
    echo word >&"$WORDS"
    wait_until 10 "a reset at $source" reset_at "$source"
    exec {WORDS}>&-
    connect_from "$source" "refused-$((++port))" "$port"
    rules_of_targets 203.0.113.81/32 2001:db8:66::81/128
    bailiff_api reload
    in_netns outside nft flush ruleset
    count_resets
    # The connection was cut, of which the peer hears nothing.
    wait_until 20 "an end that nobody hears of" no_connection_at "$port"
    sent=$(resets_sent)
    echo word >&"$WORDS"
    wait_until 20 "an answer to $source" more_resets_than "$sent"
    # Whatever was let out before this has arrived, too.
    in_netns inside "$ROOTFS/bin/busybox" ping -c 1 -W 5 "$HARMLESS4"
    run ! reset_at "$source"
    wait_until 20 "an alert of $source" told "$source"
    exec {WORDS}>&- {END}>&-
  done
}
# As the container's kernel counts them, those that are refused among them.
resets_sent() { in_netns inside nstat -asz TcpOutRsts | awk '/Rsts/ { print $2 }'; }
more_resets_than() { (($(resets_sent) > $1)); }
no_connection_at() { ! in_state inside connected "$1"; }
