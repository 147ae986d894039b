"""Bodies of requests: bounded in size, time, encoding and depth before anything looks at them."""

import asyncio
import re

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from engine.customer.jsontext import read_json

READ_S = 10.0  # a sender that trickles its body holds a connection no longer than this
JSON = re.compile(r"application/([\w.-]+\+)?json")
UTF_8 = ("", "utf-8", "utf8", "us-ascii")


async def read_body(request: Request, most: int) -> bytes:
    """The whole body.

    Args:
        request: still unread.
        most: bytes.

    Raises:
        HTTPException: 413 when there is more, 415 when it is compressed, 408 when it does not come, 400 when it ends
            too early.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "a compressed body is not read; send it as it is")
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except ClientDisconnect:
        raise HTTPException(400, "the sender left before the end of the body") from None
    except TimeoutError:
        raise HTTPException(408, f"the body did not come within {READ_S:.0f} s") from None
    return bytes(body)


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body has more than {most:,} bytes; send it in parts")


def media_type(header: str) -> str:
    """The media type of a Content-Type header, in lower case, without parameters.

    Raises:
        HTTPException: 415 when it names a charset other than UTF-8.
    """
    kind, *parameters = (part.strip().lower() for part in header.split(";"))
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "charset" and value.strip().strip('"') not in UTF_8:
            raise HTTPException(415, f"charset '{value[:40]}' is not read; send UTF-8")
    return kind


def is_json(kind: str) -> bool:
    """Whether a media type is JSON."""
    return JSON.fullmatch(kind) is not None


def decode(body: bytes, depth: int) -> object:
    """The JSON value of a body.

    Args:
        body: bounded in size already.
        depth: how many lists and objects may stand inside each other.

    Raises:
        HTTPException: 400 when it is no UTF-8, or nothing that `read_json` takes.
    """
    try:
        return read_json(body.decode(), depth)
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the body is no UTF-8 at byte {error.start + 1}") from None
    except ValueError as error:
        raise HTTPException(400, f"the body {error}") from None
