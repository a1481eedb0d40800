#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Sockets that a container has and that were made outside of it, in the same
# network: inherited (--preserve-fds), or received over a unix socket that is
# bind-mounted in. Each reaches a listed address of its own; in containers that
# nobody enforces its bytes must arrive, or it would show nothing. FOREIGN.md is
# what comes out.

load ../e2e/story
load targets
load foreign

WAYS=(inherited received)
# As giver.py makes them; what the container does with each.
KINDS=(stream datagrams spent unconnected fresh)

setup_file() {
  foreign_open
  service_start
  local way
  for way in "${WAYS[@]}"; do
    try plain "$way" plain_runc
    try enforced "$way" bailiff_runc
  done
}

teardown_file() {
  story_quiet
  story_close
}

# try PLAIN-OR-ENFORCED WAY RUNC: what the container does, in the same order,
# and without waiting for what follows from it.
try() {
  local id=$1-$2 way=$2 runc=$3
  local -a fds=(3 4 5 6 7)
  bundle_of "$id"
  start "$way" "$runc" "$id"
  if [[ $way == received ]]; then
    order "$id" take /pass/socket
    read -ra fds <<<"$ANSWER"
  fi
  order "$id" send "${fds[0]}"
  order "$id" send "${fds[1]}"
  order "$id" sendto "${fds[3]}" "$(address_of "$id" 3)"
  order "$id" sendto "${fds[3]}" "$(address_of "$id" 3)"
  order "$id" connect "${fds[4]}" "$(address_of "$id" 4)"
  order "$id" send "${fds[4]}"
}

# arrived ID NUMBER: how often bytes arrived there.
arrived() { grep -cxF "$(address_of "$1" "$2")" "$SCRATCH/caught" || true; }

# Alerts on the socket itself, and on its peer.
told_of() {
  service_events | jq -rs --arg id "$1" --arg ip "$(address_of "$1" "$2")" '
    [.[] | select(.rule == "Foreign socket" and .bailiff.container.id == $id)
      | select(.output_fields["fd.name"] | contains($ip))] | length'
}
judged_of() {
  service_events | jq -rs --arg id "$1" --arg ip "$(address_of "$1" "$2")" '
    [.[] | select(.rule == "Target reached" and .bailiff.container.id == $id)
      | select(.output_fields["fd.sip"] == $ip) | .bailiff.verdict]
    | unique | join(",")'
}

what_of() {
  case $1 in
    stream) echo "TCP that is connected" ;;
    datagrams) echo "UDP that is connected" ;;
    spent) echo "UDP that is connected, used and closed at once" ;;
    unconnected) echo "UDP without a peer, sendto twice" ;;
    fresh) echo "TCP that the container connects, then sends" ;;
  esac
}

