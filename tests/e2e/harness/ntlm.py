"""NTLMSSP for the fakes, made of implementations that are not smtpseal's: the primitives of impacket, and Samba's gensec.

Server and client here exist to be scripted: every flag can be forced. They check what they are told strictly, so that a
session that comes about with them shows that smtpseal speaks the protocol and not a dialect of its own.
"""

import hashlib
import os
import struct
import time

from Cryptodome.Cipher import ARC4
from impacket import ntlm

UNICODE = 0x00000001
OEM = 0x00000002
REQUEST_TARGET = 0x00000004
SIGN = 0x00000010
SEAL = 0x00000020
LM_KEY = 0x00000080
NTLM = 0x00000200
ALWAYS_SIGN = 0x00008000
TARGET_TYPE_DOMAIN = 0x00010000
TARGET_TYPE_SERVER = 0x00020000
ESS = 0x00080000
TARGET_INFO = 0x00800000
VERSION = 0x02000000
BITS_128 = 0x20000000
KEY_EXCH = 0x40000000
BITS_56 = 0x80000000

MODERN = (
    UNICODE | SIGN | SEAL | NTLM | ALWAYS_SIGN | ESS | TARGET_INFO | VERSION | BITS_128 | KEY_EXCH | BITS_56
)
EXCHANGE_55 = (
    UNICODE | OEM | SIGN | SEAL | LM_KEY | NTLM | ALWAYS_SIGN | KEY_EXCH
)  # as the Q262945 transcript shows

AV_FLAGS, AV_TARGET_NAME, AV_CHANNEL_BINDINGS = 6, 9, 10
AV_FLAG_MIC = 0x2
AV_FLAG_UNTRUSTED_SPN = 0x4

MAGIC = b"NTLMSSP\0"
VERSION_FIELD = bytes.fromhex("0601b11d0000000f")  # Windows 7: what a real host sends


class NtlmError(Exception):
    """The other side's message does not hold what it must."""


def hash_field(password):
    """The secret field of the accounts and credentials files for a password."""
    nt = "{NT}" + ntlm.compute_nthash(password).hex()
    return nt + "{LM}" + ntlm.compute_lmhash(password).hex() if len(password) <= 14 else nt


def key_exchange_key(flags, base, lm_response, nonce, password, lm_hash, nt_hash):
    """KXKEY ([MS-NLMP] 3.4.5.1). impacket's own fails at LM_KEY, so that is made of its DES."""
    if flags & LM_KEY and not flags & ESS:
        return ntlm.ntlmssp_DES_encrypt(lm_hash[:8] + b"\xbd" * 6, lm_response[:8])[:16]
    return ntlm.KXKEY(flags, base, lm_response, nonce, password, lm_hash, nt_hash, use_ntlmv2=False)


def now_filetime():
    return int(time.time() * 10_000_000) + 116444736000000000


def av_pairs(domain, computer, timestamp=None):
    """MsvAvNbDomainName, MsvAvNbComputerName, DNS names, time stamp, end ([MS-NLMP] 2.2.2.1)."""
    names = ((2, domain), (1, computer), (4, domain.lower() + ".example"), (3, computer.lower() + ".example"))
    pairs = b"".join(
        struct.pack("<HH", kind, len(name) * 2) + name.encode("utf-16le") for kind, name in names
    )
    if timestamp is not None:
        pairs += struct.pack("<HHQ", 7, 8, timestamp)
    return pairs + struct.pack("<HH", 0, 0)


def parse_av_pairs(data):
    found = {}
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == 0:
            return found
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    raise NtlmError("AV pairs without an end")


def channel_bindings(end_point_hash):
    """MsvAvChannelBindings inside TLS: MD5 of a gss_channel_bindings_struct without addresses ([MS-NLMP] 2.2.2.1, RFC 5929);
    zeros where there is nothing to bind to."""
    if end_point_hash is None:
        return b"\0" * 16
    data = b"tls-server-end-point:" + end_point_hash
    return hashlib.md5(b"\0" * 16 + struct.pack("<I", len(data)) + data).digest()


