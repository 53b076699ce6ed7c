import pytest

from courtyard.catalogue import addresses
from courtyard.core.errors import InvalidRequest


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000",
        "http://10.1.2.3:8000/v1/",
        "https://[fd12::1]/v1",
        "http://[::1]:1",
    ],
)
def test_engines_live_next_door(url: str) -> None:
    """Loopback and private addresses are where most engines run."""
    assert addresses.clean_url(url) == url.rstrip("/")
    assert addresses.is_near(url)
    assert addresses.cautions(url, has_key=True) == ()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://host/v1", "begins with http"),
        ("localhost:8000", "begins with http"),
        ("http://", "names a host"),
        ("http://host:99999/", "no address"),
        ("http://[::1", "no address"),
        ("https://me:secret@host/v1", "no user and password"),
        ("https://host/v1?key=x", "no query"),
        ("http://169.254.169.254/v1", "metadata"),
        ("http://[fe80::1]/v1", "metadata"),
        ("http://[fe80::1%25eth0]/v1", "metadata"),
        ("http://[::ffff:169.254.169.254]/v1", "metadata"),
        ("http://2852039166/v1", "metadata"),
        ("http://0xa9fea9fe/v1", "metadata"),
        ("http://[fd00:ec2::254]/v1", "metadata"),
    ],
)
def test_some_addresses_are_refused(url: str, why: str) -> None:
    """What is no address, what holds a secret, and where clouds keep theirs, however it is spelled."""
    with pytest.raises(InvalidRequest, match=why) as caught:
        addresses.clean_url(url)

    assert "secret" not in caught.value.message


def test_plain_http_to_elsewhere_is_cautioned() -> None:
    """The operator hears who else could read along."""
    assert not addresses.is_near("http://8.8.8.8/v1")
    assert "the key go to 8.8.8.8 unencrypted" in addresses.cautions("http://8.8.8.8/v1", has_key=True)[0]
    assert addresses.cautions("https://8.8.8.8/v1", has_key=True) == ()
