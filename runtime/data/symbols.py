"""Token numbers with a meaning of their own, which the compiler and the runtime share."""

from compiler.vocabulary.symbols import (
    BEGIN,
    END,
    MASK,
    NAMES,
    NAMES_WITH_MASK,
    PADDING,
    SILENT,
    UNKNOWN,
)

__all__ = ["BEGIN", "END", "MASK", "NAMES", "NAMES_WITH_MASK", "PADDING", "SILENT", "UNKNOWN"]
