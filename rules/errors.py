"""What is wrong with an expression, and where."""


class RuleError(ValueError):
    """An expression that cannot be compiled.

    Args:
        message: what is wrong, with the cure where there is one.
        line, column: from 1, inside the expression's text.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(f"{line}:{column}: {message}")


class UnsupportedError(ValueError):
    """A part of the language that is not compiled."""
