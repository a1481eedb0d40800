#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench_container.sh [--runs N] [--json FILE] [--help for more]
# On real runc containers: how long from the violation to the response, with few
# and with many containers and processes, and to the webhook request; whether it
# grows under a thousand violations a second; and what wrapper and hook add to
# `runc run` of `true`. container_times.py says how it is measured.
set -euo pipefail

# shellcheck source=tests/bench/scene.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scene.sh"
scene_open "${BASH_SOURCE[0]}" "$@"

install -m 0644 "$REPO_DIR"/examples/log4shell/*.rules.yaml "$SCRATCH/rules/"
# policy NAME RESPONSE CAPTURE SINKS: for the containers of the image NAME.
policy() {
  cat <<END_OF_POLICY
  - name: $1
    scope: container.image.repository endswith "/$1"
    rules: ["Malicious C2 IPs or domains exploiting log4j"]
    block: true
    response: $2
    capture: $3
    notify: [$4]
END_OF_POLICY
}
{
  echo "policies:"
  policy told kill false soc
  policy kill kill false ""
  policy pause pause false ""
  policy capture kill true ""
  policy burst kill_process false ""
} >"$SCRATCH/rules/policies.yaml"
# A port that is free now; nothing else on the machine asks for one by number.
port=$(python3 -c 'import socket
with socket.create_server(("127.0.0.1", 0)) as s: print(s.getsockname()[1])')
service_configure service "[$SCRATCH/rules/log4j.rules.yaml,
  $SCRATCH/rules/site-indicators.rules.yaml]" "$SCRATCH/rules/policies.yaml" \
  "sinks: [{name: soc, type: webhook, url: \"http://127.0.0.1:$port/\"}]" \
  "limits: {policy: 100000, workload: 100000, node: 100000}"
scene_tmpfs
service_start

python3 "$BENCH_DIR/container_times.py" --port "$port" \
  --json "$REPO_DIR/build/bench/container.json" "$@"
