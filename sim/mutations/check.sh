#!/bin/sh
# Shows that the simulation has teeth: each patch in this folder plants a bug in a copy of the tree,
# and one of a thousand seeds must then fail. Prints which one.
#
#   sim/mutations/check.sh [part of a patch's name]…
#
# CARGO_TARGET_DIR is where the copy is compiled (default: target/mutations). A patch that does not
# apply any more, or does not compile, is an error: it has to follow the code.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/mutations}"
export CARGO_PROFILE_STRESS_DEBUG=0

. "$root/.ci/mutations.sh"

build() {
    timeout 1200 cargo build --quiet --locked --profile stress -p ferromq-sim >"$copy/log" 2>&1
}

# So many seeds, from the first on.
seeds() {
    timeout 600 "$CARGO_TARGET_DIR/stress/ferromq-sim" "$1" 0 --once >"$copy/log" 2>&1
}

build || failed "the tree does not compile"
seeds 100 || failed "a seed fails without any mutation"
echo "ok: a hundred seeds pass"

survivors=
for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    wanted "$@" || continue
    mutate "$patch"
    build || failed "$name does not compile"
    if seeds 1000; then
        survivors="$survivors $name"
        echo "SURVIVES: $name, in spite of a thousand seeds"
    else
        seed=$(sed -n 's/^again: .* --seed \([0-9]*\) .*/\1/p' "$copy/log")
        [ -n "$seed" ] || failed "$name: no seed has run"
        echo "ok: $name is caught by seed $seed: $(sed -n 's/^sim: //p' "$copy/log" | cut -c 1-100)"
    fi
    restore "$patch"
done
[ -z "$survivors" ]
