#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker on a host with cgroup v2 only, where it gives each container a cgroup
# namespace of its own, and runc refuses devices by a program of its own.

load story
load docker

setup_file() {
  scratch_cgroup2_only
  story_open
  docker_story_open
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() { docker_story_quiet; }

@test "refused, and beside runc's own program, which an update replaces" {
  service "$REFUSE_POLICY"
  protects
  [[ $(docker info --format '{{.CgroupVersion}}') == 2 ]]
  shop --detach -- sleep 300
  run in_shop_connect "$ATTACKER4"
  says "Operation not permitted"
  docker update --pids-limit 100 shop
  run in_shop_connect "$ATTACKER4"
  says "Operation not permitted"
  run in_shop_connect "$HARMLESS4"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.name == "shop"'
}

@test "killed, and Docker knows" { is_killed; }

@test "privileged: killed, and Docker knows" { is_killed --privileged; }

@test "restarted always it is protected again" { comes_back always; }

@test "Docker knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  protects
  shop --detach -- sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; exec sleep 300"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
  run -0 bailiff_api resume shop
  docker_says '{{.State.Status}}' running
  docker exec shop true
  # And of one that is ended through it.
  run -0 bailiff_api pause shop
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
  docker unpause shop
  docker exec shop true
  event "Response ended" '.bailiff.outcome == "resumed"'
}

@test "isolated, and released" { is_isolated; }
