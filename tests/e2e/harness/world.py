"""What every case stands on: two stock Postfix hosts, a sink behind alpha's default route, and daemons made as needed.

All addresses are on the loopback interface of a network namespace of our own, so ports 25 and 53 are free:

    alpha    Postfix on 192.0.2.1:25, default route to the sink; smtpseal-policyd and smtpseal-relay (LMTP)
    beta     smtpseal-relay on 192.0.2.2:25, Postfix behind it on 127.0.0.1:10025; a plain smtpd on 192.0.2.3:25;
             where a case says so, smtpseal-milter and smtpseal-policyd judge what either smtpd takes
    sink     192.0.2.66:25 takes everything that leaves alpha unsealed: for a listed domain nothing may ever arrive there
    peers    192.0.2.10 to .19 and 2001:db8::10 for fakes, 192.0.2.20 for a proxy, 192.0.2.53 for DNS

and, made when a case first asks for them, hosts with Sendmail, each at the end of a wire of its own: 192.0.2.31 to .33.
"""

import os
import re
import secrets
import shlex
import shutil
import smtplib
import socket
import subprocess

from harness.ntlm import hash_field
from harness.postfix import PostfixInstance
from harness.process import Capture, Process
from harness.proxy import Proxy
from harness.runner import Failed, Skipped, expect, expect_equal
from harness.sendmail import SendmailHost
from harness.smtp_client import SmtpClient
from harness.smtp_peer import SmtpPeer
from harness.socketmap import SocketmapServer

BASE = "/run/e2e"
SOCKETS = BASE + "/sockets"
ALPHA = ("192.0.2.1", 25)
BETA = ("192.0.2.2", 25)
BETA_SMTPD = ("127.0.0.1", 10025)
PLAIN_SMTPD = ("192.0.2.3", 25)
SINK = ("192.0.2.66", 25)
PEER = ("192.0.2.10", 25)
PEERS = [(f"192.0.2.{host}", 25) for host in range(10, 20)]
PEER_V6 = ("2001:db8::10", 25)
PROXY = ("192.0.2.20", 25)
DNS = ("192.0.2.53", 53)
PASSWORD = "Secret-Pw1"
MILTER = SOCKETS + "/milter"
POLICY = {"alpha": SOCKETS + "/policy.alpha", "beta": SOCKETS + "/policy.beta"}
POLICYD = {"alpha": SOCKETS + "/policyd", "beta": SOCKETS + "/policyd.beta"}
CONTROL = {"alpha": SOCKETS + "/control.alpha", "beta": SOCKETS + "/control.beta"}
QUERY = {"alpha": SOCKETS + "/query.alpha", "beta": SOCKETS + "/query.beta"}
AUTHSERV_ID = "mx.beta.example"
SENDMAIL_HOSTS = """192.0.2.31 mail.alpha.example
192.0.2.32 mail.beta.example
192.0.2.33 mail.gamma.example
192.0.2.2 mail.partner.example
192.0.2.66 plain.example
"""
SENDMAIL_ADDRESSES = {"relay": "192.0.2.31", "inbound": "192.0.2.32", "native": "192.0.2.33"}

ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.20", "192.0.2.53", "192.0.2.66"] + [
    a for a, _ in PEERS
]

ALPHA_SETTINGS = f"""
myhostname = alpha.example
inet_interfaces = {ALPHA[0]}
mydestination = local.alpha.example
mynetworks = 127.0.0.0/8, 192.0.2.0/24
inet_protocols = ipv4
relayhost = [{SINK[0]}]
transport_maps = socketmap:unix:{SOCKETS}/policyd:transport
smtpseal_destination_concurrency_failed_cohort_limit = 1000
virtual_mailbox_domains = alpha.example
virtual_alias_maps = inline:{{
  {{ alias@alpha.example = anna@partner.example }}
  {{ list@alpha.example = anna@partner.example bob@plain.example }} }}
alias_maps = inline:{{ {{ team = anna@partner.example }} }}
recipient_bcc_maps = inline:{{ {{ bcc@plain.example = anna@partner.example }} }}
sender_dependent_relayhost_maps = inline:{{ {{ odd@alpha.example = [{SINK[0]}] }} }}
sender_dependent_default_transport_maps = inline:{{ {{ odd2@alpha.example = smtp:[{SINK[0]}] }} }}
recipient_delimiter = +
bounce_notice_recipient = joe@alpha.example
"""

