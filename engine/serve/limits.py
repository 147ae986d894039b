"""Bounds on what a request may carry; every one is documented in docs/limits.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Defaults hold everywhere unless the server is started with others."""

    candidates: int = 10_000
    inline_candidates: int = 1_000
    purposes: int = 32
    channels: int = 32
    ranked: int = 100
    attributes: int = 256
    entries: int = 256
    consents: int = 256
    interactions: int = 1_000
    text: int = 4_096
    signal: int = 16_384
    name: int = 128
    message_bytes: int = 32 * 1024 * 1024
    earliest_ms: int = 0
    latest_ms: int = 4_102_444_800_000  # the year 2100
    ahead_ms: int = 86_400_000  # clocks of channel systems differ; more than a day is a mistake
