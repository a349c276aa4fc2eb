"""`data.tokenizer` as a `tokenizer.json` says it, for the tables of formats that have one."""

import unicodedata

from compiler.export.target import TRAINING, Place, Rules
from compiler.export.verdict import Verdict, refused, said
from compiler.spec.tokenizer import SentencePieceTokenizer


def _model(place: Place) -> Verdict:
    """Refuse pieces that are words: sentencepiece makes one token of several unknown ones."""
    tokenizer = place.section
    assert isinstance(tokenizer, SentencePieceTokenizer)
    if tokenizer.file is None and place.value == "word":
        return refused("has no tokenizer for which a run of unknown words is one token")
    return said()


def _user_symbols(place: Place) -> Verdict:
    """Refuse texts that normalisation would change, since it goes before all else there."""
    tokenizer = place.section
    assert isinstance(tokenizer, SentencePieceTokenizer)
    rule = tokenizer.normalization or "nmt_nfkc"
    for text in tokenizer.user_symbols or ():
        if rule != "identity" and normalized(text, rule) != text:
            return refused(f"normalises texts before it finds the user symbol {text!r}")
    return said()


def normalized(text: str, rule: str) -> str:
    """Return a short text as a rule of `normalization` leaves it, but for what NFKC leaves."""
    found = unicodedata.normalize("NFKC", text)
    return found.casefold() if rule.endswith("_cf") else found


TOKENIZER_RULES: Rules = {
    "SentencePieceTokenizer.model": _model,
    "SentencePieceTokenizer.user_symbols": _user_symbols,
    "SentencePieceTokenizer.dropout SentencePieceTokenizer.sampling": TRAINING,
    "SentencePieceTokenizer SegmentedTokenizer LibraryTokenizer TokenizerSymbols": said(),
    "CharacterTokenizer ByteTokenizer": said(),
    "Data.max_length": said(),
}
"""A file that is given is read, and refused or not, when it is exported."""