ALPHA_SERVICES = f"""
{ALPHA[0]}:25 inet n - n - - smtpd
smtpseal unix - - n - - lmtp
  -o syslog_name=alpha/smtpseal
  -o lmtp_send_xforward_command=yes
"""

BETA_SETTINGS = """
myhostname = beta.example
inet_interfaces = all
alias_maps =
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = all
default_transport = discard:
virtual_mailbox_domains = regexp:{ {!/foreign\\.example$$/ OK} }
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
message_size_limit = 200000000
virtual_mailbox_limit = 0
"""

BETA_SERVICES = f"""
{BETA_SMTPD[0]}:{BETA_SMTPD[1]} inet n - n - - smtpd
  -o syslog_name=beta/behind
  -o max_use=1
  -o smtpd_authorized_xclient_hosts=127.0.0.0/8
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_authenticated_header=yes
  -o smtpd_discard_ehlo_keywords=auth,silent-discard
{PLAIN_SMTPD[0]}:{PLAIN_SMTPD[1]} inet n - n - - smtpd
  -o syslog_name=beta/plain
  -o max_use=1
"""


ALPHA_ACCOUNT = f"alpha {hash_field(PASSWORD)} domains=alpha.example\n"
BETA_CREDENTIALS = "ALPHA\\beta whatever\n"

# Postfix with the milter and with the policy daemon: what an administrator adds to main.cf.
WITH_MILTER = {"smtpd_milters": f"unix:{MILTER}", "non_smtpd_milters": f"unix:{MILTER}"}
WITH_POLICYD = {
    host: {
        "smtpd_recipient_restrictions": f"check_policy_service unix:{POLICY[host]}, "
        "permit_mynetworks, permit_sasl_authenticated"
    }
    for host in POLICY
}


def toml(parameters):
    """{"relay.hostname": "x", ...} as a smtpseal.toml."""

    def value(item):
        if isinstance(item, bool):
            return "true" if item else "false"
        if isinstance(item, list):
            return "[" + ", ".join(value(each) for each in item) + "]"
        return (
            str(item) if isinstance(item, int) else '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
        )

    sections = {}
    for name, item in parameters.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, []).append(f"{key} = {value(item)}")
    return "\n".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())


