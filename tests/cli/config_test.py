"""config show and sendmail-config."""

import json
import os
import shutil
import subprocess
import unittest

import support


class ConfigTest(support.TablesTest):
    def test_what_is_shown_is_a_configuration(self):
        self.write("smtpseal.toml", '[relay]\nhostname = "mx \\"quoted\\" \\\\ döm"\nhold_time = "2h"\nrecord_limit = 65536\n'
                                    'smtp_listen = ["inet:192.0.2.2:25"]\nclient_name_lookup = false\n[process]\ndrain_time = 0\n', 0o644)
        shown = self.run_cli("config", "show").stdout
        self.write("smtpseal.toml", shown, 0o644)
        again = self.run_cli("config", "show", "--json").stdout
        values = {name: each["value"] for name, each in json.loads(again)["parameters"].items()}
        self.assertEqual(values["relay.hostname"], 'mx "quoted" \\ döm')
        self.assertEqual((values["relay.hold_time"], values["relay.record_limit"], values["process.drain_time"]), (7200, 65536, 0))
        self.assertEqual((values["relay.smtp_listen"], values["relay.client_name_lookup"]), (["inet:192.0.2.2:25"], False))
        self.assertIn('hold_time = "2h"  # default: "1h"', shown)
        self.assertNotIn("\x1b", shown)

    def test_changed_ones_alone(self):
        self.write("smtpseal.toml", '[relay]\nhold_time = "1h"\nsmtp_port = 26\n', 0o644)
        lines = self.run_cli("config", "show", "--changed").stdout.splitlines()
        self.assertEqual(lines, [f"# {self.path('smtpseal.toml')}", "", "[relay]", "smtp_port = 26  # default: 25",
                                 'hold_time = "1h"  # set, and the default'])
        found = json.loads(self.run_cli("config", "show", "--changed", "--json").stdout)
        self.assertEqual(found, {"file": self.path("smtpseal.toml"), "parameters": {
            "relay.smtp_port": {"value": 26, "default": 25, "set": True},
            "relay.hold_time": {"value": 3600, "default": 3600, "set": True}}})

    def test_a_configuration_that_is_wrong(self):
        self.write("smtpseal.toml", "[relay]\nhold_time = 0\n", 0o644)
        self.assertIn("smtpseal.toml:2", self.run_cli("config", "show", status=1).stderr)


@unittest.skipUnless(shutil.which("postconf"), "needs Postfix")
class PostfixConfigTest(support.TablesTest):
    def test_a_relative_directory_is_taken_from_here(self):
        os.mkdir(self.path("etc"))
        for name, text in (("main.cf", "compatibility_level = 3.6\n"), ("master.cf", "smtp inet n - y - - smtpd\n")):
            self.write(f"etc/{name}", text, 0o644)
        result = subprocess.run([support.PROGRAM, "--config", self.path("smtpseal.toml"), "postfix-config", "--postfix-config", "etc"],
                                capture_output=True, text=True, timeout=60, cwd=self.directory)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines()[0], f"# {self.path('etc')}/main.cf")


class SendmailConfigTest(support.TablesTest):
    def test_the_relay_way_names_what_the_configuration_lacks(self):
        output = self.run_cli("sendmail-config").stdout
        for line in ("define(`SMTPSEAL_OUTBOUND', `relay')dnl", "define(`SMTPSEAL_MILTER', `')dnl", "[policyd]",
                     'lmtp_listen = ["unix:/run/smtpseal/relay"]'):
            self.assertIn(line + "\n", output)
        toml = output.split(":\n", 2)[-1].split("\n# Then")[0]
        self.write("smtpseal.toml", toml, 0o644)
        self.assertIn("has what this needs", self.run_cli("sendmail-config").stdout)

    def test_inbound_names_who_may_relay(self):
        self.write("accounts", '"CORP\\mail relay" x relay=yes\nPARTNER y domains=partner.example\n', 0o640)
        output = self.run_cli("sendmail-config", "--inbound").stdout
        self.assertIn("define(`SMTPSEAL_RELAYING', `CORP\\mail+20relay')dnl\n", output)
        self.assertIn('relay_query = ""\n', output)
        self.assertIn("smtpseal plugin enable", output)

    def test_native_has_the_strength_of_the_plugin(self):
        self.write("smtpseal.toml", '[sasl]\nclient_strength = "56"\n', 0o644)
        output = self.run_cli("sendmail-config", "--native").stdout
        self.assertIn("define(`SMTPSEAL_SSF', `56')dnl\n", output)
        self.assertIn('client_layer = "require"\n', output)


class ManualTest(unittest.TestCase):
    """The section COMMANDS of smtpseal(1)."""

    def page(self):
        program = os.path.join(os.path.dirname(support.PROGRAM), "command-page")
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout

    @unittest.skipUnless(shutil.which("scdoc"), "scdoc is not installed")
    def test_scdoc_takes_it(self):
        roff = subprocess.run(["scdoc"], input="smtpseal(1)\n\n" + self.page(), capture_output=True, text=True, check=False)
        self.assertEqual((roff.returncode, roff.stderr), (0, ""))
        for part in ("LM_KEY", "DOMAIN\\\\user", "[address]"):
            self.assertIn(part, roff.stdout)

    def test_every_command_and_option_is_there(self):
        page = self.page()
        for part in ("*smtpseal domain show* _PATTERN_\n", " _PATTERN_ _CHANGES_...\n", "*smtpseal check*", "*--postfix-config* _DIRECTORY_",
                     "*smtpseal completion* *bash*|*zsh*"):
            self.assertIn(part, page)
