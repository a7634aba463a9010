# The package again, as a later version. Sourced.

repacked() { # DIRECTORY_OF_THE_PACKAGE SUFFIX [COMMAND...]: its name; the command is run in the unpacked package
    local work suffix=$2
    work=$(mktemp -d)
    chmod 755 "$work" # else apt's own user cannot read it
    dpkg-deb -R "$1"/smtpseal_*.deb "$work/unpacked"
    shift 2
    sed -i "s/^Version: .*/&+$suffix/" "$work/unpacked/DEBIAN/control"
    [ $# -eq 0 ] || (cd "$work/unpacked" && "$@")
    dpkg-deb -Znone -b "$work/unpacked" "$work" >/dev/null
    ls "$work"/smtpseal_*.deb
}
