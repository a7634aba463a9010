#!/usr/bin/env python3
"""The manual pages have all that the programs have, name only pages that exist, and render without a warning.

usage: tests/docs/manual_test.py BUILD_DIRECTORY
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from sources import ROOT

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else ROOT / 'build/release'
PAGES = sorted(path for path in (BUILD / 'docs/man').glob('*.[1-8]'))
DAEMONS = {'smtpseal-relay': 'relay', 'smtpseal-policyd': 'postfix-policy', 'smtpseal-milter': 'milter'}
OURS = re.compile(r'\b(smtpseal[a-z.-]*)\((\d)\)')


def text_of(page):
    """As a reader sees it, without what is bold or hyphenated."""
    rendered = man(page, width=500, options=['--no-hyphenation', '--no-justification']).stdout
    return re.sub(r'.\x08', '', rendered).replace('‐', '-').replace('−', '-')


def man(page, width, options=()):
    environment = {'MANWIDTH': str(width), 'LC_ALL': 'C.UTF-8', 'PATH': '/usr/bin:/bin'}
    return subprocess.run(['man', *options, '-l', str(page)], env=environment, capture_output=True, text=True, check=False)


def page(name):
    return text_of(BUILD / 'docs/man' / name)


def declared(pattern, *sources):
    found = [word for source in sources for word in re.findall(pattern, (ROOT / source).read_text(encoding='utf-8'))]
    assert found, f'nothing is declared as {pattern} in {sources}'
    return found


def example_in(source):
    """The first example, without scdoc's escapes."""
    text = (ROOT / 'docs/man' / source).read_text(encoding='utf-8')
    return re.search(r'^# EXAMPLES.*?^```\n(.*?)^```', text, re.MULTILINE | re.DOTALL).group(1).replace('\\\\', '\\')


def help_of(program, *command):
    return subprocess.run([program, *command, '--help'], capture_output=True, text=True, check=True).stdout


def options_in(text):
    return set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]*', text))


def commands(program, *command):
    """Each command with its own --help, depth first."""
    text = help_of(program, *command)
    yield command, text
    subcommands = re.search(r'^Subcommands:\n((?:  .*\n|\n(?=  ))*)', text, re.MULTILINE)
    for name in re.findall(r'^  ([a-z][a-z-]*)', subcommands.group(1) if subcommands else '', re.MULTILINE):
        yield from commands(program, *command, name)


