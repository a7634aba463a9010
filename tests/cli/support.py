"""What the tests of the smtpseal command share."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None


def find_program(build):
    for path in (os.path.join(build, "cli", "smtpseal"), os.path.join(build, "smtpseal")):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.abspath(path)
    sys.exit(f"no smtpseal program in {build}")


class TablesTest(unittest.TestCase):
    """A directory with a smtpseal.toml and, where a test writes them, the three tables."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="smtpseal-cli-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.write("smtpseal.toml", "[files]\n" + "".join(
            f'{name} = "{self.path(name)}"\n' for name in ("domains", "credentials", "accounts")), 0o644)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()

    def run_cli(self, *arguments, status=0, stdin=""):
        result = subprocess.run([PROGRAM, "--config", self.path("smtpseal.toml"), *arguments], input=stdin,
                                capture_output=True, text=True, errors="surrogateescape", timeout=60)
        self.assertEqual(result.returncode, status, (arguments, result.stdout, result.stderr))
        return result

    def good_tables(self):
        self.write("domains", "# our partners\npartner.example  seal  account=CORP\\MX   # main\n\n"
                              "# exceptions\n.x.example none\n", 0o644)
        self.write("credentials", "# who we are\nCORP\\MX\tPassword\n", 0o640)
        self.write("accounts", "# who they are\nPARTNER  old  domains=partner.example relay=no\n", 0o640)

    def leftovers(self):
        return [name for name in os.listdir(self.directory) if name.startswith(".")]
