"""The library `tokenizers` of Hugging Face, which is installed with an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runtime.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend


def library() -> Any:
    """Return the module `tokenizers`. Raises a UserError where it is not installed."""
    try:
        import tokenizers
    except ImportError as error:
        raise UserError(
            "data.tokenizer.kind is tokenizers, which needs the extra `tokenizers`",
            help="pip install tokenizers; in a clone of specformer, pip install -e '.[tokenizers]'",
        ) from error
    return tokenizers


TRIAL = "a A 1 !\n\N{LATIN SMALL LETTER SHARP S}\N{OLD PERSIAN SIGN A}"
"""A text with characters that few vocabularies have, which a tokenizer must be able to cut."""


@contextmanager
def library_errors(what: str) -> Iterator[None]:
    """Turn every error of the library into a ValueError, which `what` begins.

    The library raises plain exceptions; its panics are no `Exception`. A UserError stays one.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise ValueError(f"{what}: {error}") from error


def new_backend(content: str) -> Backend:
    """Return the library's tokenizer, which cuts no text, pads none, and finds no symbol in one.

    Raises a ValueError for content that it cannot read, or that cannot cut every text.
    """
    module = library()
    with library_errors(f"tokenizers {module.__version__} cannot read it"):
        backend = module.Tokenizer.from_str(content)
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = True
    with library_errors("it cannot cut every text"):
        found = backend.encode(TRIAL, add_special_tokens=False)
        backend.decode(found.ids, skip_special_tokens=False)
    return backend