matrix() {
  local way number id
  cat <<END
# Sockets that were made outside of the container

Written by \`make docs\` from what the suite \`bypass\` saw on Linux
$(uname -r | cut -d. -f1,2), in containers of runc that have sockets made by somebody
else, in the same network. No program of the container's cgroup sees what goes
over them; its programs for frames do, and refuse it. Each socket is told of
("Foreign socket"), and cut where a rule refuses its peer; "denied" is what was
refused or cut, whichever came first. "Bytes" is how often some arrived at the
listed address.

| socket | how it came | bytes without Bailiff | told of | its peer | bytes with Bailiff |
|---|---|---|---|---|---|
END
  for number in "${!KINDS[@]}"; do
    for way in "${WAYS[@]}"; do
      is_tried "$way" "$number" || continue
      id=enforced-$way
      echo "| $(what_of "${KINDS[number]}") | $way |" \
        "$(arrived "plain-$way" "$number") | $(is_told "$id" "$number") |" \
        "$(fate "$id" "$number") | $(arrived "$id" "$number") |"
    done
  done
}

# A container that begins with it has no time to use it before it is cut.
is_tried() { [[ $1 == received || ${KINDS[$2]} != spent ]]; }

is_told() {
  case ${KINDS[$2]} in
    unconnected | fresh) [[ -e $SCRATCH/told-of-all-$1 ]] && echo yes || echo no ;;
    *) [[ $(told_of "$1" "$2") == 1 ]] && echo yes || echo no ;;
  esac
}

# What is not there any more to be cut, or has no peer, is told as refused alone.
fate() {
  case ${KINDS[$2]},$(judged_of "$1" "$2") in
    spent,denied | unconnected,denied) echo "denied" ;;
    stream,*denied* | datagrams,*denied* | fresh,*denied*) echo "denied" ;;
    *,*observed*) echo "told of" ;;
    *) echo "not known" ;;
  esac
}

# tries NUMBER: how often it is sent over.
tries() { [[ ${KINDS[$1]} == unconnected ]] && echo 2 || echo 1; }

@test "each socket delivers where nobody enforces" {
  local way number failed=0
  for way in "${WAYS[@]}"; do
    for number in "${!KINDS[@]}"; do
      is_tried "$way" "$number" || continue
      (($(arrived "plain-$way" "$number") == $(tries "$number"))) || {
        echo "${KINDS[number]}, $way: not all arrived"
        failed=1
      }
    done
  done
  ((!failed))
}

@test "each socket of an enforced container is told of" {
  local way
  for way in "${WAYS[@]}"; do
    # The one without a peer, and the one that got it from the container, have
    # no address when they are found.
    wait_until 10 "alerts of $way" all_are_told "enforced-$way"
    : >"$SCRATCH/told-of-all-enforced-$way"
  done
}
all_are_told() {
  (($(service_events | jq -s --arg id "$1" '[.[] |
    select(.rule == "Foreign socket" and .bailiff.container.id == $id) |
    .output_fields["bailiff.socket"]] | unique | length') == 6))
}

@test "an alert names process and descriptor" {
  event "Foreign socket" '.bailiff.container.id == "enforced-inherited" and
    .output_fields["fd.num"] == 3 and .output_fields["proc.pid"] > 0 and
    (.output_fields["fd.name"] | startswith("tcp 203.0.113.10:")) and
    .priority == "Warning"'
}

@test "each use is denied, and told" {
  local way number
  for way in "${WAYS[@]}"; do
    for number in "${!KINDS[@]}"; do
      is_tried "$way" "$number" || continue
      denied "enforced-$way" "$number"
    done
  done
}

@test "nothing arrives" {
  local way number failed=0
  for way in "${WAYS[@]}"; do
    for number in "${!KINDS[@]}"; do
      (($(arrived "enforced-$way" "$number") == 0)) || {
        echo "${KINDS[number]}, $way: bytes arrived"
        failed=1
      }
    done
  done
  ((!failed))
}

@test "what is refused and closed at once is told once, and by whom" {
  local about
  about=".rule == \"Target reached\" and
    .output_fields[\"fd.sip\"] == \"$(address_of enforced-received 2)\""
  service_events | jq -es "[.[] | select($about)] | length == 1 and
    (.[0] | .bailiff.verdict == \"denied\" and .bailiff.hook == \"frame\" and
      .output_fields[\"proc.name\"] == \"foreigner\")"
}

@test "a socket of which a connection was refused is cut" {
  local way
  for way in "${WAYS[@]}"; do
    wait_until 10 "a cut" cut_off "enforced-$way" "$(fd_of "$way" 0)"
  done
}
cut_off() {
  order "$1" send "$2"
  [[ $ANSWER == EPIPE || $ANSWER == ECONNRESET ]]
}
# fd_of WAY NUMBER
fd_of() {
  [[ $1 == inherited ]] && echo $((3 + $2)) && return
  local -a fds
  read -ra fds < <(sed -n 's|^take /pass/socket: ||p' \
    "$SCRATCH/enforced-received.out")
  echo "${fds[$2]}"
}

# client NAME ADDRESS: of the server that "enforced-inherited" has inherited; what
# it is answered is in $SCRATCH/NAME.
client() {
  spawn "$SCRATCH/$1" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 -c 'import socket, sys
peer = socket.create_connection(("203.0.113.10", 5150), 10, (sys.argv[1], 0))
peer.sendall(b"x")
try:
    print("got", peer.recv(1))
    print("then", peer.recv(1))
except OSError as error:
    print(error)' "$2"
}

@test "socket activation goes on" {
  client first "$HARMLESS4"
  order enforced-inherited accept 8
  [[ $ANSWER == 0 ]]
  client listed 203.0.113.200
  order enforced-inherited accept 8
  event "Target reached" '.bailiff.verdict == "denied" and
    .output_fields["fd.sip"] == "203.0.113.200"'
  wait_until 20 "the end" grep -qE "reset|timed out" "$SCRATCH/listed"
  run ! grep got "$SCRATCH/listed"
  # The first one is a client like any other, and the listener still there.
  client last "$HARMLESS4"
  order enforced-inherited accept 8
  [[ $ANSWER == 0 ]]
  wait_until 10 "an answer" grep -q "got b'x'" "$SCRATCH/last"
  event "Foreign socket" '.output_fields["fd.name"] ==
    "tcp 0.0.0.0:5150 listening"'
  # Clients are not told of one by one.
  service_events | jq -es "all(.[]; .rule != \"Foreign socket\" or
    (.output_fields[\"fd.name\"] | contains(\"->$HARMLESS4\") | not))"
}

@test "nothing is told of a container with sockets of its own" {
  resolver_listen "$SCRATCH/asked"
  contained_detached own sh -c "nslookup -type=a own.example $HARMLESS4
    exec nc -ll -p 8080 -e cat"
  listener_at inside 8080
  # It was answered over UDP.
  grep -F 203.0.113.200 "$SCRATCH/own.out"
  [[ $(asked_by "$HARMLESS4" "$SERVER4" 8080) == hello ]]
  # What it has is there to be found where somebody else's is found.
  bundle_of enforced-after
  start inherited bailiff_runc enforced-after
  event "Foreign socket" '.bailiff.container.id == "enforced-after"'
  service_events | jq -es 'all(.[]; .rule != "Foreign socket" or
    .bailiff.container.id != "own")'
}

@test "FOREIGN.md says what was seen" {
  matrix >"$SCRATCH/FOREIGN.md"
  [[ -z ${BAILIFF_UPDATE_DOCS:-} ]] ||
    cp "$SCRATCH/FOREIGN.md" "$BATS_TEST_DIRNAME/FOREIGN.md"
  diff -u "$BATS_TEST_DIRNAME/FOREIGN.md" "$SCRATCH/FOREIGN.md"
}
