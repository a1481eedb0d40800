#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every response, its undo and its end, on containers of runc.

load story

setup_file() {
  story_open
  # Says what it is told, so that a connection stays.
  spawn "$SCRATCH/echo.log" nsenter --net="$SCRATCH/netns/outside" -- \
    busybox nc -ll -p 2000 -e cat
  listener_at outside 2000
  export ASKED=$SCRATCH/asked
  resolver_listen "$ASKED"
}
teardown_file() { story_close; }
setup() { attacker_forget_packets; }
teardown() { story_quiet; }

# respond_by RESPONSE [LINE...]: this test's service, with a policy that has the
# response and the lines.
respond_by() {
  {
    printf 'policies:\n  - name: Respond\n    rules: ["%s"]\n' "$C2_RULE"
    printf '    block: %s\n    response: %s\n' "${BLOCK:-true}" "$1"
    shift
    ((!$#)) || printf '    %s\n' "$@"
    printf '  - name: Starts\n    rules: ["Launch new container"]\n'
  } >"$SCRATCH/rules/respond.yaml"
  service_prepare "$SCRATCH/rules/respond.yaml" "${CONFIG[@]}"
  service_start
}

# state_is ID STATE
state_is() {
  [[ $(api GET "/v1/containers/$1" | jq -r .state) == "$2" ]]
}

frozen() { grep -qx 'frozen 1' "$RUN_CGROUP/$1/cgroup.events"; }
runs() { grep -qx 'frozen 0' "$RUN_CGROUP/$1/cgroup.events"; }

# asks PORT: a peer that is not allowed asks the container.
asks() { asked_by "$HARMLESS4" "$SERVER4" "$1"; }

# in_container ID COMMAND...
in_container() { bailiff_runc exec "$@"; }

@test "kill_process: the process of the event dies, and no other" {
  # Let through, to a peer that waits for more: nc would end by itself.
  BLOCK=false respond_by kill_process
  contained_detached survivor sh -c \
    "sleep 300 | nc $ATTACKER4 2000; exec sleep 300"
  event "$C2_RULE" '.bailiff.outcome == "process killed"
    and .bailiff.response_id != null'
  state_is survivor running
}

@test "pause: nothing of the container runs, and a person resumes it" {
  respond_by pause
  violates paused
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  frozen paused
  state_is paused paused
  run -0 bailiff_api ps
  says "paused until"
  run -0 bailiff_api resume paused --reason drill
  says resumed
  runs paused
  state_is paused running
  event "Operator response" '.bailiff.response == "resume"
    and .bailiff.caused_by != null
    and .output_fields["bailiff.reason"] == "drill"'
  run -4 bailiff_api resume paused
  says "not paused"
}

@test "pause: what is paused is isolated by hand, and resumed so" {
  respond_by none
  contained_detached studied sleep 300
  run -0 bailiff_api pause studied
  run -0 bailiff_api isolate studied
  says isolated
  state_is studied paused
  run -0 bailiff_api resume studied
  state_is studied isolated
  run in_container studied nc -w 2 "$HARMLESS4" 2000
  says "Operation not permitted"
  run -0 bailiff_api release studied
}

@test "pause: it ends by itself, in a resume" {
  respond_by pause "pause_limit: 1s" "pause_then: resume"
  violates resumed
  event "Response ended" '.bailiff.outcome == "resumed"
    and .bailiff.caused_by != null'
  runs resumed
}

@test "pause: or in a kill" {
  respond_by pause "pause_limit: 1s"
  violates killed
  event "Response ended" '.bailiff.outcome == "killed"'
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/killed"
}

@test "kill: what its runtime has paused dies too" {
  # On a hybrid host that is the freezer of version 1, where no signal arrives.
  respond_by pause
  contained_detached held sleep 300
  plain_runc pause held
  run -0 bailiff_api kill held
  says killed
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/held"
}

@test "stop: the first process is asked, and killed when the grace is over" {
  respond_by stop "grace: 1s"
  violates deaf
  event "$C2_RULE" '.bailiff.outcome == "stopping"'
  event "Response ended" '.bailiff.container.id == "deaf"
    and .bailiff.outcome == "killed"'
  # shellcheck disable=SC2016 # the container's shell expands
  contained_detached polite sh -c 'trap "exit 0" TERM; echo set
    while :; do sleep 1; done'
  wait_until 10 "its trap" grep -qx set "$SCRATCH/polite.out"
  run -0 bailiff_api stop polite --grace 30s
  says stopping
  event "Response ended" '.bailiff.container.id == "polite"
    and .bailiff.outcome == "stopped"'
}

@test "isolate: nothing in or out but for what is allowed, until the release" {
  CONFIG=("isolate_allow: [198.51.100.7]")
  respond_by none
  contained_detached quarantined sh -c "nc -ll -p 3000 -e cat &
    sleep 300 | nc $HARMLESS4 2000; exec sleep 300"
  wait_until 10 "the connection" in_netns inside sh -c \
    "ss -Htn state established | grep -q $HARMLESS4:2000"
  listener_at inside 3000
  run -0 asks 3000
  says hello
  run -0 in_container quarantined nslookup -type=a before.example "$HARMLESS4"
  says 203.0.113.200
  run -0 bailiff_api isolate quarantined --reason drill
  says isolated
  state_is quarantined isolated
  # What was there is cut at once.
  [[ ! $(in_netns inside ss -Htn state established) ]]
  run in_container quarantined nc -w 2 "$HARMLESS4" 2000
  says "Operation not permitted"
  run in_container quarantined nc -w 2 "$HARMLESS6" 2000
  says "Operation not permitted"
  run in_container quarantined nslookup -type=a within.example "$HARMLESS4"
  ((status != 0))
  [[ $(<"$ASKED") == before.example ]]
  run asks 3000
  [[ $output != *hello* ]]
  # Both ways.
  run in_container quarantined sh -c "echo hi | nc -w 2 198.51.100.7 2000"
  says hi
  run -0 bailiff_api release quarantined
  says released
  run in_container quarantined sh -c "echo hi | nc -w 2 $HARMLESS4 2000"
  says hi
  run -0 asks 3000
  says hello
  state_is quarantined running
  run -4 bailiff_api release quarantined
}

@test "isolate: by a policy, and it ends by itself" {
  respond_by isolate "isolate_limit: 2s"
  violates quarantined
  event "$C2_RULE" '.bailiff.outcome == "isolated"'
  event "Response ended" '.bailiff.outcome == "released"'
  run in_container quarantined sh -c "echo hi | nc -w 2 $HARMLESS4 2000"
  says hi
}

# By what the service has written down, all that is in force has had its time.
time_passes() {
  local journal=$SVC/run/responses lines
  lines=$(awk 'BEGIN { FS = OFS = "\t" } $1 == "begin" { $15 = $14 } 1' \
    "$journal")
  printf '%s\n' "$lines" >"$journal"
}

@test "what is in force goes on when bailiffd is killed, and ends in time" {
  respond_by pause "pause_then: resume"
  violates paused
  event "$C2_RULE" '.bailiff.outcome == "paused"'
  contained_detached cut sleep 300
  run -0 bailiff_api isolate cut --limit 1h
  contained_detached stopping sh -c 'trap "" TERM; echo set; exec sleep 300'
  wait_until 10 "its trap" grep -qx set "$SCRATCH/stopping.out"
  run -0 bailiff_api stop stopping --grace 1h
  service_stop KILL
  frozen paused
  service_start
  state_is paused paused
  state_is cut isolated
  state_is stopping stopping
  frozen paused
  service_stop KILL
  time_passes
  service_start
  event "Response ended" '.bailiff.container.id == "paused"
    and .bailiff.outcome == "resumed"'
  runs paused
  event "Response ended" '.bailiff.container.id == "cut"
    and .bailiff.outcome == "released"'
  event "Response ended" '.bailiff.container.id == "stopping"
    and .bailiff.outcome == "killed"'
}

@test "a budget that is used up is told of, and a person re-arms it" {
  CONFIG=("limits: {policy: 1, rearm: 0s}")
  respond_by kill
  violates first
  event "$C2_RULE" '.bailiff.container.id == "first"
    and .bailiff.outcome == "killed"'
  violates second
  event "$C2_RULE" '.bailiff.container.id == "second"
    and .bailiff.outcome == "over_budget" and .bailiff.verdict == "denied"'
  event "Response budget used up" '.priority == "Critical"'
  state_is second running
  metric 'bailiff_response_budget_exhausted{scope="policy",name="Respond"} 1'
  run -1 bailiff_api status
  says "the budget is used up" "policy 'Respond'"
  # A person is not bound by it.
  run -0 bailiff_api pause second
  run -0 bailiff_api rearm --reason seen
  says "re-armed: policy 'Respond'"
  run -0 bailiff_api status
  violates third
  event "$C2_RULE" '.bailiff.container.id == "third"
    and .bailiff.outcome == "killed"'
}

@test "a workload that crash-loops cools down" {
  CONFIG=("limits: {workload: 1}")
  respond_by kill
  violates looping
  event "$C2_RULE" '.bailiff.outcome == "killed"'
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/looping"
  bailiff_runc delete --force looping
  violates looping
  event "$C2_RULE" '.bailiff.outcome == "cooling_down"'
  # Cause and effect.
  event "Launch new container" '.bailiff.replaces == "looping"
    and .bailiff.caused_by != null'
  cause=$(service_events | jq -r 'select(.bailiff.outcome == "killed")
    | .bailiff.response_id')
  event "Launch new container" ".bailiff.caused_by == \"$cause\""
  run -0 bailiff_api events
  says "< ${cause:0:8}"
}

@test "monitor mode says what it would do" {
  respond_by pause "mode: monitor"
  violates watched
  event "$C2_RULE" '.bailiff.outcome == "would_pause"'
  state_is watched running
}
