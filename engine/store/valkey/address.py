"""Where the Valkey servers are, and how many replicas have to confirm."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from engine.store.protocol import StoreError

SCHEMES = ("valkey", "valkeys")
PORT = 6379
PASSWORD, PASSWORD_FILE, CA_FILE = "NBA_VALKEY_PASSWORD", "NBA_VALKEY_PASSWORD_FILE", "NBA_VALKEY_CA_FILE"
MOST_REPLICAS = 5
CONNECT_S, ANSWER_S = 0.5, 3.0  # longer than replicas are waited for


class Place(NamedTuple):
    """One server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Address(NamedTuple):
    """What is asked of whom.

    Args:
        places: servers of one primary with its replicas, or some of a cluster's.
        replicas: how many of a primary's confirm a change before it is acknowledged; 0 where there is no failover.
        options: of every connection.
    """

    places: tuple[Place, ...]
    replicas: int
    options: Mapping[str, Any]


def read_address(text: str, environment: Mapping[str, str] = os.environ) -> Address:
    """Read `valkey://[USER@]HOST[:PORT][,HOST[:PORT]...][?replicas=N]`; `valkeys://` for TLS.

    Args:
        text: the address; a password never stands in it, for commands are seen by everybody on the machine.
        environment: holds the password, or the file it stands in, and the file of the authorities that TLS trusts.

    Raises:
        StoreError: saying what cannot be read.
    """
    parts = urlsplit(text)
    user, _, hosts = parts.netloc.rpartition("@")
    if parts.scheme not in SCHEMES or not hosts or parts.path.strip("/"):
        raise StoreError(f"'{text}' is no address of a store; write valkey://HOST:PORT?replicas=1")
    if ":" in user:
        raise StoreError(f"a password stands in the store's address; give it in {PASSWORD} or {PASSWORD_FILE}")
    options: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S}
    options |= {"username": user} if user else {}
    options |= {"password": secret} if (secret := _password(environment)) else {}
    if parts.scheme == "valkeys":
        options |= {"ssl_cert_reqs": "required", "ssl_ca_certs": environment.get(CA_FILE)}
    return Address(tuple(_place(each) for each in hosts.split(",")), _replicas(parts.query), options)


def _place(text: str) -> Place:
    host, _, port = text.rpartition(":") if text.rpartition(":")[2].isdigit() else (text, "", str(PORT))
    return Place(host.strip("[]"), int(port))


def _replicas(query: str) -> int:
    asked = parse_qs(query, keep_blank_values=True)
    said = asked.pop("replicas", ["0"])[-1]
    if asked or not said.isdigit() or int(said) > MOST_REPLICAS:
        raise StoreError(f"'?{query}' of the store's address is not ?replicas=N with N from 0 to {MOST_REPLICAS}")
    return int(said)


def _password(environment: Mapping[str, str]) -> str:
    file = environment.get(PASSWORD_FILE)
    try:
        return Path(file).read_text().strip() if file else environment.get(PASSWORD, "")
    except OSError as error:
        raise StoreError(f"{PASSWORD_FILE}: {error}") from error
