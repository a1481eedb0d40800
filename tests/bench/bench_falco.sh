#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench_falco.sh [--rounds N] [--json FILE] [--help for more]
# What a container costs that is enforced by Falco's own rules, over the same
# without: programs executed and files opened as a build does it, a call that
# bailiffd answers, and the events it takes in. falco_times.py says how it is
# measured.
set -euo pipefail

# shellcheck source=tests/bench/scene.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scene.sh"
# shellcheck source=tests/harness/falco_rules.sh
source "$BENCH_DIR/../harness/falco_rules.sh"
if [[ ! -d $FALCO_RULES ]]; then
  die "'../shared/data' is not there: Falco's rules are read from it"
fi
scene_open "${BASH_SOURCE[0]}" "$@"
cc -O2 -static -o "$SCRATCH/rootfs/bin/calls" \
  "$REPO_DIR/tests/e2e/triggers/calls.c"

{
  falco_enabled
  cat <<'END'
- rule: Mark
  desc: where a work ends
  condition: evt.type = mkdir and evt.arg.path startswith /marks/
  priority: DEBUG
  output: "%evt.arg.path"
- rule: Folder made
  desc: bailiffd reads the path while the caller waits
  condition: evt.type = mkdir and evt.arg.path startswith /tmp/trap
  priority: WARNING
  output: "%evt.arg.path"
END
} >"$SCRATCH/rules/site.yaml"
cat >"$SCRATCH/rules/all.yaml" <<'END'
policies:
  - name: All
    rules: ["*"]
    mode: monitor
  - name: Hold
    scope: container.image.repository endswith "/held"
    rules: ["Folder made"]
    block: true
    response: none
END
service_configure service "[$(falco_files)$SCRATCH/rules/site.yaml]" \
  "$SCRATCH/rules/all.yaml"
scene_tmpfs
service_start

python3 "$BENCH_DIR/falco_times.py" \
  --json "$REPO_DIR/build/bench/falco.json" "$@"
