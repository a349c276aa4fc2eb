"""Folders whose tokenizer is a sentencepiece model alone, as T5, Llama 2 and Gemma were published.

Each model is learned by sentencepiece with the numbers of symbols that the published one has.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from transformers.convert_slow_tokenizer import MBART50_LANGUAGES
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

from compiler.source.diagnostic import Rejected
from compiler.vocabulary.sentencepiece_model import pieces_of
from runtime.published.model import NO_LANGUAGES, Import, Languages
from runtime.run import Run
from tests.runtime.published.folders import KINDS, lines, published, transformers
from tests.runtime.published.test_import_folder import outputs, their_text, written

pytestmark = pytest.mark.filterwarnings("ignore")

UNIGRAM = {"model_type": "unigram", "vocab_size": 200}
T5 = UNIGRAM | {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
LLAMA = {
    **{"model_type": "bpe", "vocab_size": 450, "byte_fallback": True, "split_digits": True},
    **{"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
    **{"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
}
GEMMA = LLAMA | {
    **{"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3},
    **{"eos_piece": "<eos>", "bos_piece": "<bos>", "add_dummy_prefix": False},
    "user_defined_symbols": ["<mask>", "<start_of_turn>"],
}
LANGUAGES = list(MBART50_LANGUAGES)
CODES = FAIRSEQ_LANGUAGE_CODES["m2m100"]
TRICKY = (
    *("", " ", "  two  spaces ", "naïve façade", "☃ snow", "12,345.6", "a\tb", "ﬁne ½"),
    *("</s> <pad> <unk>", "ends with space "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A family whose folder has a sentencepiece model and no tokenizer.json."""

    family: str
    file: str
    learned: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    """The settings of tokenizer_config.json."""
    rows: int = 0
    """Rows of the table of embeddings; by default the pieces of the model."""
    languages: Languages = field(default_factory=lambda: NO_LANGUAGES)


CASES = {
    "t5": Case(family="t5", file="spiece.model", learned=T5, rows=328),
    "t5 with few sentinels": Case(
        family="t5",
        file="spiece.model",
        learned=T5,
        settings={"tokenizer_class": "T5Tokenizer", "extra_ids": 5},
        rows=205,
    ),
    "llama": Case(family="llama", file="tokenizer.model", learned=LLAMA),
    "llama with padding": Case(
        family="llama",
        file="tokenizer.model",
        learned=LLAMA,
        settings={
            "tokenizer_class": "LlamaTokenizerFast",
            "pad_token": "[PAD]",
            "added_tokens_decoder": {
                "450": {"content": "[PAD]", "special": True},
                "451": {"content": "king", "special": False},
            },
        },
        rows=460,
    ),
    "mistral": Case(family="mistral", file="tokenizer.model", learned=LLAMA),
    "gemma": Case(family="gemma", file="tokenizer.model", learned=GEMMA),
    "xlm-roberta": Case(
        family="xlm-roberta", file="sentencepiece.bpe.model", learned=UNIGRAM, rows=202
    ),
    "m2m100": Case(
        family="m2m100",
        file="sentencepiece.bpe.model",
        learned=UNIGRAM,
        settings={
            "tokenizer_class": "M2M100Tokenizer",
            "additional_special_tokens": [f"__{each}__" for each in CODES],
        },
        rows=201 + len(CODES) + 8,
        languages={"source": "en", "target": "de"},
    ),
    "mbart": Case(
        family="mbart",
        file="sentencepiece.bpe.model",
        learned=UNIGRAM,
        settings={
            "tokenizer_class": "MBart50Tokenizer",
            "additional_special_tokens": LANGUAGES,
        },
        rows=202 + len(LANGUAGES),
        languages={"source": "en_XX", "target": "de_DE"},
    ),
}


