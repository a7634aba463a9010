"""What `smtpseal check` says where no mail server is set up. With real Postfix: tests/e2e/check_test.py."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import unittest
import unittest.mock

import support

NOWHERE = "/nonexistent/sendmail.cf"


class Checking(support.TablesTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.good_tables()
        self.configure()

    def configure(self, process='user = ""', **sections):
        sections = {"process": process, **sections}
        files = "".join(f'{name} = "{self.path(name)}"\n' for name in ("domains", "credentials", "accounts"))
        self.write("smtpseal.toml", f"[files]\n{files}" + "".join(f"[{name}]\n{text}\n" for name, text in sections.items()),
                   0o644)

    def check(self, *arguments, status=0):
        return self.run_cli("check", "--sendmail-cf", NOWHERE, *arguments, status=status).stdout

    def findings(self, *arguments, status=0):
        found = json.loads(self.check("--json", *arguments, status=status))
        self.assertEqual(found["ok"], status == 0)
        return found["findings"]

    def finding(self, part, arguments=(), **options):
        found = [each for each in self.findings(*arguments, **options) if part in each["text"]]
        self.assertEqual(len(found), 1, part)
        return found[0]


class CheckTest(Checking):
    def test_each_problem_has_its_mend_below(self):
        os.chmod(self.path("credentials"), 0o644)
        lines = self.check("--tables-only", status=1).splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith("  problem: "))
        self.assertEqual(lines[place + 1], f"           -> chmod 0640 {self.path('credentials')}")
        self.assertEqual(lines[-2], "NOT OK: 1 problem")

    def test_json_has_group_severity_text_and_mend(self):
        self.write("domains", "c.example seal account=nobody\n", 0o644)
        found = self.finding("has no line", status=1)
        self.assertEqual((found["group"], found["severity"], found["mend"]),
                         ("tables", "problem", "smtpseal credential set 'nobody'"))

    def test_warnings_count_with_strict_alone(self):
        self.write("domains", "partner.example seal account=CORP\\MX strength=40\n", 0o644)
        self.assertIn("\nOK: ", self.check())
        self.assertIn("\nNOT OK: 0 problems, 1 warning", self.check("--strict", status=1))
        self.check("--strict", "--tables-only", status=1)

    def test_what_nobody_uses_is_noted(self):
        self.write("credentials", "CORP\\MX x\nUNUSED y\n", 0o640)
        self.write("accounts", "FREE geheim\nPARTNER geheim domains=partner.example\nNAMED geheim\n", 0o640)
        self.write("domains", "partner.example seal account=corp\\mx inbound=require inbound_account=named\n", 0o644)
        self.assertEqual(self.finding("no rule uses")["severity"], "note")
        self.assertIn("UNUSED", self.finding("no rule uses")["text"])
        self.assertIn("FREE", self.finding("is bound to no domain")["text"])

    def test_a_configuration_that_is_wrong_ends_the_check(self):
        self.write("smtpseal.toml", "[process\n", 0o644)
        found = self.findings(status=1)
        self.assertEqual([(each["group"], each["severity"]) for each in found], [("configuration", "problem")])
        self.assertIn("smtpseal.toml:1", found[0]["text"])

    def test_a_user_that_is_missing(self):
        self.configure('user = "smtpseal-test-nobody"')
        found = self.finding("process.user", status=1)
        self.assertEqual(found["severity"], "problem")
        self.assertIn("useradd", found["mend"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root: it becomes another user")
    def test_files_that_the_user_cannot_read(self):
        state = self.path("state")
        os.mkdir(state, 0o700)
        self.configure('user = "nobody"', relay=f'state_directory = "{state}"')
        for name in ("credentials", "accounts"):
            self.assertEqual(self.finding(f"files.{name}", status=1)["severity"], "problem")
        self.assertIn("chown nobody", self.finding("cannot be written to", status=1)["mend"])
        self.assertIn("can read 2 files", self.check(status=1))
        for name in ("credentials", "accounts"):
            os.chown(self.path(name), 0, 65534)
        os.chown(state, 65534, 65534)
        self.assertIn("can read 4 files", self.check())
        os.chmod(self.directory, 0o700)
        self.assertIn("files.domains", self.check(status=1))

    def test_a_private_key_that_others_can_read(self):
        self.write("key.pem", "x", 0o644)
        self.configure(relay=f'tls_cert_file = "{self.path("key.pem")}"')
        self.assertIn("chmod o= ", self.finding("holds the private key", status=1)["mend"])

    def test_daemons_that_do_not_run_are_noted(self):
        self.configure(milter=f'listen = "unix:{self.path("milter")}"\ncontrol_listen = []')
        found = self.finding("smtpseal-milter does not run")
        self.assertEqual((found["severity"], found["mend"]), ("note", "systemctl enable --now smtpseal-milter"))
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path("milter"))
        listener.listen()
        self.assertIn("smtpseal-milter answers at 1 socket", self.check())

    def test_a_postfix_that_cannot_be_read_is_one_problem_among_the_findings(self):
        found = self.finding("/nonexistent/main.cf cannot be read", status=1, arguments=("--postfix-config", "/nonexistent"))
        self.assertEqual((found["group"], found["severity"]), ("mail server", "problem"))

    @unittest.skipUnless(os.geteuid() == 0, "needs root: it becomes another user")
    def test_what_only_root_can_see_is_no_fault_of_the_daemons(self):
        os.mkdir(self.path("closed"), 0o700)
        self.configure(milter=f'listen = "unix:{self.path("closed/milter")}"\ncontrol_listen = []')
        program = shutil.copy(support.PROGRAM, self.path("smtpseal"))
        result = subprocess.run([program, "--config", self.path("smtpseal.toml"), "check", "--json"], user=65534, group=65534,
                                extra_groups=[], capture_output=True, text=True, timeout=60)
        found = {each["text"]: each["mend"] for each in json.loads(result.stdout)["findings"]}
        self.assertEqual(found[f"whether smtpseal-milter runs is not known: unix:{self.path('closed/milter')}: Permission denied"],
                         "run smtpseal check as root")
        self.assertEqual(found[f"{self.path('accounts')}: cannot be opened: Permission denied"], "run smtpseal check as root")

    def test_a_socket_that_is_none_does_not_end_the_check(self):
        self.configure(relay='smtp_listen = ["192.0.2.2:25"]', milter='listen = "inet:localhost:8891"')
        for parameter in ("relay.smtp_listen", "milter.listen"):
            found = self.finding(f"{parameter}: ", status=1)
            self.assertEqual((found["group"], found["severity"]), ("daemons", "problem"))
        self.assertIn("smtpseal-relay does not run", self.check(status=1))

    def test_what_postconf_complains_of_is_told(self):
        self.write("postconf", "#!/bin/sh\necho 'postconf: fatal: bad main.cf' >&2\nexit 1\n", 0o755)
        self.write("main.cf", "", 0o644)
        with unittest.mock.patch.dict(os.environ, PATH=self.directory + ":" + os.environ["PATH"]):
            told = self.run_cli("postfix-config", "--postfix-config", self.directory, status=1).stderr
        self.assertIn("postconf failed: postconf: fatal: bad main.cf", told)

    def on_terminal(self, **environment):
        command = f"{support.PROGRAM} --config {self.path('smtpseal.toml')} check --tables-only"
        return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, check=True, timeout=60,
                              env={"PATH": os.environ["PATH"], **environment}).stdout

    def test_colour_is_for_terminals_and_who_asks(self):
        self.assertIn("\x1b[32mok:", self.on_terminal(TERM="xterm"))
        for environment in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}, {}):
            self.assertNotIn("\x1b", self.on_terminal(**environment))
        self.assertNotIn("\x1b", self.check())
        self.assertIn("\x1b[32mok:", self.run_cli("--color", "always", "check", "--tables-only").stdout)
        self.run_cli("--color", "sometimes", "check", status=2)


class SendmailCheckTest(Checking):
    """What a sendmail.cf lacks."""

    CF = ("Ksmtpseal socket local:{directory}/policyd\nO InputMailFilters=smtpseal, other\n"
          "Xsmtpseal, S=unix:{directory}/milter, F=T, T=C:30s\n"
          "Msmtpseal,\tP=[IPC], F=mDFMuXz, L=990,\n\t\tT=DNS/RFC822/SMTP,\n\t\tA=FILE {directory}/relay\n")

    def setUp(self):
        super().setUp()
        self.write("domains", "partner.example seal account=CORP\\MX inbound=require\n", 0o644)
        self.configure(policyd=f'listen = ["unix:{self.path("policyd")}"]', relay=f'lmtp_listen = ["unix:{self.path("relay")}"]',
                       milter=f'listen = "unix:{self.path("milter")}"')

    def sendmail(self, text, status=1):
        self.write("sendmail.cf", text.format(directory=self.directory), 0o644)
        found = json.loads(self.run_cli("check", "--json", "--sendmail-cf", self.path("sendmail.cf"), status=status).stdout)
        return [each for each in found["findings"] if each["group"].startswith("Sendmail")]

    def test_nothing_of_smtpseal(self):
        texts = [each["text"] for each in self.sendmail("O QueueDirectory=/x\n")]
        self.assertTrue(any("no mailer smtpseal" in text for text in texts), texts)
        self.assertTrue(any("lacks smtpseal" in text for text in texts), texts)

    def test_sockets_of_daemons_that_are_down(self):
        found = self.sendmail(self.CF)
        self.assertEqual({each["mend"] for each in found},
                         {f"systemctl enable --now smtpseal-{name}" for name in ("policyd", "relay", "milter")})

    def test_a_relay_that_greets_with_what_a_terminal_obeys(self):
        for greeting, told in (("\x1b[2J\r\n", "it greets with ?[2J"), ("x" * 100000, "it greets with " + "x" * 100)):
            with self.subTest(greeting[:9]):
                self.greet_with(greeting)
                problems = [each["text"] for each in self.sendmail(self.CF) if "greets" in each["text"]]
                self.assertTrue(len(problems) == 1 and problems[0].endswith(told), problems)

    def greet_with(self, greeting):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        if os.path.exists(self.path("relay")):
            os.unlink(self.path("relay"))
        listener.bind(self.path("relay"))
        listener.listen()

        def serve():
            for _ in range(2):  # asked whether it runs, then by name
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(greeting.encode())

        threading.Thread(target=serve, daemon=True).start()

    def test_other_sockets_than_those_of_the_configuration(self):
        text = "".join(each["text"] for each in self.sendmail(self.CF.replace("{directory}", "/run/other")))
        for part in ("none of policyd.listen", "where the relay does not listen", "looks for the milter at unix:/run/other/milter"):
            self.assertIn(part, text)

    def test_a_filter_that_lets_mail_pass(self):
        text = "".join(each["text"] for each in self.sendmail(self.CF.replace("F=T,", "").replace("=smtpseal, other", "=other,smtpseal")))
        self.assertIn("mail passes unjudged", text)
        self.assertIn("names other before smtpseal", text)
