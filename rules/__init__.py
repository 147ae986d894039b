"""Text to typed conditions over columns. Knows columns, not catalogues. Pure."""

from rules.batch import Batch, Site
from rules.columns import Columns, Texts, objects, texts_of
from rules.domains import Domain, always, contradiction, demands, never
from rules.errors import RuleError
from rules.expression import Expression, Verdict, compile_expression
from rules.library import Library
from rules.schema import KINDS, Schema
from rules.tree import Call, Const, Items, Name, Node, worlds

__all__ = [
    "KINDS", "Batch", "Call", "Columns", "Const", "Domain", "Expression", "Items", "Library", "Name", "Node",
    "RuleError", "Schema", "Site", "Texts", "Verdict", "always", "compile_expression", "contradiction", "demands",
    "never", "objects", "texts_of", "worlds",
]  # fmt: skip
