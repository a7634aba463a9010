#!/usr/bin/env python3
"""Links within the documentation lead somewhere, and every page can be found from the index and the README.

usage: tests/docs/links_test.py
"""

import re
import sys
import unittest

from sources import ROOT, files

PAGES = files('*.md', 'docs/*.md', 'conf-examples/**/*.md')
LINK = re.compile(r'\]\(([^)#\s]*)(?:#([^)\s]*))?\)')


def without_code(text):
    return re.sub(r'^```.*?^```|`[^`\n]*`', '', text, flags=re.MULTILINE | re.DOTALL)


def links(page):
    for target, anchor in LINK.findall(without_code(page.read_text(encoding='utf-8'))):
        if not target.startswith(('http:', 'https:', 'mailto:')):
            yield (page.parent / target).resolve() if target else page, anchor


def anchors(page):
    """As GitHub makes them of headings."""
    for heading in re.findall(r'^#+ (.*)$', page.read_text(encoding='utf-8'), re.MULTILINE):
        yield re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for page in PAGES:
            for target, anchor in links(page):
                self.assertTrue(target.exists(), f'{page.name}: {target}')
                if anchor and target.suffix == '.md':
                    self.assertIn(anchor, set(anchors(target)), f'{page.name}: {target.name}#{anchor}')

    def test_the_index_names_every_page(self):
        index = ROOT / 'docs/README.md'
        self.assertEqual(set(), set(files('docs/*.md')) - {target for target, _ in links(index)} - {index})

    def test_the_readme_leads_to_the_index(self):
        self.assertIn(ROOT / 'docs/README.md', {target for target, _ in links(ROOT / 'README.md')})


if __name__ == '__main__':
    sys.exit(unittest.main())
