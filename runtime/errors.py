"""The exceptions for what a user can mend."""


class UserError(Exception):
    """A mistake or a lack outside the program: says what is wrong and, in `help`, the way out."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.help = help
        if help:
            self.add_note(f"help: {help}")  # Python's tracebacks show notes


class FailedElsewhere(Exception):
    """Another process of the training has failed first, and says why: this one ends in silence."""


class DivergenceError(UserError):
    """A loss or gradient that is no number any more: other settings of training mend it."""


def beyond_table(error: ValueError, place: str = "") -> UserError | None:
    """The message for a position that a network's table of learned positions does not have.

    None for any other error. `place` says which text has it, as `line 3: `.
    """
    if "as many as the table has" not in str(error):
        return None
    return UserError(
        f"{place}the text is longer than the network's table of positions: {error}",
        help="the table of an edited model.py is shorter than its lock says: set "
        "`model.embedding.position.max_length` in the spec, with `data.max_length` and "
        "`decoding.max_length` no longer, and compile it again; or give shorter texts",
    )
