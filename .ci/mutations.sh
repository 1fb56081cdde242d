# What the two collections of mutations share; sourced by their check.sh, which has set `here`, `root`
# and where cargo compiles. Makes a copy of the tree, goes there, and defines the steps of a check.

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT INT TERM
(cd "$root" && tar -cf - --exclude ./target --exclude ./.git .) | tar -xf - -C "$copy"
cd "$copy"
mkdir pristine
tar -cf - crates | tar -xf - -C pristine
# Cargo goes by times: it may hold the last mutation of an earlier run for these files.
find crates -name '*.rs' -exec touch {} +

failed() {
    tail -n 40 "$copy/log" >&2
    echo "$(basename "$here"): $1" >&2
    exit 1
}

# Whether the patch called $name is meant.
wanted() {
    for part in "$@"; do
        case $name in *"$part"*) return 0 ;; esac
    done
    [ $# -eq 0 ]
}

# What patch writes is newer than what cargo has compiled, and so is what is restored.
mutate() {
    patch -p1 --silent --no-backup-if-mismatch --fuzz=0 <"$1" >"$copy/log" ||
        failed "$name does not apply"
}

# Not by patch: backwards, what follows a removed line may be found in several places.
restore() {
    for file in $(sed -n 's|^+++ b/||p' "$1"); do
        cp "pristine/$file" "$file"
    done
}
