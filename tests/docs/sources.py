"""What the sources of the daemons can say: the events of their log lines, and the sentences of their replies."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"((?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)*\'|[^"\'/]+|.', re.DOTALL)
STRING = '\x01%d\x02'


class Source:
    """A C++ file without its comments, in which every string (neighbours joined) is a place holder."""

    def __init__(self, path):
        self.strings = []
        code = ''.join(self._kept(token) for token in TOKEN.finditer(path.read_text(encoding='utf-8')))
        self.code = re.sub(r'(\x01\d+\x02)(?:\s*\x01\d+\x02)+', self._joined, code)

    def _kept(self, token):
        if token.group().startswith(('//', '/*')):
            return ' '
        if token.group(2) is None:
            return token.group()
        self.strings.append(token.group(2).replace(r'\"', '"').replace('\\\\', '\\'))
        return STRING % (len(self.strings) - 1)

    def _joined(self, run):
        numbers = [int(number) for number in re.findall(r'\d+', run.group())]
        self.strings.append(''.join(self.strings[number] for number in numbers))
        return STRING % (len(self.strings) - 1)

    def strings_in(self, code):
        return [self.strings[int(number)] for number in re.findall('\x01(\\d+)\x02', code)]

    def statements(self):
        return re.split(r'[;{}](?![^()]*\))', self.code)


def files(*patterns):
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))
