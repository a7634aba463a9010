#!/usr/bin/python3
"""Live NTLM sessions with Samba's gensec in both roles: handshake, records each way, records that cross.

Also of the SASL plugin, through libsasl2, and what becomes of the distribution's own NTLM plugin in its place.

usage: tests/live/samba_test.py PATH_OF_NTLM_PEER PATH_OF_LIBSMTPSEAL
"""

import logging
import subprocess
import sys
import sysconfig
import tempfile
import unittest

import libsasl2
from samba import NTSTATUSError, auth, credentials, gensec, param
from samba.provision import provision
from samba.samdb import SamDB

USER = "Doug"
PASSWORD = "Secret-Pw1"
SIZES = (5, 1, 4096, 37, 65535)
STOCK_PLUGIN = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/sasl2/libntlm.so"


class OurSide:
    """The ntlm-peer program."""

    def __init__(self, role, **options):
        arguments = [f"{name}={value}" for name, value in ({"password": PASSWORD} | options).items()]
        self.child = subprocess.Popen(
            [sys.argv[1], role, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(10)

    def ask(self, verb, octets=b""):
        self.child.stdin.write(f"{verb} {octets.hex()}\n")
        self.child.stdin.flush()
        kind, _, rest = self.child.stdout.readline().rstrip("\n").partition(" ")
        return kind, rest

    def wrap(self, plain):
        kind, record = self.ask("seal", plain)
        assert kind == "record", kind
        return bytes.fromhex(record)

    def unwrap(self, record):
        kind, data = self.ask("unseal", record)
        return bytes.fromhex(data) if kind == "data" else None


class SambaSide:
    """gensec in one role."""

    def __init__(self, security):
        self.security = security

    def step(self, token=b""):
        return self.security.update(token)

    def wrap(self, plain):
        return self.security.wrap(plain)

    def unwrap(self, record):
        try:
            return self.security.unwrap(record)
        except (RuntimeError, NTSTATUSError):
            return None


class Host:
    """A Samba installation of our own with one account, made once and thrown away."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="smtpseal-samba-")
        quiet = logging.getLogger("provision")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        # The accounts live in the database of a domain controller, since that is what gensec's server reads.
        provision(
            quiet, auth.system_session(), targetdir=self.directory.name, realm="PARTNER.EXAMPLE", domain="PARTNER",
            hostname="mx", adminpass="Adm1n-Passw0rd", serverrole="standalone", dns_backend="NONE", skip_sysvolacl=True,
            use_rfc2307=False,
        )
        self.settings = self.load()
        self.database = SamDB(session_info=auth.system_session(self.settings), lp=self.settings)
        self.database.newuser(USER, PASSWORD)

    def load(self, **changes):
        settings = param.LoadParm()
        settings.load(f"{self.directory.name}/etc/smb.conf")
        # What one test sets, Samba keeps for the next.
        defaults = {"ntlm auth": "ntlmv1-permitted", "lanman auth": "yes", "log level": "0", "client ntlmv2 auth": "yes"}
        defaults |= {f"ntlmssp_client:{name}": "yes" for name in ("ntlm2", "128bit", "56bit", "keyexchange")}
        for name, value in (defaults | changes).items():
            settings.set(name, value)
        return settings

    def server(self, seal=True, **changes):
        settings = self.load(**changes)
        context = auth.AuthContext(lp_ctx=settings, ldb=self.database, methods=["sam_ignoredomain"])
        security = gensec.Security.start_server({"lp_ctx": settings, "target_hostname": "mx"}, context)
        machine = credentials.Credentials()
        machine.guess(settings)
        security.set_credentials(machine)
        return self.start(security, seal)

    def client(self, password=PASSWORD, seal=True, **changes):
        settings = self.load(**changes)
        who = credentials.Credentials()
        who.guess(settings)
        who.set_domain("INTELLINET")
        who.set_username(USER)
        who.set_password(password)
        who.set_workstation("HONORS")
        who.set_kerberos_state(credentials.DONT_USE_KERBEROS)
        security = gensec.Security.start_client({"lp_ctx": settings, "target_hostname": "mx.partner.example"})
        security.set_credentials(who)
        return self.start(security, seal)

    @staticmethod
    def start(security, seal):
        if seal:
            security.want_feature(gensec.FEATURE_SIGN)
            security.want_feature(gensec.FEATURE_SEAL)
        security.start_mech_by_name("ntlmssp")
        return SambaSide(security)


def setUpModule():
    global HOST
    HOST = Host()


def tearDownModule():
    HOST.directory.cleanup()


def text_of(size):
    return bytes(65 + at % 57 for at in range(size))


def yes_no(flag):
    return "yes" if flag else "no"


# name, response, strength, KEY_EXCH, what is to be agreed. Without ESS the whole session key seals, whatever strength was
# offered ([MS-NLMP] 3.4.5.3).
KINDS = [
    (f"{title}, {strength}{'' if exchange else ', no KEY_EXCH'}", response, strength, exchange, title,
     strength if response != "v1" else 128)
    for title, response in (("NTLMv2", "v2"), ("NTLM2-session", "ntlm2"), ("NTLMv1", "v1"))
    for strength in (128, 56, 40)
    for exchange in (True, False)
]


class Samba(unittest.TestCase):
    def check_arrives(self, plain, sender, receiver):
        record = sender.wrap(plain)
        self.assertEqual(len(record), 16 + len(plain))
        self.assertTrue(len(plain) < 16 or plain not in record, "a record is in clear")
        self.assertEqual(receiver.unwrap(record), plain)

    def check_records(self, ours, samba, half_duplex):
        for size in SIZES:
            self.check_arrives(text_of(size), ours, samba)
            self.check_arrives(text_of(size + 1), samba, ours)
            self.check_arrives(text_of(size + 2), samba, ours)
            self.check_arrives(text_of(size + 3), ours, samba)
        if not half_duplex:
            crossing = [(ours.wrap(text_of(100 * n)), samba.wrap(text_of(77 * n))) for n in range(1, 5)]
            for n, (to_samba, to_us) in enumerate(crossing, 1):
                self.assertEqual(samba.unwrap(to_samba), text_of(100 * n))
                self.assertEqual(ours.unwrap(to_us), text_of(77 * n))
        altered = bytearray(samba.wrap(text_of(64)))
        altered[-1] ^= 1
        self.assertIsNone(ours.unwrap(bytes(altered)))

    def check_agreed(self, answer, response, strength):
        kind, rest = answer
        self.assertEqual(kind, "done", rest)
        got_response, got_strength, duplex, *message = rest.split(" ")
        self.assertEqual((got_response, int(got_strength)), (response, strength))
        self.assertEqual(duplex == "half", response == "NTLMv1")
        return duplex == "half", bytes.fromhex("".join(message))

    def test_its_server_accepts_our_client_in_every_kind_of_session(self):
        for name, response, strength, exchange, title, agreed in KINDS:
            with self.subTest(name), OurSide(
                "client", response=response, strength=strength, key_exchange=yes_no(exchange)
            ) as ours:
                samba = HOST.server()
                _, challenge = samba.step(bytes.fromhex(ours.ask("token")[1]))
                half, authenticate = self.check_agreed(ours.ask("token", challenge), title, agreed)
                finished, _ = samba.step(authenticate)
                self.assertTrue(finished)
                self.check_records(ours, samba, half)

    def test_its_client_is_accepted_by_our_server_in_every_kind_of_session(self):
        for name, response, strength, exchange, title, agreed in KINDS:
            changes = {
                "client ntlmv2 auth": yes_no(response == "v2"),
                "ntlmssp_client:ntlm2": yes_no(response != "v1"),
                "ntlmssp_client:128bit": yes_no(strength == 128),
                "ntlmssp_client:56bit": yes_no(strength >= 56),
                "ntlmssp_client:keyexchange": yes_no(exchange),
            }
            with self.subTest(name), OurSide("server", response=response, strength=40) as ours:
                samba = HOST.client(**changes)
                _, negotiate = samba.step()
                _, authenticate = samba.step(bytes.fromhex(ours.ask("token", negotiate)[1]))
                half, _ = self.check_agreed(ours.ask("token", authenticate), title, agreed)
                self.check_records(ours, samba, half)

    def test_its_server_refuses_our_client_with_a_wrong_password(self):
        for response in ("v2", "ntlm2", "v1"):
            with self.subTest(response), OurSide("client", response=response, password="Wrong-Pw1") as ours:
                samba = HOST.server()
                _, challenge = samba.step(bytes.fromhex(ours.ask("token")[1]))
                _, rest = ours.ask("token", challenge)
                with self.assertRaises(NTSTATUSError) as refusal:
                    samba.step(bytes.fromhex(rest.split(" ")[3]))
                self.assertEqual(refusal.exception.args[0], 0xC000006A)  # NT_STATUS_WRONG_PASSWORD

    def login_of_samba(self, ours, **options):
        samba = HOST.client(**options)
        _, negotiate = samba.step()
        _, authenticate = samba.step(bytes.fromhex(ours.ask("token", negotiate)[1]))
        return ours.ask("token", authenticate)

    def test_its_client_is_refused_by_our_server_with_a_wrong_password(self):
        with OurSide("server", response="v1", strength=40) as ours:
            wrong = self.login_of_samba(ours, password="Wrong-Pw1")
        with OurSide("server", response="v1", strength=40, account="Nobody") as ours:
            unknown = self.login_of_samba(ours)
        self.assertEqual(wrong[0], "error")
        self.assertEqual(wrong, unknown)

    def test_its_client_is_refused_by_our_server_where_it_is_weaker_than_required(self):
        weak = {"client ntlmv2 auth": "no"}, {"ntlmssp_client:128bit": "no"}
        for changes in weak:
            with self.subTest(changes), OurSide("server") as ours:
                self.assertEqual(self.login_of_samba(ours, **changes)[0], "error")


EXCHANGE = 'client_profile = "exchange-5.5"\n'
FROM_40, FROM_56 = 'client_strength = "40"\n', 'client_strength = "56"\n'
# settings of the client, most that its application takes, what comes out. Samba grants no LM_KEY, without which a session
# of Exchange 5.5's kind has 128 bits.
CLIENTS = [
    ("", 256, 128),
    (FROM_40, 56, 56),
    (FROM_40, 40, 40),
    ("", 0, 0),
    (EXCHANGE, 256, 128),
    (EXCHANGE, 0, 0),
]


class SaslPlugin(unittest.TestCase):
    def check_records(self, ours, samba):
        for size in (1, 37, 4076):
            for sender, receiver in ((ours, samba), (samba, ours)):
                self.assertEqual(receiver.unwrap(sender.wrap(text_of(size))), text_of(size))
        altered = bytearray(samba.wrap(text_of(64)))
        altered[-1] ^= 1
        self.assertIsNone(ours.unwrap(bytes(altered)))

    def log_in(self, ours, samba):
        """Our client at Samba's server; raises where that refuses."""
        _, challenge = samba.step(ours.step())
        authenticate = ours.step(challenge)
        self.assertEqual(ours.status, libsasl2.OK, ours.error())
        finished, _ = samba.step(authenticate)
        self.assertTrue(finished)

    def log_in_to(self, ours, samba):
        """Samba's client at our server; returns the server's status."""
        _, negotiate = samba.step()
        _, authenticate = samba.step(ours.step(negotiate))
        ours.step(authenticate)
        return ours.status

    def test_its_client_is_accepted_by_samba_and_its_records_are_read(self):
        for settings, max_ssf, ssf in CLIENTS:
            with self.subTest(f"{settings}{ssf}"), libsasl2.Library(sys.argv[2], settings):
                ours = libsasl2.Client(f"INTELLINET\\{USER}", PASSWORD, max_ssf)
                samba = HOST.server(seal=ssf != 0)
                self.log_in(ours, samba)
                self.assertEqual(ours.ssf(), ssf)
                if ssf:
                    self.check_records(ours, samba)
                ours.close()

    def test_its_server_accepts_samba_and_reads_its_records(self):
        for strength, profile, changes in (
            (128, "modern", {}),
            (56, "modern", {"ntlmssp_client:128bit": "no"}),
            (40, "modern", {"ntlmssp_client:128bit": "no", "ntlmssp_client:56bit": "no"}),
            (0, "modern", {}),
            (128, "exchange-5.5", {"client ntlmv2 auth": "no", "ntlmssp_client:ntlm2": "no"}),
            (128, "exchange-5.5", {"client ntlmv2 auth": "no"}),
        ):
            accounts = f"{USER} {PASSWORD} profile={profile} strength={strength or 128}\n"
            with self.subTest(accounts), libsasl2.Library(sys.argv[2], accounts=accounts):
                ours = libsasl2.Server()
                samba = HOST.client(seal=strength != 0, **changes)
                self.assertEqual(self.log_in_to(ours, samba), libsasl2.OK, ours.error())
                self.assertEqual(ours.ssf(), strength)
                if strength:
                    self.assertEqual(ours.unwrap(samba.wrap(b"EHLO a\r\n")), b"EHLO a\r\n")
                    self.check_records(ours, samba)
                ours.close()

    def test_its_server_refuses_samba_with_a_wrong_password_or_a_weak_response(self):
        with libsasl2.Library(sys.argv[2], accounts=f"{USER} {PASSWORD}\n") as library:
            for samba in (HOST.client("Wrong-Pw1"), HOST.client(**{"client ntlmv2 auth": "no"})):
                ours = libsasl2.Server()
                self.assertNotEqual(self.log_in_to(ours, samba), libsasl2.OK)
                ours.close()
            self.assertNotIn("logged in", "".join(library.log))

    def test_samba_refusing_ntlmv1_accepts_it_and_refuses_the_stock_plugin(self):
        for plugin, settings, is_accepted in ((sys.argv[2], "", True), (sys.argv[2], EXCHANGE, False), (STOCK_PLUGIN, "", False)):
            with self.subTest(plugin + settings), libsasl2.Library(plugin, settings):
                ours = libsasl2.Client(USER, PASSWORD, max_ssf=0)
                samba = HOST.server(seal=False, **{"ntlm auth": "ntlmv2-only"})
                if is_accepted:
                    self.log_in(ours, samba)
                else:
                    with self.assertRaises(NTSTATUSError) as refusal:
                        self.log_in(ours, samba)
                    self.assertEqual(refusal.exception.args[0], 0xC000006A)  # NT_STATUS_WRONG_PASSWORD
                ours.close()

    def test_samba_permitting_ntlmv1_accepts_the_stock_plugin(self):
        with libsasl2.Library(STOCK_PLUGIN):
            ours = libsasl2.Client(USER, PASSWORD, max_ssf=0)
            self.log_in(ours, HOST.server(seal=False))
            ours.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
