"""Addresses as operators write them."""

import pytest

from wf_proto.address import parse_address
from wf_proto.errors import ClientError, InvalidAddress


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, None),
        (" wf.example:1 ", "wf.example", 1, None),
        ("[::1]:65535", "::1", 65535, None),
        ("unix:/run/wf.sock", None, None, "/run/wf.sock"),
        ("unix:///run/wf.sock", None, None, "/run/wf.sock"),
        ("unix:wf.sock", None, None, "wf.sock"),
    ],
)
def test_addresses_are_taken_apart(text: str, host: str | None, port: int | None, path: str | None) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.path) == (host, port, path)
    assert address.text == text.strip()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("8080", "no host or no port"),
        (":8080", "no host or no port"),
        ("host:", "1 to 65535"),
        ("host:http", "1 to 65535"),
        ("host:0", "1 to 65535"),
        ("host:65536", "1 to 65535"),
        ("host:²", "1 to 65535"),
        ("::1:8080", "in brackets"),
        ("[nope]:80", "not an IPv6 address"),
        ("http://host:80", "IPv6|not a host name"),
        ("ho st:80", "not a host name"),
        ("unix:", "names no socket"),
        ("unix:a\0b", "names no socket"),
    ],
)
def test_what_is_no_address_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidAddress, match=told) as caught:
        parse_address(text)
    assert isinstance(caught.value, ClientError)
    assert isinstance(caught.value, ValueError)
