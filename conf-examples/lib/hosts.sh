# What the demonstrations have in common: hosts made of namespaces, messages that are watched on the wire, and claims about what
# became of them. Sourced by the `run` of an example, which has set
#
#   here              the directory of the example
#   root              the top of the source tree
#   captured          where tcpdump listens: HOST:INTERFACE. A scene may change it
#   origin            the host whose mail server says what became of a message. A scene may change it
#   destination       the host in whose mailbox a message is to arrive. A scene may change it

if [ -t 1 ]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else bold='' green='' red='' dim='' plain=''; fi

stay=no
work=
declare -A holder init log_start
passed=0 failed=0 verdicts=()

heading() { printf '\n%s%s%s\n%s\n' "$bold" "$1" "$plain" "$(printf '%*s' ${#1} '' | tr ' ' '-')"; }
die() { printf '%sFAILED%s: %s\n' "$red" "$plain" "$1" >&2; exit 1; }

read_arguments() { # USAGE [ARGUMENT]
    case "${2:-}" in
    '') ;;
    --stay) stay=yes ;;
    *) echo "$1" >&2; exit 64 ;;
    esac
    [ "$(id -u)" = 0 ] || { echo "This needs root (network namespaces, mail servers): sudo $0" >&2; exit 77; }
}

prepare() { # TARGET...: packages, the programs (their directories are in $binaries then), a directory for notes
    echo '1. Packages'
    indented "$root/tests/install-packages" ${SMTPSEAL_BINARIES:+--demonstrations} || die 'packages are missing'
    echo '2. Build'
    if [ -n "${SMTPSEAL_BINARIES:-}" ]; then
        binaries=$SMTPSEAL_BINARIES
        echo "   taken from $binaries"
    else
        binaries=$(printf "$root/build/release/%s:" relay postfix-policy milter cli sasl-plugin)
        binaries=${binaries%:}
        "$root/tests/build" release "$@"
    fi
    work=$(mktemp -d)
    trap end_everything EXIT
    trap 'exit 130' INT TERM HUP
}

end_everything() {
    local host
    for host in "${!holder[@]}"; do
        kill -KILL "${holder[$host]}" 2>/dev/null || true
        [ -z "${init[$host]:-}" ] || timeout 5 tail --pid="${init[$host]}" -f /dev/null || true
    done
    [ -z "$work" ] || rm -rf "$work"
}

# ---- hosts

# A host is a set of namespaces; the first process in it ends together with this script, and everything else with that one.
make_host() {
    setpriv --pdeathsig KILL unshare --mount --uts --net --pid --ipc --fork --kill-child --mount-proc \
        sleep infinity >/dev/null 2>"$work/$1.err" &
    holder[$1]=$!
    disown
    local tries
    for tries in $(seq 100); do
        init[$1]=$(cat "/proc/${holder[$1]}/task/${holder[$1]}/children" 2>/dev/null || true)
        init[$1]=${init[$1]%% *}
        [ -z "${init[$1]}" ] || [ "$(cat "/proc/${init[$1]}/comm" 2>/dev/null)" != sleep ] || return 0
        kill -0 "${holder[$1]}" 2>/dev/null || break
        sleep 0.05
    done
    die "this machine lets us make no namespaces: $(cat "$work/$1.err")"
}

connect() { # HOST INTERFACE HOST INTERFACE
    ip link add name "$2" netns "${init[$1]}" type veth peer name "$4" netns "${init[$3]}" ||
        die 'this kernel offers no veth interfaces'
}

on() {
    local host=$1
    shift
    nsenter -t "${init[$host]}" -m -u -i -n -p -r -w -- "$@"
}

indented() { # COMMAND...: with its exit code
    (
        set -o pipefail
        "$@" 2>&1 | sed 's/^/   /'
    )
}

