"""Passwords stay out of whatever a person, a log or an answer may show."""

import re
from urllib.parse import unquote
from urllib.request import getproxies

_HIDDEN = "***"
_QUERY = re.compile(
    r"(?i)([?&;][^=&;#]*(?:password|passwd|pwd|secret|token|key)[^=&;#]*=)[^&;#\s]+"
)

_PLACE = re.compile(
    r"(?i)\b[a-z][a-z0-9+.-]*://\S+"  # an address
    r"|\bhost=\S+|\bport=\S+|\bserver at \S+"  # as urllib3 and PostgreSQL name them
    r"|(?<![\w.])/(?:[^\s'\",;:)]+)"  # a path
)


def hide_password(url: str) -> str:
    """Return a URL with its password replaced, whatever characters that password holds.

    User and password end at the last ``@``: a password may hold ``/``, ``#``, ``?`` and ``@``
    without being quoted.

    Args:
        url: Any URL, well-formed or not.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    credentials, at, host = rest.rpartition("@")
    if at:
        user, colon, _ = credentials.partition(":")
        rest = f"{user}:{_HIDDEN}@{host}" if colon else f"{_HIDDEN}@{host}"
    return _QUERY.sub(rf"\1{_HIDDEN}", f"{scheme}{separator}{rest}")


def hide_password_in(text: str, url: str) -> str:
    """Return a text, such as a library's error, without the password of a URL that it may quote.

    Passwords of the proxies that the environment names are hidden with it.
    """
    for known in (url, *getproxies().values()):
        text = text.replace(known, hide_password(known))
        password = _password(known)
        if password:
            for form in {password, unquote(password)}:
                text = text.replace(form, _HIDDEN)
    return text


def hide_places_in(text: str) -> str:
    """Return a text without addresses, hosts and absolute paths, for readers without a key."""
    return _PLACE.sub("(see the log)", text)


def has_unquoted_password(url: str) -> bool:
    """Say whether a password holds a character that ends the part of a URL in which it stands."""
    return any(mark in _password(url) for mark in "/#?@")


def _password(url: str) -> str:
    _, _, rest = url.partition("://")
    credentials, at, _ = rest.rpartition("@")
    return credentials.partition(":")[2] if at else ""
