"""Numbers of things in sentences."""


def counted(number: int, name: str) -> str:
    """Return a number with a name, such as `1 text` and `2 texts`."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"