class Manual(unittest.TestCase):
    maxDiff = None

    def missing_from(self, text, words):
        self.assertEqual([], [word for word in words if not re.search(rf'(?<![\w-]){re.escape(word)}(?![\w-])', text)])

    def test_every_page_is_built(self):
        names = {source.name.removesuffix('.scd') for source in (ROOT / 'docs/man').glob('*.scd')}
        self.assertEqual(names, {page.name for page in PAGES})

    def test_no_backslash_of_an_example_is_lost(self):  # scdoc takes a lone one for an escape, in literal text too
        for source in (ROOT / 'docs/man').glob('*.scd'):
            for example in re.findall(r'^```\n(.*?)^```', source.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL):
                self.assertNotIn('\\', example.replace('\\\\', ''), source.name)

    def test_pages_render_without_warnings(self):
        for path in PAGES:
            said = man(path, width=80, options=['--warnings', '-E', 'UTF-8'])
            self.assertEqual((0, ''), (said.returncode, said.stderr), path.name)

    @unittest.skipUnless(shutil.which('mandoc'), 'mandoc is not installed')
    def test_pages_pass_mandoc(self):
        for path in PAGES:
            said = subprocess.run(['mandoc', '-Tlint', '-Werror', str(path)], capture_output=True, text=True, check=False)
            self.assertEqual('', said.stdout + said.stderr, path.name)

    def test_nothing_is_left_to_be_filled_in(self):
        for path in PAGES:
            self.assertNotRegex(path.read_text(encoding='utf-8'), r'@[A-Z]+@', path.name)

    def test_pages_name_only_pages_that_exist(self):
        names = {path.name for path in PAGES}
        for path in PAGES:
            self.assertEqual(set(), {f'{name}.{section}' for name, section in OURS.findall(text_of(path))} - names, path.name)

    def test_every_parameter(self):
        manual = (ROOT / 'docs/parameters.md').read_text(encoding='utf-8')
        text = page('smtpseal.toml.5')
        for section in re.split(r'^## ', manual, flags=re.MULTILINE)[1:]:
            name = re.match(r'\[(\w+)\]', section).group(1)
            part = re.search(rf'^ +\[{name}\]\n(.*?)(?=^ {{1,3}}\[|^[A-Z])', text, re.MULTILINE | re.DOTALL)
            self.assertTrue(part, f'[{name}]')
            for parameter in re.findall(r'^\| `(\w+)` \|', section, re.MULTILINE):
                self.assertRegex(part.group(1), rf'(?m)^ +{parameter} \(')

    def test_every_level_attribute_and_word_of_domains(self):
        text = page('smtpseal-domains.5')
        sources = ('shared/src/policy/domain_map.cpp', 'shared/src/policy/tls_rule.cpp', 'shared/src/policy/choices.hpp')
        self.missing_from(text, declared(r'Attribute\{"(\w+)"', sources[0]))
        self.missing_from(text, declared(r'Choice<\w+(?:::\w+)?>\{"([^"]+)"', *sources))

    def test_every_attribute_of_accounts(self):
        names = declared(r'kNames\{([^}]*)\}', 'shared/src/policy/account_files.cpp')[0]
        text = page('smtpseal-accounts.5')
        self.missing_from(text, re.findall(r'"(\w+)"', names))
        self.missing_from(text, declared(r'Choice<\w+>\{"([^"]+)"', 'shared/src/policy/account_files.cpp'))

    def test_every_parameter_and_value_of_the_status_header(self):
        text = page('smtpseal-status.7')
        only_between_daemons = {'sealed', 'unsealed', 'id'}
        self.missing_from(text, [name for name in declared(r'Parameter\{"([a-z-]+)"', 'shared/src/status/status_header.cpp')
                                 if name not in only_between_daemons])
        self.missing_from(text, ['sealed', 'authenticated', 'tls', 'none', 'unknown'])

    def test_the_examples_of_the_tables_can_be_used(self):
        examples = {name: example_in(f'smtpseal-{name}.5.scd') for name in ('domains', 'credentials', 'accounts')}
        missing = set(re.findall(r'(?<!_)account=(\S+)', examples['domains'])) - set(re.findall(r'^\S+', examples['credentials'], re.MULTILINE))
        examples['credentials'] += ''.join(f'{account} {{NT}}{"5a" * 16}\n' for account in sorted(missing))
        with tempfile.TemporaryDirectory() as directory:
            for name, text in examples.items():
                pathlib.Path(directory, name).write_text(text, encoding='utf-8')
                pathlib.Path(directory, name).chmod(0o600)
            configuration = pathlib.Path(directory, 'smtpseal.toml')
            configuration.write_text('[files]\n' + ''.join(f'{name} = "{directory}/{name}"\n' for name in examples), encoding='utf-8')
            said = subprocess.run([str(BUILD / 'relay/smtpseal-relay'), '--config', str(configuration), '--check-config'],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(0, said.returncode, said.stderr)

    def test_every_option_of_the_plugin(self):
        self.missing_from(page('smtpseal-sasl.7'), declared(r'"(smtpseal_\w+)"', 'sasl-plugin/setup.cpp', 'sasl-plugin/server_plugin.cpp'))

    def test_every_option_of_the_daemons(self):
        for daemon, directory in DAEMONS.items():
            options = options_in(help_of(str(BUILD / directory / daemon)))
            self.assertIn('--config', options)
            self.missing_from(page(f'{daemon}.8'), sorted(options))

    def test_every_command_with_its_options(self):
        text = page('smtpseal.1')
        self.missing_from(text, sorted(options_in(help_of(str(BUILD / 'cli/smtpseal')))))
        found = list(commands(str(BUILD / 'cli/smtpseal')))
        self.assertGreater(len(found), 15)
        for command, said in found:
            name = ' '.join(('smtpseal', *command))
            part = re.search(rf'^ {{7}}{name}(?= |$)(.*?)(?=^ {{7}}smtpseal |^[A-Z])', text, re.MULTILINE | re.DOTALL)
            if 'Subcommands:' not in said:
                self.assertTrue(part, name)
                self.missing_from(part.group(1), sorted(options_in(said) - {'--help'}))


if __name__ == '__main__':
    sys.exit(unittest.main())
