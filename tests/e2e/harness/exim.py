"""Exim, with NTLM (`spa`) and TLS (GnuTLS) of its own: a server that takes mail from who has logged in, and a
client that sends one message. Neither knows of smtpseal; `spa` speaks NTLMv1 only, and never seals."""

import mailbox
import os
import re
import shutil
import subprocess

from harness.process import Process
from harness.runner import Failed, Skipped, expect, within

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
EXIM = ROOT + "/build/exim/usr/sbin/exim4"  # tests/unpack-packages
USER = "Debian-exim"  # compiled into the program

SETTINGS = """
exim_path = {exim}
primary_hostname = {name}
spool_directory = {dir}/spool
log_file_path = {dir}/log/%s
log_selector = +smtp_connection +smtp_protocol_error +tls_cipher +tls_sni
write_rejectlog = false
deliver_drop_privilege
keep_environment =
host_lookup =
rfc1413_hosts =
dns_ipv4_lookup = *
smtp_receive_timeout = 20s
"""

SERVER = """
local_interfaces = {address}
daemon_smtp_ports = {port}
tls_advertise_hosts = {tls_hosts}
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = {auth_hosts}
acl_smtp_mail = mail
acl_smtp_rcpt = accept
begin acl
mail:
    deny message = log in first
         !authenticated = *
    accept
begin routers
everybody:
    driver = accept
    transport = inbox
begin transports
inbox:
    driver = appendfile
    file = {dir}/inbox
    user = {user}
begin authenticators
spa:
    driver = spa
    public_name = NTLM
    server_set_id = $auth1
    server_password = ${{lookup{{$auth1}}lsearch{{{dir}/passwords}}{{$value}}fail}}
"""

CLIENT = """
tls_advertise_hosts =
begin routers
relay:
    driver = manualroute
    route_list = * {address} byname
    self = send
    transport = smtp
begin transports
smtp:
    driver = smtp
    port = {port}
    interface = {source}
    helo_data = {name}
    hosts_require_auth = *
    hosts_require_tls = {tls_hosts}
    hosts_avoid_tls = {plain_hosts}
    tls_verify_certificates = {ca_file}
    tls_verify_hosts = {verify_hosts}
    tls_try_verify_hosts =
    tls_verify_cert_hostnames =
    connect_timeout = 5s
    command_timeout = 10s
begin retry
* * F,1h,1h
begin authenticators
spa:
    driver = spa
    public_name = NTLM
    client_username = {account}
    client_password = {password}
    client_set_id = {account}
"""


def hosts(condition):
    """A host list of Exim's that covers everybody or nobody."""
    return "*" if condition else ""


class Exim:
    """An Exim with a configuration, a spool and a log below a directory of its own."""

    def __init__(self, directory, name, settings, **values):
        self.dir = directory
        for part in ("", "/spool", "/log"):
            os.makedirs(directory + part)
            shutil.chown(directory + part, USER, USER)
        self.etc = directory + "/exim.conf"
        self.program = directory + "/exim4"
        shutil.copyfile(EXIM, self.program)  # build/ may be where Exim's user has no access
        os.chmod(self.program, 0o755)
        everything = {"exim": self.program, "dir": directory, "name": name, "user": USER, **values}
        self.write("exim.conf", (SETTINGS + settings).format(**everything))

    def write(self, name, text):
        """A file that Exim's user may read, and nobody else."""
        path = f"{self.dir}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.chown(path, "root", USER)
        os.chmod(path, 0o640)
        return path

    def command(self, *options):
        return [self.program, "-C", self.etc, *options]

    def log(self):
        """What Exim has logged, trouble of its own included."""
        text = ""
        for name in ("main", "panic"):
            if os.path.exists(f"{self.dir}/log/{name}"):
                with open(f"{self.dir}/log/{name}", encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text


class EximServer(Exim):
    """Takes mail at an address from who has logged in by `spa`; all of it goes to one mailbox.

    `passwords` are those of the users; `tls` is the Certificate to show, without which there is no STARTTLS;
    with `login_needs_tls` AUTH is offered inside TLS only.
    """

    def __init__(self, directory, address, passwords, tls=None, login_needs_tls=False):
        super().__init__(
            directory,
            "mail.partner.example",
            SERVER,
            address=address[0],
            port=address[1],
            tls_hosts=hosts(tls),
            certificate=f"{directory}/certificate" if tls else "",
            key=f"{directory}/key" if tls else "",
            auth_hosts="${if eq{$tls_in_cipher}{}{}{*}}" if login_needs_tls else "*",
        )
        self.address = address
        self.inbox = directory + "/inbox"
        self.write("passwords", "".join(f"{user}: {password}\n" for user, password in passwords.items()))
        for part in ("certificate", "key") if tls else ():
            with open(getattr(tls, part), encoding="ascii") as file:
                self.write(part, file.read())
        self.daemon = Process(self.command("-bdf"), directory + "/output")

    def start(self):
        self.daemon.start(self.address)
        if "shared libraries" in self.daemon.log():
            raise Skipped(self.daemon.log().strip())
        return self

    def stop(self):
        self.daemon.stop(5)

    def messages(self):
        """The messages in the mailbox."""
        return list(mailbox.mbox(self.inbox)) if os.path.exists(self.inbox) else []

    def wait_for_delivery(self, text, count=1, seconds=10):
        """Waits until `text` has been delivered `count` times; returns those messages."""

        def found():
            messages = [each for each in self.messages() if text.encode() in each.as_bytes()]
            return messages if len(messages) >= count else None

        return within(seconds, found, f"{count} message(s) with {text!r} at Exim: {self.log()}")


class EximClient(Exim):
    """Sends through the server at an address, always after a login by `spa`.

    `account` is user or user@DOMAIN. Without `tls` STARTTLS is not used even where it is offered; with it
    nothing is sent in clear, and with `ca_file` the server's certificate must be from there.
    """

    def __init__(self, directory, address, account, password, tls=False, ca_file="", source="192.0.2.15"):
        super().__init__(
            directory,
            "client.example",
            CLIENT,
            address=address[0],
            port=address[1],
            source=source,
            account=account,
            password=password,
            tls_hosts=hosts(tls),
            plain_hosts=hosts(not tls),
            verify_hosts=hosts(ca_file),
            ca_file=ca_file or "system",
        )

    def send(self, sender, recipient, message, seconds=30):
        """Tries to deliver one message, once; returns whether it was taken. Why not is in the log."""
        before = len(self.log())
        done = subprocess.run(
            self.command("-odi", "-i", "-f", sender, recipient),
            input=message.replace("\r\n", "\n").encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
        output = done.stdout.decode(errors="replace")
        if "shared libraries" in output:
            raise Skipped(output.strip())
        expect(done.returncode == 0, f"Exim did not take the message: {output}{self.log()}")
        verdict = re.search(rf" (=>|==|\*\*) {re.escape(recipient)} ", self.log()[before:])
        if not verdict:
            raise Failed(f"Exim says nothing of {recipient}: {output}{self.log()}")
        return verdict[1] == "=>"
