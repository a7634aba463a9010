"""A stock Sendmail on a host of its own: mount, UTS and network namespaces in which the unpacked packages (tests/sendmail-root)
lie over this machine's /usr and /etc, so that everything stands where the packages and the examples want it.

The host's /etc, /var, /run, /dev and its directory of SASL plugins are directories below `dir`, so that a case reads and changes
them by plain paths. Its network is one address at the end of a wire to the namespace of the cases, which routes; a capture of
`interface` holds whatever the host says and hears.
"""

import contextlib
import glob
import mailbox
import os
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading

from harness.process import Process
from harness.runner import Failed, expect, within

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SENDMAIL = ROOT + "/build/sendmail"
EXAMPLES = ROOT + "/conf-examples/sendmail"
SASL2 = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/sasl2"
SMMTA, SMMSP = 5725, 5726  # Sendmail's users
STOCK_NTLM = SASL2 + "/libntlm.so"

# Waits for the wire, then makes the host; `sleep` holds its namespaces.
MAKE = """
echo made
read -r wire
ip link set lo up
ip address add {address}/32 dev eth0
ip link set eth0 up
ip route add default via {gateway} dev eth0 onlink
hostname {hostname}
mount -t overlay -o lowerdir={dir}/usr:{sendmail}/usr:/usr overlay /usr
mount --bind {dir}/sasl2 {sasl2}
for device in null zero full random urandom tty; do
    : >{dir}/dev/$device
    mount --bind /dev/$device {dir}/dev/$device
done
mount --bind {dir}/etc /etc
mount --bind {dir}/var /var
mount --rbind {dir}/dev /dev
mount --bind {dir}/run /run
echo ready
exec sleep infinity
"""

TABLES = """
cd /etc/mail
for map in access authinfo mailertable; do
    [ ! -e $map ] || makemap hash $map <$map
done
sendmail-mta -bi >/dev/null
"""


def example(role, name="sendmail.mc"):
    """The text of a file of conf-examples/sendmail."""
    with open(f"{EXAMPLES}/{role}/{name}", encoding="utf-8") as file:
        return file.read()


