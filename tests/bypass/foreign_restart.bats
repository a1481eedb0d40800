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
      and .bailiff.container.id == "down" and
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
  [[ $ANSWER != 0 ]]
  order down close "${fds[4]}"
  service_start
  # All of it was refused, and is told so once.
  for number in 0 1 2 4; do
    denied down "$number"
    (($(alerts "$number" denied) == 1))
  done
  for number in 0 1 2; do
    (($(alerts "$number" observed) == 0))
  done
  # What is still there is cut.
  for number in 0 1; do
    wait_until 10 "a cut" cut_off "${fds[number]}"
  done
  service_events | jq -es '[.[] | select(.rule == "Foreign socket" and
    .bailiff.container.id == "down")] | length >= 4'
}
cut_off() {
  order down send "$1"
  [[ $ANSWER != 0 ]]
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
