"""What a client proves with who it is, and with what it knows the server again."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from wf_proto.address import Address
from wf_proto.errors import InvalidCredentials

#: For `ca`: the authorities that the machine trusts.
SYSTEM_CA = "system"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Paths of PEM files, and of a file that holds a token; each may be left out."""

    #: The server's authority; its being there makes the connection TLS.
    ca: str = ""
    certificate: str = ""
    key: str = ""
    token_file: str = ""

    def context(self, address: Address) -> ssl.SSLContext | None:
        """How the connection is secured; None: it is plaintext. Reads files. Raises InvalidCredentials."""
        if bool(self.certificate) != bool(self.key):
            raise InvalidCredentials("--cert and --key go together; name both, or neither")
        if not self.ca:
            if self.certificate:
                raise InvalidCredentials("--cert and --key need --ca: the server's authority, or `system`")
            if self.token_file and not _is_local(address):
                told = f"a token would go to {address.text} in plaintext"
                raise InvalidCredentials(f"{told}; name the server's authority with --ca, or --ca system")
            return None
        if address.path:
            raise InvalidCredentials("a unix socket has no TLS; leave out --ca, --cert and --key")
        return self._tls()

    def _tls(self) -> ssl.SSLContext:
        if self.ca == SYSTEM_CA:
            context = ssl.create_default_context()
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(_readable("--ca", self.ca))
            except ssl.SSLError as error:
                raise InvalidCredentials(f"--ca {self.ca}: no certificate in PEM: {error.reason}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        if self.certificate:
            files = _readable("--cert", self.certificate), _readable("--key", self.key)
            try:
                # A key with a pass phrase would be asked for on the terminal.
                context.load_cert_chain(*files, password=lambda: "")
            except (ssl.SSLError, ValueError) as error:
                told = f"--cert {self.certificate} and --key {self.key} are no certificate and its key in PEM"
                raise InvalidCredentials(f"{told}: {getattr(error, 'reason', None) or error}") from None
        return context

    def token(self) -> str:
        """The token; empty: there is none. Reads a file. Raises InvalidCredentials."""
        if not self.token_file:
            return ""
        try:
            token = Path(self.token_file).read_text("ascii").strip()
        except OSError as error:
            told = f"--token-file {self.token_file}: cannot be read: {error.strerror or error}"
            raise InvalidCredentials(told) from None
        except UnicodeDecodeError:
            token = ""
        if not token or any(c.isspace() or not c.isprintable() for c in token):
            raise InvalidCredentials(f"--token-file {self.token_file}: holds no token: one word, and no more")
        return token


#: Plaintext, and nothing that proves anything.
NO_CREDENTIALS = Credentials()


def _readable(option: str, path: str) -> str:
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        told = f"{option} {path}: cannot be read: {error.strerror or error}"
        raise InvalidCredentials(told) from None


def _is_local(address: Address) -> bool:
    if address.path:
        return True
    try:
        return ip_address(address.host or "").is_loopback
    except ValueError:
        return address.host == "localhost"
