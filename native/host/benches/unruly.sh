#!/bin/sh
# Measures what endless loops and endless allocations cost their callers and other requests: the latency of a hello-world
# component alone, and beside UNRULY endless loops and as many allocators, at the host's default limits.
#
#   benches/unruly.sh [SECONDS]
#
# Needs `wrk` (Debian) and `curl`.
set -eu
seconds=${1:-12} unruly=${UNRULY:-4}
. "$(dirname "$0")/common.sh"

manifest /hello=hello /unruly/...=unruly
start "$bin/serve" --manifest "$work/spin.toml" --state-dir "$work" --listen 127.0.0.1:3910
url=http://127.0.0.1:3910
wait_for "$url/hello"

hello() {
    wrk -t1 -c8 -d"${seconds}s" --latency "$url/hello" |
        awk -v what="$1" '/50%|99%/ { v[$1] = $2 } /Latency  / { most = $4 } /Requests\/sec/ { rate = $2 }
            /Non-2xx/ { bad = $0 } END { printf "%-32s %8.0f/s  p50 %s  p99 %s  max %s %s\n", what, rate, v["50%"], v["99%"], most, bad }'
}
hello "hello, alone"
calls=
for n in $(seq "$unruly"); do
    for what in loop hog; do
        curl -s -o /dev/null -w "$what: %{http_code} after %{time_total} s\n" "$url/unruly/$what" > "$work/call.$what.$n" &
        calls="$calls $!"
    done
done
hello "hello, beside $unruly loops and hogs"
wait $calls
cat "$work"/call.*
hello "hello, afterwards"
