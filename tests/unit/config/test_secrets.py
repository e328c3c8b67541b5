"""Passwords in URLs are hidden, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.config.secrets import hide_password, hide_password_in, hide_places_in

ODD = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1)


@given(ODD.map(lambda text: f"secret{text}secret"))
def test_no_part_of_a_password_is_shown(password: str) -> None:
    """Slashes, hashes, question marks, colons and ats in a password hide with it."""
    url = f"postgresql://me:{password}@db.example.com:5432/blemish"
    shown = hide_password(url)
    assert shown == "postgresql://me:***@db.example.com:5432/blemish"
    assert "secret" not in hide_password_in(f"cannot reach {url}: {password!s} was wrong", url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://me@host/x", "https://***@host/x"),
        ("http://me:a/b#c?d@host:1/p", "http://me:***@host:1/p"),
        (
            "postgresql://host/db?user=me&password=hidden&sslmode=require",
            "postgresql://host/db?user=me&password=***&sslmode=require",
        ),
        ("no url at all", "no url at all"),
    ],
)
def test_what_is_no_secret_stays(url: str, shown: str) -> None:
    """Hosts, ports, paths and other options are shown as they are."""
    assert hide_password(url) == shown


def test_the_quoted_and_the_plain_form_of_a_password_are_hidden_in_errors() -> None:
    """A library may quote a password decoded."""
    text = hide_password_in("password 'p/w' failed (p%2Fw)", "postgresql://me:p%2Fw@db/x")
    assert text == "password '***' failed (***)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "The MLflow store at https://me:***@mlflow.plant:5000/x does not answer: no.",
            "The MLflow store at (see the log) does not answer: no.",
        ),
        ("/srv/blemish/keys.json cannot be read", "(see the log) cannot be read"),
        (
            "HTTPConnectionPool(host='mlflow.plant', port=5000): no",
            "HTTPConnectionPool((see the log) (see the log) no",
        ),
        (
            'connection to server at "10.0.0.7", port 5432 failed',
            "connection to (see the log) port 5432 failed",
        ),
        ("Version 3 answers 4.5 and/or NaN", "Version 3 answers 4.5 and/or NaN"),
    ],
)
def test_places_are_kept_from_those_who_need_not_know(text: str, shown: str) -> None:
    """Addresses, hosts and absolute paths are left out of a sentence; the rest stays."""
    assert hide_places_in(text) == shown
