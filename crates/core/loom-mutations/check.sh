#!/bin/sh
# Shows that the loom models have teeth: each patch in this folder breaks one wake-up protocol in a
# copy of the tree, and the model that it names must then fail.
#
#   crates/core/loom-mutations/check.sh [part of a patch's name]…
#
# CARGO_TARGET_DIR is where the copy is compiled (default: target/loom). A patch that does not apply
# any more, or does not compile, is an error: it has to follow the code.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

export RUSTFLAGS="--cfg loom"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/loom}"
# What is compiled here runs for a second: compiling it has to be quick.
export CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_INCREMENTAL=true
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1

. "$root/.ci/mutations.sh"

# Minutes at most: a broken protocol may also go round in circles.
models() {
    timeout 600 cargo test --quiet --locked -p ferromq-core --lib --release "$@" >"$copy/log" 2>&1
}

models loom_ || failed "the models fail without any mutation"
echo "ok: the models pass"

for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    wanted "$@" || continue
    model=$(sed -n 's/^model: //p' "$patch")
    mutate "$patch"
    models --no-run || failed "$name does not compile"
    if models "$model"; then
        failed "$name is not noticed by $model"
    fi
    grep -q "^test result: FAILED\|signal: 6" "$copy/log" || failed "$name: no model ran"
    restore "$patch"
    echo "ok: $name is caught"
done
