#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules on what a process runs, decided before it connects and before it runs.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/process.rules.yaml" <<'END'
- rule: Long wait
  desc: a connection of a process with these words in its command line
  condition: evt.type = connect and fd.sport = 1389 and
    proc.cmdline contains "-w 7"
  output: "%proc.cmdline to %fd.sip"
  priority: CRITICAL
- rule: Miner started
  desc: a program that is not to run
  condition: evt.type in (execve, execveat) and proc.args contains "stratum+tcp"
  output: "%proc.cmdline by %proc.pname"
  priority: CRITICAL
- rule: Shell of a server
  desc: a shell that some server has started
  condition: evt.type in (execve, execveat) and proc.name = sh and
    proc.aname = server
  output: "%proc.cmdline"
  priority: CRITICAL
END
  cat >"$SCRATCH/rules/process.yaml" <<'END'
policies:
  - name: Block
    rules: ["Long wait", "Miner started", "Shell of a server"]
    block: true
    response: none
END
  export RULES="[$SCRATCH/rules/process.rules.yaml]"
  ln -s busybox "$ROOTFS/bin/miner"
}
teardown_file() { story_close; }
teardown() { story_quiet; }

# shellcheck disable=SC2016 # the container's shell expands
@test "of one program, the process with the words in its command line is refused" {
  service "$SCRATCH/rules/process.yaml"
  run contained good sh -c 'echo hello | nc -w 3 "$0" 1389 && echo reached' \
    "$ATTACKER4" 'of the shell: -w 7'
  says reached
  run contained bad sh -c 'echo hello | nc -w 7 "$0" 1389 && echo reached' \
    "$ATTACKER4"
  [[ $output != *reached* ]]
  event "Long wait" '.bailiff.verdict == "denied"
    and .bailiff.enforcement == "kernel"
    and .bailiff.container.id == "bad"
    and (.output_fields["proc.cmdline"] | test("^nc -w 7"))'
}

# shellcheck disable=SC2016 # the container's shell expands
@test "a program that is blocked writes nothing" {
  service "$SCRATCH/rules/process.yaml"
  # The words are not in the outer shell's own arguments.
  run contained miner sh -c 'pool=stratum
    /bin/sh -c "echo >/tmp/mined" "$pool+tcp://x"
    echo "of the miner: $?"; /bin/sh -c "echo >/tmp/other"; ls /tmp'
  says "of the miner: 137" other
  [[ $output != *mined* ]]
  event "Miner started" '.bailiff.verdict == "denied"
    and .bailiff.outcome == "killed"
    and .bailiff.enforcement == "kernel"
    and .bailiff.hook == "exec"
    and .output_fields["proc.pname"] == "sh"
    and (.output_fields["proc.cmdline"] | test("stratum"))'
}

@test "the container's first program is judged too, and what is executed into it" {
  service "$SCRATCH/rules/process.yaml"
  run contained first miner true stratum+tcp://y
  ((status == 137))
  contained_detached later sleep 100
  run bailiff_runc exec later miner true stratum+tcp://z
  ((status == 137))
  event "Miner started" '.output_fields["proc.cmdline"] | test("//y")'
  event "Miner started" '.output_fields["proc.cmdline"] | test("//z")'
}

@test "an ancestor counts however many processes are between" {
  service "$SCRATCH/rules/process.yaml"
  printf '#!/bin/busybox ash\n/bin/between\ntrue\n' >"$ROOTFS/bin/server"
  printf '#!/bin/busybox ash\n/bin/sh -c "echo ran"\ntrue\n' \
    >"$ROOTFS/bin/between"
  chmod +x "$ROOTFS"/bin/{server,between}
  run contained nested between
  says ran
  run contained served server
  [[ $output != *ran* ]]
  event "Shell of a server" '.bailiff.verdict == "denied"'
}