within() { # SECONDS COMMAND...: waits until the command succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

await_socket() { # HOST SOCKET LOG
    within 15 on "$1" test -S "$2" || die "$(on "$1" cat "$3")"
}

await_port() { # FROM_HOST ADDRESS HOST LOG
    within 15 on "$1" timeout 2 bash -c ": </dev/tcp/$2/25" || die "$(on "$3" tail -n 20 "$4")"
}

# ---- messages, and what is seen of them

message() { # [HEADER...]: with the marker in subject and body
    printf '%s\n' "From: $sender" "To: $recipient" "Subject: The figures you asked for $marker" "$@" \
        '' 'Dear Anna,' "$marker" 'Yours'
}

by_plain_smtp() { # ADDRESS [HEADER...]: from the origin; the dialogue goes to the file that print_dialogue shows
    local address=$1
    shift
    message "$@" | on "$origin" "$root/conf-examples/lib/plain-client" "$address" "$sender" "$recipient" \
        >"$work/dialogue" || true
}

capture_begin() {
    on "${captured%:*}" tcpdump -i "${captured#*:}" -s 0 -U --immediate-mode -Z root -w "/run/$scene.pcap" \
        >/dev/null 2>"$work/tcpdump" &
    tcpdump=$!
    within 10 grep -q listening "$work/tcpdump" || die "tcpdump: $(cat "$work/tcpdump")"
}

# A packet of our own comes last: once it is in the file, everything before it is, however busy the machine.
capture_end() {
    local end="end-of-capture-$RANDOM$RANDOM"
    on "${captured%:*}" python3 - "${captured#*:}" "$end" <<'EOF'
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
    last.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
    last.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    last.sendto(sys.argv[2].encode(), ("255.255.255.255", 9))
EOF
    within 30 on "${captured%:*}" grep -qa "$end" "/run/$scene.pcap" || die 'tcpdump does not keep up with the wire'
    on "${captured%:*}" pkill -INT -x tcpdump || true
    wait "$tcpdump" 2>/dev/null || true
    on "${captured%:*}" cat "/run/$scene.pcap" >"$work/$scene.pcap"
}

log_of() { # HOST: what its mail server has logged in this scene
    on "$1" tail -n "+$((${log_start[$1]:-0} + 1))" /var/log/mail.log
}
origin_says() { log_of "$origin" | grep -E "to=<?$recipient>?," | grep -qE "$1"; }
inbox_has_marker() { on "$destination" grep -q "$marker" /var/mail/inbox; }
has_field() { on "$destination" sed '/^$/q' /var/mail/inbox | sed ':a; N; $!ba; s/\n[ \t]\+/ /g' | grep -qiE "^$1"; }
dialogue_has() { grep -qE "$1" "$work/dialogue"; }

print_log() { # HOST PROGRAM: what its mail server said about messages and logins, without date and host name
    printf '\n%s%s log of %s.example%s\n' "$dim" "$2" "$1" "$plain"
    log_of "$1" | grep -E ': client=| to=|reject|AUTH=' | sed -E 's/^[A-Z][a-z]{2} +[0-9]+ [0-9:]+ [^ ]+ //' |
        fold -s -w 108 | sed -E 's/^/    /; /^    (postfix|sm-mta|sendmail)/!s/^/    /' | grep . || echo '    (nothing)'
}

print_delivered() {
    printf '\n%sThe delivered message%s\n' "$dim" "$plain"
    on "$destination" sed '/^$/q' /var/mail/inbox | sed 's/^/    /' | grep . || echo '    (nothing)'
}

print_dialogue() {
    printf '\n%sThe SMTP dialogue%s\n' "$dim" "$plain"
    fold -s -w 108 "$work/dialogue" | sed -E 's/^/    /; /^    [CS]:/!s/^/   /'
}

print_wire() {
    printf '\n%sThe wire, as tcpdump on %s saw it%s\n' "$dim" "${captured%:*}" "$plain"
    python3 "$root/tests/e2e/harness/wire.py" show "$work/$scene.pcap" | sed 's/^/    /' | grep . || echo '    (nothing)'
}

claim() { # TEXT COMMAND...
    local text=$1
    shift
    if "$@" >/dev/null 2>&1; then
        printf '  %sPASS%s  %s\n' "$green" "$plain" "$text"
        passed=$((passed + 1))
    else
        printf '  %sFAIL%s  %s\n' "$red" "$plain" "$text"
        failed=$((failed + 1))
    fi
}

on_wire() { python3 "$root/tests/e2e/harness/wire.py" count "$work/$scene.pcap" "$1"; }
on_wire_is() { [ "$(on_wire "$1")" "$2" "$3" ]; }
handshake_is_readable() {
    [ "$(on_wire 'AUTH NTLM TlRM')" -ge 1 ] && [ "$(on_wire '334 TlRM')" -ge 1 ] && [ "$(on_wire $'\n235 ')" -ge 1 ]
}

play() { # NAME TITLE SENDER RECIPIENT COMMAND...: what the command sends, watched
    local host
    scene=$1 sender=$3 recipient=$4
    marker="MARKER-$scene-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')"
    heading "Scene $scene: $2"
    shift 4
    printf '%s writes to %s; subject and body contain %s\n' "$sender" "$recipient" "$marker"
    for host in "${!holder[@]}"; do
        log_start[$host]=$(on "$host" sh -c 'wc -l </var/log/mail.log')
    done
    on "$destination" sh -c ': >/var/mail/inbox; chown mail:mail /var/mail/inbox'
    capture_begin
    "$@"
    capture_end
}

conclude() { # VERDICT: adds a line to the table at the end
    verdicts+=("$(printf '%-2s  %-24s  %-10s  %-24s  %s' "$scene" "$recipient" "$1" \
        "marker on the wire: $(on_wire "$marker")" "$(inbox_has_marker && echo delivered || echo 'not delivered')")")
}

summary() {
    local host
    heading 'Summary'
    printf '%s\n' "${verdicts[@]}"
    echo
    if [ $stay = yes ]; then
        echo 'The hosts stay. Look around:'
        for host in "${!init[@]}"; do echo "  nsenter -t ${init[$host]} -a -r -w bash   ($host)"; done
        read -r -p 'Press Enter to end. ' _
    fi
    if [ $failed -eq 0 ]; then
        echo "${green}PASSED${plain}: all $passed claims hold."
    else
        echo "${red}FAILED${plain}: $failed of $((passed + failed)) claims do not hold."
        exit 1
    fi
}
