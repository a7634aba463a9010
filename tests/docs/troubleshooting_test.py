#!/usr/bin/env python3
"""docs/howto-troubleshooting.md has every event that the daemons log and every sentence that they answer with, and no other.

usage: tests/docs/troubleshooting_test.py
"""

import re
import sys
import unittest

from sources import ROOT, Source, files

MANUAL = (ROOT / 'docs/howto-troubleshooting.md').read_text(encoding='utf-8')

LOGGING = files('relay/**/*.cpp', 'milter/*.cpp', 'postfix-policy/*.cpp', 'shared/src/daemon/*.cpp')
# What is put into messages, --help, the help of metrics, and the verdicts of a probe, which name the mend themselves.
NOT_ANSWERING = re.compile(r'^(main|received|relayed_notice|probe|\w*_metrics)\.cpp$')
ANSWERING = [path for path in files('relay/**/*.cpp', 'milter/*.cpp', 'postfix-policy/*.cpp') if not NOT_ANSWERING.match(path.name)]
ANSWERING += files('shared/src/policy/inbound.cpp', 'shared/src/policy/address.cpp', 'shared/src/ntlm/errc.cpp',
                   'shared/src/smtp/errc.cpp', 'shared/src/session/security_layer.cpp')

SENTENCE = 3  # words that make a text one to be explained

EVENT = re.compile(r'[a-z]+(-[a-z]+)*')
LOG_CALL = re.compile(r'log::(?:debug|info|warning|error)\(([^()]*(?:\([^()]*\)[^()]*)*)\)')

# What is said when all is well, to a program rather than to a person, or behind words that are in the manual.
NOT_A_FAILURE = {
    'NTLM authentication successful', 'ready to start TLS', 'Send mail to find out', 'End data with <CR><LF>.<CR><LF>',
    'closing the connection', 'its secret has changed', 'while taking content',
    'lifted until the next start: relay.state_directory cannot be written to',
    'expected "holds *" or "lift ACCOUNT"', 'expected "sessions *"', '2.0.0 Ok: queued as', 'expected "CLIENT:PORT SERVER:PORT"', 'unknown map "',
    'ehlo in TLS', 'ehlo in seal', 'an unnamed target', ', RC4 state each way', ', shared RC4 state', ', no seal', ', seal of', ', agreed on',
    'the mail server does not tell both ends of the connection',  # a reason of "unknown": howto-read-status.md
    'the mail server does not tell the addresses and ports of the session', 'smtpseal-relay has lost the session',
    'smtpseal-relay cannot tell', 'smtpseal-relay gives an answer of another version',
}
# Parts of a start that failed, which name a parameter; and protocol that is no sentence.
NOT_AN_ANSWER = re.compile(r'StartupError|require\(|smfi_|kConnectMacros|kMailMacros|kEndMacros')
NOT_A_SENTENCE = re.compile(r'^XFORWARD |^unknown [A-Za-z ]+ error$')
CODE = re.compile(r'^(\d{3} \d\.\d\.\d |Error: |: )')


def sentences(path):
    source = Source(path)
    for statement in source.statements():
        strings = source.strings_in(statement)
        if NOT_AN_ANSWER.search(statement) or 'in_use' in strings or 'parameter' in strings:
            continue
        for text in strings:
            text = CODE.sub('', text.replace(r'\r\n', '').strip(' ;()')).strip()
            if len(text.split()) >= SENTENCE and not NOT_A_SENTENCE.search(text):
                yield text


def events(path):
    source = Source(path)
    for call in LOG_CALL.finditer(source.code):
        named = source.strings_in(call.group(1))
        yield from named or chosen_events(source)


def chosen_events(source):
    """The names out of which a line's is chosen elsewhere in its file: every string that can be one."""
    for statement in source.statements():
        if 'log::' not in statement:
            yield from (text for text in source.strings_in(statement) if re.fullmatch(r'[a-z]+(-[a-z]+)+', text))


def documented_events():
    for table in re.findall(r'^\| event \|.*\n\|---.*\n((?:\|.*\n)+)', MANUAL, re.MULTILINE):
        for row in table.splitlines():
            yield from re.findall('`([^`]+)`', row.split('|')[1])


def documented_texts():
    for table in re.findall(r'^\| text \|.*\n\|---.*\n((?:\|.*\n)+)', MANUAL, re.MULTILINE):
        for row in table.splitlines():
            yield from re.findall('`([^`]+)`', row.split('|')[1])


class Troubleshooting(unittest.TestCase):
    maxDiff = None

    def test_every_event_of_the_log_is_explained(self):
        known = set(documented_events())
        logged = {event: path.name for path in LOGGING for event in events(path)}
        self.assertGreater(len(logged), 40)
        self.assertEqual({}, {event: place for event, place in logged.items() if event not in known})

    def test_no_event_is_explained_that_is_not_logged(self):
        logged = {event for path in LOGGING for event in events(path)}
        self.assertEqual(set(), set(documented_events()) - logged)

    def test_every_sentence_of_a_reply_is_explained(self):
        found = {text: path.name for path in ANSWERING for text in sentences(path)}
        self.assertGreater(len(found), 100)
        missing = {text: place for text, place in found.items() if text not in MANUAL and text not in NOT_A_FAILURE}
        self.assertEqual({}, missing)

    def test_no_text_is_explained_that_cannot_come(self):
        said = [text.strip() for path in files('relay/**/*.cpp', 'milter/*.cpp', 'postfix-policy/*.cpp', 'shared/src/**/*.cpp')
                for text in Source(path).strings]

        def can_come(piece):  # as it stands, or with names that are put into it
            return any(piece in text or (len(text.split()) >= SENTENCE and text in piece) for text in said)

        pieces = [piece.strip(' ;()') for text in documented_texts() for piece in text.split('...')]
        self.assertEqual([], [piece for piece in pieces if len(piece.split()) >= SENTENCE and not can_come(piece)])


if __name__ == '__main__':
    sys.exit(unittest.main())
