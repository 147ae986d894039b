"""What expressions may read: attributes and their types."""

from collections.abc import Mapping
from dataclasses import dataclass

KINDS = ("int", "double", "string", "bool")


@dataclass(frozen=True)
class Schema:
    """Attribute -> kind for the three worlds; kinds are int, double, string and bool."""

    customer: Mapping[str, str]
    request: Mapping[str, str]
    action: Mapping[str, str]

    def qualified(self) -> dict[str, str]:
        """`customer.age` -> `int`, for every attribute."""
        worlds = {"customer": self.customer, "request": self.request, "action": self.action}
        return {f"{world}.{name}": kind for world, kinds in worlds.items() for name, kind in kinds.items()}
