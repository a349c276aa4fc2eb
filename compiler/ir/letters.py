"""Letters that tell apart things of one name."""


def letters(number: int) -> str:
    """a, b ... z, aa, ab ... for 0, 1 ... 25, 26, 27 ..."""
    more, last = divmod(number, 26)
    return (letters(more - 1) if more else "") + chr(ord("a") + last)


def lettered(name: str, like: str) -> str:
    """With the letter of another name, if that has one: `cache`, like `key_b`, is `cache_b`."""
    _, line, letter = like.partition("_")
    return f"{name}{line}{letter}"
