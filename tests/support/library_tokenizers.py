"""Tokenizers of the library `tokenizers` as other programs learn them."""

from collections.abc import Sequence
from typing import Any


def learned_by_library(kind: str, symbols: Sequence[str], lines: Sequence[str], size: int) -> Any:
    """Return a tokenizer of the library `tokenizers`; the symbols have the first numbers."""
    import tokenizers

    models, trainers = tokenizers.models, tokenizers.trainers
    pre, decoders = tokenizers.pre_tokenizers, tokenizers.decoders
    options = {"special_tokens": list(symbols), "show_progress": False}
    if kind == "bpe":
        backend = tokenizers.Tokenizer(models.BPE())
        backend.pre_tokenizer, backend.decoder = (
            pre.ByteLevel(add_prefix_space=False),
            decoders.ByteLevel(),
        )
        alphabet = pre.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, **options)
    elif kind == "wordpiece":
        backend = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        backend.normalizer = tokenizers.normalizers.BertNormalizer()
        backend.pre_tokenizer, backend.decoder = pre.BertPreTokenizer(), decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=size, **options)
    else:
        backend = tokenizers.Tokenizer(models.Unigram())
        backend.pre_tokenizer, backend.decoder = pre.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=size, unk_token="<unk>", **options)
    backend.train_from_iterator(lines, trainer)
    return backend
