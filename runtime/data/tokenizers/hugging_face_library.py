"""The library `tokenizers` of Hugging Face, which is installed with an extra."""

from __future__ import annotations

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


def new_backend(content: str) -> Backend:
    """Return the library's tokenizer, which cuts no text, pads none, and finds no symbol in one.

    Raises a ValueError for content that it cannot read.
    """
    module = library()
    try:
        backend = module.Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing more special
        version = module.__version__
        raise ValueError(f"tokenizers {version} cannot read it: {error}") from error
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = True
    return backend
