# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Rules that refuse system calls, and a program that makes them.

# For setup_file, behind story_open.
calls_open() {
  cat >"$SCRATCH/rules/calls.rules.yaml" <<'END'
- rule: Packet socket
  desc: seccomp sees all it needs
  condition: evt.type = socket and evt.arg.domain contains AF_PACKET
  output: "%proc.name %evt.arg.domain %evt.res"
  priority: WARNING
- rule: Traced
  desc: needs the process
  condition: evt.type = ptrace and not proc.name in (strace)
  output: "%proc.name %evt.arg.request"
  priority: WARNING
- rule: Folder made
  desc: needs memory
  condition: evt.type in (mkdir, mkdirat) and evt.arg.path startswith /tmp/trap
  output: "%evt.arg.path by %proc.pname"
  priority: WARNING
- rule: Secret read
  desc: needs memory, and the call to succeed
  condition: >
    evt.type in (open, openat, openat2) and evt.is_open_read = true
    and fd.num >= 0 and fd.name = /etc/secret
  output: "%fd.name %proc.name"
  priority: WARNING
END
  cat >"$SCRATCH/rules/calls.yaml" <<'END'
policies:
  - name: Refuse calls
    rules: ["Packet socket", "Traced", "Folder made", "Secret read"]
    block: true
    response: none
END
  sed 's/\["Packet.*\]/["Folder made"]/; s/response: none/response: kill/' \
    "$SCRATCH/rules/calls.yaml" >"$SCRATCH/rules/calls-kill.yaml"
  sed '/block/d' "$SCRATCH/rules/calls.yaml" >"$SCRATCH/rules/calls-watch.yaml"
  export CALLS_RULES="[$SCRATCH/rules/calls.rules.yaml]"
  cc -O1 -static -o "$ROOTFS/bin/calls" "$E2E_DIR/triggers/calls.c"
  cp "$ROOTFS/bin/calls" "$ROOTFS/bin/strace"
  echo secret >"$ROOTFS/etc/secret"
}

# What these rules say of each is in calls_refused, of the caught lines.
# shellcheck disable=SC2034 # by the stories
ALL_CALLS=(packet packet-wide inet ptrace mkdir mkdir-free open-secret open
  packet32 packet-mux32 unix-mux32 mkdir32)

calls_refused() {
  says packet=EPERM packet-wide=EPERM inet=done ptrace=EPERM mkdir=EPERM \
    mkdir-free=done open-secret=EPERM open=done packet32=EPERM \
    packet-mux32=EPERM unix-mux32=done mkdir32=EPERM
}
