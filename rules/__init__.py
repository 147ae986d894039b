"""Text to typed conditions over columns. Knows columns, not catalogues. Pure."""

from rules.batch import Batch, Site
from rules.columns import Columns, Texts, objects, texts_of
from rules.domains import Domain, always, contradiction, demands, never
from rules.errors import RuleError, UnsupportedError
from rules.expression import Expression, Verdict, compile_expression
from rules.formula import Formula, Measure
from rules.library import Library
from rules.schema import KINDS, Schema
from rules.tree import Call, Const, Items, Name, Node, worlds
from rules.vector import Part

__all__ = [
    "KINDS", "Batch", "Call", "Columns", "Const", "Domain", "Expression", "Formula", "Items", "Library", "Measure",
    "Name", "Node", "Part", "RuleError", "Schema", "Site", "Texts", "UnsupportedError", "Verdict", "always",
    "compile_expression", "contradiction", "demands", "never", "objects", "texts_of", "worlds",
]  # fmt: skip
