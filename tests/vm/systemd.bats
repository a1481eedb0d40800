#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The unit that is installed, below systemd: what it keeps for a bailiffd that
# dies. Changes the machine, so it is to be played by tests/vm/run --systemd.

bats_require_minimum_version 1.5.0
E2E_DIR=$BATS_TEST_DIRNAME/../e2e
# shellcheck source=tests/harness/scratch.sh
source "$E2E_DIR/../harness/scratch.sh"
# shellcheck source=tests/harness/engine_runc.sh
source "$E2E_DIR/../harness/engine_runc.sh"
load ../e2e/calls

setup_file() {
  [[ -e /run/vm/command ]] ||
    die "to be played by tests/vm/run --systemd"
  export SCRATCH=/tmp/bailiff RUN_NAME=bailiff ROOTFS=/tmp/bailiff/rootfs
  export SVC=/etc/bailiff
  mkdir -p "$SCRATCH/rules" "$SVC"/{rules,policies}.d
  rootfs_make "$ROOTFS"
  calls_open
  cmake --install "$BAILIFF_BIN/.."
  install -m 0644 "$SCRATCH/rules/calls.rules.yaml" "$SVC/rules.d/"
  install -m 0644 "$SCRATCH/rules/calls.yaml" "$SVC/policies.d/"
  touch "$SVC/bailiff.yaml"
  systemctl daemon-reload
  # Returns when it is ready.
  systemctl start bailiffd || {
    service_log
    return 1
  }
}
teardown() {
  local id
  for id in $(plain_runc list -q); do bailiff_runc delete --force "$id"; done
  wait_until 10 "the store to forget the containers" keeps 2
  service_log
}

service_log() { journalctl --no-pager --quiet --unit bailiffd; }

# of_unit PROPERTY
of_unit() { systemctl show --property "$1" --value bailiffd; }

# keeps COUNT: so many descriptors; two are of bailiffd itself.
keeps() { (($(of_unit NFileDescriptorStore) == $1)); }

# bailiffd is stopped, and in STOPPED.
stop_receiving() {
  STOPPED=$(of_unit MainPID)
  kill -STOP "$STOPPED"
  wait_until 10 "each of its threads to stop" is_stopped
}
is_stopped() {
  [[ -z $(grep -L '^State:.T' "/proc/$STOPPED/task/"*/status) ]]
}

# Another process than that has become ready.
restarted() {
  [[ $(of_unit ActiveState) == active && $(of_unit MainPID) != "$STOPPED" ]]
}

# contained ID: a container that makes a call after each 'go', see below.
# shellcheck disable=SC2016 # the container's shell expands
contained() {
  local id=$1
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$id" sh -c 'for i in 1 2; do
    while [ ! -e /tmp/go$i ]; do sleep 0.1; done
    echo $i $(/bin/calls mkdir)
  done
  sleep 1000'
  jq '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]' \
    "$SCRATCH/bundle-$id/config.json" >"$SCRATCH/changed.json"
  mv "$SCRATCH/changed.json" "$SCRATCH/bundle-$id/config.json"
  bailiff_runc run --detach --bundle "$SCRATCH/bundle-$id" "$id" \
    </dev/null >"$SCRATCH/$id.out" 2>&1 3>&-
}

# go ID NUMBER
go() {
  local root
  root=/proc/$(bailiff_runc state "$1" | jq .pid)/root
  touch "$root/tmp/go$2"
}

# is_held ID: a process of the container waits to be answered.
is_held() {
  local pid
  for pid in $(cat "/sys/fs/cgroup/$RUN_NAME/$1/cgroup.procs"); do
    if grep -qs seccomp_do_user_notification "/proc/$pid/wchan"; then return; fi
  done
  return 1
}

# hold ID: such a container, whose first call bailiffd has not received.
hold() {
  contained "$1"
  wait_until 10 "the listener to be kept" keeps 3
  stop_receiving
  go "$1" 1
  wait_until 10 "the call to be held" is_held "$1"
}

# answered ID NUMBER: as the rules say.
answered() {
  wait_until 10 "the answer" grep "^$2" "$SCRATCH/$1.out"
  grep -qx "$2 mkdir=EPERM" "$SCRATCH/$1.out" || {
    cat "$SCRATCH/$1.out"
    return 1
  }
}

@test "a caller that is held when bailiffd is killed is answered by the next" {
  hold held
  kill -KILL "$STOPPED"
  answered held 1
  wait_until 10 "it to be ready" restarted
}

@test "calls are judged on after a restart, and so are those it came upon" {
  hold held
  systemctl restart bailiffd
  restarted
  answered held 1
  go held 2
  answered held 2
}

@test "a container that is created while no bailiffd runs is served by the next" {
  stop_receiving
  # runc makes calls between the filter and the program.
  contained early &
  wait_until 10 "a call to be held" is_held early
  kill -KILL "$STOPPED"
  wait $!
  go early 1
  answered early 1
}

@test "a listener is given away once its processes have ended" {
  contained ended
  wait_until 10 "the listener to be kept" keeps 3
  bailiff_runc exec --detach --pid-file "$SCRATCH/ended.pid" ended \
    sleep 1000 3>&-
  wait_until 10 "another listener to be kept" keeps 4
  kill -KILL "$(<"$SCRATCH/ended.pid")"
  wait_until 10 "it to be dropped" keeps 3
}
