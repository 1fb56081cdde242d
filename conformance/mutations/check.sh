#!/bin/sh
# Shows that the conformance suite has teeth: each patch in this folder breaks what the
# specifications ask for in a copy of the tree, and the cases that it names must then fail.
#
#   conformance/mutations/check.sh [part of a patch's name]…
#
# CARGO_TARGET_DIR is where the copy is compiled (default: target/mutations); only what a patch
# changes is compiled anew. A patch that does not apply any more, or does not compile, is an error:
# it has to follow the code. One that survives means that the suite lacks a case. A patch with a
# line `peer: pyzmq` is noticed beside sockets of libzmq: that needs the Python which
# `cargo xtask conformance` has made.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/mutations}"
# What is compiled here runs for a few seconds: compiling it has to be quick.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=1

. "$root/.ci/mutations.sh"

python="$root/target/interop/venv/bin/python"

# Our own sockets, with scripted peers and among themselves, or beside those of others: "$1".
suite() {
    peers="--peer raw --peer ferromq"
    [ -z "$1" ] || peers="--peer $1 --python $python"
    shift
    # shellcheck disable=SC2086 # Peers are words.
    timeout 600 "$CARGO_TARGET_DIR/debug/ferromq-conformance" $peers "$@" >"$copy/log" 2>&1
}

of_patch() {
    sed -n "s/^$2: //p" "$1"
}

# Whether the patch called $name is to be tried.
chosen() {
    wanted "$@" || return 1
    [ -z "$(of_patch "$patch" peer)" ] || [ -x "$python" ] ||
        { echo "skipped: $name, for there is no $python"; return 1; }
}

build() {
    timeout 600 cargo build --quiet --locked -p ferromq-conformance \
        --config profile.dev.package.ferromq-testkit.opt-level=0 >"$copy/log" 2>&1
}

build || failed "the tree does not compile"
for peer in "" pyzmq; do
    cases=
    for patch in "$here"/*.patch; do
        name=$(basename "$patch" .patch)
        [ "$(of_patch "$patch" peer)" = "$peer" ] && chosen "$@" &&
            cases="$cases --case $(of_patch "$patch" case)"
    done
    [ -z "$cases" ] && continue
    # shellcheck disable=SC2086 # Names of cases are words.
    suite "$peer" $cases || failed "the suite fails without any mutation"
done
echo "ok: the suite passes"

survivors=
for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    chosen "$@" >/dev/null || continue
    case=$(of_patch "$patch" case)
    began=$(date +%s)
    mutate "$patch"
    build || failed "$name does not compile"
    built=$(date +%s)
    if suite "$(of_patch "$patch" peer)" --case "$case" --until-surprise; then
        survivors="$survivors $name"
        echo "SURVIVES: $name, in spite of $case"
    elif grep -q "^SURPRISE\|^watchdog" "$copy/log"; then
        echo "ok: $name is caught ($((built - began)) s to compile, $(($(date +%s) - built)) s to catch)"
    else
        failed "$name: no trial has run"
    fi
    restore "$patch"
done
[ -z "$survivors" ]
