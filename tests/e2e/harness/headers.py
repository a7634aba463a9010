"""The header fields of a delivered message, as they stand, and what smtpseal-milter wrote among them."""

import re

from harness.runner import expect, expect_equal
from harness.world import AUTHSERV_ID

STATUS = "x-smtpseal-status"
RESULTS = "authentication-results"
PARAMETER = re.compile(r'; ([a-z-]+)=("(?:[^"\\]|\\.)*"|[^";]*)')


def fields(message):
    """[(name, value)] of a message in octets or of the mailbox module: names in lower case, values unfolded.

    Not by the email module, which takes a name with a blank before the colon for the end of the header.
    """
    text = (message if isinstance(message, bytes) else message.as_bytes()).decode(errors="replace")
    head = re.sub(r"\r?\n[ \t]", " ", text.replace("\r\n", "\n").partition("\n\n")[0])
    found = [line.partition(":") for line in head.split("\n")]
    return [(name.strip().lower(), value.strip()) for name, colon, value in found if colon]


def parse(value):
    """(protection, {parameter: value}) of an X-SmtpSeal-Status."""
    protection, _, rest = value.partition(";")
    parameters = {}
    at = 0
    rest = ";" + rest if rest else ""
    for match in PARAMETER.finditer(rest):
        expect_equal(match.start(), at, f"where a parameter starts in {value!r}")
        expect(match[1] not in parameters, f"{match[1]} twice in {value!r}")
        at = match.end()
        parameters[match[1]] = re.sub(r"\\(.)", r"\1", match[2][1:-1]) if match[2][:1] == '"' else match[2]
    expect_equal(at, len(rest), f"where the parameters end in {value!r}")
    return protection, parameters


class Stamp:
    """What the milter wrote into a message. Fails unless there is exactly one field of each kind in our name, above all
    of the same name by somebody else and above what the sender wrote."""

    def __init__(self, message, authserv_id=AUTHSERV_ID):
        everything = fields(message)
        ours = {
            STATUS: [n for n, field in enumerate(everything) if _is_ours(field, STATUS, f"by={authserv_id}")],
            RESULTS: [n for n, field in enumerate(everything) if _is_ours(field, RESULTS, authserv_id)],
        }
        shown = "\n".join(f"{name}: {value}" for name, value in everything)
        for name, places in ours.items():
            expect_equal(len(places), 1, f"fields {name} of {authserv_id} in\n{shown}\nnumber")
            foreign = [
                n for n, field in enumerate(everything) if field[0] in (name, "from") and n != places[0]
            ]
            expect(
                all(places[0] < n for n in foreign), f"{name} stands below something of the sender:\n{shown}"
            )
        self.status = everything[ours[STATUS][0]][1]
        self.results = everything[ours[RESULTS][0]][1]
        self.protection, self.parameters = parse(self.status)
        self.auth = re.search(r"; auth=([a-z]+)", self.results)[1]

    def expect(self, protection, auth, /, **parameters):
        """Checks the values; in names of parameters _ stands for -, and None means that it is absent."""
        expect_equal((self.protection, self.auth), (protection, auth), f"what the headers say ({self})")
        for name, want in parameters.items():
            expect_equal(self.parameters.get(name.replace("_", "-")), want, f"{name} in {self}")

    def __str__(self):
        return f"{self.status!r}, {self.results!r}"


def _is_ours(field, name, mark):
    return field[0] == name and re.search(rf"(^|[ ;]){re.escape(mark)}($|[ ;])", field[1]) is not None
