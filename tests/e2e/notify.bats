#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules that refuse system calls, by seccomp alone and by the service.

load story
load calls

setup_file() {
  story_open
  calls_open
  export RULES=$CALLS_RULES
}
teardown_file() { story_close; }
teardown() { story_quiet; }

# made ID CALL...: what the calls come to in a container with a /tmp.
made() {
  local id=$1
  shift
  calls_bundle "$id" /bin/calls "$@"
  bailiff_runc run --bundle "$SCRATCH/bundle-$id" "$id"
}
calls_bundle() {
  local id=$1
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$@"
  change "$id" '.mounts += [{destination: "/tmp", type: "tmpfs",
    source: "tmpfs", options: ["nosuid"]}]
    | .process.capabilities[] += ["CAP_NET_RAW"]'
}
# change ID JQ
change() {
  jq "$2" "$SCRATCH/bundle-$1/config.json" >"$SCRATCH/changed.json"
  mv "$SCRATCH/changed.json" "$SCRATCH/bundle-$1/config.json"
}

# waits_in ID FUNCTION: a process of the container waits in it.
waits_in() {
  local pid
  for pid in $(bailiff_runc ps --format json "$1" | jq '.[]'); do
    if grep -qs "$2" "/proc/$pid/wchan"; then return; fi
  done
  return 1
}

@test "calls are refused, and their twins are not" {
  service "$SCRATCH/rules/calls.yaml"
  run made refused packet packet-wide unix ptrace mkdir mkdir-free \
    open-secret open-relative open open-deep
  says packet=EPERM packet-wide=EPERM unix=done ptrace=EPERM mkdir=EPERM \
    mkdir-free=done open-secret=EPERM open-relative=EPERM open=done \
    open-deep=EPERM
  event "Packet socket" '.bailiff.verdict == "denied"
    and .bailiff.enforcement == "notify"
    and .output_fields["evt.res"] == "EPERM"'
  event "Traced" '.bailiff.verdict == "denied"
    and .output_fields["proc.name"] == "calls"'
  event "Folder made" '.bailiff.verdict == "denied"
    and .output_fields["evt.arg.path"] == "/tmp/trap"'
  event "Secret read" '.bailiff.verdict == "denied"'
  [[ $(service_events | jq -c 'select(.rule == "Folder made")' | wc -l) == 1 ]]
}

@test "a condition on the process is judged by the process" {
  service "$SCRATCH/rules/calls.yaml"
  bundle_make "$SCRATCH/bundle-tracer" "$ROOTFS" tracer /bin/strace ptrace
  run bailiff_runc run --bundle "$SCRATCH/bundle-tracer" tracer
  says ptrace=done
}

@test "32-bit calls and io_uring are no way around" {
  service "$SCRATCH/rules/calls.yaml"
  run made around packet32 packet-mux32 unix-mux32 mkdir32 ring
  says packet32=EPERM packet-mux32=EPERM unix-mux32=done mkdir32=EPERM \
    ring=ENOSYS
}

@test "what points to nothing fails as it would" {
  service "$SCRATCH/rules/calls.yaml"
  run made nowhere mkdir-nowhere
  says mkdir-nowhere=EFAULT
}

@test "what is executed into a container is refused as well" {
  service "$SCRATCH/rules/calls.yaml"
  contained_detached entered sleep 100
  run bailiff_runc exec entered /bin/calls packet ptrace mkdir
  says packet=EPERM ptrace=EPERM mkdir=EPERM
  event "Traced" '.bailiff.container.id == "entered"'
}

@test "a refusal can kill" {
  service "$SCRATCH/rules/calls-kill.yaml"
  run contained doomed sh -c 'mkdir /tmp/trap; sleep 60'
  ((status == 137))
  event "Folder made" '.bailiff.verdict == "denied"
    and .bailiff.outcome == "killed"'
}

@test "a policy that does not refuse leaves the profile alone" {
  service "$SCRATCH/rules/calls-watch.yaml"
  calls_bundle watched /bin/calls ptrace
  run bailiff_runc run --bundle "$SCRATCH/bundle-watched" watched
  says ptrace=done
  event "Traced" '.bailiff.verdict == "observed"'
  jq -e '.linux.seccomp == null' "$SCRATCH/bundle-watched/config.json"
}

@test "a held caller waits for the next bailiffd" {
  service "$SCRATCH/rules/calls.yaml"
  calls_bundle patient sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done
    /bin/calls mkdir mkdir-free'
  started bailiff_runc patient
  # Received and not answered: the process is stopped when the call is made.
  kill -STOP "$SERVICE_PID"
  local root
  root=/proc/$(bailiff_runc state patient | jq .pid)/root
  touch "$root/tmp/go"
  wait_until 10 "the call to be held" waits_in patient \
    seccomp_do_user_notification
  service_stop KILL
  [[ ! -s $SCRATCH/patient.out ]]
  service_start
  wait_until 10 "the calls to be answered" \
    grep -q mkdir-free=done "$SCRATCH/patient.out"
  grep -q '^mkdir=EPERM' "$SCRATCH/patient.out"
  run -1 grep "a container that is gone" "$SVC/log"
  event "Folder made" '.bailiff.verdict == "denied"'
}

