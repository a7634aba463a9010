"""domain set, domain show, and passwords from files."""

import os

import support


class DomainSetTest(support.TablesTest):
    def setUp(self):
        super().setUp()
        self.good_tables()

    def set(self, before, *changes, status=0):
        self.write("domains", f"# ours\n{before}\n\n.x.example none # not\n", 0o644)
        output = self.run_cli("domain", "set", "partner.example", *changes, status=status)
        text = self.read("domains")
        self.assertTrue(text.startswith("# ours\n") and text.endswith("\n\n.x.example none # not\n"), text)
        return text.splitlines()[1] if status == 0 else output.stderr

    def test_an_attribute_is_changed_where_it_stands(self):
        self.assertEqual(self.set("partner.example  seal   account=CORP\\MX  strength=40 on_failure=bounce  # main", "strength=56"),
                         "partner.example  seal   account=CORP\\MX  strength=56 on_failure=bounce  # main")

    def test_a_new_attribute_goes_before_the_comment(self):
        self.assertEqual(self.set("partner.example seal account=CORP\\MX   # main", "strength=56", "on_failure=bounce"),
                         "partner.example seal account=CORP\\MX strength=56 on_failure=bounce   # main")

    def test_an_attribute_is_taken_away_with_its_blanks(self):
        self.assertEqual(self.set("partner.example seal account=CORP\\MX   strength=40\ton_failure=bounce # x", "strength="),
                         "partner.example seal account=CORP\\MX\ton_failure=bounce # x")

    def test_the_level_alone_or_with_attributes(self):
        self.assertEqual(self.set("partner.example\tseal account=CORP\\MX # x", "auth"), "partner.example\tauth account=CORP\\MX # x")
        self.assertEqual(self.set("partner.example seal account=CORP\\MX", "none", "account=", "inbound=require"),
                         "partner.example none inbound=require")

    def test_values_with_blanks_are_quoted(self):
        self.write("credentials", 'CORP\\MX x\n"CORP\\mail relay" y\n', 0o640)
        self.assertEqual(self.set('partner.example seal account="CORP\\MX" strength=56', "account=CORP\\mail relay"),
                         'partner.example seal account="CORP\\mail relay" strength=56')
        self.assertEqual(self.set('partner.example seal account="CORP\\mail relay" strength=56', "account=CORP\\MX"),
                         "partner.example seal account=CORP\\MX strength=56")

    def test_the_pattern_may_be_written_otherwise(self):
        self.write("domains", "PARTNER.example seal account=CORP\\MX\n", 0o644)
        self.run_cli("domain", "set", "partner.EXAMPLE", "strength=56")
        self.assertEqual(self.read("domains"), "PARTNER.example seal account=CORP\\MX strength=56\n")

    def test_changes_that_break_the_rules_change_nothing(self):
        line = "partner.example seal account=CORP\\MX # x"
        for changes, part in ((["strength=41"], "strength"), (["account=nobody"], "has no line"), (["account="], "needs account="),
                              (["colour=red"], "colour"), (["strength="], "has no strength="), (["auth", "seal"], "only the first change"),
                              (["strength=56\nevil.example none"], "one line"), (["sealed"], "sealed"), (["=x"], "")):
            with self.subTest(changes):
                self.assertIn(part, self.set(line, *changes, status=1))
                self.assertEqual(self.read("domains").splitlines()[1], line)

    def test_an_entry_that_is_not_there(self):
        self.assertIn("smtpseal domain add", self.run_cli("domain", "set", "none.example", "seal", status=1).stderr)
        self.run_cli("domain", "set", "partner.example", status=2)

    def test_show_says_what_a_rule_asks_for(self):
        self.write("domains", "partner.example seal account=CORP\\MX strength=40 tls=verify nexthop=[mx.partner.example]:587 "
                              "inbound=require inbound_account=PARTNER\n", 0o644)
        output = self.run_cli("domain", "show", "partner.example").stdout
        for part in ("encrypted with at least 40 bit", "mx.partner.example port 587", "as CORP\\MX by NTLM, profile modern",
                     f"there ({self.path('credentials')}:2)", "TLS 1.2 or later, with a certificate for the host's name",
                     "must arrive sealed with at least 40 bit, by account PARTNER", "40 bit (strength=40)"):
            self.assertIn(part, output)

    def test_show_says_what_is_missing(self):
        self.write("domains", "partner.example seal account=nobody\n", 0o644)
        self.assertIn("missing", self.run_cli("domain", "show", "partner.example").stdout)
        os.chmod(self.path("credentials"), 0o644)
        self.assertIn("not known", self.run_cli("domain", "show", "partner.example").stdout)
        self.assertIn("smtpseal query", self.run_cli("domain", "show", "sub.partner.example", status=1).stderr)

    def test_names_alone(self):
        self.assertEqual(self.run_cli("domain", "list", "--names").stdout, "partner.example\n.x.example\n")
        self.assertEqual(self.run_cli("account", "list", "--names").stdout, "PARTNER\n")
        self.assertEqual(self.run_cli("credential", "list", "--names").stdout, "CORP\\MX\n")


class PasswordTest(support.TablesTest):
    def setUp(self):
        super().setUp()
        self.good_tables()
        self.write("password", "correct horse battery\nsecond line\n", 0o600)

    def set(self, *arguments, **options):
        return self.run_cli("credential", "set", "CORP\\MX", *arguments, **options)

    def test_from_a_file_its_first_line(self):
        self.set("--password-file", self.path("password"))
        from_file = self.read("credentials")
        self.assertNotIn("horse", from_file)
        self.set(stdin="correct horse battery\n")
        self.assertEqual(self.read("credentials"), from_file)
        self.run_cli("account", "passwd", "PARTNER", "--password-file", self.path("password"))
        self.run_cli("account", "add", "NEW", "domains=new.example", "--password-file", self.path("password"))
        self.assertIn("NEW\t{NT}", self.read("accounts"))

    def test_a_file_that_others_can_read_is_refused(self):
        before = self.read("credentials")
        for mode in (0o644, 0o604, 0o620, 0o602):
            os.chmod(self.path("password"), mode)
            self.assertIn("chmod 0600", self.set("--password-file", self.path("password"), status=1).stderr)
        self.assertIn("No such file", self.set("--password-file", self.path("none"), status=1).stderr)
        self.assertEqual(self.read("credentials"), before)

    def test_an_argument_is_refused_and_not_shown(self):
        for arguments, status in ((["credential", "set", "CORP\\MX", "Hush-Hush-1"], 2), (["account", "passwd", "PARTNER", "Hush-Hush-1"], 2),
                                  (["account", "add", "NEW", "Hush-Hush-1"], 1), (["credential", "set", "CORP\\MX", "--password=Hush-Hush-1"], 2)):
            with self.subTest(arguments):
                result = self.run_cli(*arguments, status=status, stdin="correct horse battery\n")
                self.assertIn("never an argument", result.stderr)
                self.assertNotIn("Hush", result.stdout + result.stderr)

    def test_weak_passwords_are_called_so_and_taken(self):
        for password, part in (("short", "less than 12"), ("PASSWORD12345678", "everybody tries"), ("mx!!!!!!!!!!!!!!", "name of the account"),
                               ("123456789012345", "no letters"), ("aaaaaaaaaaaaaaaa", "one character")):
            with self.subTest(password):
                output = self.set(stdin=password + "\n")
                self.assertIn("warning: ", output.stderr)
                self.assertIn(part, output.stderr)
                self.assertNotIn(password, output.stdout + output.stderr)
        self.assertNotIn("warning", self.set("--password-file", self.path("password")).stderr)
