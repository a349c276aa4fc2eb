"""Numbers for people."""

ROUNDED = 999.5
"""From this number on, three digits would round to 1000."""


def engineering(number: float) -> str:
    """`2.26 M`: three digits and the letter of a power of 1000."""
    for unit in ("", "k", "M", "G", "T"):
        if number < ROUNDED:
            return f"{number:.3g} {unit}".rstrip()
        number /= 1000
    return f"{number:.3g} P"


def of_bytes(number: float) -> str:
    """`24 KiB`: three digits and the unit of a power of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < ROUNDED:  # 1000 to 1023 would have four digits
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
