# What the demonstrations have in common when they make a host out of the namespaces they are called in. Sourced by the
# `stage/host` of an example. Nothing outside the namespaces changes.

own_file_systems() { # DIRECTORY...: the host has /run and these for itself, empty, and a copy of /etc
    mount -t tmpfs -o mode=755 tmpfs /run
    cp -a /etc /run/etc
    mount --bind /run/etc /etc
    own_directories "$@"
    own_state
}

# A /var/lib where daemons can make directories that are gone at the end; what the machine has there is still found.
own_state() {
    local entry
    mkdir /run/machine-lib
    mount --rbind /var/lib /run/machine-lib
    mount -t tmpfs -o mode=755 tmpfs /var/lib
    for entry in /run/machine-lib/*; do
        [ "${entry##*/}" = smtpseal ] || ln -s "$entry" /var/lib/ # what the machine's own relay has on hold is not ours
    done
}

own_directories() { # DIRECTORY...
    local directory
    for directory; do
        mkdir -p "/run$directory"
        chown --reference="$directory" "/run$directory"
        chmod --reference="$directory" "/run$directory"
        mount --bind "/run$directory" "$directory"
    done
}

own_name() { # NAME ADDRESS: of the host, and the demonstration's name server
    hostname "$1.example"
    rm -f /etc/resolv.conf /etc/hosts
    echo 'nameserver 192.0.2.53' >/etc/resolv.conf
    printf '127.0.0.1 localhost\n%s %s.example\n' "$2" "$1" >/etc/hosts
}

own_network() { # INTERFACE ADDRESS...
    local interface=$1 address
    shift
    ip link set lo up
    for address; do
        ip address add "$address/24" dev "$interface"
    done
    ip link set "$interface" up
}

install_tables() { # DIRECTORY: the user smtpseal, and what of /etc/smtpseal is there
    local table
    if ! id smtpseal >/dev/null 2>&1; then
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin smtpseal
    fi
    mkdir -p /etc/smtpseal
    for table in smtpseal.toml domains credentials accounts; do
        rm -f "/etc/smtpseal/$table"
        [ -e "$1/$table" ] || continue
        case $table in
        credentials | accounts) install -m 0640 -o root -g smtpseal "$1/$table" /etc/smtpseal/ ;;
        *) install -m 0644 "$1/$table" /etc/smtpseal/ ;;
        esac
    done
}

start_dnsmasq() { # CONFIGURATION
    dnsmasq --conf-file="$1" </dev/null >/var/log/dnsmasq.log 2>&1 &
}

start_daemons() { # PROGRAM...
    local daemon
    for daemon; do
        "$daemon" --config /etc/smtpseal/smtpseal.toml --check-config
        "$daemon" --config /etc/smtpseal/smtpseal.toml </dev/null >"/var/log/$daemon.log" 2>&1 &
    done
}

configure_postfix() { # MAIN.CF ADDED_TO_MASTER.CF...: and the directory for the sockets it connects to
    # A namespace begins with 10, which Postfix's programs can fill before its logger has started; hosts with systemd have 512.
    sysctl -q -w net.unix.max_dgram_qlen=512
    install -m 0644 "$1" /etc/postfix/main.cf
    shift
    cat /usr/share/postfix/master.cf.dist "$@" >/etc/postfix/master.cf
    install -d -o smtpseal -g postfix -m 2750 /var/spool/postfix/smtpseal
}

start_postfix() {
    # The files that chrooted services need: the init script of Debian 12 copies them, from Debian 13 on Postfix's own.
    grep -q configure-instance /usr/lib/postfix/sbin/post-install || /usr/lib/postfix/configure-instance.sh -
    postfix start >/var/log/postfix-start.log 2>&1 </dev/null || { cat /var/log/postfix-start.log /var/log/mail.log; exit 1; }
}