# keeps_besides PID: another keeper than it has a listener.
keeps_besides() {
  local pid
  for pid in $(pgrep -f "^bailiff-keeper --keeper $SVC/run\$"); do
    if [[ $pid != "$1" ]] &&
      find "/proc/$pid/fd" -lname "*seccomp notify" 2>/dev/null | grep -q .; then
      return
    fi
  done
  return 1
}

@test "a keeper that is killed is replaced by one that has as much" {
  service "$SCRATCH/rules/calls.yaml"
  calls_bundle kept sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done
    /bin/calls mkdir mkdir-free'
  started bailiff_runc kept
  wait_until 10 "the listener to be kept" keeps_besides none
  local keeper
  keeper=$(pgrep -f "^bailiff-keeper --keeper $SVC/run\$")
  kill -KILL "$keeper"
  wait_until 10 "another keeper" keeps_besides "$keeper"
  service_stop KILL
  local root
  root=/proc/$(bailiff_runc state kept | jq .pid)/root
  touch "$root/tmp/go"
  service_start
  wait_until 10 "the calls to be answered" \
    grep -q mkdir-free=done "$SCRATCH/kept.out"
  grep -q '^mkdir=EPERM' "$SCRATCH/kept.out"
}

@test "what a keeper has no room for is told until there is room" {
  service "$SCRATCH/rules/calls.yaml"
  # For nothing but the socket and the ledger.
  prlimit --nofile=18: \
    --pid "$(pgrep -f "^bailiff-keeper --keeper $SVC/run\$")"
  contained_detached unkept sleep 100
  wait_until 10 "it to be counted" metric '^bailiff_listeners_unkept 1$'
  api GET /readyz | grep -q "1 listeners would not survive bailiffd"
  grep -q "no room container=unkept" "$SVC/log"
  bailiff_runc delete --force unkept
  wait_until 10 "its end" metric '^bailiff_listeners_unkept 0$'
}

@test "bailiffd and its keeper may have more descriptors than a shell's program" {
  local pid most
  most=$(ulimit -H -n)
  if [[ $most == unlimited ]] || ((most > 16384)); then most=16384; fi
  ulimit -S -n 1024
  service "$SCRATCH/rules/calls.yaml"
  for pid in "$SERVICE_PID" $(pgrep -f "^bailiff-keeper --keeper $SVC/run\$"); do
    [[ $(awk '/^Max open files/ { print $4 }' "/proc/$pid/limits") == "$most" ]]
  done
}

@test "a caller that makes the service wait gets on_failure, and only it waits" {
  service "$SCRATCH/rules/calls.yaml"
  calls_bundle stuck sh -c '/bin/calls mkdir-blocked & wait'
  change stuck '.process.capabilities[] += ["CAP_SYS_PTRACE"]'
  started bailiff_runc stuck
  wait_until 10 "the call to be made" grep -q making "$SCRATCH/stuck.out"
  run made free mkdir mkdir-free
  says mkdir=EPERM mkdir-free=done
  wait_until 10 "the answer" grep -q blocked=EPERM "$SCRATCH/stuck.out"
  grep -q "took too long to judge" "$SVC/log"
  event "Unjudged call" '.bailiff.verdict == "denied"
    and .bailiff.container.id == "stuck"
    and .output_fields["evt.type"] == "mkdir"
    and .output_fields["proc.name"] == "calls"'
}

@test "each refusal is told of, though the path is another by then" {
  service "$SCRATCH/rules/calls.yaml"
  run made flipped mkdir-flipped
  says mkdir-flipped=EPERM
  # Of a call that was let go on, the path may be another by its end as well.
  wait_until 10 "the events" refusals_told 200
}

