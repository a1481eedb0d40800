#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker, configured as examples/docker says.

load story
load calls
load docker

setup_file() {
  story_open
  calls_open
  docker_story_open
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() { docker_story_quiet; }

@test "refused, and what is not listed reached" {
  service "$REFUSE_POLICY"
  protects
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run shop --rm -- "${command[@]}"
  says "Operation not permitted"
  mapfile -d '' -t command < <(connects_to "$HARMLESS4")
  run shop --rm -- "${command[@]}"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.name == "shop"
    and .bailiff.container.image == "registry.example/shop:1.4"'
}

@test "killed, and Docker knows" { is_killed; }

@test "restarted on failure it is protected again" { comes_back on-failure; }

@test "restarted always it is protected again" { comes_back always; }

@test "stopped it stays so, whatever its restart policy" {
  service "$PAUSE_POLICY"
  protects
  shop --detach --restart always -- sleep 300
  run -0 bailiff_api stop shop --grace 1s
  event "Response ended" '.bailiff.response == "stop"'
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' exited
  docker_says '{{.RestartCount}}' 0
}

@test "Docker knows of a pause and of its end" {
  service "$PAUSE_POLICY"
  protects
  shop --detach -- sh -c "$VIOLATION"
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
  run -0 docker ps --format '{{.Names}} {{.Status}}'
  says "(Paused)"
  run -0 bailiff_api resume shop
  docker_says '{{.State.Status}}' running
  docker exec shop true
}

@test "a pause that is ended through Docker is over" {
  service "$PAUSE_POLICY"
  protects
  shop --detach -- sleep 300
  run -0 bailiff_api pause shop
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
  docker unpause shop
  docker exec shop true
  event "Response ended" '.bailiff.outcome == "resumed"'
  run -0 bailiff_api pause shop
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
}

@test "isolated, and released" { is_isolated; }

@test "kept as evidence, and goes on" {
  service "$PAUSE_POLICY"
  protects
  shop --detach -- sleep 300
  run -0 bailiff_api capture shop
  says "captured, evidence" complete
  docker_says '{{.State.Status}}' running
}

@test "exec is covered" {
  service "$REFUSE_POLICY"
  protects
  shop --detach -- sleep 300
  run in_shop_connect "$ATTACKER4"
  says "Operation not permitted"
  docker update --cpu-shares 512 shop
  docker restart --time 0 shop
  run in_shop_connect "$ATTACKER4"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
}

@test "with another default-runtime, only who asks for it is protected" {
  service "$REFUSE_POLICY"
  protects '."default-runtime" = "runc"'
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run shop --rm -- "${command[@]}"
  says reached
  run shop --rm --runtime bailiff -- "${command[@]}"
  says "Operation not permitted"
}

@test "a container that cannot be protected does not start, and Docker says why" {
  service "$REFUSE_POLICY"
  protects
  service_stop
  truncate --size=-9 "$SVC/state/policy.bin"
  run shop -- echo alive
  ((status != 0))
  [[ $output != *alive* ]]
  says policy.bin
  docker_says '{{.State.Status}}' created
}

@test "Docker's own profile is extended" {
  RULES=$CALLS_RULES service "$SCRATCH/rules/calls.yaml"
  protects
  shop --detach --tmpfs /tmp -- sleep 300
  run docker exec shop /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  docker rm --force shop
  run shop --tmpfs /tmp -- /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  event "Folder made" '.bailiff.verdict == "denied"
    and .bailiff.container.name == "shop"'
}

@test "what Docker's own profile refuses stays refused" {
  RULES=$CALLS_RULES service "$SCRATCH/rules/calls.yaml"
  protects
  run shop --rm --tmpfs /tmp -- unshare --user true
  says "Operation not permitted"
  run shop --rm --tmpfs /tmp --security-opt seccomp=unconfined -- \
    unshare --user true
  ((status == 0))
}

@test "a container without a profile" {
  RULES=$CALLS_RULES service "$SCRATCH/rules/calls.yaml"
  protects
  run shop --rm --security-opt seccomp=unconfined --tmpfs /tmp -- /bin/calls "${ALL_CALLS[@]}"
  calls_refused
}

# With every capability, no profile, the host's devices and /sys to write to.
@test "privileged: refused, the first process and what is executed" {
  service "$REFUSE_POLICY"
  protects
  shop --detach --privileged -- sleep 300
  docker exec shop mount -t tmpfs none /tmp
  run in_shop_connect "$ATTACKER4"
  says "Operation not permitted"
  run in_shop_connect "$HARMLESS4"
  says reached
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.name == "shop"'
  docker rm --force shop
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run shop --rm --privileged -- "${command[@]}"
  says "Operation not permitted"
  (($(attacker_packets) == 0))
}

@test "privileged: killed, and Docker knows" { is_killed --privileged; }

@test "privileged: isolated, and released" { is_isolated --privileged; }

@test "privileged: paused, and resumed" {
  service "$REFUSE_POLICY"
  protects
  shop --detach --privileged -- sleep 300
  run -0 bailiff_api pause shop
  wait_until 10 "Docker to know" docker_says '{{.State.Status}}' paused
  run -0 bailiff_api resume shop
  run in_shop_connect "$HARMLESS4"
  says reached
}

@test "privileged: it gets a profile where calls are refused" {
  RULES=$CALLS_RULES service "$SCRATCH/rules/calls.yaml"
  protects
  shop --detach --privileged --tmpfs /tmp -- sleep 300
  run docker exec shop grep Seccomp: /proc/1/status
  says 2
  run docker exec shop /bin/calls "${ALL_CALLS[@]}"
  calls_refused
  # Of what has no rule nothing is taken away.
  run -0 docker exec shop unshare --user true
  docker rm --force shop
  run shop --privileged --tmpfs /tmp -- /bin/calls "${ALL_CALLS[@]}"
  calls_refused
}
