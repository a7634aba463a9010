# What the scripts in the roots have in common.

expect() { # TEXT COMMAND...: ends the script where the command fails
    local text=$1
    shift
    if "$@"; then
        echo "as it must be: $text"
    else
        echo "NOT as it must be: $text"
        echo "  $*"
        exit 1
    fi
}

within() { # SECONDS COMMAND...: waits until the command succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}
