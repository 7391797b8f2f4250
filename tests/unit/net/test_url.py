import pytest

from trustkit.errors import ProtocolError
from trustkit.net.url import is_loopback, join, parse, query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/v2/", ("https", "a.example", 443, "/v2/")),
        ("http://a.example:5000/x?y=z", ("http", "a.example", 5000, "/x?y=z")),
        ("HTTPS://A.Example", ("https", "a.example", 443, "/")),
        ("https://[::1]:443/x#frag", ("https", "[::1]", 443, "/x")),
        ("https://a.example?x=1", ("https", "a.example", 443, "/?x=1")),
    ],
)
def test_plain_urls_are_read(text, expected):
    assert tuple(parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example/x",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@a.example/",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://a.example:٣/",
        "https://a.example/a b",
        "https://a.example/a\r\nX: y",
        "https://a.example/\u00e9",
        "https://a.example/" + "x" * 20000,
    ],
)
def test_other_urls_are_refused(text):
    with pytest.raises(ProtocolError):
        parse(text)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/y", "https://a.example:8443/y"),
        ("?y", "https://a.example:8443/x?y"),
        ("//b.example/y", "https://b.example/y"),
        ("http://b.example/y", "http://b.example/y"),
    ],
)
def test_a_location_is_joined(location, expected):
    assert str(join(parse("https://a.example:8443/x?q"), location)) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("localhost", True),
        ("[::1]", True),
        ("127.0.0.1.example", False),
        ("127.0.0.1.evil", False),
        ("localhost.example", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_told_from_names_that_only_look_like_it(host, expected):
    assert is_loopback(host) is expected


def test_query_values_are_escaped():
    assert query((("scope", "repository:a/b:pull,push"),)) == "scope=repository%3Aa%2Fb%3Apull%2Cpush"
