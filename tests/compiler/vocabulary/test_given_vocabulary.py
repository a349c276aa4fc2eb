"""The size of a vocabulary follows from its tokenizer, or is checked against it."""

import json
from pathlib import Path

import pytest
from sentencepiece import SentencePieceTrainer

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load
from compiler.vocabulary.foreign import NoVocabulary, read_vocabulary
from compiler.vocabulary.protobuf import fields_of

pytestmark = pytest.mark.quick

SPEC = """\
name: given
task: TASK
model:
  d_model: 16
  attention: {heads: 2}
  feed_forward: {d_ff: 16}
  STACK: {layers: 1}
data:
  folder: FOLDER
  train: {text: train.txt}
  valid: {text: valid.txt}
  tokenizer: TOKENIZER
training: {batch_tokens: 1000, steps: 10, schedule: {warmup_steps: 1}}
"""
STACKS = {"language_model": "decoder", "masked_language_model": "encoder"}
BERT = ["[PAD]", "[UNK]", "a", "b", "[CLS]", "[SEP]", "[MASK]"]
GPT2 = {"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    SentencePieceTrainer.train(
        sentence_iterator=iter(["a house", "the mouse in a house"] * 9),
        model_prefix=str(folder / "spm"),
        vocab_size=16,
        minloglevel=2,
    )
    (folder / "vocab.txt").write_text("".join(f"{each}\n" for each in BERT))
    (folder / "vocab.json").write_text(json.dumps(GPT2))
    (folder / "merges.txt").write_text("a b\n")
    model = {
        "type": "Unigram",
        "unk_id": 0,
        "vocab": [["<unk>", 0.0], ["a", -1.0], ["</s>", 0.0], ["b", -2.0]],
    }
    added = [{"id": 4, "content": "<pad>", "special": True}]
    tree = {"model": model, "added_tokens": added}
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    (folder / "other.json").write_text(json.dumps({"model": {"type": "Magic", "vocab": {}}}))
    return folder


def written(folder: Path, tokenizer: str, task: str = "language_model") -> str:
    text = SPEC.replace("TASK", task).replace("STACK", STACKS[task])
    path = folder / "spec.yaml"
    path.write_text(text.replace("FOLDER", str(folder)).replace("TOKENIZER", tokenizer))
    return str(path)


@pytest.mark.parametrize(
    ("tokenizer", "task", "rows"),
    [
        ("bytes", "language_model", 260),
        ("bytes", "masked_language_model", 261),
        ("{kind: sentencepiece, file: spm.model}", "language_model", 17),
        ("{kind: sentencepiece, file: spm.model}", "masked_language_model", 18),
        ("{kind: tokenizers, file: vocab.txt}", "language_model", 7),
        ("{kind: tokenizers, file: vocab.txt}", "masked_language_model", 7),
        ("{kind: tokenizers, file: vocab.json, merges: merges.txt}", "language_model", 7),
        ("{kind: tokenizers, file: tokenizer.json}", "language_model", 6),
        ("{kind: tokenizers, file: tokenizer.json, symbols: {begin: a}}", "language_model", 5),
    ],
)
def test_rows_follow(tokenizer: str, task: str, rows: int, folder: Path) -> None:
    spec = written(folder, tokenizer, task)
    assert load(spec).spec.model.vocabulary.size == rows
    assert load(spec, [f"model.vocabulary.size={rows}"]).spec == load(spec).spec
    with pytest.raises(Rejected) as caught:
        load(spec, [f"model.vocabulary.size={rows + 1}"])
    (found,) = caught.value.diagnostics
    assert found.code == "other-vocabulary"
    assert found.help == f"write `--set model.vocabulary.size={rows}`, or leave it out"


def test_the_lock_holds_the_rows(folder: Path) -> None:
    package = compile_spec(written(folder, "{kind: sentencepiece, file: spm.model}"))
    lock = package.files["spec.lock.yaml"]
    assert "size: 17" in lock
    (folder / "package.yaml").write_text(lock.replace("spm.model", "elsewhere.model"))
    assert load(str(folder / "package.yaml")).spec.model.vocabulary.size == 17


@pytest.mark.parametrize(
    ("tokenizer", "why"),
    [
        ("{kind: sentencepiece, file: no.model}", "no.model cannot be read: No such file"),
        (
            "{kind: tokenizers, file: no.json}",
            "no.json cannot be read: No such file or directory.",
        ),
        ("sentencepiece", ""),
        ("characters", ""),
    ],
)
def test_rows_that_do_not_follow(tokenizer: str, why: str, folder: Path) -> None:
    spec = written(folder, tokenizer)
    with pytest.raises(Rejected) as caught:
        load(spec)
    (found,) = caught.value.diagnostics
    assert found.code == "missing-key"
    assert "`model.vocabulary.size` is missing" in found.message
    assert why in found.message


