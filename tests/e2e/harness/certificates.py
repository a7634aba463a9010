"""Certificates of every kind, good and bad, made with openssl(1), and what they look like from outside: their fingerprint,
and what RFC 5929 binds a login to."""

import hashlib
import ipaddress
import os
import ssl
import subprocess
import time

DAY = 86400

CONFIGURATION = """
[ca]
default_ca = this
[this]
database = {stem}.index
new_certs_dir = {dir}
rand_serial = yes
unique_subject = no
policy = anybody
default_md = default
copy_extensions = none
[anybody]
commonName = supplied
"""

KEYS = {
    "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["rsa:2048"],
    "weak-rsa": ["rsa:1024"],
    "ed25519": ["ed25519"],
}


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")


def _readable(path):
    os.chmod(path, 0o644)  # keys too: they belong to nobody, and the daemons do not run as root
    return path


def _der(path):
    """The first certificate of a PEM file."""
    with open(path, encoding="ascii") as text:
        pem = text.read()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE-----") : pem.index(end)] + end)


def fingerprint(der):
    """SHA-256, as openssl(1) writes it."""
    return hashlib.sha256(der).digest().hex(":").upper()


def _date(seconds_from_now):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds_from_now))


def _alternative_names(names):
    kinds = []
    for name in names:
        try:
            ipaddress.ip_address(name)
            kinds.append(f"IP:{name}")
        except ValueError:
            kinds.append(f"DNS:{name}")
    return ",".join(kinds)


def _request(stem, common_name, kind):
    """(key, certificate request) of a new key."""
    _openssl(
        *("req", "-new", "-newkey", *KEYS[kind], "-nodes", "-subj", f"/CN={common_name}", "-config"),
        *("/dev/null", "-keyout", stem + ".key", "-out", stem + ".csr"),
    )
    return _readable(stem + ".key"), stem + ".csr"


def _sign(stem, extensions, key, certificate=None, dates=(-DAY, DAY), options=()):
    """Makes stem.pem of stem.csr with the key and certificate of who signs; without a certificate it signs itself. `dates`:
    seconds from now."""
    with open(stem + ".conf", "w", encoding="ascii") as text:
        text.write(CONFIGURATION.format(stem=stem, dir=os.path.dirname(stem)))
    with open(stem + ".ext", "w", encoding="ascii") as text:
        text.write(extensions)
    open(stem + ".index", "w", encoding="ascii").close()
    _openssl(
        *("ca", "-batch", "-notext", "-config", stem + ".conf", "-in", stem + ".csr", "-out", stem + ".pem"),
        *("-keyfile", key, *(["-cert", certificate] if certificate else ["-selfsign"])),
        *("-startdate", _date(dates[0]), "-enddate", _date(dates[1]), "-extfile", stem + ".ext"),
        *options,
    )
    return _readable(stem + ".pem")


def _append(path, text):
    with open(path, "a", encoding="ascii") as file:
        file.write(text)


def _text(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Certificate:
    """`certificate` is the PEM file a server shows, with intermediates; `key` its key; `der` the certificate itself."""

    def __init__(self, certificate, key, signature_hash):
        self.certificate = certificate
        self.key = key
        self.signature_hash = signature_hash  # of its signature; None where the algorithm has none of its own
        self.der = _der(certificate)
        self.sha256 = fingerprint(self.der)

    def end_point_hash(self):
        """The channel binding tls-server-end-point (RFC 5929 section 4.1); None where it is not defined."""
        if self.signature_hash is None:
            return None
        weak = self.signature_hash in ("md5", "sha1")
        return hashlib.new("sha256" if weak else self.signature_hash, self.der).digest()

    def context(self, least=ssl.TLSVersion.TLSv1, most=ssl.TLSVersion.MAXIMUM_SUPPORTED):
        """For a server that shows this certificate and leaves all caution to the client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version, context.maximum_version = least, most
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """A certificate authority below a directory. `signs_with` is the kind of its key, `issuer` another Authority that it is
    an intermediate of; without one it is a root."""

    def __init__(self, directory, name="Test Root", signs_with="ec", issuer=None):
        self.directory = directory
        self.issuer = issuer
        self._kind = signs_with
        self._count = 0
        self._stem = f"{directory}/{name.lower().replace(' ', '-')}"
        os.makedirs(directory, exist_ok=True)
        self.key, _ = _request(self._stem, name, signs_with)
        extensions = (
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
            "subjectKeyIdentifier=hash\n"
        )
        signer = (issuer.key, issuer.certificate) if issuer else (self.key,)
        self.certificate = _sign(self._stem, extensions, *signer)
        self.sha256 = fingerprint(_der(self.certificate))

    def intermediate(self, name="Test Intermediate"):
        return Authority(self.directory, name, issuer=self)

    def chain(self):
        """The certificates between a leaf and the root, which a server has to show, as PEM."""
        return _text(self.certificate) + self.issuer.chain() if self.issuer else ""

    def issue(
        self,
        *names,
        common_name="leaf",
        expired=False,
        not_yet_valid=False,
        purpose="serverAuth",
        signature_hash="sha256",
        pss=False,
        key="ec",
        with_chain=True,
    ):
        """A certificate for host names and addresses. `pss`: an RSA authority signs with RSASSA-PSS; `with_chain`: the server
        shows the intermediates too."""
        self._count += 1
        stem = f"{self._stem}-leaf-{self._count}"
        key_path, _ = _request(stem, common_name, key)
        extensions = f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={purpose}\n"
        if names:
            extensions += f"subjectAltName={_alternative_names(names)}\n"
        dates = (-2 * DAY, -DAY) if expired else (DAY, 2 * DAY) if not_yet_valid else (-DAY, DAY)
        if self._kind == "ed25519":  # has its hash inside
            signature_hash = None
        options = ["-md", signature_hash] if signature_hash else []
        if pss:
            options += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
        path = _sign(stem, extensions, self.key, self.certificate, dates, options)
        if with_chain:
            _append(path, self.chain())
        return Certificate(path, key_path, signature_hash)


def self_signed(directory, *names, common_name="alone", key="ec", expired=False):
    """A certificate that only its own key has signed, as many mail servers have one."""
    os.makedirs(directory, exist_ok=True)
    stem = f"{directory}/self-signed-{len(os.listdir(directory))}"
    key_path, _ = _request(stem, common_name, key)
    extensions = f"subjectAltName={_alternative_names(names)}\n" if names else "basicConstraints=CA:FALSE\n"
    signature_hash = None if key == "ed25519" else "sha256"
    options = ["-md", signature_hash] if signature_hash else []
    path = _sign(
        stem, extensions, key_path, dates=(-2 * DAY, -DAY) if expired else (-DAY, DAY), options=options
    )
    return Certificate(path, key_path, signature_hash)


def signed_by_a_leaf(leaf, *names):
    """A certificate that somebody made with a leaf's key, and the leaf shown as an intermediate."""
    stem = leaf.certificate + "-child"
    key_path, _ = _request(stem, "child", "ec")
    extensions = f"extendedKeyUsage=serverAuth\nsubjectAltName={_alternative_names(names)}\n"
    path = _sign(stem, extensions, leaf.key, leaf.certificate, options=["-md", "sha256"])
    _append(path, _text(leaf.certificate))
    return Certificate(path, key_path, "sha256")
