#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# supervisor.sh LOG BUNDLE NAME RUNTIME...
# Stands in for an orchestrator: keeps one container running from BUNDLE, and
# starts the next (NAME-1, NAME-2, ...) when one ends. LOG gets a line per
# event: TIME started|ended CONTAINER [STATUS]. Ends on SIGTERM, with the
# container; gives up after five that would not start.
set -u
log=$1 bundle=$2 name=$3
shift 3

note() { printf '%s %s\n' "$EPOCHREALTIME" "$*" >>"$log"; }

running=
stop() {
  # What was just begun may not be there yet.
  until "$@" kill "$running" KILL 2>/dev/null || [[ ! $(jobs -r) ]]; do
    sleep 0.05
  done
  wait
  exit 0
}
# shellcheck disable=SC2064 # the runtime's command line, as it is now
trap "stop $(printf '%q ' "$@")" TERM

failed=0
for ((number = 1; failed < 5; ++number)); do
  running=$name-$number
  note started "$running"
  "$@" run --bundle "$bundle" "$running" &
  wait $!
  status=$?
  note ended "$running" "$status"
  # 137: a process of the container was killed. Anything else and no service
  # to show for it is a container that never was.
  if ((status == 137)); then failed=0; else ((++failed)); fi
done
exit 1
