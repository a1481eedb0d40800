#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Which ports a container may connect to, and from.

load story

setup_file() {
  story_open
  cat >"$SCRATCH/rules/ports.rules.yaml" <<'END'
- list: allowed_ports
  items: [443, 1053]
- rule: Port not allowed
  desc: a connection with neither end at a port that is allowed
  condition: evt.type = connect and fd.sockfamily = ip and evt.failed = false
    and not fd.port in (allowed_ports)
  output: "%fd.sip %fd.sport %fd.lport %proc.name"
  priority: WARNING
- rule: From a privileged port
  desc: a connection from a port that only root may have
  condition: evt.type = connect and fd.cport < 1024 and proc.name = talker
  output: "%fd.sip %fd.sport %fd.lport %fd.cport %proc.name"
  priority: WARNING
END
  local rule
  for rule in "Port not allowed" "From a privileged port"; do
    cat >"$SCRATCH/rules/${rule%% *}.yaml" <<END
policies:
  - name: Ports
    rules: ["$rule"]
    block: true
    response: none
END
  done
  sed 's/block: true/&\n    mode: monitor/' "$SCRATCH/rules/Port.yaml" \
    >"$SCRATCH/rules/watch.yaml"
  sed 's/block: true/&\n    mode: monitor/' "$SCRATCH/rules/From.yaml" \
    >"$SCRATCH/rules/watch_from.yaml"
  export RULES="[$SCRATCH/rules/ports.rules.yaml]"
  install -m 0755 "$TALKER" "$ROOTFS/bin/talker"
}
teardown_file() { story_close; }
teardown() { story_quiet; }

# from ID PORT ADDRESS: connects in a container; 0: from no port in particular.
from() {
  contained "$1" talker tcp "$3" 1389 "$2" </dev/null
}
# told RULE: how many alerts there are.
told() {
  service_events | jq -c "select(.rule == \"$1\")" | wc -l
}

@test "a port that is not allowed is refused before the connection is made" {
  service "$SCRATCH/rules/Port.yaml"
  local address
  for address in "$HARMLESS4" "$HARMLESS6"; do
    run from "to-${address//[:.]/-}" 0 "$address"
    says "Operation not permitted"
    event "Port not allowed" ".bailiff.verdict == \"denied\"
      and .bailiff.hook == \"connect\" and .bailiff.enforcement == \"kernel\"
      and (.output_fields | .\"fd.sip\" == \"$address\"
        and .\"fd.sport\" == 1389 and .\"fd.lport\" == null
        and .\"proc.name\" == \"talker\")"
  done
  (($(told "Port not allowed") == 2))
}

@test "from a port that is allowed it is made" {
  service "$SCRATCH/rules/Port.yaml"
  run from allowed 1053 "$HARMLESS4"
  says connected
  run from other 1054 "$HARMLESS4"
  says "Operation not permitted"
  event "Port not allowed" '.bailiff.container.id == "other"
    and .output_fields["fd.lport"] == 1054'
  (($(told "Port not allowed") == 1))
}

@test "a policy that monitors tells of the same, and refuses nothing" {
  service "$SCRATCH/rules/watch.yaml"
  run from watched 0 "$HARMLESS4"
  says connected
  event "Port not allowed" '.bailiff.verdict == "would_deny"
    and .bailiff.container.id == "watched"'
  (($(told "Port not allowed") == 1))
}

@test "a port that it is refused from is told" {
  service "$SCRATCH/rules/From.yaml"
  run from high 0 "$HARMLESS4"
  says connected
  run from low 1000 "$HARMLESS4"
  says "Operation not permitted"
  event "From a privileged port" '.bailiff.verdict == "denied"
    and .bailiff.container.id == "low"
    and (.output_fields | .["fd.lport"] == 1000 and .["fd.cport"] == 1000)'
  # What the observer has of it would be told before the next one.
  run from last 1001 "$HARMLESS4"
  event "From a privileged port" '.bailiff.container.id == "last"'
  (($(told "From a privileged port") == 2))
}

# As pods may have it, and as whoever may write to /proc/sys can.
@test "a port that a socket is given by chance is told when it is there" {
  service "$SCRATCH/rules/From.yaml"
  contained_detached chance sleep 300
  local before
  before=$(in_netns inside sysctl -n net.ipv4.ip_local_port_range)
  # None that is given out may need a privilege.
  in_netns inside sysctl -qw net.ipv4.ip_unprivileged_port_start=0 \
    net.ipv4.ip_local_port_range="1001 1001"
  run bailiff_runc exec chance talker tcp "$HARMLESS4" 1389 0 </dev/null
  in_netns inside sysctl -qw net.ipv4.ip_local_port_range="$before" \
    net.ipv4.ip_unprivileged_port_start=1024
  says connected
  event "From a privileged port" '.bailiff.verdict == "observed"
    and .bailiff.container.id == "chance"
    and .output_fields["fd.lport"] == 1001'
  (($(told "From a privileged port") == 1))
}

@test "a policy that monitors tells of the port that it is made from" {
  service "$SCRATCH/rules/watch_from.yaml"
  run from low-watched 1000 "$HARMLESS4"
  says connected
  event "From a privileged port" '.bailiff.container.id == "low-watched"
    and .bailiff.enforcement == "observe"
    and .output_fields["fd.lport"] == 1000'
  (($(told "From a privileged port") == 1))
}
