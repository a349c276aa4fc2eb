"""The tokenizers of Marian: two sentencepiece models, whose pieces one vocab.json numbers."""

import base64
from pathlib import Path
from typing import Any

from compiler.vocabulary.sentencepiece_model import character_map
from runtime.data.tokenizers.hugging_face_files import special_token
from runtime.errors import UserError
from runtime.published.folder import read_json

SOURCE, TARGET, NUMBERS = "source.spm", "target.spm", "vocab.json"
SELDOM = -1000.0
"""The score of a piece that only the other model has: it is used where nothing else is known."""
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
METASPACE = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": True}


def has_marian_tokenizer(folder: Path) -> bool:
    """Tell whether a folder has the files of Marian's tokenizers."""
    return all((folder / each).is_file() for each in (SOURCE, TARGET, NUMBERS))


def marian_trees(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the contents of a tokenizer.json for source and target.

    Raises a UserError for a file that is no sentencepiece model, and for other than unigram ones.
    """
    numbers = {str(token): int(number) for token, number in read_json(folder / NUMBERS).items()}
    if sorted(numbers.values()) != list(range(len(numbers))) or "<unk>" not in numbers:
        raise UserError(
            f"{folder / NUMBERS} does not number its tokens from 0 on, <unk> among them"
        )
    source, target = (_tree(folder / each, numbers) for each in (SOURCE, TARGET))
    return source, target


def _tree(file: Path, numbers: dict[str, int]) -> dict[str, Any]:
    import sentencepiece

    content = file.read_bytes()
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        mapped = character_map(content)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{file} is no sentencepiece model") from error
    places = range(processor.get_piece_size())
    scores = {processor.id_to_piece(each): processor.get_score(each) for each in places}
    if all(score == round(score) for score in scores.values()):
        raise UserError(
            f"{file} is no unigram model", help="that of a BPE has numbers, not probabilities"
        )
    tokens = sorted(numbers, key=lambda token: numbers[token])
    symbols = [each for each in ("</s>", "<unk>", "<pad>") if each in numbers]
    steps: list[dict[str, Any]] = [
        {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    ]
    if mapped:
        charsmap = base64.b64encode(mapped).decode("ascii")
        steps.insert(0, {"type": "Precompiled", "precompiled_charsmap": charsmap})
    return {
        "version": "1.0",
        "added_tokens": [
            special_token(each, numbers[each])
            for each in sorted(symbols, key=lambda token: numbers[token])
        ],
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": METASPACE,
        "decoder": METASPACE,
        "model": {
            "type": "Unigram",
            "unk_id": numbers["<unk>"],
            "vocab": [[each, scores.get(each, SELDOM)] for each in tokens],
            "byte_fallback": False,
        },
    }