def field(message, at):
    size, _, offset = struct.unpack_from("<HHI", message, at)
    if offset + size > len(message):
        raise NtlmError("a field lies outside the message")
    return message[offset : offset + size]


class SealState:
    """Sealing and unsealing of records for one side of a session ([MS-NLMP] 3.4)."""

    def __init__(self, flags, session_key, is_server, separate=False):
        self.flags = flags
        if flags & ESS:
            mine, theirs = ("Server", "Client") if is_server else ("Client", "Server")
            self.out = self._direction(session_key, mine)
            self.into = self._direction(session_key, theirs)
        else:
            # One stream and one counter for both directions, unless told otherwise. impacket's SEALKEY takes
            # LM_KEY for granted; without it all 16 octets count, as Samba and gss-ntlmssp have it.
            key = ntlm.SEALKEY(flags, session_key) if flags & LM_KEY else session_key
            self.out = [ARC4.new(key), None, 0]
            self.into = [ARC4.new(key), None, 0] if separate else self.out

    def _direction(self, session_key, mode):
        return [
            ARC4.new(ntlm.SEALKEY(self.flags, session_key, mode)),
            ntlm.SIGNKEY(self.flags, session_key, mode),
            0,
        ]

    def _signature(self, direction, plain):
        signature = ntlm.MAC(self.flags, direction[0].encrypt, direction[1], direction[2], plain).getData()
        direction[2] += 1
        return signature

    def seal(self, plain):
        """(signature, sealed data)"""
        sealed = self.out[0].encrypt(plain)
        return self._signature(self.out, plain), sealed

    def unseal(self, signature, sealed):
        plain = self.into[0].decrypt(sealed)
        want = self._signature(self.into, plain)
        # Octets 4 to 7 of a signature without ESS are a random pad that receivers ignore.
        same = (
            signature == want if self.flags & ESS else signature[:4] == want[:4] and signature[8:] == want[8:]
        )
        if not same:
            raise NtlmError("the record's signature is wrong")
        return plain


