# The common part of both benches, to be sourced. Sets root, wasm, bin and work. `manifest` writes the application's manifest,
# `start` runs a server until the script ends, and `wait_for` waits until a URL answers. With BIN=folder the examples are taken
# from there instead of built.
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

# manifest ROUTE=FIXTURE…: one component per route; each may use the default database.
manifest() {
    printf 'spin_manifest_version = 2\n[application]\nname = "bench"\n' > "$work/spin.toml"
    for pair; do
        route=${pair%%=*} name=${pair#*=}
        printf '[[trigger.http]]\nroute = "%s"\ncomponent = "%s"\n' "$route" "$name"
        printf '[component.%s]\nsource = "%s/fixture_%s.wasm"\nsqlite_databases = ["default"]\n' "$name" "$wasm" "$name"
    done >> "$work/spin.toml"
}
