# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The addresses that are tried, and what an alert calls them.

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
