# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A bailiffd with folders of its own below SCRATCH, and its client. RUNTIME: what
# bailiff-runc stands in front of, "" for runc.

# service_configure NAME RULES POLICIES [LINE...]
# Makes the service's folders in SVC and its bailiff.yaml; each LINE is appended
# to it. RULES and POLICIES are a file, or a [flow, sequence] of them.
service_configure() {
  SVC=$SCRATCH/$1
  local rules=$2 policies=$3
  shift 3
  [[ $rules == \[* ]] || rules="[\"$rules\"]"
  [[ $policies == \[* ]] || policies="[\"$policies\"]"
  mkdir -p "$SVC" "$SVC/state" "$SCRATCH/bpffs/${SVC##*/}"
  mkdir -m 0700 "$SVC/run"
  cat >"$SVC/bailiff.yaml" <<END
node: testnode
run_dir: $SVC/run
state_dir: $SVC/state
bpf_dir: $SCRATCH/bpffs/${SVC##*/}
rules: $rules
policies: $policies
runtime: $(command -v "${RUNTIME:-runc}")
hook: $HOOK
END
  ((!$#)) || printf '%s\n' "$@" >>"$SVC/bailiff.yaml"
  export SVC
}

# Starts bailiffd and waits until it says that it is ready.
service_start() {
  spawn "$SVC/log" "$BAILIFF_BIN/bailiffd" --config "$SVC/bailiff.yaml"
  SERVICE_PID=$SPAWNED_PID
  export SERVICE_PID
  if ! wait_until 20 "bailiffd to be ready" service_ready_or_dead ||
    ! kill -0 "$SERVICE_PID" 2>/dev/null; then
    echo "bailiffd did not become ready; its log:" >&2
    cat "$SVC/log" >&2
    return 1
  fi
}

service_ready_or_dead() {
  ! kill -0 "$SERVICE_PID" 2>/dev/null || api GET /readyz
}

# service_stop [SIGNAL]
service_stop() {
  [[ ${SERVICE_PID:-} ]] || return 0
  kill "-${1:-TERM}" "$SERVICE_PID" 2>/dev/null || true
  wait_until 20 "bailiffd to stop" service_gone
  SERVICE_PID=
}

# Its zombie is the shell's to reap, or, in another shell of the test, nobody's.
# The first thread may be one while others still hold the service's files.
service_gone() {
  [[ ! -e /proc/$SERVICE_PID ]] ||
    awk '$1 == "State:" {zombie = $2 == "Z"} $1 == "Threads:" {threads = $2}
      END {exit !(zombie && threads <= 1)}' "/proc/$SERVICE_PID/status"
}

# api METHOD PATH [curl arguments...]: the body on stdout; fails from 400 on.
api() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body \
    --max-time $((10 * ${PATIENCE:-1})) \
    --unix-socket "$SVC/run/bailiffd.sock" \
    --request "$method" "http://bailiff$path" "$@"
}

bailiff() { "$BAILIFF_BIN/bailiff" "$@"; }
# bailiff_api COMMAND...: against this service.
bailiff_api() { bailiff --api "unix:$SVC/run/bailiffd.sock" "$@"; }

# service_event JQ-CONDITION: true when an event is stored for which it holds.
service_event() {
  service_events | jq -es "any(.[]; $1)"
}

# service_events: the stored alerts, oldest first, one JSON object a line.
service_events() {
  api GET "/v1/events?limit=1000" | jq -c '.events[]'
}
