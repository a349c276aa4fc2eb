"""Letters that tell apart things of one name."""


def letters(number: int) -> str:
    """a, b ... z, aa, ab ... for 0, 1 ... 25, 26, 27 ..."""
    more, last = divmod(number, 26)
    return (letters(more - 1) if more else "") + chr(ord("a") + last)
