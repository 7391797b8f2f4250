"""`pkcs11:` URIs: RFC 7512's own examples, what is refused, and that a PIN is never repeated."""

import pytest

from trustkit.codec.pkcs11_uri import Pkcs11Uri, is_pkcs11_uri, parse_pkcs11_uri
from trustkit.errors import MalformedError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pkcs11:", Pkcs11Uri()),
        ("PKCS11:token=a", Pkcs11Uri(token="a")),
        ("pkcs11:object=my-pubkey;type=public", Pkcs11Uri(object="my-pubkey", type="public")),
        (
            "pkcs11:object=my-key;type=private?pin-source=file:/etc/token",
            Pkcs11Uri(object="my-key", type="private", pin_source="file:/etc/token"),
        ),
        (
            (
                "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
                "object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin"
            ),
            Pkcs11Uri(
                token="The Software PKCS#11 Softtoken",
                manufacturer="Snake Oil, Inc.",
                model="1.0",
                object="my-certificate",
                type="cert",
                id=b"\x69\x95\x3e\x5c\xf4\xbd\xec\x91",
                serial="",
                pin_source="file:/etc/token_pin",
            ),
        ),
        (
            "pkcs11:object=my-sign-key;type=private?module-name=mypkcs11",
            Pkcs11Uri(object="my-sign-key", type="private", module_name="mypkcs11"),
        ),
        (
            "pkcs11:object=k?module-path=/mnt/libmypkcs11.so.1",
            Pkcs11Uri(object="k", module_path="/mnt/libmypkcs11.so.1"),
        ),
        (
            "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin",
            Pkcs11Uri(token="Software PKCS#11 softtoken", manufacturer="Snake Oil, Inc.", pin_value="the-pin"),
        ),
        ("pkcs11:slot-description=Sun%20Metaslot", Pkcs11Uri(slot_description="Sun Metaslot")),
        (
            (
                "pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;"
                "library-version=1.23"
            ),
            Pkcs11Uri(
                library_manufacturer="Snake Oil, Inc.",
                library_description="Soft Token Library",
                library_version="1.23",
            ),
        ),
        ("pkcs11:token=A%20name%20with%20a%20substring%20%25%3B", Pkcs11Uri(token="A name with a substring %;")),
        ("pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1", Pkcs11Uri(token="Name with a small A with acute: á")),  # noqa: E501
        ("pkcs11:slot-id=327;object=a&b=c", Pkcs11Uri(slot_id=327, object="a&b=c")),
    ],
)  # fmt: skip
def test_a_uri_says_what_the_standard_says(text: str, expected: Pkcs11Uri) -> None:
    assert parse_pkcs11_uri(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pkcs12:token=a", "begins with"),
        ("pkcs11:token=a;token=a", "twice"),
        ("pkcs11:token=a?pin-value=1&pin-value=1", "twice"),
        ("pkcs11:token=a?pin-value=1&pin-source=/x", "both"),
        ("pkcs11:token", "none of"),
        ("pkcs11:token=a;", "none of"),
        ("pkcs11:=a", "none of"),
        ("pkcs11:Token=a", "none of"),
        ("pkcs11:x-vendor=a", "none of"),
        ("pkcs11:pin-value=1", "none of"),
        ("pkcs11:token=a?token=b", "none of"),
        ("pkcs11:token=a?", "empty query"),
        ("pkcs11:token=a b", "percent-encoded"),
        ("pkcs11:token=a/b", "percent-encoded"),
        ("pkcs11:token=a%2", "percent-encoded"),
        ("pkcs11:token=a%zz", "percent-encoded"),
        ("pkcs11:token=a#b", "percent-encoded"),
        ("pkcs11:token=á", "percent-encoded"),
        ("pkcs11:token=%ff", "UTF-8"),
        ("pkcs11:token=a%00b", "control characters"),
        ("pkcs11:object=a%0Ab", "control characters"),
        ("pkcs11:type=key", "type is none"),
        ("pkcs11:slot-id=0x1", "no number"),
        ("pkcs11:slot-id=-1", "no number"),
        ("pkcs11:library-version=one", "no version"),
        ("pkcs11:token=" + "a" * 5000, "more than"),
    ],
)
def test_what_is_no_uri_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_pkcs11_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:token=a?pin-value=8675309",
        "pkcs11:token=a?module-path=/x&pin-value=8675309",
    ],
)
def test_the_text_of_a_uri_has_no_pin(text: str) -> None:
    found = parse_pkcs11_uri(text)
    assert found.pin_value == "8675309"
    assert "8675309" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:token=a?pin-value=8675309&pin-value=8675309",
        "pkcs11:token=a?pin-value=8675309%",
        "pkcs11:token=a?8675309",
        "pkcs11:8675309",
        "pkcs11:token=a?pin-value=8675309%00",
        "pkcs11:token=a?pin-value=8675309&pin-source=/x",
    ],
)
def test_no_error_repeats_a_pin(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_pkcs11_uri(text)
    assert "8675309" not in caught.value.message + caught.value.next_step


@pytest.mark.parametrize("text", ["pkcs11", "./pkcs11:x", "release", "", "xpkcs11:"])
def test_names_and_paths_are_no_uris(text: str) -> None:
    assert not is_pkcs11_uri(text)
