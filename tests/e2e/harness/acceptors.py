"""NTLM servers that are no fakes, with channel bindings required: gss-ntlmssp's acceptor and Samba's gensec.

An SmtpPeer with `acceptor=` uses them in place of ntlm.Server. Each is a child process, since gss-ntlmssp
reads the environment of its process and Samba keeps settings in it. This file is the program of that process
too: it reads a command a line and answers each with a line.

"Required" is what the Extended Protection of Windows means by it: inside TLS a login that is not bound to the
certificate of this very connection (tls-server-end-point, RFC 5929) is refused like a wrong password.
"""

import logging
import os
import select
import shutil
import struct
import subprocess
import sys
import threading

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import ntlm

SAMBA = "/run/e2e/samba"  # the installation that all of Samba's acceptors use
ONLY_NTLMV2 = "5"  # a value of LM_COMPAT_LEVEL


class Exchange:
    """One login: the part of ntlm.Server that an SmtpPeer uses."""

    def __init__(self, acceptor, end_point_hash):
        self.acceptor = acceptor
        self.end_point_hash = end_point_hash
        self.number = acceptor.ask("begin", (end_point_hash or b"").hex())[1]
        self.flags = 0
        self.reason = ""

    def ask(self, verb, octets):
        """(kind, rest) of the answer; NtlmError where it is a complaint."""
        kind, rest = self.acceptor.ask(f"{self.number} {verb}", octets.hex())
        if kind == "error":
            raise ntlm.NtlmError(rest)
        return kind, rest

    def challenge(self, negotiate):
        challenge = bytes.fromhex(self.ask("challenge", negotiate)[1])
        self.flags = struct.unpack_from("<I", challenge, 20)[0]
        return challenge

    def authenticate(self, message):
        """Whether the client is who it claims to be, at this end of this channel; `reason` says why not."""
        kind, self.reason = self.ask("authenticate", message)
        self.flags &= struct.unpack_from("<I", message, 60)[0]
        return kind == "accepted"

    def seal_state(self, separate=False):
        if separate:
            raise ntlm.NtlmError("this acceptor has one way to seal")
        return self

    def seal(self, plain):
        record = bytes.fromhex(self.ask("seal", plain)[1])
        return record[:16], record[16:]

    def unseal(self, signature, sealed):
        return bytes.fromhex(self.ask("unseal", signature + sealed)[1])


class Acceptor:
    """The child process. Called with an SmtpPeer's session it begins an exchange; all are in `exchanges`.

    `bindings`: "require" or "ignore".
    """

    kind = ""

    def __init__(self, directory, account="PARTNER\\alpha", password="Secret-Pw1", bindings="require"):
        self.exchanges = []
        self._lock = threading.Lock()
        self.log_path = f"{directory}/acceptor-{self.kind}.log"
        domain, _, user = account.rpartition("\\")
        users = f"{directory}/acceptor.users"
        with open(users, "w", encoding="utf-8") as file:
            file.write(f"{domain}:{user}:{password}\n")
        # gss-ntlmssp would ask a domain controller for the accounts of a NETBIOS_DOMAIN_NAME.
        environment = {"NTLM_USER_FILE": users, "NETBIOS_COMPUTER_NAME": "MX", "LM_COMPAT_LEVEL": ONLY_NTLMV2}
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-B", __file__, self.kind, user, password, bindings],
                env={"PATH": os.environ["PATH"]} | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._answer(50)

    def __call__(self, session):
        exchange = Exchange(self, session.tls_end_point_hash)
        self.exchanges.append(exchange)
        return exchange

    def ask(self, *words):
        """The child's answer to a command: (kind, rest)."""
        with self._lock:
            try:
                self.child.stdin.write(" ".join(words) + "\n")
                self.child.stdin.flush()
            except (OSError, ValueError):
                pass  # it is gone, as the answer will show
            return self._answer(10)

    def _answer(self, seconds):
        line = ""
        if select.select([self.child.stdout], [], [], seconds)[0]:
            line = self.child.stdout.readline()
        if not line:
            self.child.kill()
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise ntlm.NtlmError(f"the acceptor does not answer: {log.read()[-1000:]}")
        kind, _, rest = line.rstrip("\n").partition(" ")
        return kind, rest

    def stop(self):
        with self._lock:
            try:
                self.child.stdin.close()
            except OSError:
                pass
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.child.stdout.close()


class GssAcceptor(Acceptor):
    """gss-ntlmssp, NTLMv2 only. A wrong binding it refuses itself. Without one, or with zeros, it accepts the
    login and says so by a flag that the context lacks (GSS_C_CHANNEL_BOUND_FLAG): that is refused here."""

    kind = "gss"


class SambaAcceptor(Acceptor):
    """Samba's NTLM server with `ntlm auth = ntlmv2-only`. In 4.17 it knows no channel bindings and looks at
    none that it is sent, so that of a login which Samba has accepted is compared here. It is part of what the
    NTLMv2 response proves, and that Samba has checked. The first of these takes seconds to make its accounts.
    """

    kind = "samba"


# ---- the program


class Refused(Exception):
    """Why a login is none, or a record."""


