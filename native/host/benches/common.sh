# What both benches begin with; to be sourced. Sets root, wasm, bin, work; `start` runs a server that ends with the script,
# `wait_for` waits until a URL answers. With BIN=folder the examples are taken from there instead of being built.
root=$(cd "$(dirname "$0")/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
wasm=$target/host-fixtures/wasm32-wasip2/release
bin=${BIN:-$target/release/examples}
work=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; rm -rf "$work"' EXIT INT TERM

(cd "$root/native/host/fixtures" && cargo build --quiet --release --target wasm32-wasip2 --target-dir "$target/host-fixtures")
# The whole workspace, so that no dependency is built again with other features.
[ -n "${BIN:-}" ] || (cd "$root" && cargo build --quiet --release --workspace --examples)

start() { "$@" >> "$work/log" 2>&1 & pids="$pids $!"; }

wait_for() {
    tries=0
    until curl -fsS -o /dev/null "$1" 2>> "$work/log"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { cat "$work/log"; echo "no answer: $1"; exit 1; }
        sleep 0.1
    done
}
