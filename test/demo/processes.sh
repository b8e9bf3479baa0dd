# shellcheck shell=bash disable=SC2154,SC2016
# The processes of the demo, found by what they are, not by a number noted down: after a crash or a restart of the machine
# such a number may be another program's. Needs as_owner, $data, $receiver,
# $console, $refresh and $twilio.

# processes LINK PATH prints the ids of the processes of the demo's owner whose LINK (exe, cwd) in /proc leads to PATH. It
# looks as that owner does: in a container even root may not look at the processes of others.
processes() {
    "${as_owner[@]}" true 2>/dev/null || return 0 # no such user yet: nothing of theirs can be running
    "${as_owner[@]}" bash -c '
        for process in /proc/[0-9]*; do
            target=$(readlink "$process/$1" 2>/dev/null) || continue
            [ "${target% (deleted)}" != "$2" ] || echo "${process#/proc/}"
        done' - "$1" "$2"
}

receiver_pids() { processes exe "$receiver"; }
console_pids() { processes exe "$console"; }
refresh_pids() { processes exe "$refresh"; }
twilio_pids() { processes cwd "$twilio"; }

# Prints the postmaster: its children work in the same directory, but have it as their parent.
server_pids() {
    local pid all
    all=" $(processes cwd "$data" | tr '\n' ' ') "
    for pid in $all; do
        [[ $all == *" $(parent_of "$pid") "* ]] || echo "$pid"
    done
}

parent_of() { sed -n 's/^PPid:[^0-9]*//p' "/proc/$1/status" 2>/dev/null; }

# end_processes FINDER SIGNAL sends SIGNAL to what FINDER finds, waits up to 10 s until it is gone, then kills it.
end_processes() {
    local finder=$1 signal=$2 pids waiting
    pids=$($finder)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -"$signal" $pids 2>/dev/null || true
    for ((waiting = 0; waiting < 100; waiting++)); do
        pids=$($finder)
        [ -n "$pids" ] || return 0
        sleep 0.1
    done
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.2
}