# refusals_told COUNT: so many, with those nobody could judge in time.
refusals_told() {
  (($(api GET /metrics | awk '
    /^bailiff_violations_total{rule="(Folder made|Unjudged call)",.*verdict="denied"}/ {
      told += $NF
    }
    END { print told + 0 }') == $1))
}

# stuck ID: a container of which a call is held, while a thread of the service
# waits for the caller's memory, long before it gives up.
stuck() {
  calls_bundle "$1" sh -c '/bin/calls mkdir-blocked & wait'
  change "$1" '.process.capabilities[] += ["CAP_SYS_PTRACE"]'
  started bailiff_runc "$1"
  wait_until 10 "the memory to be read" \
    grep -qs userfault "/proc/$SERVICE_PID/task/"*/wchan
}

@test "a container is paused with a call that is held, and goes on so" {
  service "$SCRATCH/rules/calls.yaml"
  stuck shop
  run -0 bailiff_api pause shop
  says paused
  run -0 bailiff_api resume shop
  wait_until 10 "the answer" grep -q blocked=EPERM "$SCRATCH/shop.out"
  stuck dead
  run -0 bailiff_api pause dead
  run -0 bailiff_api kill dead
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/dead"
}

@test "what bailiffd had received when it died is answered by the next one" {
  service "$SCRATCH/rules/calls.yaml"
  stuck shop
  service_stop KILL
  service_start
  wait_until 10 "the answer" grep -q blocked=EPERM "$SCRATCH/shop.out"
}

# policies FILE [EXEMPT]: they hold from now on, and nothing for EXEMPT.
policies() {
  sed -i "s|^policies:.*|policies: [\"$1\"]|; /^exempt:/d" "$SVC/bailiff.yaml"
  echo "exempt: [${2-}]" >>"$SVC/bailiff.yaml"
  bailiff_api reload
}

@test "a reload holds for calls that are held already" {
  service "$SCRATCH/rules/calls.yaml"
  jq -n '{policies: [{name: "p", rules: ["Packet socket"], block: true,
    response: "none"}]}' >"$SCRATCH/rules/packet.yaml"
  calls_bundle reloaded sh -c 'for i in 1 2 3 4; do
    while [ ! -e /tmp/go$i ]; do sleep 0.1; done
    echo $i $(/bin/calls mkdir)
    rmdir /tmp/trap
  done'
  started bailiff_runc reloaded
  local root
  root=/proc/$(bailiff_runc state reloaded | jq .pid)/root
  touch "$root/tmp/go1"
  wait_until 10 "the first call" grep -q "1 mkdir=EPERM" "$SCRATCH/reloaded.out"
  policies "$SCRATCH/rules/packet.yaml"
  touch "$root/tmp/go2"
  wait_until 10 "a call without the rule" \
    grep -q "2 mkdir=done" "$SCRATCH/reloaded.out"
  policies "$SCRATCH/rules/calls.yaml"
  touch "$root/tmp/go3"
  wait_until 10 "a call with it again" \
    grep -q "3 mkdir=EPERM" "$SCRATCH/reloaded.out"
  policies "$SCRATCH/rules/calls.yaml" '"id:reloaded"'
  touch "$root/tmp/go4"
  wait_until 10 "a call of a container that is exempt" \
    grep -q "4 mkdir=done" "$SCRATCH/reloaded.out"
}

@test "seccomp's own refusals need no service" {
  service "$SCRATCH/rules/calls.yaml"
  calls_bundle alone sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done
    /bin/calls packet'
  # Started with opens that are not held.
  jq -n '{policies: [{name: "p", rules: ["Packet socket"], block: true,
    response: "none"}]}' >"$SCRATCH/rules/packet.yaml"
  sed -i "s|^policies:.*|policies: [\"$SCRATCH/rules/packet.yaml\"]|" \
    "$SVC/bailiff.yaml"
  bailiff_api reload
  started bailiff_runc alone
  service_stop KILL
  local root
  root=/proc/$(bailiff_runc state alone | jq .pid)/root
  touch "$root/tmp/go"
  wait_until 10 "the refusal" grep -q packet=EPERM "$SCRATCH/alone.out"
  service_start
  event "Packet socket" '.bailiff.verdict == "denied"'
}

@test "a profile with a listener of its own is refused" {
  service "$SCRATCH/rules/calls.yaml"
  calls_bundle listening true
  change listening '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    listenerPath: "/run/other.sock", syscalls: [
    {names: ["ptrace"], action: "SCMP_ACT_NOTIFY"}]}'
  run bailiff_runc run --bundle "$SCRATCH/bundle-listening" listening
  ((status != 0))
  says "has a listener of its own ('/run/other.sock')"
  nothing_left_of listening
}

@test "without bailiffd no container starts whose calls are to be refused" {
  service "$SCRATCH/rules/calls.yaml"
  service_stop
  run made late true
  ((status != 0))
  says "start bailiffd"
}

@test "the hook refuses a container that the wrapper has not seen" {
  service "$SCRATCH/rules/calls.yaml"
  bundle_make "$SCRATCH/bundle-bare" "$ROOTFS" bare true
  change bare '.hooks.createRuntime = [{path: $ENV.HOOK, args:
    ["bailiff-hook", "createRuntime", "--run-dir", ($ENV.SVC + "/run"),
    "--state-dir", ($ENV.SVC + "/state"), "--bpf-dir",
    ($ENV.SCRATCH + "/bpffs/" + ($ENV.SVC | split("/") | last))],
    env: ["PATH=/bin"]}]'
  run plain_runc run --bundle "$SCRATCH/bundle-bare" bare
  ((status != 0))
  says "create it by bailiff-runc"
}
