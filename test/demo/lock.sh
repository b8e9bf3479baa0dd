# shellcheck shell=bash disable=SC2154
# One demo command at a time. The lock is on the nearest directory above the demo's own that exists, so that no file has to
# be made, or left, for it. A process that is to outlive the script must start with descriptor 9 closed.
take_lock() {
    local parent=${dir%/*}
    while [ ! -d "$parent/" ]; do parent=${parent%/*}; done
    exec 9<"$parent/"
    flock -n 9 || die "another make demo or make down is at work"
}
