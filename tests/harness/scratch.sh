# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# One run of the demo, of a test file or of a benchmark, and everything it
# makes. All of it hangs off four things, so that cleanup.sh can end it without
# having to remember a list:
#
#   a private mount namespace   mounts, and with the mounts the pins in bpffs,
#                               go when its last process does
#   RUN_CGROUP                  every process that is not a foreground child of
#                               the script is in host/, every container in a
#                               cgroup beside it; one write to cgroup.kill ends
#                               them all, daemons that forked away included
#   SCRATCH                     every file and every mount point
#   network namespaces          bind mounts below SCRATCH/netns, no names
#
# A guard process waits for the script to die: after `kill -9` it cleans up
# within a second. If the guard is killed too, `tests/harness/cleanup.sh` by
# hand removes what dead runs left.

HARNESS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO_DIR=$(cd "$HARNESS_DIR/../.." && pwd)
# Where make puts the binaries, unless the caller says otherwise.
: "${BAILIFF_BIN:=$REPO_DIR/build/release/bin}"
BAILIFF_BIN=$(realpath --canonicalize-missing "$BAILIFF_BIN")
export BAILIFF_BIN HARNESS_DIR REPO_DIR

# shellcheck source=tests/harness/cleanup.sh
source "$HARNESS_DIR/cleanup.sh"

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# scratch_isolate SCRIPT ARGS...
# Starts the script over in a private mount namespace, below a process that
# reaps orphans; returns when that is so already.
scratch_isolate() {
  [[ ${BAILIFF_ISOLATED:-} ]] && return
  ((EUID == 0)) || die "must run as root (cgroups, mounts, eBPF)"
  BAILIFF_ISOLATED=1 exec unshare --mount --propagation private -- \
    python3 "$HARNESS_DIR/reap.py" bash "$@"
}

# scratch_cgroup2_only
# Before scratch_open: the hybrid hierarchy of this machine becomes that of a
# host with version 2 only, for what runs in this mount namespace. It cannot be
# taken back, so a file of stories that does this is run by itself.
scratch_cgroup2_only() {
  [[ ${BAILIFF_ISOLATED:-} ]] ||
    die "run it through tests/e2e/run: it needs a private mount namespace"
  umount --recursive /sys/fs/cgroup
  mount -t cgroup2 bailiff-scratch /sys/fs/cgroup
  CONTROLLERS_BEFORE=$(</sys/fs/cgroup/cgroup.subtree_control)
  export CONTROLLERS_BEFORE
}

# scratch_open
# Makes SCRATCH, RUN_NAME and RUN_CGROUP, and starts the guard. HOOK is a copy of
# bailiff-hook that root owns, whoever owns the build: no other is accepted.
scratch_open() {
  [[ ${BAILIFF_ISOLATED:-} ]] ||
    die "run it through tests/e2e/run: it needs a private mount namespace"
  CGROUP2=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
  [[ $CGROUP2 ]] || die "no cgroup2 is mounted"
  RUN_NAME=bailiff-$$
  RUN_CGROUP=$CGROUP2/$RUN_NAME
  SCRATCH=$(mktemp -d "/tmp/$RUN_NAME.XXXXXX")
  export CGROUP2 RUN_NAME RUN_CGROUP SCRATCH
  printf '%s\n' "$$" >"$SCRATCH/owner"
  [[ ! -v CONTROLLERS_BEFORE ]] ||
    echo "$CONTROLLERS_BEFORE" >"$SCRATCH/controllers"
  setsid bash "$HARNESS_DIR/cleanup.sh" --guard "$$" "$SCRATCH" \
    </dev/null >/dev/null 2>&1 3>&- &
  GUARD_PID=$!
  disown "$GUARD_PID"
  export GUARD_PID
  echo "$GUARD_PID" >"$SCRATCH/guard"
  # Engines keep sockets and state in fixed places below /run and /var/lib:
  # theirs are empty and gone afterwards.
  mount -t tmpfs -o mode=0755 bailiff-scratch /run
  [[ -d /var/lib/containers ]] || {
    touch "$SCRATCH/made-containers"
    mkdir /var/lib/containers
  }
  mount -t tmpfs -o mode=0755 bailiff-scratch /var/lib/containers
  mkdir -p "$RUN_CGROUP/host" "$SCRATCH/netns" "$SCRATCH/bpffs"
  mount -t bpf -o mode=0700 bailiff-scratch "$SCRATCH/bpffs"
  export HOOK=$SCRATCH/bin/bailiff-hook
  [[ ! -x $BAILIFF_BIN/bailiff-hook ]] ||
    install -D -m 0755 "$BAILIFF_BIN/bailiff-hook" "$HOOK"
}

# scratch_close
# Ends and removes all of it; complains when something stayed.
scratch_close() {
  [[ ${SCRATCH:-} ]] || return 0
  local scratch=$SCRATCH
  SCRATCH=
  kill "$GUARD_PID" 2>/dev/null || true
  cleanup_run "$scratch"
}

# spawn LOG COMMAND...
# Starts a process that outlives the shell's command, in RUN_CGROUP/host, with
# both outputs appended to LOG. Its id is in SPAWNED_PID.
spawn() {
  local log=$1
  shift
  (
    echo "$BASHPID" >"$RUN_CGROUP/host/cgroup.procs"
    exec setsid "$@"
  ) </dev/null >>"$log" 2>&1 3>&- &
  export SPAWNED_PID=$!
  disown "$SPAWNED_PID"  # no report from the shell when it is killed
}

# in_host_cgroup COMMAND...
# Runs a command in the foreground, but it and all it forks away in
# RUN_CGROUP/host: for engines, which leave daemons behind.
in_host_cgroup() {
  (
    echo "$BASHPID" >"$RUN_CGROUP/host/cgroup.procs"
    exec "$@" 3>&-
  )
}

# wait_until SECONDS WHAT COMMAND...
# Tries the command until it succeeds. SECONDS only bounds the failing case, and
# is multiplied by PATIENCE where a machine is known to be slow.
wait_until() {
  local deadline=$((SECONDS + $1 * ${PATIENCE:-1})) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      printf 'timed out waiting for %s\n' "$what" >&2
      return 1
    fi
    sleep 0.02
  done
}

# True when no task is left in the cgroup at PATH (below cgroup2), or it is
# gone.
cgroup_empty() {
  [[ ! -e $CGROUP2/$1 ]] || grep -qx 'populated 0' "$CGROUP2/$1/cgroup.events"
}