class SendmailHost:
    def __init__(self, base, name, address, gateway, hosts):
        """`hosts` is the text of /etc/hosts, which names this host too."""
        self.name = name
        self.address = (address, 25)
        self.dir = os.path.join(base, name)
        self.interface = name
        self.hostname = re.search(rf"^{re.escape(address)}\s+(\S+)", hosts, re.M)[1]
        self.inbox = self.dir + "/var/mail/inbox"
        self.daemon = None
        self.log_start = 0
        self.packages = self._packages(base)
        self._make_directories(hosts)
        self._listen_to_syslog()
        self._make_namespaces(gateway)

    # ---- making the host

    @staticmethod
    def _packages(base):
        """The unpacked packages as root's: Sendmail looks, and what lies below build/ may be anybody's."""
        path = base + "/sendmail"
        if not os.path.exists(path):
            subprocess.run(["cp", "-r", "--preserve=mode", SENDMAIL, path], check=True)
        return path

    def _make_directories(self, hosts):
        for part in (
            "usr/local/share/smtpseal",
            "sasl2",
            "dev",
            "run/smtpseal",
            "run/sendmail/mta",
            "run/lock",
            "var/lib/sendmail/host_status",
            "var/log",
            "var/mail",
            "var/spool/mqueue",
            "var/spool/mqueue-client",
            "var/tmp",
        ):
            os.makedirs(f"{self.dir}/{part}")
        os.symlink("/run", self.dir + "/var/run")
        os.chmod(self.dir + "/var/tmp", 0o1777)
        subprocess.run(["cp", "-a", "/etc", self.dir + "/etc"], check=True)
        subprocess.run(["cp", "-a", self.packages + "/etc/.", self.dir + "/etc"], check=True)
        self._add_users(smmta=SMMTA, smmsp=SMMSP)
        for part in ("run/sendmail/mta", "var/lib/sendmail/host_status", "var/spool/mqueue"):
            os.chown(f"{self.dir}/{part}", SMMTA, SMMSP)
        shutil.chown(self.dir + "/run/smtpseal", "smtpseal", "smtpseal")
        os.chmod(self.dir + "/run/smtpseal", 0o750)
        shutil.chown(self.dir + "/var/mail", "mail", "mail")
        open(self.dir + "/var/lib/sendmail/sendmail.st", "w", encoding="ascii").close()
        shutil.copy(EXAMPLES + "/smtpseal.m4", self.dir + "/usr/local/share/smtpseal/")
        self.write("/etc/hosts", "127.0.0.1 localhost\n" + hosts)
        nsswitch = re.sub(r"^hosts:.*", "hosts: files", self.read("/etc/nsswitch.conf"), flags=re.M)
        self.write("/etc/nsswitch.conf", nsswitch)
        self.write("/etc/mail/service.switch", "hosts files\naliases files\n")
        self.write(
            "/etc/mail/aliases",
            "postmaster: root\nanna: /var/mail/inbox\njoe: /var/mail/inbox\nroot: /var/mail/inbox\n",
        )
        for part in ("smtpseal", "sasl2"):
            os.makedirs(f"{self.dir}/etc/{part}", exist_ok=True)

    def _add_users(self, **users):
        for table, line in (
            ("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"),
            ("group", "{0}:x:{1}:\n"),
        ):
            with open(f"{self.dir}/etc/{table}", "a", encoding="ascii") as file:
                file.writelines(line.format(*user) for user in users.items())

    def _listen_to_syslog(self):
        self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._syslog.bind(self.dir + "/dev/log")
        os.chmod(self.dir + "/dev/log", 0o666)
        self._maillog = open(self.dir + "/maillog", "wb", buffering=0)
        threading.Thread(target=self._write_log, daemon=True).start()

    def _write_log(self):
        while line := self._syslog.recv(65536):
            self._maillog.write(re.sub(rb"^<\d+>", b"", line.rstrip(b"\0\n")) + b"\n")

    def _make_namespaces(self, gateway):
        script = MAKE.format(
            dir=self.dir,
            address=self.address[0],
            gateway=gateway,
            hostname=self.hostname,
            sendmail=self.packages,
            sasl2=SASL2,
        )
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--net", "sh", "-ec", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._expect_of_holder("made")
        wire = f"link add {self.interface} type veth peer name eth0 netns {self.holder.pid}"
        for command in (
            wire,
            f"link set {self.interface} up",
            f"route add {self.address[0]}/32 dev {self.interface}",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        self.holder.stdin.write("wired\n")
        self.holder.stdin.flush()
        self._expect_of_holder("ready")

    def _expect_of_holder(self, word):
        if self.holder.stdout.readline().strip() != word:
            raise Failed(f"no namespaces for {self.hostname}: {self.holder.stderr.read()}")

    # ---- files and commands

    def path(self, name):
        """Where the host's file `name` is for the cases."""
        return self.dir + name

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, name, text, mode=0o644, group="root"):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.chown(path, "root", group)
        os.chmod(path, mode)

    def inside(self, *command):
        """`command` as it has to be started to run on the host."""
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-u", "-n", "--", *command]

    def run(self, *command, check=True, text=None):
        """Runs a command on the host; returns what it printed."""
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run(
            self.inside(*command), input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        output = done.stdout.decode(errors="replace")
        expect(
            done.returncode == 0 or not check,
            f"{' '.join(command)} on {self.hostname} ended with {done.returncode}: {output}",
        )
        return output

    # ---- configuration

    def configure(self, role, **files):
        """The files of conf-examples/sendmail/`role` in their places, but those in `files` with another text. Names of `files` have
        _ for a dot."""
        changed = {name.replace("_", "."): text for name, text in files.items()}
        for name in sorted(set(os.listdir(f"{EXAMPLES}/{role}")) | set(changed)):
            self._install(name, changed[name] if name in changed else example(role, name))
        output = self.run("sh", "-c", "cd /etc/mail && m4 sendmail.mc >sendmail.cf")
        expect(not output, f"m4 says {output}")
        self.make_tables()

    def _install(self, name, text):
        directory, mode, group = PLACES.get(name, ("/etc/mail", 0o644, "root"))
        self.write(f"{directory}/{name}", text, mode, group)

    def make_tables(self, **tables):
        """Writes /etc/mail/access and so on and makes maps of them; a running daemon sees the new ones."""
        for name, text in tables.items():
            self._install(name, text)
        self.run("sh", "-ec", TABLES)

    @contextlib.contextmanager
    def name_server(self, address, search="."):
        """Meanwhile the host asks this name server, besides its /etc/hosts."""
        files = ("/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/mail/service.switch")
        before = {name: self.read(name) for name in files}
        self.write("/etc/resolv.conf", f"nameserver {address}\nsearch {search}\n")
        for name in files[1:]:
            self.write(name, re.sub(r"^(hosts.*files)$", r"\1 dns", before[name], flags=re.M))
        try:
            yield
        finally:
            for name, text in before.items():
                self.write(name, text)

    def plugins(self, *paths):
        """The SASL mechanisms of the host are these shared objects and no others."""
        for path in glob.glob(self.dir + "/sasl2/*"):
            os.unlink(path)
        for path in paths:
            shutil.copy(path, self.dir + "/sasl2/")

    # ---- the daemon

    def start(self, *options):
        self.daemon = Process(
            self.inside("/usr/sbin/sendmail-mta", "-bD", *options), self.dir + "/daemon.log"
        )
        self.daemon.start(self.address)
        return self

    def stop(self):
        if self.daemon:
            self.daemon.stop(5)
            self.daemon = None

    def end(self):
        """Ends the host and all that runs on it."""
        self.stop()
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
        self._syslog.shutdown(socket.SHUT_RDWR)

    def clear(self):
        """Forgets queue, mailbox, what is known of other hosts, and the log so far."""
        self.stop()
        for pattern in ("/var/spool/mqueue/*", "/var/mail/*", "/var/lib/sendmail/host_status/*", "/var/lib/smtpseal/*"):
            for path in glob.glob(self.dir + pattern):
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.log_start = os.path.getsize(self.dir + "/maillog")

    def smtpseal(self, path, log, *sockets):
        """Starts the daemon of smtpseal at `path` on the host; `sockets` are those it listens at."""
        process = Process(self.inside(path, "--config", "/etc/smtpseal/smtpseal.toml"), log)
        return process.start(*(self.path(each) for each in sockets))

    # ---- mail

    def send(self, sender, recipients, message, *options):
        """Hands a message in with sendmail(1), which may complain and keep it all the same; returns its queue id."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        data = message if isinstance(message, bytes) else message.encode()
        before = len(self.log())
        self.run(
            "/usr/sbin/sendmail-mta",
            "-Am",
            "-i",
            "-f",
            sender,
            *options,
            *recipients,
            text=data.replace(b"\r\n", b"\n"),
            check=False,
        )
        taken = re.compile(r"\]: (\w+): from=")
        return within(5, lambda: taken.search(self.log()[before:]), "the message in the log of Sendmail")[1]

    def run_queue(self):
        """Tries everything in the queue, once, and waits for the end of it."""
        return self.run("/usr/sbin/sendmail-mta", "-qf", check=False)

    def queue(self):
        """What is in the queue, as mailq shows it; empty where nothing is."""
        text = self.run("/usr/sbin/sendmail-mta", "-Am", "-bp")
        return "" if "is empty" in text else text

    def log(self):
        with open(self.dir + "/maillog", "rb") as text:
            text.seek(self.log_start)
            return text.read().decode(errors="replace")

    def verdicts(self, recipient, queue_id=""):
        """(status, line) of every attempt for a recipient so far: sent, deferred or bounced as Postfix calls them."""
        wanted = re.compile(
            rf"\]: {queue_id or '[0-9A-Za-z]+'}: to=[^ ]*{re.escape(recipient)}.*? dsn=([245])\..*$", re.M
        )
        words = {"2": "sent", "4": "deferred", "5": "bounced"}
        return [(words[each[1]], each[0]) for each in wanted.finditer(self.log())]

    def verdict(self, recipient, queue_id="", seconds=20, after=0):
        """The last verdict on a recipient, once there are more than `after`."""
        return within(
            seconds,
            lambda: self.verdicts(recipient, queue_id)[after:],
            f"a verdict of {self.hostname} on {recipient}",
        )[-1]

    def messages(self):
        """The messages in the mailbox, to which everybody's mail on the host goes."""
        if not os.path.exists(self.inbox):
            return []
        return list(mailbox.mbox(self.inbox))

    def wait_for_delivery(self, text, count=1, seconds=10):
        """Waits until `text` has been delivered `count` times; returns those messages."""
        wanted = text.encode() if isinstance(text, str) else text
        return within(
            seconds,
            lambda: (lambda found: found if len(found) >= count else None)(
                [each for each in self.messages() if wanted in each.as_bytes()]
            ),
            f"{count} message(s) with {text!r} in the mailbox of {self.hostname}",
        )


# Where a file of the examples belongs: directory, mode, group. Others: /etc/mail.
PLACES = {
    "access": ("/etc/mail", 0o640, SMMSP),
    "authinfo": ("/etc/mail", 0o600, "root"),
    "smtpseal.toml": ("/etc/smtpseal", 0o644, "root"),
    "domains": ("/etc/smtpseal", 0o644, "root"),
    "credentials": ("/etc/smtpseal", 0o640, "smtpseal"),
    "accounts": ("/etc/smtpseal", 0o640, "smtpseal"),
    "Sendmail.conf": ("/etc/sasl2", 0o644, "root"),
}
