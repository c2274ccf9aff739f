"""`wf-server certs`: an authority and certificates for a first set-up."""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wf_server.cli.options import fail
from wf_server.errors import ConfigError

_CA_DAYS = 3650
#: A clock that is somewhat behind accepts them too.
_BEFORE = timedelta(hours=1)

_Key = ec.EllipticCurvePrivateKey


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--host", "hosts", multiple=True, metavar="NAME|IP", help="A name or address of the server.")
@click.option("--client", "clients", multiple=True, metavar="OPERATOR", help="An operator to make one for.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Valid so long.")
def certs(directory: Path, hosts: tuple[str, ...], clients: tuple[str, ...], days: int) -> None:
    """Makes certificates in DIRECTORY: ca.pem, server.pem, and one for each --client.

    An authority that is there already is used again; other files are never overwritten. The keys (.key) are
    readable by you alone; keep ca.key where the server is not.
    """
    try:
        for path in make_certificates(directory, hosts, clients, days):
            click.echo(f"wrote {path}")
    except ConfigError as error:
        fail(error)
    except OSError as error:
        fail(ConfigError(f"{error.filename or directory}: {error.strerror or error}"))


def make_certificates(
    directory: Path, hosts: tuple[str, ...], clients: tuple[str, ...], days: int
) -> list[Path]:
    """Writes them and returns what was written. Raises ConfigError, OSError."""
    if not hosts and not clients:
        raise ConfigError("name what to make: --host for the server's, --client for an operator's")
    for name in clients:
        if not name.strip() or "/" in name or name in ("ca", "server") or name.startswith("."):
            raise ConfigError(f"--client {name}: cannot be a file's name")
    names = (["server"] if hosts else []) + list(clients)
    for name in names:
        for path in _paths(directory, name):
            if path.exists():
                raise ConfigError(f"{path}: is there already; move it away to make another")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority, key, written = _authority(directory)
    for name in names:
        certificate, own = _issued(name, hosts if name == "server" else (), authority, key, days)
        written += _write(directory, name, certificate, own)
    return written


def _authority(directory: Path) -> tuple[x509.Certificate, _Key, list[Path]]:
    certificate_path, key_path = _paths(directory, "ca")
    if not certificate_path.exists() and not key_path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wf")])
        certificate = (
            _builder(name, name, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return certificate, key, _write(directory, "ca", certificate, key)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        loaded = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{directory}: ca.pem and ca.key cannot be used: {error}") from None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.public_key() != certificate.public_key():
        raise ConfigError(f"{key_path}: is not the key of {certificate_path}, as this command makes them")
    return certificate, loaded, []


def _issued(
    name: str, hosts: tuple[str, ...], authority: x509.Certificate, signing: _Key, days: int
) -> tuple[x509.Certificate, _Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    common = hosts[0] if hosts else name
    try:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        builder = _builder(subject, authority.subject, key.public_key(), days)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_host, hosts)), critical=False)
    except ValueError as error:
        raise ConfigError(f"{common}: cannot stand in a certificate: {error}") from None
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(signing, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _paths(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / f"{name}.pem", directory / f"{name}.key"


def _write(directory: Path, name: str, certificate: x509.Certificate, key: _Key) -> list[Path]:
    certificate_path, key_path = _paths(directory, name)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, data in (
        (key_path, private),
        (certificate_path, certificate.public_bytes(serialization.Encoding.PEM)),
    ):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    return [certificate_path, key_path]
