#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Sockets made outside of a container and used while bailiffd is down.

load ../e2e/story
load targets
load foreign

setup_file() {
  foreign_open
  export LINKS=$SCRATCH/bpffs/foreign/foreign/links
}
teardown_file() { story_close; }

setup() { service_start; }
teardown() { story_quiet; }

alerts() {
  service_events | jq -s --arg ip "$(address_of down "$1")" --arg verdict "$2" '
    [.[] | select(.rule == "Target reached" and .bailiff.verdict == $verdict
      and .bailiff.hook == "foreign" and .bailiff.container.id == "down" and
      .output_fields["fd.sip"] == $ip)] | length'
}

@test "what is used while bailiffd is down is judged when it is back, once" {
  local -a fds
  local number
  bundle_of down
  start received bailiff_runc down
  wait_until 10 "links" test -e "$LINKS/sends"
  service_stop KILL
  order down take /pass/socket  # of which one is used and closed
  read -ra fds <<<"$ANSWER"
  order down send "${fds[0]}"
  [[ $ANSWER == 0 ]]
  order down send "${fds[1]}"
  [[ $ANSWER == 0 ]]
  order down connect "${fds[4]}" "$(address_of down 4)"
  [[ $ANSWER == 0 ]]
  order down close "${fds[4]}"
  service_start
  # What is still there is cut.
  for number in 0 1; do
    denied down "$number"
    order down send "${fds[number]}"
    [[ $ANSWER != 0 ]]
  done
  # Nothing but the ring knows of these.
  for number in 2 4; do
    event "Target reached" ".bailiff.verdict == \"observed\" and
      .bailiff.hook == \"foreign\" and .bailiff.container.id == \"down\" and
      .output_fields[\"fd.sip\"] == \"$(address_of down "$number")\""
    (($(alerts "$number" observed) == 1))
  done
  (($(alerts 0 denied) == 1))
  (($(alerts 1 denied) == 1))
}

@test "the last container takes the links with it while bailiffd is down" {
  contained_detached first sleep 1000
  contained_detached last sleep 1000
  wait_until 10 "links" test -e "$LINKS/connects"
  service_stop KILL
  bailiff_runc delete --force first
  [[ -e $LINKS/connects ]]
  bailiff_runc delete --force last
  [[ -z $(ls "$LINKS") ]]
}
