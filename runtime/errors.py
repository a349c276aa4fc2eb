"""The exceptions for what a user can mend."""


class UserError(Exception):
    """A mistake or a lack outside the program: says what is wrong and, in `help`, the way out."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.help = help
        if help:
            self.add_note(f"help: {help}")  # which a traceback in Python shows


class DivergenceError(UserError):
    """A loss or gradient that is no number any more: other settings of training mend it."""
