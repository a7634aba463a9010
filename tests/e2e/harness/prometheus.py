"""The distribution's Prometheus server, set up by what conf-examples/grafana ships, and its text format."""

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness.process import Process
from harness.runner import expect, within

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
EXAMPLES = ROOT + "/conf-examples/grafana"
PROGRAMS = ROOT + "/build/prometheus/usr/bin"  # tests/unpack-packages
ADDRESS = ("127.0.0.1", 9090)
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def scrape(address):
    """What a daemon shows at HOST:PORT, as text."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def samples(text):
    """[(name, {label: value}, number)] of a text in the format."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.match(line)
            expect(match, f"not a sample: {line!r}")
            found.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))
    return found


def value(text, name, **labels):
    """The sum of the samples of that name that have these labels."""
    return sum(
        number for found, has, number in samples(text) if found == name and labels.items() <= has.items()
    )


def promtool(*arguments):
    return subprocess.run([f"{PROGRAMS}/promtool", *arguments], capture_output=True, text=True, check=False)


class Prometheus:
    """A server that reads `targets` every second, and judges the example's alert rules as often."""

    def __init__(self, directory, targets):
        os.makedirs(directory)
        with open(f"{EXAMPLES}/prometheus.yml", encoding="ascii") as file:
            text = file.read()
        for setting in ("scrape_interval", "evaluation_interval"):
            text = re.sub(f"{setting}: .*", f"{setting}: 1s", text)
        text = re.sub(r"targets:\n(\s+- .*\n)+", f"targets: {json.dumps(targets)}\n", text)
        with open(f"{directory}/prometheus.yml", "w", encoding="ascii") as file:
            file.write(text)
        shutil.copy(f"{EXAMPLES}/smtpseal-alerts.yml", directory)
        self.process = Process(
            [
                f"{PROGRAMS}/prometheus",
                f"--config.file={directory}/prometheus.yml",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address={ADDRESS[0]}:{ADDRESS[1]}",
            ],
            f"{directory}/log",
        )

    def start(self):
        self.process.start(ADDRESS)
        within(30, lambda: self._get("/-/ready") is not None, "Prometheus to be ready")
        return self

    def stop(self):
        self.process.stop()

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"http://{ADDRESS[0]}:{ADDRESS[1]}{path}", timeout=10) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None

    def query(self, expression):
        """[(labels, number)]; nothing where the server takes it for no query."""
        answer = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        if answer is None:
            return None
        return [
            (each["metric"], float(each["value"][1])) for each in json.loads(answer)["data"]["result"]
        ]

    def alerts(self):
        """{name: state} of what is pending or firing."""
        found = json.loads(self._get("/api/v1/alerts"))["data"]["alerts"]
        return {each["labels"]["alertname"]: each["state"] for each in found}
