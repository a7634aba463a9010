"""smtpseal headers: what the header of a message says, and whom to believe."""

import json
import os

import support

SEALED = """X-SmtpSeal-Status: sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128;
\taccount="INTELLINET\\\\DOUG"; peer=mail.partner.example[192.0.2.7];
\tby=mx.example.com
Authentication-Results: mx.example.com;
\tauth=pass (NTLM, sealed 128 bits) smtp.auth=DOUG
"""
RECEIVED = """Received: from joe by alpha.example (smtpseal-relay) with LMTP id 1234abcd
\t(next hop mx.example.com: NTLM authenticated with NTLMv2, sealed with RC4, 128 bits);
\tMon, 30 Nov 2026 12:00:00 +0000
"""
BODY = "From: joe@partner.example\nSubject: hello\n\nX-SmtpSeal-Status: sealed; by=mx.example.com\n"


class HeadersTest(support.TablesTest):
    def setUp(self):
        super().setUp()
        self.write("smtpseal.toml", '[milter]\nauthserv_id = "mx.example.com"\n', 0o644)

    def headers(self, message, *arguments):
        return self.run_cli("headers", *arguments, stdin=message).stdout

    def found(self, message):
        return json.loads(self.headers(message, "--json"))

    def test_what_this_host_says_is_explained(self):
        output = self.headers(SEALED + RECEIVED + BODY)
        for part in ("line 1: X-SmtpSeal-Status of this host, mx.example.com", "logged on by NTLM as INTELLINET\\DOUG with NTLMv2",
                     "encrypted by RC4 with 128 bit", "mail.partner.example[192.0.2.7]",
                     "line 4: Authentication-Results of this host", "line 6: Received of the relay of alpha.example",
                     "Only what this host says counts"):
            self.assertIn(part, output)
        self.assertNotIn("weak", output)
        self.assertEqual(self.found(SEALED + BODY)["protection"], "sealed")

    def test_a_file_is_read_as_well(self):
        self.write("message", "From joe Mon Nov 30 12:00:00 2026\r\n" + (SEALED + BODY).replace("\n", "\r\n"), 0o644)
        found = json.loads(self.run_cli("headers", "--json", self.path("message")).stdout)
        self.assertEqual([each["line"] for each in found["fields"]], [2, 5])
        self.assertEqual(found["malformed"], [])
        self.assertIn("No such file", self.run_cli("headers", self.path("none"), status=1).stderr)

    def test_what_another_host_says_is_hearsay(self):
        message = SEALED.replace("mx.example.com", "mx.other.example") + BODY
        output = self.headers(message)
        self.assertIn("of mx.other.example, not of this host (mx.example.com): hearsay", output)
        self.assertIn("how the message came in is not known", output)
        self.assertIsNone(self.found(message)["protection"])

    def test_the_body_is_not_read(self):
        self.assertEqual(self.found(BODY)["fields"], [])
        self.assertIn("No field says", self.headers(BODY))

    def test_weak_sessions_are_called_so(self):
        output = self.headers(SEALED.replace("NTLMv2", "NTLMv1").replace("bits=128", "bits=40") + BODY)
        self.assertIn("40 bit can be broken", output)
        authenticated = "X-SmtpSeal-Status: authenticated; mech=NTLM; auth=NTLMv1; by=mx.example.com\n\n"
        self.assertIn("NTLMv1 lets passwords be found", self.headers(authenticated))

    def test_a_header_cannot_command_the_terminal(self):
        for value in ("none; peer=\x9b2Jx[192.0.2.7]", "made up \x1b[2J", "\x9b2J; by=mx.example.com", "\udcc2"):
            with self.subTest(ascii(value)):
                output = self.headers(f"X-SmtpSeal-Status: {value}\n\n")
                self.assertFalse(set(output) & {"\x1b", "\x9b", "\udcc2"}, ascii(output))
        self.assertIn("dömäin €", self.headers("X-SmtpSeal-Status: dömäin €\n\n"))

    def test_other_protections(self):
        for value, part in (("none; peer=a.example[192.0.2.7]", "neither a login nor encryption"),
                            ('unknown; reason="smtpseal-relay does not answer"', "smtpseal-relay does not answer; take it for unprotected"),
                            ("tls; tls=TLSv1.3; tls-cipher=TLS_AES_256_GCM_SHA384; tls-bits=256", "by whom is not known; the session had TLSv1.3"),
                            ('none; would-reject="the session is not sealed"', "it would have been refused: the session is not sealed")):
            with self.subTest(value):
                self.assertIn(part, self.headers(f"X-SmtpSeal-Status: {value}; by=mx.example.com\n\n"))

    def test_made_up_fields_are_named(self):
        for value in ("sealed and signed; by=mx.example.com", "sealed; by=mx.example.com; by=mx.example.com", ""):
            with self.subTest(value):
                message = f"X-SmtpSeal-Status: {value}\n\n"
                self.assertIn("no smtpseal writes this", self.headers(message))
                self.assertIsNone(self.found(message)["protection"])

    def test_malformed_lines_are_named(self):
        found = self.found(" folded first\nno field\n\tgoes on\nSubject: a\rb\n" + SEALED + BODY)
        self.assertEqual(found["malformed"], ["line 1 goes on with a field that does not begin", "line 2 is no header field",
                                              "line 3 goes on with a field that does not begin",
                                              "line 4 has a CR without LF, which readers take for different things"])
        self.assertEqual(found["protection"], "sealed")

    def test_terminal_controls_are_not_passed_on(self):
        output = self.headers("X-SmtpSeal-Status: \x1b[31msealed\nAuthentication-Results: \x1b]0;x\x07; auth=pass\n\n")
        self.assertNotIn("\x1b", output)

    def test_a_header_without_end_is_cut(self):
        found = self.found(SEALED + "X: " + "a" * (1 << 20) + "\n" + SEALED)
        self.assertEqual(len(found["fields"]), 2)
        self.assertIn("longer than 1048576 octets", found["malformed"][0])

    def test_a_reader_that_stops_early_or_nothing_at_all(self):
        for message in ("", "\n", ":", "\0\n", "X-SmtpSeal-Status", SEALED[:40], SEALED.rstrip()):
            with self.subTest(message):
                self.found(message)

    def test_the_name_of_this_host_is_the_default(self):
        self.write("smtpseal.toml", "", 0o644)
        self.assertEqual(self.found(BODY)["host"], os.uname().nodename)
