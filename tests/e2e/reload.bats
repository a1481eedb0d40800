#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Policies that change while containers run, and containers that ran before.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/tool.rules.yaml" <<'END'
- rule: Tool started
  desc: a program nobody has business with
  condition: evt.type in (execve, execveat) and proc.name = tool
  output: "%proc.cmdline"
  priority: WARNING
END
  cat >"$SCRATCH/rules/socket.rules.yaml" <<'END'
- rule: Stream socket
  desc: seccomp sees all it needs, where it is there
  condition: evt.type = socket and evt.arg.domain = AF_INET and evt.arg.type = 1
  output: "%proc.name makes one of type %evt.arg.type"
  priority: WARNING
END
  cat >"$SCRATCH/rules/sockets.yaml" <<'END'
policies:
  - name: No streams
    rules: ["Stream socket"]
    block: true
    response: none
END
  cat >"$SCRATCH/rules/nothing.yaml" <<'END'
policies:
  - name: Watch
    rules: ["Tool started"]
    response: none
END
  cat "$SCRATCH/rules/nothing.yaml" >"$SCRATCH/rules/both.yaml"
  sed 1d "$REFUSE_POLICY" >>"$SCRATCH/rules/both.yaml"
  export RULES="[$SCRATCH/rules/log4j.rules.yaml,
    $SCRATCH/rules/site-indicators.rules.yaml,
    $SCRATCH/rules/tool.rules.yaml, $SCRATCH/rules/socket.rules.yaml]"
  ln -s busybox "$ROOTFS/bin/tool"
}
teardown_file() { story_close; }
teardown() { story_quiet; }

# service_with POLICIES: its policy file may be changed later.
service_with() {
  install -m 0600 "$1" "$SCRATCH/rules/current.yaml"
  service "$SCRATCH/rules/current.yaml"
}
change_to() {
  install -m 0600 "$1" "$SCRATCH/rules/current.yaml"
  bailiff_api reload
}

@test "a container that runs gets the conditions of a new policy" {
  service_with "$SCRATCH/rules/nothing.yaml"
  contained_detached early sleep 1000
  reaches early "$ATTACKER4"

  change_to "$SCRATCH/rules/both.yaml"
  is_refused early "$ATTACKER4"
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.id == "early"'
  run -127 bailiff_runc exec early /bin/tool one
  event "Tool started" '.output_fields["proc.cmdline"] == "tool one"'
  bailiff_api status | grep -q "all are under the current policy"

  # And loses what is judged no longer.
  change_to "$SCRATCH/rules/nothing.yaml"
  reaches early "$ATTACKER4"
  run -127 bailiff_runc exec early /bin/tool two
  event "Tool started" '.output_fields["proc.cmdline"] == "tool two"'
}

# Its seccomp filter is that of the policy it was started under.
@test "IP sockets are refused in a container that ran before" {
  service_with "$SCRATCH/rules/nothing.yaml"
  contained_detached early sleep 1000
  reaches early "$ATTACKER4"

  change_to "$SCRATCH/rules/sockets.yaml"
  run connects early "$ATTACKER4"
  says "nc: socket: Operation not permitted"
  event "Stream socket" '.bailiff.verdict == "denied"
    and .output_fields["evt.arg.type"] == "1"
    and .output_fields["proc.name"] == "nc"'

  change_to "$SCRATCH/rules/nothing.yaml"
  reaches early "$ATTACKER4"
}

@test "a policy that is refused changes nothing in what runs" {
  service_with "$SCRATCH/rules/both.yaml"
  contained_detached kept sleep 1000
  echo 'policies: [{name: Wrong, rules: ["no such rule"]}]' \
    >"$SCRATCH/rules/current.yaml"
  run -1 bailiff_api reload
  is_refused kept "$ATTACKER4"
  event "$C2_RULE" '.bailiff.container.id == "kept"'
}

@test "what changed while the service was down reaches what runs" {
  service_with "$SCRATCH/rules/nothing.yaml"
  contained_detached early sleep 1000
  service_stop KILL
  install -m 0600 "$SCRATCH/rules/both.yaml" "$SCRATCH/rules/current.yaml"
  service_start
  wait_until 10 "the container to be under the policy" \
    is_refused early "$ATTACKER4"
  event "$C2_RULE" '.bailiff.container.id == "early"'
}

# Each reload looks for containers that are gone; the kernel takes its time to
# let go of a cgroup.
tidied_after() { bailiff_api reload && nothing_left_of "$1"; }

@test "a container that ran before is adopted" {
  service_with "$SCRATCH/rules/both.yaml"
  bundle_make "$SCRATCH/bundle-elder" "$ROOTFS" elder sleep 1000
  started plain_runc elder
  reaches elder "$ATTACKER4"

  run bailiff adopt --config "$SVC/bailiff.yaml" --root "$SCRATCH/runc" elder
  ((status == 0))
  says "yes" "seccomp"
  is_refused elder "$ATTACKER4"
  event "Adopted container" '.bailiff.container.id == "elder"'
  event "$C2_RULE" '.bailiff.verdict == "denied"
    and .bailiff.container.id == "elder"'
  run -127 bailiff_runc exec elder /bin/tool late
  event "Tool started" '.output_fields["proc.cmdline"] == "tool late"
    and .bailiff.container.id == "elder"'
  bailiff_api ps | grep -q elder

  # Not twice, and not one that is not there.
  run -1 bailiff adopt --config "$SVC/bailiff.yaml" --root "$SCRATCH/runc" elder
  says "it is enforced already"
  run -0 bailiff adopt --config "$SVC/bailiff.yaml" --root "$SCRATCH/runc"
  run -2 bailiff adopt --config "$SVC/bailiff.yaml" --root "$SCRATCH/runc" none
  says "'none' is the id of no container"

  # Nobody tells that it ends: its configuration has no hook of ours.
  plain_runc delete --force elder
  wait_until 20 "what it left to be removed" tidied_after elder
}