@pytest.mark.parametrize(
    ("tokenizer", "why"),
    [
        ("{kind: tokenizers, file: other.json}", "holds a model of the unknown kind 'Magic'"),
        (
            "{kind: tokenizers, file: vocab.json}",
            "vocab.json is a vocab.json, whose merges are in another file: name it by `merges: ",
        ),
        ("{kind: tokenizers, file: spm.model}", "spm.model is no JSON"),
        ("{kind: sentencepiece, file: vocab.json}", "vocab.json is no sentencepiece model"),
    ],
)
def test_a_file_that_is_no_tokenizer_is_told_at_its_name(
    tokenizer: str, why: str, folder: Path
) -> None:
    spec = written(folder, tokenizer)
    with pytest.raises(Rejected) as caught:
        load(spec)
    (found,) = caught.value.diagnostics
    assert found.code == "other-vocabulary"
    assert why in found.message
    assert "size" not in found.help
    line = found.span.source.line(found.span.line)
    assert line[found.span.column - 1 :].startswith(tokenizer.split()[-1].rstrip("}"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("spm.model", b"\xff\xff", "is no sentencepiece model"),
        ("vocab.txt", b"a\na\n[UNK]\n", "names a token twice"),
        ("vocab.txt", b"a\nb\n", r"has no \[UNK\]"),
        ("vocab.txt", b"\xff", "is not UTF-8"),
        ("tokenizer.json", b"{", "is no JSON"),
        ("tokenizer.json", b"[" * 100_000, "is no JSON"),
        ("tokenizer.json", b'{"model": 3}', "has no `model`"),
        ("tokenizer.json", b'{"model": {"type": "BPE", "vocab": 3}}', "no list with numbers"),
        ("tokenizer.json", b'{"model": {"type": "BPE", "vocab": {}}}', "has no tokens"),
        ("tokenizer.json", b'{"model": {"type": "BPE", "vocab": {"a": -1}}}', "has no tokens"),
    ],
)
def test_files_without_a_vocabulary(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    kind = "sentencepiece" if name == "spm.model" else "tokenizers"
    with pytest.raises(NoVocabulary, match=message):
        read_vocabulary(tmp_path / name, kind, {})


def test_a_size_does_not_hide_a_file_of_another_kind(folder: Path) -> None:
    spec = written(folder, "{kind: tokenizers, file: vocab.json}")
    with pytest.raises(Rejected, match=r"vocab\.json is a vocab\.json"):
        load(spec, ["model.vocabulary.size=7"])


def test_a_glob_that_finds_one_file_names_it(folder: Path) -> None:
    spec = written(folder, "{kind: sentencepiece, file: 's*.model'}")
    assert load(spec).spec.model.vocabulary.size == 17


def test_the_folder_of_no_user_is_an_error_of_the_spec(folder: Path) -> None:
    spec = written(folder, "{kind: sentencepiece, file: spm.model}")
    with pytest.raises(Rejected, match="is missing: the rows"):
        load(spec, ["data.folder=~no-such-user-here"])


def test_a_file_is_not_for_dropout_and_sampling(folder: Path) -> None:
    options = "{kind: sentencepiece, file: spm.model, dropout: 0.1, sampling: 0.2}"
    with pytest.raises(Rejected, match="no file has both"):
        load(written(folder, options))


@pytest.mark.parametrize("message", [b"\x08", b"\x0a\x05ab", b"\x0b", b"\x08" + b"\xff" * 11])
def test_bytes_that_are_no_message(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"ends within|unknown kind"):
        list(fields_of(message))


@pytest.mark.parametrize("key", ["dropout", "sampling"])
def test_texts_are_cut_anew_as_the_model_of_the_file_allows(key: str, folder: Path) -> None:
    """The model of the file is `unigram`, which is drawn from and has no merges to leave out."""
    spec = written(folder, f"{{kind: sentencepiece, file: spm.model, {key}: 0.1}}")
    if key == "sampling":
        assert load(spec).spec.model.vocabulary.size == 17
        return
    with pytest.raises(Rejected) as caught:
        load(spec)
    (found,) = caught.value.diagnostics
    assert found.code == "unused-key"
    assert found.message == "`dropout` has no effect with a file that is a model `unigram`"


def test_characters_are_counted_by_training(folder: Path) -> None:
    with pytest.raises(Rejected) as caught:
        load(written(folder, "characters"))
    (found,) = caught.value.diagnostics
    assert "write `size: N`" in found.help
    assert "32000" not in found.help


def test_a_whole_tokenizer_has_its_merges(folder: Path) -> None:
    spec = written(folder, "{kind: tokenizers, file: tokenizer.json, merges: merges.txt}")
    with pytest.raises(Rejected, match=r"which holds its merges: leave `merges` out"):
        load(spec)
