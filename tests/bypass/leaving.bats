#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ways out of the cgroup in which a container is judged.

load ../e2e/story

setup_file() { story_open; }
teardown_file() { story_close; }
setup() {
  export OUTSIDE=/$RUN_NAME/outside
  mkdir "$CGROUP2$OUTSIDE"
}
teardown() {
  story_quiet
  rmdir "$CGROUP2$OUTSIDE"
}

# with_mounts ID MOUNTS COMMAND...: a bundle with more MOUNTS, as jq has them.
with_mounts() {
  local id=$1 mounts=$2
  shift 2
  mkdir -p "$ROOTFS/host"
  BUNDLE_MORE=".mounts += $mounts" \
    bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$id" "$@"
}
# bind SOURCE OPTIONS: it at /host.
bind() {
  jq -nc --arg source "$1" \
    '[{destination: "/host", type: "bind", source: $source,
       options: ($ARGS.positional)}]' --args -- "${@:2}"
}
runs() { bailiff_runc run --bundle "$SCRATCH/bundle-$1" "$1"; }

# refused ID WHY
refused() {
  run runs "$1"
  ((status != 0))
  [[ $output != *alive* ]]
  says "its processes can leave its cgroup" "$2" "leave that mount out"
  one_line_from bailiff-hook
  nothing_left_of "$1"
}

@test "the host's cgroups to write to" {
  service "$REFUSE_POLICY"
  with_mounts whole "$(bind "$CGROUP2" rbind rw)" echo alive
  refused whole "cgroup '/' is mounted at '/host', writable"
}

@test "a folder of them" {
  service "$REFUSE_POLICY"
  with_mounts folder "$(bind "$RUN_CGROUP" bind)" echo alive
  refused folder "cgroup '/$RUN_NAME' is mounted at '/host', writable"
}

@test "the whole of /sys, or of the host" {
  service "$REFUSE_POLICY"
  with_mounts sys "$(bind /sys rbind ro)" echo alive
  refused sys "cgroup '/' is mounted at '/host${CGROUP2#/sys}', writable"
  with_mounts everything "$(bind / rbind ro)" echo alive
  refused everything "cgroup '/' is mounted at '/host$CGROUP2', writable"
}

@test "a cgroup2 file system, without a namespace for it" {
  service "$REFUSE_POLICY"
  with_mounts new '[{destination: "/host", type: "cgroup2", source: "cgroup2"}]' \
    echo alive
  refused new "cgroup '/' is mounted at '/host', writable"
}

@test "read-only, unless clone3 is refused" {
  service "$REFUSE_POLICY"
  with_mounts read "$(bind "$CGROUP2" bind ro)" echo alive
  refused read "read-only, which does not stop clone3"
  with_mounts sealed "$(bind "$CGROUP2" bind ro)" echo alive
  jq '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
      {names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}' \
    "$SCRATCH/bundle-sealed/config.json" >"$SCRATCH/sealed.json"
  mv "$SCRATCH/sealed.json" "$SCRATCH/bundle-sealed/config.json"
  run -0 runs sealed
  says alive
}

# shellcheck disable=SC2016 # the container's shell expands
@test "in a cgroup namespace of its own it sees its own, and stays" {
  service "$REFUSE_POLICY"
  with_mounts private '[{destination: "/host", type: "cgroup2",
      source: "cgroup2"}] | .linux.namespaces += [{type: "cgroup"}]' \
    sh -c 'mkdir /host/inner && echo $$ >/host/inner/cgroup.procs &&
      grep ^0:: /proc/self/cgroup
      find /host -name outside
      echo $$ >/host/cgroup.procs && rmdir /host/inner'
  run -0 runs private
  says "0::/inner"
  [[ $output != */outside* ]]
  service_events | jq -es 'all(.[]; .rule != "Left its cgroup")'
}

# leaves ID HIERARCHY: what a shell of the container does that moves itself out,
# waits until it is back, and connects; for printf.
# shellcheck disable=SC2016 # the container's shell expands
leaves() {
  printf '%s\0' sh -c 'echo $$ >"$1/cgroup.procs" && echo left
    until grep -qx "0::$2" /proc/self/cgroup; do :; done
    echo back
    echo hello | nc -w 10 "$3" 1389' sh "$2$OUTSIDE" "/$RUN_NAME/$1" "$ATTACKER4"
}
# returned ID: it left, was moved back, and judged as before.
returned() {
  run runs "$1"
  says left back "Operation not permitted"
  (($(attacker_packets) == 0))
  event "Left its cgroup" ".bailiff.container.id == \"$1\" and
    .bailiff.outcome == \"returned\" and .priority == \"Critical\""
}

@test "on_failure: allow starts it, and who leaves is told of and moved back" {
  local -a command
  service "$REFUSE_POLICY" "on_failure: allow"
  mapfile -d '' -t command < <(leaves allowed /host)
  with_mounts allowed "$(bind "$CGROUP2" rbind rw)" "${command[@]}"
  returned allowed
}

@test "a file system that it mounts itself" {
  local -a command
  service "$REFUSE_POLICY"
  mapfile -d '' -t command < <(leaves admin /host)
  # shellcheck disable=SC2016 # the container's shell expands
  command[2]="mount -t cgroup2 none /host; ${command[2]}"
  with_mounts admin '[] | (.process.capabilities | .[]) |=
    (. + ["CAP_SYS_ADMIN"] | unique)' "${command[@]}"
  returned admin
}

# shellcheck disable=SC2016 # the container's shell expands
@test "where nothing is refused it is only told of" {
  sed 's/block: true/block: false/' "$REFUSE_POLICY" >"$SCRATCH/rules/tell.yaml"
  service "$SCRATCH/rules/tell.yaml" "on_failure: allow"
  with_mounts told "$(bind "$CGROUP2" rbind rw)" sh -c \
    'echo $$ >"$0/cgroup.procs"; exec sleep 300' "/host$OUTSIDE"
  started bailiff_runc told
  event "Left its cgroup" '.bailiff.container.id == "told" and
    .bailiff.outcome == "none"'
  [[ $(<"$CGROUP2$OUTSIDE/cgroup.procs") ]]
}

@test "one without rules starts as ever" {
  sed 's/^    rules:/    scope: container.id = other\n&/' "$REFUSE_POLICY" \
    >"$SCRATCH/rules/other.yaml"
  service "$SCRATCH/rules/other.yaml"
  with_mounts plain "$(bind "$CGROUP2" rbind rw)" echo alive
  run -0 runs plain
  says alive
}
