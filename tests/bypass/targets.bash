# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The addresses that are tried, the hosts that have them, and what an alert calls
# them.

# rules_of_targets ITEM...: a rule on the items, and a policy that refuses.
rules_of_targets() {
  cat >"$SCRATCH/rules/targets.rules.yaml" <<END
- list: targets
  items:
$(printf '    - "%s"\n' "$@")
- rule: Target reached
  desc: one of the addresses that are tried
  condition: evt.type = connect and fd.snet in (targets)
  output: "%evt.type %fd.sip %proc.name"
  priority: WARNING
END
  cat >"$SCRATCH/rules/targets.policies.yaml" <<END
policies:
  - name: Refuse
    rules: [Target reached]
    block: true
    response: none
END
}

# The IPv4 address an address of the NAT64 prefix stands for.
judged_as() {
  case $1 in
    64:ff9b::*) python3 -c 'import ipaddress, sys
print(ipaddress.IPv4Address(int(ipaddress.IPv6Address(sys.argv[1])) & 0xffffffff))' "$1" ;;
    *) echo "$1" ;;
  esac
}

# probe CONTAINER [TECHNIQUE...]: by hand, TECHNIQUES are those to try, as on a
# kernel that has what the others lack.
probe() {
  local container=$1
  local -a some=("${@:2}")
  ((${#some[@]})) || read -ra some <<<"${TECHNIQUES-}"
  plain_runc exec "$container" prober "$HARMLESS4" eth0 "${some[@]}"
}

# Hosts 203.0.113.128/25 and 2001:db8:66:1::/64 are all 'outside'; whom packets
# arrive for is counted, by address.
scenery_of_targets() {
  in_netns outside ip route add local 203.0.113.128/25 dev lo
  in_netns outside ip -6 -batch - <<END
route add local 2001:db8:66:1::/64 dev lo
route add local 64:ff9b::/96 dev lo
END
  in_netns inside ip route add 224.0.0.0/4 dev eth0
  in_netns inside ip -6 -batch - <<END
route add 2001:db8:66:1::/64 via $ATTACKER6
route add 64:ff9b::/96 via $ATTACKER6
END
  in_netns inside sh -c 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range
    echo 2 >/proc/sys/net/ipv4/conf/eth0/force_igmp_version
    echo 1 >/proc/sys/net/ipv6/conf/eth0/force_mld_version'
  # As whoever has CAP_NET_ADMIN there could.
  in_netns inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  in_netns inside nft -f - <<END
table netdev elsewhere {
  chain out {
    type filter hook egress device eth0 priority 0;
    ip daddr $HARMLESS4 udp dport 4445 ip daddr set 203.0.113.250
  }
}
table ip redirects {
  chain out {
    type nat hook output priority -100;
    ip daddr $HARMLESS4 udp dport 4446 dnat to 203.0.113.251
    ip daddr $HARMLESS4 tcp dport 4446 dnat to 203.0.113.252
  }
}
END
  # shellcheck disable=SC2119 # none here
  count_arrivals
}

# count_arrivals [TABLE MATCH]: whom packets arrive for at 'outside' is counted
# from now on, by address; of all that come, or that match.
# shellcheck disable=SC2120 # answers.bats passes some
count_arrivals() {
  local match=${2:-iifname eth0}
  in_netns outside nft -f - <<END
table inet ${1:-arrivals} {
  set hosts4 { type ipv4_addr; size 1024; flags dynamic; counter; }
  set hosts6 { type ipv6_addr; size 1024; flags dynamic; counter; }
  chain arrived {
    type filter hook prerouting priority raw;
    $match update @hosts4 { ip daddr }
    $match update @hosts6 { ip6 daddr }
  }
}
END
}

forget_arrivals() {
  in_netns outside nft flush set inet arrivals hosts4
  in_netns outside nft flush set inet arrivals hosts6
}

# arrivals [TABLE]: the addresses packets have arrived for.
arrivals() {
  local set
  for set in hosts4 hosts6; do
    in_netns outside nft -j list set inet "${1:-arrivals}" "$set" |
      jq -r '.nftables[].set // empty | .elem[]? | .elem.val'
  done
}

# A container with every capability: a filter must hold against those too.
privileged_bundle() {
  local id=$1
  bundle_make "$SCRATCH/bundle-$id" "$ROOTFS" "$id" sleep 1000
  jq '(.process.capabilities | .[]) |= (. + ["CAP_NET_RAW", "CAP_NET_ADMIN",
        "CAP_NET_BROADCAST", "CAP_SYS_ADMIN"] | unique)' \
    "$SCRATCH/bundle-$id/config.json" >"$SCRATCH/bundle.json"
  mv "$SCRATCH/bundle.json" "$SCRATCH/bundle-$id/config.json"
}

# Addresses of the container itself.
is_inside() {
  [[ $1 == 127.* || $1 == ::1 || $1 == "$SERVER4" || $1 == "$SERVER6" ]]
}

# alerts_of ADDRESS CONTAINER: "hook verdict", a line each.  What the kernel
# sends by itself is nobody's.
alerts_of() {
  service_events | jq -r --arg ip "$(judged_as "$1")" --arg id "$2" '
    select(.rule == "Target reached" and .output_fields["fd.sip"] == $ip
      and (.bailiff.container.id == $id or .bailiff.container.id == null))
    | "\(.bailiff.hook) \(.bailiff.verdict)"'
}

# delivery ADDRESS CONTAINER: whether something arrived.
delivery() {
  if is_inside "$1"; then
    echo "stays inside"
  elif grep -qxF "$1" "$SCRATCH/$2.arrived"; then
    echo delivers
  else
    echo nothing
  fi
}