class Server:
    """The accepting side. `flags` is the most it grants; `challenge_flags` forces what the CHALLENGE says."""

    def __init__(self, password, flags=MODERN, target="PARTNER", challenge_flags=None, with_target_info=True):
        self.password = password
        self.granted = flags
        self.target = target
        self.challenge_flags = challenge_flags
        self.with_target_info = with_target_info
        self.nonce = os.urandom(8)
        self.messages = []
        self.negotiate_flags = 0
        self.flags = 0
        self.user = self.domain = self.workstation = ""
        self.response = ""
        self.has_mic = False
        self.av_pairs = {}  # that came with an NTLMv2 response
        self.session_key = b""

    @property
    def av_flags(self):
        return struct.unpack("<I", self.av_pairs.get(AV_FLAGS, b"\0\0\0\0"))[0]

    @property
    def target_name(self):
        """What the client meant to log on to, such as SMTPSVC/mail.partner.example; None where it does not say."""
        name = self.av_pairs.get(AV_TARGET_NAME)
        return None if name is None else name.decode("utf-16le")

    @property
    def channel_bindings(self):
        """16 octets; None where the client sent none."""
        return self.av_pairs.get(AV_CHANNEL_BINDINGS)

    def challenge(self, negotiate):
        if negotiate[:12] != MAGIC + struct.pack("<I", 1):
            raise NtlmError("not a NEGOTIATE message")
        self.negotiate_flags = struct.unpack_from("<I", negotiate, 12)[0]
        agreed = self.negotiate_flags & self.granted
        if agreed & UNICODE:
            agreed &= ~OEM
        if agreed & ESS:
            agreed &= ~LM_KEY
        agreed |= TARGET_TYPE_DOMAIN
        info = b""
        if self.with_target_info:
            agreed |= TARGET_INFO
            info = av_pairs(self.target, self.target, now_filetime())
        else:
            agreed &= ~TARGET_INFO
        if self.challenge_flags is not None:
            agreed = self.challenge_flags
        name = self.target.encode("utf-16le")
        head = 56 if agreed & VERSION else 48
        message = (
            MAGIC + struct.pack("<IHHII", 2, len(name), len(name), head, agreed) + self.nonce + b"\0" * 8
        )
        message += struct.pack("<HHI", len(info), len(info), head + len(name))
        message += VERSION_FIELD if agreed & VERSION else b""
        message += name + info
        self.flags = agreed
        self.messages = [negotiate, message]
        return message

    def authenticate(self, message):
        """Whether the client knows the password. Raises NtlmError for what no right client sends."""
        if message[:12] != MAGIC + struct.pack("<I", 3):
            raise NtlmError("not an AUTHENTICATE message")
        lm_response, nt_response = field(message, 12), field(message, 20)
        encoding = "utf-16le" if self.flags & UNICODE else "ascii"
        self.domain, self.user, self.workstation = (
            field(message, at).decode(encoding) for at in (28, 36, 44)
        )
        encrypted_key = field(message, 52)
        self.flags &= struct.unpack_from("<I", message, 60)[0]
        base_key = self._base_key(lm_response, nt_response)
        if base_key is None:
            return False
        if self.flags & KEY_EXCH:
            if len(encrypted_key) != 16:
                raise NtlmError("no encrypted session key")
            self.session_key = ARC4.new(base_key).decrypt(encrypted_key)
        else:
            self.session_key = base_key
        return self._mic_is_right(message)

    def _base_key(self, lm_response, nt_response):
        """KXKEY if the response is right, else None."""
        lm_hash = ntlm.compute_lmhash(self.password) if len(self.password) <= 14 else b"\0" * 16
        nt_hash = ntlm.compute_nthash(self.password)
        if len(nt_response) > 24:
            self.response = "NTLMv2"
            self.av_pairs = parse_av_pairs(nt_response[44:])
            key = ntlm.NTOWFv2(self.user, self.password, self.domain)
            proof = ntlm.hmac_md5(key, self.nonce + nt_response[16:])
            return ntlm.hmac_md5(key, proof) if proof == nt_response[:16] else None
        base = ntlm.generateSessionKeyV1(self.password, "", "")
        if self.flags & ESS:
            self.response = "NTLM2-session"
            want = ntlm.computeResponseNTLMv1(
                ESS, self.nonce, lm_response[:8], "", "", self.user, self.password
            )[0]
        else:
            self.response = "NTLMv1"
            want = ntlm.get_ntlmv1_response(nt_hash, self.nonce)
        if nt_response != want:
            return None
        if (
            self.flags & LM_KEY
            and not self.flags & ESS
            and lm_response != ntlm.get_ntlmv1_response(lm_hash, self.nonce)
        ):
            raise NtlmError("LM_KEY without an LM response")
        return key_exchange_key(self.flags, base, lm_response, self.nonce, self.password, lm_hash, nt_hash)

    def _mic_is_right(self, message):
        """[MS-NLMP] 3.1.5.1.2: where MsvAvFlags says so, the MIC covers all three messages."""
        if self.response != "NTLMv2":
            return True
        self.has_mic = bool(self.av_flags & AV_FLAG_MIC)
        if not self.has_mic:
            return True
        at = 72 if self.flags & VERSION else 64
        blank = message[:at] + b"\0" * 16 + message[at + 16 :]
        if message[at : at + 16] == ntlm.hmac_md5(self.session_key, b"".join(self.messages) + blank):
            return True
        raise NtlmError("the MIC is wrong")

    def seal_state(self, separate=False):
        return SealState(self.flags, self.session_key, True, separate)