class GssSession:
    def __init__(self, end_point_hash):
        import gssapi.raw

        self.gss = gssapi.raw
        self.bindings = None
        if end_point_hash:
            data = b"tls-server-end-point:" + end_point_hash
            self.bindings = gssapi.raw.ChannelBindings(application_data=data)
        self.context = None

    def step(self, token):
        try:
            done = self.gss.accept_sec_context(token, context=self.context, channel_bindings=self.bindings)
        except self.gss.GSSError as error:
            raise Refused(error) from error
        self.context = done.context
        return done

    def challenge(self, negotiate):
        return self.step(negotiate).token

    def authenticate(self, message):
        flags = self.step(message).flags
        if self.bindings and self.gss.RequirementFlag.channel_bound not in flags:
            raise Refused("no channel binding")

    def seal(self, plain):
        return self.gss.wrap(self.context, plain, confidential=True).message

    def unseal(self, record):
        try:
            return self.gss.unwrap(self.context, record).message
        except self.gss.GSSError as error:
            raise Refused(error) from error


class SambaHost:
    """The installation, with the one account."""

    def __init__(self, user, password):
        from samba import auth, param
        from samba.samdb import SamDB

        if not os.path.exists(SAMBA + "/made"):
            self.make()
        self.settings = param.LoadParm()
        self.settings.load(SAMBA + "/etc/smb.conf")
        self.settings.set("log level", "0")
        self.settings.set("ntlm auth", "ntlmv2-only")
        self.database = SamDB(session_info=auth.system_session(self.settings), lp=self.settings)
        who = f"(sAMAccountName={user})"
        if self.database.search(expression=who):
            self.database.setpassword(who, password)
        else:
            self.database.newuser(user, password)

    @staticmethod
    def make():
        from samba import auth
        from samba.provision import provision

        quiet = logging.getLogger("provision")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        shutil.rmtree(SAMBA, ignore_errors=True)
        # gensec's server reads its accounts from the database that a domain controller has.
        provision(
            quiet,
            auth.system_session(),
            targetdir=SAMBA,
            realm="PARTNER.EXAMPLE",
            domain="PARTNER",
            hostname="mx",
            adminpass="Adm1n-Passw0rd",
            serverrole="standalone",
            dns_backend="NONE",
            skip_sysvolacl=True,
            use_rfc2307=False,
        )
        with open(SAMBA + "/made", "w", encoding="ascii"):
            pass

    def server(self, seals):
        from samba import auth, credentials, gensec

        context = auth.AuthContext(lp_ctx=self.settings, ldb=self.database, methods=["sam_ignoredomain"])
        security = gensec.Security.start_server({"lp_ctx": self.settings, "target_hostname": "mx"}, context)
        machine = credentials.Credentials()
        machine.guess(self.settings)
        security.set_credentials(machine)
        if seals:  # what is wanted must come about
            security.want_feature(gensec.FEATURE_SIGN)
            security.want_feature(gensec.FEATURE_SEAL)
        security.start_mech_by_name("ntlmssp")
        return security


class SambaSession:
    def __init__(self, host, end_point_hash):
        self.host = host
        self.end_point_hash = end_point_hash
        self.security = None

    @staticmethod
    def call(function, octets):
        try:
            return function(octets)
        except RuntimeError as error:
            code, text = error.args
            raise Refused(f"{code:#x} {text}") from error

    def challenge(self, negotiate):
        self.security = self.host.server(seals=struct.unpack_from("<I", negotiate, 12)[0] & ntlm.SEAL)
        return self.call(self.security.update, negotiate)[1]

    def authenticate(self, message):
        if not self.call(self.security.update, message)[0]:
            raise Refused("not complete")
        if self.end_point_hash:
            pairs = ntlm.parse_av_pairs(ntlm.field(message, 20)[44:])
            sent = pairs.get(ntlm.AV_CHANNEL_BINDINGS, bytes(16))
            if sent == bytes(16):
                raise Refused("no channel binding")
            if sent != ntlm.channel_bindings(self.end_point_hash):
                raise Refused("the channel binding is wrong")

    def seal(self, plain):
        return self.call(self.security.wrap, plain)

    def unseal(self, record):
        return self.call(self.security.unwrap, record)


def serve(begin):
    """Answers the commands of an Acceptor: `begin HASH`, and `NUMBER VERB OCTETS` of an Exchange."""
    print("ready", flush=True)
    sessions = []
    for line in sys.stdin:
        words = line.rstrip("\n").split(" ")
        octets = bytes.fromhex(words[-1])
        if words[0] == "begin":
            sessions.append(begin(octets))
            answer = f"session {len(sessions) - 1}"
        else:
            session, verb = sessions[int(words[0])], words[1]
            try:
                result = getattr(session, verb)(octets)
                answer = "accepted" if result is None else "octets " + result.hex()
            except Refused as reason:
                kind = "refused" if verb == "authenticate" else "error"
                answer = f"{kind} {reason}".replace("\n", " ")
        print(answer, flush=True)


def main():
    kind, user, password, bindings = sys.argv[1:]
    host = SambaHost(user, password) if kind == "samba" else None

    def begin(end_point_hash):
        if bindings == "ignore":
            end_point_hash = b""
        return SambaSession(host, end_point_hash) if host else GssSession(end_point_hash)

    serve(begin)


if __name__ == "__main__":
    main()
