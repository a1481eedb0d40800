#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules on programs and system calls, from the event to the response.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/observed.rules.yaml" <<'END'
- rule: Tool started
  desc: a program nobody has business with
  condition: evt.type in (execve, execveat) and proc.name in (tool, wget)
  output: >
    %proc.name (%proc.exepath) by %proc.pname (%proc.pcmdline of %proc.pexepath):
    %proc.cmdline in %proc.cwd
  priority: WARNING
- rule: Folder made
  desc: a system call
  condition: evt.type = mkdir and evt.arg.path startswith /tmp/trap
  output: "%evt.arg.path %evt.res"
  priority: WARNING
END
  cat >"$SCRATCH/rules/observe.yaml" <<'END'
policies:
  - name: Watch
    rules: ["Tool started", "Folder made"]
    response: none
END
  sed 's/response: none/response: kill/' "$SCRATCH/rules/observe.yaml" \
    >"$SCRATCH/rules/observe-kill.yaml"
  export RULES="[$SCRATCH/rules/observed.rules.yaml]"
  ln -s busybox "$ROOTFS/bin/tool"
}
teardown_file() { story_close; }
teardown() { story_quiet; }

@test "a program is told of, with all that is known of its process" {
  service "$SCRATCH/rules/observe.yaml"
  run contained watched sh -c 'cd /etc; /bin/tool one two; true'
  event "Tool started" '.output_fields["proc.cmdline"] == "tool one two"
    and .output_fields["proc.exepath"] == "/bin/busybox"
    and .output_fields["proc.pname"] == "sh"
    and .output_fields["proc.cwd"] == "/etc/"
    and .bailiff.verdict == "allowed"
    and .bailiff.container.id == "watched"'
}

@test "what is executed into a container is told of from its first program on" {
  service "$SCRATCH/rules/observe.yaml"
  contained_detached entered sleep 100
  run -127 bailiff_runc exec entered /bin/tool inside
  event "Tool started" '.output_fields["proc.cmdline"] == "tool inside"
    and .bailiff.container.id == "entered"'
}

@test "a policy may kill for it" {
  service "$SCRATCH/rules/observe-kill.yaml"
  run contained doomed sh -c 'mkdir /tmp/trap; sleep 60'
  ((status == 137))
  event "Folder made" '.output_fields["evt.arg.path"] == "/tmp/trap"
    and .bailiff.outcome == "killed"'
  nothing_left_of doomed
}

@test "what happened while bailiffd was down is told of later" {
  service "$SCRATCH/rules/observe.yaml"
  service_stop
  run contained unwatched sh -c '/bin/tool alone; true'
  service_start
  event "Tool started" '.output_fields["proc.cmdline"] == "tool alone"
    and .output_fields["proc.pname"] == "sh"'
}

@test "processes that ran before bailiffd are known to it" {
  service "$SCRATCH/rules/observe.yaml"
  contained_detached older sh -c 'trap "/bin/tool late" USR1; echo set
    while :; do sleep 0.1; done'
  wait_until 10 "its trap" grep -qx set "$SCRATCH/older.out"
  service_stop KILL
  service_start
  bailiff_runc kill older USR1
  # Of the shell, nothing has been told but what /proc knows.
  event "Tool started" '.bailiff.container.id == "older"
    and .output_fields["proc.pname"] == "sh"
    and .output_fields["proc.pexepath"] == "/bin/busybox"
    and (.output_fields["proc.pcmdline"] | startswith("sh -c trap"))'
}

@test "a fork bomb is killed, and nothing of it is left" {
  service "$SCRATCH/rules/observe-kill.yaml"
  # A shell that cannot fork ends: who makes the folder is there before.
  bundle_make "$SCRATCH/bundle-bomb" "$ROOTFS" bomb sh -c \
    'bomb() { bomb | bomb & }
    { bomb; echo; while :; do :; done; } | { read; exec mkdir /tmp/trap; }'
  jq '.linux.resources.pids = {limit: 200}' \
    "$SCRATCH/bundle-bomb/config.json" >"$SCRATCH/bomb.json"
  mv "$SCRATCH/bomb.json" "$SCRATCH/bundle-bomb/config.json"
  run bailiff_runc run --bundle "$SCRATCH/bundle-bomb" bomb
  ((status == 137))
  event "Folder made" '.bailiff.outcome == "killed"'
  nothing_left_of bomb
}

# small_ring: this test's service will find a ring of one page.
small_ring() {
  local folder=$SCRATCH/bpffs/${SVC##*/}/observer
  mkdir -p "$folder"
  bpftool map create "$folder/records" type ringbuf key 0 value 0 \
    entries 4096 name bailiff_records
}

# flooded ID SECONDS: a container that makes more records than the ring holds,
# 800 in all, while nobody reads it, and then sleeps for SECONDS; its status.
flooded() {
  local out=$SCRATCH/$1.out flooding
  kill -STOP "$SERVICE_PID"
  contained "$1" sh -c 'long=/tmp
    while [ ${#long} -lt 2000 ]; do long=$long/../tmp; done
    i=0
    while [ $i -lt 200 ]; do
      mkdir $long/a$i $long/b$i $long/c$i $long/d$i 2>/dev/null
      i=$((i + 1))
    done
    echo through; exec sleep "$1"' sh "$2" </dev/null >"$out" 2>&1 3>&- &
  flooding=$!
  wait_until 60 "the flood" grep -qx through "$out" || {
    kill -CONT "$SERVICE_PID"
    cat "$out"
    return 1
  }
  kill -CONT "$SERVICE_PID"
  wait "$flooding"
}

@test "a container that floods the ring is answered as its policy says" {
  sed 's/response: none/on_loss: kill/' "$SCRATCH/rules/observe.yaml" \
    >"$SCRATCH/rules/on-loss.yaml"
  service_prepare "$SCRATCH/rules/on-loss.yaml"
  small_ring
  service_start
  run flooded flooder 60
  ((status == 137))
  event "Lost events" '.bailiff.policy == "Watch"
    and .bailiff.response == "kill" and .bailiff.outcome == "killed"
    and .bailiff.container.id == "flooder"
    and .output_fields["bailiff.lost_cause"] == "itself"'
  nothing_left_of flooder
}

@test "a policy that says nothing of losses only has them told" {
  service_prepare "$SCRATCH/rules/observe.yaml"
  small_ring
  service_start
  run flooded flooder 0
  ((status == 0))
  event "Lost events" '.bailiff.policy == null and .bailiff.outcome == "none"
    and .bailiff.container.id == "flooder" and .priority == "Critical"'
}

@test "nothing is attached when no container is observed" {
  service "$SCRATCH/rules/observe.yaml"
  links=$SCRATCH/bpffs/${SVC##*/}/observer/links
  contained_detached seen sleep 100
  [[ -e $links/on_exec && -e $links/on_call ]]
  bailiff_runc delete --force seen
  [[ -z $(ls "$links") ]]
}