@cache
def learned(**options: Any) -> bytes:
    """Return a model that sentencepiece learns from the lines."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()),
        model_writer=model,
        character_coverage=1.0,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def model_of(case: Case) -> bytes:
    options = case.learned | {"user_defined_symbols": []}
    texts = tuple(case.learned.get("user_defined_symbols", ()))
    return learned(**options | {"user_defined_symbols": ",".join(texts)})


def folder_of(case: Case, place: Path) -> tuple[Any, Path]:
    """Write the folder of a case -> what was saved there, and the folder."""
    rows = case.rows or case.learned["vocab_size"]
    theirs = published(case.family, 1, place, vocab_size=rows)
    (theirs.folder / "tokenizer.json").unlink()
    (theirs.folder / case.file).write_bytes(model_of(case))
    if case.family == "m2m100":
        pieces = [each.text for each in pieces_of(model_of(case))[3:]]
        tokens = ["<s>", "<pad>", "</s>", "<unk>", *reversed(pieces)]
        numbers = {token: number for number, token in enumerate(tokens)}
        (theirs.folder / "vocab.json").write_text(json.dumps(numbers))
    if case.settings:
        (theirs.folder / "tokenizer_config.json").write_text(json.dumps(case.settings))
    return theirs, theirs.folder


def run_of(folder: Path, place: Path, languages: Languages = NO_LANGUAGES) -> Run:
    found = Import.of(folder, place, languages=languages)
    found.check()
    comparison = found.create()
    assert comparison is not None
    assert comparison.is_close
    return Run.open(place)


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    theirs, folder = folder_of(case, tmp_path)
    run = run_of(folder, tmp_path / "run", case.languages)
    tokenizers = run.tokenizers()
    rows = tokenizers[0].rows  # type: ignore[attr-defined]
    own = transformers.AutoTokenizer.from_pretrained(folder)
    begun = [own.convert_tokens_to_ids(each) for each in KINDS[case.family].before if each]
    for tokenizer, before in zip(tokenizers, begun or (None, None), strict=True):
        expected = [own.encode(line, add_special_tokens=False) for line in lines()]
        got = [[rows.theirs[each] for each in line] for line in tokenizer.encode_lines(lines())]
        assert got == [[before, *each] if before else each for each in expected]
    size = theirs.model.get_input_embeddings().weight.size(0)
    assert sorted({each for each in rows.theirs if each is not None}) == list(range(size))
    numbers = {each: own.convert_tokens_to_ids(each) for each in own.get_vocab()}
    for text, number in numbers.items():
        assert tokenizers[0].name(rows.number(number)) == text


@pytest.mark.parametrize("name", CASES)
def test_odd_texts_are_cut_as_sentencepiece_does(name: str, tmp_path: Path) -> None:
    """Among them texts that contain symbols, which are read as any other characters are."""
    from runtime.data.tokenizers.tokenizer import load_tokenizers, save_tokenizers

    case = CASES[name]
    found = Import.of(folder_of(case, tmp_path)[1], tmp_path / "run", languages=case.languages)
    save_tokenizers(*found.vocabulary.tokenizers(found.rows, ([], [])), tmp_path / "saved")
    tokenizer, _ = load_tokenizers(tmp_path / "saved")
    processor = sentencepiece.SentencePieceProcessor(model_proto=model_of(case))
    for line in TRICKY:
        pieces = [tokenizer.name(each) for each in tokenizer.encode(line)]
        expected = [processor.id_to_piece(each) for each in processor.encode(line)]
        assert pieces == expected
        assert tokenizer.decode(tokenizer.encode(line)) == processor.decode(processor.encode(line))


class DecodedBySentencePiece:
    """A tokenizer of the library that decodes as sentencepiece does.

    The two write different signs for bytes that are no UTF-8, of which networks without training
    write many.
    """

    def __init__(self, backend: Any, model: bytes) -> None:
        self.backend = backend
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def decode(self, tokens: list[int], **_: Any) -> str:
        size = self.processor.get_piece_size()
        own = [each for each in tokens if each < size]
        return str(self.processor.decode(own))


@pytest.mark.parametrize("name", CASES)
def test_logits_and_texts_are_theirs(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    theirs, folder = folder_of(case, tmp_path)
    run = run_of(folder, tmp_path / "run", case.languages)
    model, (source, target) = run.load_model(), run.tokenizers()
    rows = source.rows  # type: ignore[attr-defined]
    with torch.inference_mode():
        for line in lines()[:5]:
            tokens = (source.encode(line), target.encode(line))
            ours, right = outputs(run, model, theirs, *tokens, rows)
            assert (ours - right).abs().max() <= 1e-5 * max(right.abs().max(), 1.0)
    if run.package.spec.model.decoder is not None:
        own = transformers.AutoTokenizer.from_pretrained(folder)
        if not own.is_fast:  # then `create` alone compares texts, by their tokens
            return
        own = own.backend_tokenizer
        read = (
            DecodedBySentencePiece(own, model_of(case)) if "byte_fallback" in case.learned else own
        )
        theirs, kind = replace(theirs, tokenizer=read), KINDS[case.family]
        for line in lines()[:5]:
            assert written(run, line) == their_text(run, theirs, line, kind, rows)


def test_m2m_100_as_transformers_saves_it(tmp_path: Path) -> None:
    """The library writes the tokens of languages with their numbers, and no list of them."""
    case = CASES["m2m100"]
    folder = folder_of(case, tmp_path)[1]
    own = transformers.AutoTokenizer.from_pretrained(folder)
    for name in ("tokenizer_config.json", "vocab.json", case.file):
        (folder / name).unlink()
    own.save_pretrained(folder)
    found = Import.of(folder, tmp_path / "run", languages=case.languages)
    tokenizer, _ = found.vocabulary.tokenizers(found.rows, ([], []))
    got = [[found.rows.theirs[each] for each in line] for line in tokenizer.encode_lines(lines())]
    assert got == [own.encode(line, add_special_tokens=False) for line in lines()]
    assert found.vocabulary.numbers["__de__"] == own.get_lang_id("de")


def test_the_spec_of_the_run_can_be_compiled_and_knows_the_file(tmp_path: Path) -> None:
    """Its vocabulary is that of the file, and its symbols are those of the import."""
    from compiler.pipeline import compile_spec

    run = run_of(folder_of(CASES["t5"], tmp_path)[1], tmp_path / "run")
    text = (run.folder / "spec.yaml").read_text()
    assert "kind: sentencepiece" in text
    compiled = compile_spec(str(run.folder / "spec.yaml"))
    assert compiled.spec.model.vocabulary.size == 329
    assert compiled.spec.data.tokenizer.symbols.begin == "<pad>"  # type: ignore[union-attr]
    content = (run.folder / "tokenizer.model").read_bytes()
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    assert processor.id_to_piece(299) == "<extra_id_0>"
    assert processor.is_control(299)


def test_a_model_without_further_tokens_stays_as_it_is(tmp_path: Path) -> None:
    found = Import.of(folder_of(CASES["gemma"], tmp_path)[1], tmp_path / "run")
    assert found.vocabulary.content == model_of(CASES["gemma"])


def test_a_token_that_is_no_symbol_is_read_in_texts(tmp_path: Path) -> None:
    case = CASES["llama with padding"]
    found = Import.of(folder_of(case, tmp_path)[1], tmp_path / "run")
    tokenizer, _ = found.vocabulary.tokenizers(found.rows, ([], []))
    assert "king" in [tokenizer.name(each) for each in tokenizer.encode("the king")]
    assert tokenizer.decode(tokenizer.encode("the king")) == "the king"
    assert "[PAD]" not in [tokenizer.name(each) for each in tokenizer.encode("[PAD]")]


def test_no_space_before_a_text_where_the_files_say_so(tmp_path: Path) -> None:
    case = CASES["llama"]
    folder = folder_of(case, tmp_path)[1]
    (folder / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": False}))
    found = Import.of(folder, tmp_path / "run")
    tokenizer, _ = found.vocabulary.tokenizers(found.rows, ([], []))
    assert not tokenizer.name(tokenizer.encode("king")[0]).startswith("▁")
    assert tokenizer.decode(tokenizer.encode("king")) == "king"


Change = Callable[[Path], object]
REFUSED: dict[str, tuple[Change, str]] = {
    "another class": (
        lambda folder: (folder / "tokenizer_config.json").write_text(
            '{"tokenizer_class": "PegasusTokenizer"}'
        ),
        r"of the class PegasusTokenizer, about which nothing is known",
    ),
    "lower case": (
        lambda folder: (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}'),
        "they become lower case before their tokens",
    ),
    "no model": (
        lambda folder: (folder / "spiece.model").write_bytes(b"IQ== 0\nIg== 1\n"),
        r"spiece\.model is no sentencepiece model",
    ),
    "a damaged model": (
        lambda folder: (folder / "spiece.model").write_bytes(model_of(CASES["t5"])[:1000]),
        r"spiece\.model is no sentencepiece model: the message ends within a field",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused(case: str, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    folder = folder_of(CASES["t5"], tmp_path)[1]
    change(folder)
    with pytest.raises(Rejected, match=message):
        Import.of(folder).check()


def test_the_cases_are_of_families_that_are_imported() -> None:
    assert {each.family for each in CASES.values()} <= KINDS.keys()
