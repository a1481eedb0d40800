# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the benchmarks on real runc containers share.

BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/harness/scratch.sh
source "$BENCH_DIR/../harness/scratch.sh"
# shellcheck source=tests/harness/netns.sh
source "$BENCH_DIR/../harness/netns.sh"
# shellcheck source=tests/harness/engine_runc.sh
source "$BENCH_DIR/../harness/engine_runc.sh"
# shellcheck source=tests/harness/service.sh
source "$BENCH_DIR/../harness/service.sh"

# scene_open SCRIPT ARGS...
# A scratch that is removed when the script ends, the scenery, and a root file
# system with workload.c in it. Containers share /bench with whoever measures.
scene_open() {
  scratch_isolate "$@"
  trap scratch_close EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch_open
  netns_scenery
  rootfs_make "$SCRATCH/rootfs"
  mkdir -p "$SCRATCH"/{rules,bench} "$SCRATCH"/rootfs/{bench,marks,srv}
  local number
  for ((number = 0; number < 1000; ++number)); do
    echo x >"$SCRATCH/rootfs/srv/$number"
  done
  cc -O2 -static -o "$SCRATCH/rootfs/bin/workload" "$BENCH_DIR/workload.c"
  bundle_make "$SCRATCH/template" "$SCRATCH/rootfs" @ID@ @ARGS@
  mkdir -p "$REPO_DIR/build/bench"
}

# scene_tmpfs: between service_configure and service_start.
# What engines keep below /run is on a tmpfs here too: bundles, the runtime's
# state, RUN_DIR. On a disk its file system is measured as well; ext4 without a
# journal looks at every inode that was deleted in the last minutes whenever a
# file is made, and a benchmark deletes many.
scene_tmpfs() {
  local dir
  for dir in "$SCRATCH/bundles" "$SCRATCH/runc" "$SCRATCH/bench" "$SVC/run"; do
    mkdir -p "$dir"
    mount -t tmpfs -o mode=0700 bailiff-scratch "$dir"
  done
}
