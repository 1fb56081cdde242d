#!/bin/sh
# Shows that the conformance suite has teeth: each patch in this folder breaks what the
# specifications ask for in a copy of the tree, and the cases that it names must then fail.
#
#   conformance/mutations/check.sh [part of a patch's name]…
#
# CARGO_TARGET_DIR is where the copy is compiled (default: target/mutations); only what a patch
# changes is compiled anew. A patch that does not apply any more, or does not compile, is an error:
# it has to follow the code. One that survives means that the suite lacks a case.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/mutations}"
# What is compiled here runs for a few seconds: compiling it has to be quick.
export CARGO_PROFILE_DEV_DEBUG=0

. "$root/.ci/mutations.sh"

# Our own sockets, with scripted peers and among themselves.
suite() {
    timeout 600 "$CARGO_TARGET_DIR/debug/ferromq-conformance" \
        --peer raw --peer ferromq "$@" >"$copy/log" 2>&1
}

build() {
    timeout 600 cargo build --quiet --locked -p ferromq-conformance >"$copy/log" 2>&1
}

cases=
for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    wanted "$@" && cases="$cases --case $(sed -n 's/^case: //p' "$patch")"
done
build || failed "the tree does not compile"
# shellcheck disable=SC2086 # Names of cases are words.
suite $cases || failed "the suite fails without any mutation"
echo "ok: the suite passes"

survivors=
for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    wanted "$@" || continue
    case=$(sed -n 's/^case: //p' "$patch")
    mutate "$patch"
    build || failed "$name does not compile"
    if suite --case "$case"; then
        survivors="$survivors $name"
        echo "SURVIVES: $name, in spite of $case"
    elif grep -q "^SURPRISE\|^watchdog" "$copy/log"; then
        echo "ok: $name is caught by $(grep -c "^SURPRISE\|^watchdog" "$copy/log") trials"
    else
        failed "$name: no trial has run"
    fi
    restore "$patch"
done
[ -z "$survivors" ]
