"""Completions in real shells."""

import os
import shutil
import subprocess
import unittest

import support

BASH = """
source /usr/share/bash-completion/bash_completion
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
_smtpseal
printf '%s\\n' "${{COMPREPLY[@]}}"
"""

# A shell on a terminal of its own, since zsh completes nowhere else. What it lists goes to a file by way of compadd -O.
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=({directory} \\$fpath); autoload -Uz compinit; compinit -u -d {directory}/dump"
zpty -w shell "compadd() {{ builtin compadd -A found \\"\\$@\\"; print -l -- \\$found >>{directory}/found; builtin compadd \\"\\$@\\" }}"
zpty -w shell "PATH={directory}:\\$PATH"
zpty -n -w shell "{line}"$'\\t'
sleep 1.5
zpty -w shell $'\\x15'
zpty -w shell "print done >{directory}/done"
for i in {{1..50}}; do [[ -e {directory}/done ]] && break; sleep 0.1; done
zpty -d shell
"""


class CompletionTest(support.TablesTest):
    def setUp(self):
        super().setUp()
        self.good_tables()
        for shell, name in (("bash", "smtpseal.bash"), ("zsh", "_smtpseal")):
            self.write(name, self.run_cli("completion", shell).stdout, 0o644)
        # The program as the script calls it: by name, with tables of its own.
        self.write("smtpseal", f'#!/bin/sh\nexec {support.PROGRAM} --config {self.path("smtpseal.toml")} "$@"\n', 0o755)

    def bash(self, *words):
        script = BASH.format(script=self.path("smtpseal.bash"), words=" ".join(f"'{word}'" for word in words))
        result = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=60, check=False,
                                cwd=self.directory, env={**os.environ, "PATH": self.directory + ":" + os.environ["PATH"]})
        self.assertEqual(result.stderr, "")
        return set(result.stdout.split())

    def zsh(self, line):
        for name in ("found", "done"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        subprocess.run(["zsh", "-f", "-c", ZSH.format(directory=self.directory, line=line)], capture_output=True, timeout=60,
                       check=True, cwd=self.directory)
        return set(self.read("found").split()) if os.path.exists(self.path("found")) else set()

    def test_another_shell_is_refused(self):
        self.assertIn("SHELL", self.run_cli("completion", "fish", status=2).stderr)

    @unittest.skipUnless(os.path.exists("/usr/share/bash-completion/bash_completion"), "bash-completion is not installed")
    def test_bash(self):
        self.assertLessEqual({"domain", "check", "query", "completion"}, self.bash("smtpseal", ""))
        self.assertEqual(self.bash("smtpseal", "cred"), {"credential"})
        self.assertLessEqual({"add", "remove", "list"}, self.bash("smtpseal", "domain", ""))
        self.assertEqual(self.bash("smtpseal", "completion", ""), {"bash", "zsh"})
        self.assertEqual(self.bash("smtpseal", "--color", "a"), {"auto", "always"})
        self.assertEqual(self.bash("smtpseal", "--color", "always", "acc"), {"account"})
        self.assertIn("--json", self.bash("smtpseal", "query", "--"))
        self.assertIn("smtpseal.toml", self.bash("smtpseal", "--config", "smtpseal.t"))
        self.assertEqual(self.bash("smtpseal", "domain", "remove", ""), {"partner.example", ".x.example"})
        self.assertEqual(self.bash("smtpseal", "domain", "remove", "x", ""), set())

    @unittest.skipUnless(os.path.exists("/usr/share/bash-completion/bash_completion"), "bash-completion is not installed")
    def test_bash_takes_a_pattern_for_no_file_name(self):
        self.write("domains", "* none\npartner.example none\n[192.0.2.1] none\n", 0o644)
        self.assertEqual(self.bash("smtpseal", "domain", "remove", ""), {"\\*", "partner.example", "\\[192.0.2.1\\]"})
        for word in ("[", "\\["):
            self.assertEqual(self.bash("smtpseal", "domain", "remove", word), {"\\[192.0.2.1\\]"})

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        subprocess.run(["zsh", "-n", self.path("_smtpseal")], check=True, timeout=60)
        self.assertLessEqual({"domain", "check", "query"}, self.zsh("smtpseal "))
        self.assertLessEqual({"add", "remove", "list"}, self.zsh("smtpseal domain "))
        self.assertEqual(self.zsh("smtpseal completion "), {"bash", "zsh"})
        self.assertLessEqual({"partner.example", ".x.example"}, self.zsh("smtpseal domain remove "))
