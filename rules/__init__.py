"""Text to typed conditions over columns. Knows columns, not catalogues."""

from rules.errors import RuleError
from rules.expression import Expression, Verdict, compile_expression
from rules.schema import Schema

__all__ = ["Expression", "RuleError", "Schema", "Verdict", "compile_expression"]
