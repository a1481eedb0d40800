#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Ends a run of the harness (see scratch.sh) and removes all it made.
#
#   cleanup.sh                     what runs left whose script is dead
#   cleanup.sh --guard PID SCRATCH wait for PID to die, then clean up; started
#                                  by scratch_open
#
# Sourced, it gives cleanup_run and leftovers.

# The hierarchies of cgroup v1 and cgroup2 that are mounted.
cgroup_roots() { findmnt -rno TARGET -t cgroup,cgroup2; }

# run_cgroups NAME: its cgroups in every hierarchy, children first.
run_cgroups() {
  local root
  for root in $(cgroup_roots); do
    if [[ -d $root/$1 ]]; then find "$root/$1" -depth -type d; fi
  done
}

# run_mounts SCRATCH: mount points below it in this namespace, last first.
run_mounts() {
  awk -v below="$1/" 'index($5 "/", below) == 1 { print $5 }' \
    /proc/self/mountinfo | tac
}

# leftovers SCRATCH: a line for each thing of that run which is still there.
leftovers() {
  local scratch=$1 name=${1##*/}
  name=${name%%.*}
  run_cgroups "$name" | sed 's/^/cgroup /'
  run_mounts "$scratch" | sed 's/^/mount /'
  if [[ -e $scratch ]]; then echo "folder $scratch"; fi
}

# cleanup_run SCRATCH
# Fails, naming it on stderr, when something cannot be removed.
cleanup_run() {
  local scratch=$1 name=${1##*/} root try dir left
  name=${name%%.*}
  for root in $(findmnt -rno TARGET -t cgroup2); do
    [[ -e $root/$name/cgroup.kill ]] || continue
    echo 1 >"$root/$name/cgroup.kill"
    # The kernel needs a moment to take the last task down.
    for ((try = 0; try < 500; ++try)); do
      grep -qx 'populated 0' "$root/$name/cgroup.events" && break
      sleep 0.01
    done
  done
  run_mounts "$scratch" | while read -r dir; do
    umount "$dir" 2>/dev/null || umount --lazy "$dir" || true
  done
  if [[ -e $scratch/made-containers ]]; then
    umount /var/lib/containers 2>/dev/null || true
    rmdir --ignore-fail-on-non-empty /var/lib/containers
  fi
  # A cgroup stays busy until its zombies are reaped.
  for ((try = 0; try < 300; ++try)); do
    left=$(run_cgroups "$name")
    [[ $left ]] || break
    while read -r dir; do rmdir "$dir" 2>/dev/null || true; done <<<"$left"
    [[ $(run_cgroups "$name") ]] && sleep 0.01
  done
  if [[ -e $scratch/controllers ]]; then
    # Runtimes turn on what the root of a version 2 hierarchy offers. Another
    # run may need it meanwhile: then it is that one's to turn off.
    for root in $(findmnt -rno TARGET -t cgroup2); do
      for dir in $(<"$root/cgroup.subtree_control"); do
        [[ " $(<"$scratch/controllers") " == *" $dir "* ]] ||
          echo "-$dir" 2>/dev/null >"$root/cgroup.subtree_control" || true
      done
    done
  fi
  [[ $(run_mounts "$scratch") ]] || rm -rf --one-file-system "$scratch"
  left=$(leftovers "$scratch")
  [[ -z $left ]] || {
    printf 'cleanup: still there: %s\n' "$left" >&2
    return 1
  }
}

# is_alive PID: one that nobody has waited for yet is dead all the same.
is_alive() { readlink "/proc/$1/exe" >/dev/null; }

cleanup_stale() {
  local scratch owner dir
  for scratch in /tmp/bailiff-*.*; do
    [[ -f $scratch/owner ]] || continue
    owner=$(<"$scratch/owner")
    # The id may be somebody else's by now: then the run is left alone, which
    # is the harmless mistake.
    if is_alive "$owner"; then continue; fi
    echo "removing what '${scratch##*/}' left"
    cleanup_run "$scratch"
  done
  # Killed between making the cgroup and anything else.
  for dir in $(for root in $(cgroup_roots); do
    find "$root" -maxdepth 1 -type d -name 'bailiff-[0-9]*'
  done); do
    owner=${dir##*/bailiff-}
    if [[ $owner =~ ^[0-9]+$ ]] && ! is_alive "$owner"; then
      cleanup_run "/tmp/bailiff-$owner.gone"
    fi
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  case ${1:-} in
    --guard)
      tail --pid="$2" -s 0.2 -f /dev/null
      cleanup_run "$3"
      ;;
    "") cleanup_stale ;;
    *)
      echo "usage: cleanup.sh" >&2
      exit 2
      ;;
  esac
fi