class World:
    def __init__(self, binaries):
        self.binaries = binaries
        os.makedirs(SOCKETS, exist_ok=True)
        shutil.chown(SOCKETS, "smtpseal", "postfix")
        os.chmod(SOCKETS, 0o750)
        self.alpha = PostfixInstance(BASE, "alpha", ALPHA_SETTINGS, ALPHA_SERVICES).start()
        self.beta = PostfixInstance(BASE, "beta", BETA_SETTINGS, BETA_SERVICES).start()
        self.case = ""
        self.number = 0
        self.processes = []
        self.others = []
        self.sendmails = {}

    # ---- around a case

    def begin_case(self, name):
        self.case = name
        self.number += 1
        self.captures = 0
        self.dir = f"{BASE}/case-{self.number}"
        os.makedirs(self.dir)
        self.marker = f"MARKER-{secrets.token_hex(6)}"
        self.alpha.clear()
        self.beta.clear()
        self.policyd = self.relay = self.gate = self.milter = self.beta_policyd = None
        self.sink = SmtpPeer(SINK, keywords=["8BITMIME", "SMTPUTF8", "DSN"])
        self.others.append(self.sink)

    def end_round(self, *others):
        """Ends what a round of a case has started, so that the next can start it anew."""
        for process in reversed(self.processes):
            process.stop(5)
        for each in others:
            each.stop()
        shutil.rmtree(f"{self.dir}/alpha/state", ignore_errors=True)  # what is on hold
        self.alpha.clear()

    def end_case(self):
        crashed = []
        for process in reversed(self.processes):  # who asks before who answers
            process.stop(5)
            code = process.child.returncode if process.child else None
            if code not in (None, 0, 1, -9, -15, -2):
                crashed.append(f"{process.command[0]} ended with {code}: {process.log()[-3000:]}")
        for other in self.others:
            other.stop()
        for host in self.sendmails.values():
            host.clear()
        self.processes, self.others = [], []
        shutil.rmtree(self.dir, ignore_errors=True)
        if crashed:
            raise Failed("\n".join(crashed))

    def end(self):
        self.alpha.stop()
        self.beta.stop()
        for host in self.sendmails.values():
            host.end()

    def logs(self, lines=18):
        """The last lines of everything that ran in this case."""
        parts = [("Postfix alpha", self.alpha.log()), ("Postfix beta", self.beta.log())]
        parts += [("Sendmail " + host.hostname, host.log()) for host in self.sendmails.values()]
        parts += [(" ".join(process.command[:3]), process.log()) for process in self.processes]
        return "\n".join(f"{name}:\n" + "\n".join(text.splitlines()[-lines:]) for name, text in parts if text)

    # ---- making things

    def write(self, name, text, mode=0o644, group="root"):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.chown(path, "root", group)
        os.chmod(path, mode)
        return path

    def tables(self, host, domains="", credentials="", accounts=""):
        """Writes the three tables of a host, with the modes they must have."""
        self.write(f"{host}/domains", domains)
        self.write(f"{host}/credentials", credentials, 0o640, "smtpseal")
        self.write(f"{host}/accounts", accounts, 0o640, "smtpseal")

    def parameters(self, host, changes):
        """Writes smtpseal.toml of a host: what the cases need, and `changes`."""
        settings = {
            f"files.{table}": f"{self.dir}/{host}/{table}" for table in ("domains", "credentials", "accounts")
        }
        settings |= {
            "process.drain_time": "3s",
            "policyd.listen": [f"unix:{POLICYD[host]}"],
            "policyd.policy_listen": [f"unix:{POLICY[host]}"],
            "relay.query_listen": [f"unix:{QUERY[host]}"],
            "relay.control_listen": [f"unix:{CONTROL[host]}"],
            "policyd.control_listen": [f"unix:{CONTROL[host]}-policyd"],
            "milter.control_listen": [f"unix:{CONTROL[host]}-milter"],
            "relay.state_directory": f"{self.dir}/{host}/state",
            "relay.retry_time": "1s",
            "inbound.relay_query": f"unix:{QUERY[host]}",
            "inbound.relay_timeout": "2s",
            "milter.listen": f"unix:{MILTER}",
            "milter.authserv_id": AUTHSERV_ID,
            "policyd.transport": f"smtpseal:unix:{SOCKETS}/relay",
            "policyd.transport_seven_bit": f"smtpseal:unix:{SOCKETS}/relay-7bit",
            "relay.hostname": f"{host}.example",
            "relay.dns_servers": [DNS[0]],
            "relay.dns_timeout": "1s",
            "relay.connect_timeout": "3s",
            "relay.client_name_lookup": False,
            "relay.notify_submission": f"inet:{ALPHA[0]}:25",
        }
        if host == "alpha":
            settings |= {
                "relay.lmtp_listen": [f"unix:{SOCKETS}/relay"],
                "relay.lmtp_listen_seven_bit": [f"unix:{SOCKETS}/relay-7bit"],
            }
        else:
            settings |= {
                "relay.lmtp_listen": [],
                "relay.lmtp_listen_seven_bit": [],
                "relay.smtp_listen": [f"inet:{BETA[0]}:{BETA[1]}"],
                "relay.smtpd": f"inet:{BETA_SMTPD[0]}:{BETA_SMTPD[1]}",
                "relay.netbios_domain": "BETA",
            }
        settings = {name: item for name, item in (settings | changes).items() if item is not None}
        return self.write(f"{host}/smtpseal.toml", toml(settings))

    def binary(self, program):
        """The path of smtpseal-`program`, or of smtpseal itself for an empty name."""
        name = f"smtpseal-{program}" if program else "smtpseal"
        path = shutil.which(name, path=self.binaries)
        expect(path, f"there is no {name} in {self.binaries}")
        return path

    def _command(self, host, arguments):
        return [self.binary(""), "--config", f"{self.dir}/{host}/smtpseal.toml", *arguments]

    def smtpseal(self, host, *arguments, status=0, **options):
        """What `smtpseal ARGUMENTS` prints with the configuration of a host, errors last; its exit status has to be `status`."""
        done = subprocess.run(
            self._command(host, arguments), capture_output=True, text=True, check=False, timeout=60, **options
        )
        expect_equal(done.returncode, status, f"smtpseal {arguments}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def smtpseal_on_terminal(self, host, *arguments):
        """What a terminal gets of it."""
        command = ["script", "-qec", shlex.join(self._command(host, arguments)), "/dev/null"]
        environment = dict(os.environ, TERM="xterm")
        return subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment).stdout.decode()

    def plugin(self):
        """The path of the SASL plugin."""
        path = shutil.which("libsmtpseal.so", path=self.binaries)
        expect(path, f"there is no libsmtpseal.so in {self.binaries}")
        return path

    def need_ipv6(self):
        """Skips the case where the kernel does no IPv6."""
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind((PEER_V6[0], 0))
        except OSError as error:
            raise Skipped(f"no IPv6 here: {error}") from error

    def is_sanitized(self):
        """Whether the daemons are built with AddressSanitizer, which makes measuring their memory pointless."""
        with open(self.binary("relay"), "rb") as program:
            return b"__asan_init" in program.read()

    def daemon(self, program, host, *listens):
        """Starts smtpseal-`program` with the files of a host."""
        process = Process(
            [self.binary(program), "--config", f"{self.dir}/{host}/smtpseal.toml"],
            f"{self.dir}/{host}-{program}.log",
        )
        self.processes.append(process)
        return process.start(*listens)

    def start_policyd(self):
        self.policyd = self.daemon("policyd", "alpha", POLICYD["alpha"], POLICY["alpha"])
        return self.policyd

    def start_beta_policyd(self):
        self.beta_policyd = self.daemon("policyd", "beta", POLICYD["beta"], POLICY["beta"])
        return self.beta_policyd

    def start_milter(self):
        self.milter = self.daemon("milter", "beta", MILTER)
        return self.milter

    def start_relay(self):
        self.relay = self.daemon("relay", "alpha", f"{SOCKETS}/relay")
        self.relay.wait_for_log("started")  # its sockets are there before it has read its tables
        return self.relay

    def sending(self, domains, credentials=f"PARTNER\\alpha {PASSWORD}\n", **changes):
        """alpha's daemons with these tables; keyword arguments are parameters, relay_hold_time for relay.hold_time."""
        self.tables("alpha", domains, credentials)
        self.parameters("alpha", _dotted(changes))
        self.start_policyd()
        self.start_relay()

    def sendmail(self, role):
        """The host that conf-examples/sendmail has files for under this name, without a daemon."""
        if role not in self.sendmails:
            self.sendmails[role] = SendmailHost(
                BASE, "sm-" + role, SENDMAIL_ADDRESSES[role], ALPHA[0], SENDMAIL_HOSTS
            )
        return self.sendmails[role]

    def on_sendmail(self, host, program, *sockets):
        """Starts smtpseal-`program` on a host with Sendmail."""
        log = f"{self.dir}/{host.name}-{program}.log"
        process = host.smtpseal(self.binary(program), log, *sockets)
        self.processes.append(process)
        return process

    def receiving(self, accounts=None, domains="", credentials="", **changes):
        """beta's relay, called the gate, with these accounts."""
        if accounts is None:
            accounts = ALPHA_ACCOUNT
        self.tables("beta", domains, credentials, accounts)
        self.parameters("beta", _dotted(changes))
        self.gate = self.daemon("relay", "beta", BETA)
        return self.gate

    def judging(self, domains="", accounts=None, by=("milter",), gate=True, **changes):
        """beta with the milter, policyd or both (`by`), which have these tables, and the gate. The gate has no rules
        for domains, and its accounts are bound to none, so that it is not the gate that judges."""
        if accounts is None:
            accounts = ALPHA_ACCOUNT
        if gate:
            self.receiving(re.sub(r" domains=\S+", "", accounts), **changes)
            self.gate.wait_for_log("started")  # it has read its tables, which are replaced now
        else:
            self.parameters("beta", _dotted(changes))
        self.tables("beta", domains, BETA_CREDENTIALS, accounts)
        settings = {}
        if "milter" in by:
            self.start_milter()
            settings |= WITH_MILTER
        if "policyd" in by:
            self.start_beta_policyd()
            settings |= WITH_POLICYD["beta"]
        self.beta.set(**settings)

    def rules(self, domains, accounts=None):
        """Changes the tables of what judges on beta, which reads them at SIGHUP."""
        self.tables("beta", domains, BETA_CREDENTIALS, ALPHA_ACCOUNT if accounts is None else accounts)

    def query_server(self, answer, path=QUERY["beta"]):
        """A stand-in for the gate's answers to the milter and to policyd."""
        fake = SocketmapServer(path, answer)
        self.others.append(fake)
        return fake

    def certificate(self):
        """Makes a certificate; returns the settings with which smtpd offers STARTTLS."""
        key, certificate = f"{self.dir}/tls.key", f"{self.dir}/tls.pem"
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=beta.example "
            f"-days 2 -keyout {key} -out {certificate}".split(),
            capture_output=True,
            check=True,
        )
        return {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": certificate,
            "smtpd_tls_key_file": key,
        }

    def peer(self, make=SmtpPeer, address=PEER, **options):
        fake = make(address, **options)
        self.others.append(fake)
        return fake

    def proxy(self, make_rule=None, target=BETA):
        middle = Proxy(PROXY, target, make_rule)
        self.others.append(middle)
        return middle

    def dns(self, *records):
        """A DNS server that knows these: lines of a dnsmasq configuration."""
        path = self.write(
            "dnsmasq.conf",
            "\n".join(
                [
                    "no-resolv",
                    "no-hosts",
                    "local=/example/",
                    f"listen-address={DNS[0]}",
                    "bind-interfaces",
                    *records,
                ]
            )
            + "\n",
        )
        server = Process(
            [
                "dnsmasq",
                "--keep-in-foreground",
                "--log-facility=-",
                f"--conf-file={path}",
                "--user=root",
                "--pid-file",
            ],
            f"{self.dir}/dnsmasq.log",
        )
        self.processes.append(server)
        return server.start(DNS)

    def capture(self, expression="tcp port 25", interface="lo"):
        self.captures += 1
        return Capture(f"{self.dir}/wire-{self.captures}.pcap", interface, expression)

    def client(self, **options):
        """An SMTP client of the gate on beta."""
        return SmtpClient(BETA, **options)

    # ---- mail

    def text(self, body="", headers=""):
        """A small message with the marker in subject and body."""
        return (
            f"From: Joe <joe@alpha.example>\r\nTo: Anna\r\nSubject: about {self.marker}\r\n{headers}\r\n"
            f"{self.marker}\r\n{body}"
        )

    def send(self, recipients, message=None, sender="joe@alpha.example", mail_options=(), rcpt_options=()):
        """Hands a message to alpha by SMTP; returns its queue id."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        with smtplib.SMTP(*ALPHA, local_hostname="user.alpha.example", timeout=30) as smtp:
            smtp.command_encoding = "utf-8"
            smtp.ehlo()
            code, reply = smtp.docmd("MAIL", f"FROM:<{sender}> " + " ".join(mail_options))
            expect(code == 250, f"MAIL was answered {reply!r}")
            for recipient in recipients:
                code, reply = smtp.docmd("RCPT", f"TO:<{recipient}> " + " ".join(rcpt_options))
                expect(code == 250, f"RCPT {recipient} was answered {code} {reply!r}")
            data = self.text() if message is None else message
            code, reply = smtp.data(data.encode() if isinstance(data, str) else data)
            expect(code == 250, f"the message was answered {reply!r}")
            return reply.decode().rpartition(" ")[2]

    def expect_verdict(self, recipient, status, *parts, queue_id="", after=0, seconds=30):
        """Waits for Postfix's verdict on a recipient and checks it; returns its text."""
        got, text = self.alpha.verdict(recipient, queue_id, seconds, after)
        expect_equal(got, status, f"{recipient} ({text})")
        for part in parts:
            expect(part in text, f"the verdict on {recipient} does not say {part!r}: {text}")
        return text

    def expect_no_leak(self, *peers):
        """Nothing of the message went the default route, and none of the peers saw any of it outside a seal."""
        for name, octets in [("sink", self.sink.clear_octets())] + [
            ("peer", peer.clear_octets()) for peer in peers
        ]:
            for secret in (self.marker, "joe@alpha.example", "@partner.example"):
                expect(secret.encode() not in octets, f"the {name} saw {secret!r} in clear")

    def postmap(self, key, table="transport", socket_path=POLICYD["alpha"]):
        """What `postmap -q` says to a lookup in a map of policyd: (answer or None, error text)."""
        done = subprocess.run(
            ["postmap", "-c", self.alpha.etc, "-q", key, f"socketmap:unix:{socket_path}:{table}"],
            capture_output=True,
            text=True,
            check=False,
        )
        return (done.stdout.strip() or None), done.stderr


def _dotted(changes):
    return {name.replace("_", ".", 1): item for name, item in changes.items()}
