"""Who may send events: whoever knows the token; where there is none, programs on this machine."""

import hmac
import re
from collections.abc import Callable
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.requests import Request

Admit = Callable[[Request], None]
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # RFC 6750, section 2.1; 16 characters are no guess
# Somebody stands behind the peer: a page in a browser, or whoever a proxy on this machine lets through.
BEHIND = ("origin", "forwarded", "x-forwarded-for", "via")


def admission(token: str | None) -> Admit:
    """What is asked of every request before its body is read; it raises an HTTPException, 401 with the reason.

    Args:
        token: that the header `Authorization: Bearer TOKEN` must bring; without one, only this machine is answered.

    Raises:
        ValueError: when the token is none that can be sent, or easily guessed.
    """
    if token is None:
        return _local
    if not TOKEN.fullmatch(token):
        raise ValueError("the token must have 16 or more of A-Z a-z 0-9 . _ ~ + / -; openssl rand -base64 32 makes one")
    expected = f"Bearer {token}".encode()
    return lambda request: _known(request, expected)


def _known(request: Request, expected: bytes) -> None:
    said = request.headers.get("authorization", "")
    scheme, _, token = said.partition(" ")
    if not token:
        raise _refusal("the header 'Authorization: Bearer TOKEN' is missing")
    # In constant time, so that nobody finds the token letter by letter; the scheme's case is free (RFC 9110, 11.1).
    if not hmac.compare_digest(f"{scheme.capitalize()} {token.strip()}".encode(), expected):
        raise _refusal("the token is not the one this collector was started with")


def _local(request: Request) -> None:
    if not _is_loopback(request) or any(name in request.headers for name in BEHIND):
        raise _refusal("without a token, programs on this machine alone may send events; see --token-file")


def _is_loopback(request: Request) -> bool:
    try:
        peer = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return (getattr(peer, "ipv4_mapped", None) or peer).is_loopback


def _refusal(reason: str) -> HTTPException:
    return HTTPException(401, reason, {"www-authenticate": "Bearer"})
