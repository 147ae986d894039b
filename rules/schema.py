"""What expressions may read: attributes and their types."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rules.domains import Domain

SCALARS = ("int", "uint", "double", "string", "bool", "timestamp", "duration")
KINDS = (*SCALARS, *(f"list({kind})" for kind in SCALARS), *(f"map({kind})" for kind in SCALARS))
NESTED = re.compile(r"(list|map)\((\w+)\)")


@dataclass(frozen=True)
class Schema:
    """Attribute -> kind for the three worlds; kinds are KINDS, a map's keys being texts.

    Args:
        domains: qualified attribute -> the values it can have, where that is known.
        bare: names without a world, which a formula reads: `propensity`.
        unsure: qualified attributes whose declaration is a fault; what reads them cannot be judged.
    """

    customer: Mapping[str, str]
    request: Mapping[str, str]
    action: Mapping[str, str]
    domains: Mapping[str, Domain] = field(default_factory=dict)
    bare: Mapping[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    @property
    def own(self) -> dict[str, str]:
        """The customer's attributes that people write: what is derived has a dot in its name."""
        return {name: kind for name, kind in self.customer.items() if "." not in name}

    @cached_property
    def digest(self) -> str:
        """Of names and kinds."""
        return hashlib.sha256(repr(sorted(self.qualified().items())).encode()).hexdigest()

    def qualified(self) -> dict[str, str]:
        """`customer.age` -> `int`, for every attribute, and the bare names."""
        worlds = {"customer": self.customer, "request": self.request, "action": self.action}
        own = {f"{world}.{name}": kind for world, kinds in worlds.items() for name, kind in kinds.items()}
        return {**own, **self.bare}