class Client:
    """The initiating side on impacket's primitives: NTLMv1 and NTLM2 session; for NTLMv2 there is SambaClient."""

    def __init__(self, account, password, flags=EXCHANGE_55 | REQUEST_TARGET, workstation="FAKE"):
        self.domain, _, self.user = account.rpartition("\\")
        self.password = password
        self.wanted = flags
        self.workstation = workstation
        self.flags = 0
        self.session_key = b""

    def negotiate(self):
        return MAGIC + struct.pack("<II", 1, self.wanted) + b"\0" * 16

    def authenticate(self, challenge):
        if challenge[:12] != MAGIC + struct.pack("<I", 2):
            raise NtlmError("not a CHALLENGE message")
        self.flags = struct.unpack_from("<I", challenge, 20)[0] & (
            self.wanted | TARGET_TYPE_DOMAIN | TARGET_TYPE_SERVER
        )
        nonce = challenge[24:32]
        client_nonce = os.urandom(8)
        lm_hash = ntlm.compute_lmhash(self.password) if len(self.password) <= 14 else b"\0" * 16
        nt_hash = ntlm.compute_nthash(self.password)
        if self.flags & ESS:
            # The user does not enter into it, but impacket takes an empty one for anonymous.
            nt_response, lm_response, base = ntlm.computeResponseNTLMv1(
                ESS, nonce, client_nonce, "", self.domain, "x", self.password, nthash=nt_hash
            )
        else:
            nt_response = ntlm.get_ntlmv1_response(nt_hash, nonce)
            lm_response = ntlm.get_ntlmv1_response(lm_hash, nonce)
            base = ntlm.generateSessionKeyV1(self.password, "", "")
        key = key_exchange_key(self.flags, base, lm_response, nonce, self.password, lm_hash, nt_hash)
        encrypted = b""
        if self.flags & KEY_EXCH:
            self.session_key = os.urandom(16)
            encrypted = ARC4.new(key).encrypt(self.session_key)
        else:
            self.session_key = key
        return self._message(lm_response, nt_response, encrypted)

    def _message(self, lm_response, nt_response, encrypted):
        encoding = "utf-16le" if self.flags & UNICODE else "ascii"
        names = [name.encode(encoding) for name in (self.domain, self.user, self.workstation)]
        at = 64
        head = b""
        payload = b""
        for part in (lm_response, nt_response, *names, encrypted):
            head += struct.pack("<HHI", len(part), len(part), at)
            payload += part
            at += len(part)
        return MAGIC + struct.pack("<I", 3) + head + struct.pack("<I", self.flags) + payload

    def seal_state(self):
        return SealState(self.flags, self.session_key, is_server=False)


class SambaClient:
    """The initiating side as Samba has it: NTLMv2, MIC, and its own sealing."""

    def __init__(self, account, password, seal=True):
        from samba import credentials, gensec, param

        domain, _, user = account.rpartition("\\")
        settings = param.LoadParm()
        settings.set("client ntlmv2 auth", "yes")
        settings.set("netbios name", "FAKE")
        who = credentials.Credentials()
        who.guess(settings)
        who.set_domain(domain)
        who.set_username(user)
        who.set_password(password)
        who.set_workstation("FAKE")
        who.set_kerberos_state(credentials.DONT_USE_KERBEROS)
        self.gensec = gensec.Security.start_client({"lp_ctx": settings, "target_hostname": "beta.example"})
        self.gensec.set_credentials(who)
        self.gensec.want_feature(gensec.FEATURE_SIGN)
        if seal:
            self.gensec.want_feature(gensec.FEATURE_SEAL)
        self.gensec.start_mech_by_name("ntlmssp")

    def negotiate(self):
        return self.gensec.update(b"")[1]

    def authenticate(self, challenge):
        return self.gensec.update(challenge)[1]

    def seal_state(self):
        return self

    def seal(self, plain):
        token = self.gensec.wrap(plain)
        return token[:16], token[16:]

    def unseal(self, signature, sealed):
        try:
            return self.gensec.unwrap(signature + sealed)
        except RuntimeError as error:
            raise NtlmError("Samba refuses the record") from error
