"""Bounds on what a request may carry; every one is documented in docs/limits.md."""

from dataclasses import dataclass

from engine.customer.checks import Bounds


@dataclass(frozen=True)
class Limits(Bounds):
    """Defaults hold everywhere unless the server is started with others."""

    candidates: int = 10_000
    inline_candidates: int = 1_000
    purposes: int = 32
    channels: int = 32
    ranked: int = 100
    reserve_s: int = 86_400
    attributes: int = 256
    entries: int = 256
    consents: int = 256
    text: int = 4_096
    signal: int = 16_384
    message_bytes: int = 32 * 1024 * 1024
