"""`specformer import`: published models beside those of transformers that they were saved from."""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.weights.family import families
from compiler.weights.rows import unwanted
from runtime.data.symbols import BEGIN, END, UNKNOWN
from runtime.data.tasks.classification import read_labels
from runtime.errors import UserError
from runtime.package import features_of
from runtime.published.comparison import Comparison, compare
from runtime.published.model import NO_LANGUAGES, Import, Languages
from runtime.run import Run
from tests.runtime.published.folders import KINDS, Kind, Published, lines, published, transformers

pytestmark = pytest.mark.filterwarnings("ignore")

NEW_TOKENS = 16
SHOWN = 5
"""Lines whose logits are compared."""


def imported(
    folder: Path, place: Path, languages: Languages = NO_LANGUAGES, **options: Any
) -> tuple[Run, Comparison]:
    """Return the run of a folder, and what the import itself has compared."""
    found = Import.of(folder, place, languages=languages, **options)
    found.check()
    comparison = found.create()
    assert comparison is not None
    return Run.open(place), comparison


SEEDS = (1, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 3)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KINDS)
def test_logits_tokens_and_texts_are_theirs(name: str, seed: int, tmp_path: Path) -> None:
    theirs, kind = published(name, seed, tmp_path), KINDS[name]
    run, comparison = imported(theirs.folder, tmp_path / "run", kind.languages)
    assert comparison.is_close
    model, tokenizers = run.load_model(), run.tokenizers()
    rows = tokenizers[0].rows  # type: ignore[attr-defined]
    sides = [each.encode_lines(lines()) for each in tokenizers]
    for side, begin in zip(sides, kind.before, strict=True):
        expected = [their_tokens(theirs, line, begin) for line in lines()]
        assert [[rows.theirs[each] for each in tokens] for tokens in side] == expected
    with torch.inference_mode():
        for source, target in list(zip(*sides, strict=True))[:SHOWN]:
            ours, right = outputs(run, model, theirs, source, target, rows)
            never = unwanted(rows) if run.package.spec.task != "classification" else []
            assert (ours - right).abs().max() <= 1e-5 * max(right.abs().max(), 1.0)
            assert never or ours.shape == right.shape
        if run.package.spec.model.decoder is not None:
            for line in lines()[:SHOWN]:
                assert written(run, line) == their_text(run, theirs, line, kind, rows)


def their_tokens(theirs: Published, line: str, begin: str | None) -> list[int]:
    """Return the tokens of a line by the library itself, behind the one that it begins with."""
    own = theirs.tokenizer.encode(line, add_special_tokens=False).ids
    return [*([] if begin is None else [theirs.tokenizer.token_to_id(begin)]), *own]


def outputs(
    run: Run, model: Any, theirs: Published, tokens: list[int], written: list[int], rows: Any
) -> tuple[Tensor, Tensor]:
    """Return the logits of both for a text, those of the tokens that both can choose."""

    def their(text: list[int]) -> Tensor:
        return torch.tensor([[rows.theirs[each] for each in text]])

    spec = run.package.spec
    if spec.model.encoder is not None and spec.model.decoder is not None:
        source, target = [*tokens, END], [BEGIN, *written]
        ours = model(torch.tensor([source]), torch.tensor([target]))
        right = theirs.model(input_ids=their(source), decoder_input_ids=their(target)).logits
    else:
        text = [BEGIN, *tokens] if spec.model.decoder else [BEGIN, *tokens, END]
        ours = model.project(features_of(model)(torch.tensor([text])))
        right = theirs.model(input_ids=their(text)).logits
    if spec.task == "classification":
        labels = read_labels(run.folder / "tokenizers")
        names = theirs.model.config.id2label
        return ours, right[..., [list(names.values()).index(each) for each in labels]]
    never = unwanted(rows)
    kept = [each for each in range(len(rows)) if each not in never]
    return ours[..., kept], right[..., [rows.theirs[each] for each in kept]]


def written(run: Run, line: str) -> str:
    """Return what the run writes greedily, as its command would."""
    from runtime.inference.generator import Generator
    from runtime.inference.translator import Translator

    model, spec = run.load_model(), run.package.spec
    if spec.model.encoder is None:
        generator = Generator.of_run(run, model, spec, 1)
        return generator.generate(line, beam=1, max_extra_length=NEW_TOKENS)
    translator = Translator.of_run(run, model, spec, 1)
    return translator.translate(line, beam=1, max_length=NEW_TOKENS)


def their_text(run: Run, theirs: Published, line: str, kind: Kind, rows: Any) -> str:
    """Return what `generate` writes for a line, as text."""
    begin, end = rows.theirs[BEGIN], rows.theirs[END]
    translates = run.package.spec.model.encoder is not None
    own = their_tokens(theirs, line, kind.before[0])
    read = torch.tensor([[*own, end] if translates else [begin, *own]])
    never = {rows.theirs[0], begin} - {end, None}
    forced = theirs.model.config.to_dict().get("forced_bos_token_id")
    if kind.languages["target"] is not None:
        forced = theirs.tokenizer.token_to_id(kind.before[1])
    config = transformers.GenerationConfig(
        max_new_tokens=NEW_TOKENS + (forced is not None),
        do_sample=False,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=begin,
        forced_bos_token_id=forced,
        suppress_tokens=sorted(never) or None,
    )
    mask = torch.ones_like(read)
    found = theirs.model.generate(read, attention_mask=mask, generation_config=config)[0].tolist()
    new = found[1:] if translates else found[read.size(1) :]
    new = new[: new.index(end)] if end in new else new
    special = theirs.tokenizer.get_added_tokens_decoder().items()
    silent = {number for number, token in special if token.special} - {rows.theirs[UNKNOWN]}

    def decode(tokens: list[int]) -> str:
        shown = [each for each in tokens if each not in silent]
        return str(theirs.tokenizer.decode(shown, skip_special_tokens=False))

    if translates:
        return decode(new)
    return f"{line}{decode([*own, *new]).removeprefix(decode(own))}"


@pytest.mark.quick
@pytest.mark.parametrize("name", families())
def test_keys_that_a_file_lacks_mean_what_the_class_has(name: str) -> None:
    family = families()[name]
    for model_type in family.model_types:
        own = transformers.CONFIG_MAPPING[model_type]()
        for key in family.keys:
            meaning = family.meaning(key)
            if meaning is not None and "default" in meaning.model_fields_set:
                assert getattr(own, key) == meaning.default, key


@pytest.mark.parametrize("kept", [{}, {"final_logit_softcapping": None}])
def test_a_cap_that_a_file_lacks_is_that_of_the_class(
    kept: dict[str, None], tmp_path: Path
) -> None:
    """A file with `null` has none."""
    theirs = published("gemma2", 1, tmp_path)
    rewrite(theirs.folder, "final_logit_softcapping", kept)
    run, comparison = imported(theirs.folder, tmp_path / "run")
    assert comparison.is_close
    assert run.package.spec.model.output.soft_cap == (None if kept else 30.0)


@pytest.mark.parametrize("kept", [{}, {"sliding_window": None}])
def test_a_window_that_a_file_lacks_is_that_of_the_class(
    kept: dict[str, None], tmp_path: Path
) -> None:
    theirs = published("mistral", 1, tmp_path)
    rewrite(theirs.folder, "sliding_window", kept)
    run, _ = imported(theirs.folder, tmp_path / "run")
    decoder = run.package.spec.model.decoder
    assert decoder is not None
    attention = decoder.layers[0].self_attention
    assert attention is not None
    assert attention.mask == ("causal" if kept else "causal & window(4095)")


def rewrite(folder: Path, key: str, kept: dict[str, None]) -> None:
    """Replace a key of config.json, or take it away."""
    path = folder / "config.json"
    others = {each: value for each, value in json.loads(path.read_text()).items() if each != key}
    path.write_text(json.dumps(others | kept))


def test_marian_has_a_tokenizer_for_each_side(tmp_path: Path) -> None:
    """Its pieces have the numbers of vocab.json, as those of the models of OPUS-MT."""
    import sentencepiece

    both = [list(lines()[side::2]) for side in (0, 1)]
    for name, own in zip(("source", "target"), both, strict=True):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(own),
            model_prefix=str(tmp_path / name),
            vocab_size=150,
            model_type="unigram",
            character_coverage=1.0,
            minloglevel=2,
        )
    models = [
        sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / f"{name}.model"))
        for name in ("source", "target")
    ]
    pieces = sorted({m.id_to_piece(each) for m in models for each in range(3, m.get_piece_size())})
    numbers = {each: place for place, each in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    size = len(numbers)
    sizes = {"vocab_size": size, "decoder_vocab_size": size}
    padding = {"pad_token_id": size - 1, "decoder_start_token_id": size - 1}
    theirs = published("marian", 1, tmp_path, **sizes, **padding)
    (theirs.folder / "tokenizer.json").unlink()
    (theirs.folder / "vocab.json").write_text(json.dumps(numbers))
    for name in ("source", "target"):
        content = (tmp_path / f"{name}.model").read_bytes()
        (theirs.folder / f"{name}.spm").write_bytes(content)
    run, comparison = imported(theirs.folder, tmp_path / "run")
    assert comparison.is_close
    for tokenizer, model, own in zip(run.tokenizers(), models, both, strict=True):
        rows = tokenizer.rows  # type: ignore[attr-defined]
        got = [[rows.theirs[each] for each in tokens] for tokens in tokenizer.encode_lines(own)]
        assert got == [[numbers[each] for each in model.encode(line, out_type=str)] for line in own]
        assert [tokenizer.decode(tokens) for tokens in tokenizer.encode_lines(own)] == own


def test_a_network_by_itself_gets_a_new_head(tmp_path: Path) -> None:
    whole = published("bert", 1, tmp_path)
    folder = tmp_path / "alone"
    whole.model.bert.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((whole.folder / "tokenizer.json").read_bytes())
    run, comparison = imported(folder, tmp_path / "run", task="classification", classes=4)
    assert comparison.what == "hidden states"
    record = json.loads((run.folder / "import.json").read_text())
    assert set(record["new"]) >= {"classifier.weight", "classifier.bias"}
    assert record["compared"]["difference"] < 1e-5
    assert run.package.spec.model.classifier is not None
    assert run.package.spec.model.classifier.classes == 4


def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    whole = published("llama", 1, tmp_path)
    whole.model.save_pretrained(tmp_path / "shards", max_shard_size="10KB")
    folder = tmp_path / "shards"
    assert len(list(folder.glob("*.safetensors"))) > 1
    (folder / "tokenizer.json").write_bytes((whole.folder / "tokenizer.json").read_bytes())
    run, _ = imported(folder, tmp_path / "run")
    one, _ = imported(whole.folder, tmp_path / "one")
    first, second = run.load_model().state_dict(), one.load_model().state_dict()
    assert all(torch.equal(first[each], second[each]) for each in second)


def test_the_map_of_the_run_brings_the_same_weights(tmp_path: Path) -> None:
    """`import-weights` with the spec and the map in the run, and nothing else."""
    from compiler.pipeline import compile_spec
    from compiler.weights.parameters import named_parameters
    from runtime.weights.files import read_tensors
    from runtime.weights.importing import import_weights

    whole = published("gpt2", 2, tmp_path)
    run, _ = imported(whole.folder, tmp_path / "run")
    parameters = list(named_parameters(compile_spec(str(run.folder / "spec.yaml")).model))
    tensors = read_tensors([whole.folder / "model.safetensors"])
    found = import_weights(parameters, tensors, run.folder / "map.yaml")
    own = run.load_model().state_dict()
    assert found.keys() == own.keys()
    assert all(torch.equal(found[each], own[each]) for each in own)


def test_halves_become_whole_numbers(tmp_path: Path) -> None:
    whole = published("qwen2", 1, tmp_path)
    folder = tmp_path / "halves"
    whole.model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((whole.folder / "tokenizer.json").read_bytes())
    run, comparison = imported(folder, tmp_path / "run")
    assert comparison.is_close
    assert all(each.dtype == torch.float32 for each in run.load_model().state_dict().values())


def test_a_comparison_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.errors import UserError
    from runtime.published import model

    def off(*arguments: Any, **options: Any) -> Comparison:
        found = compare(*arguments, **options)
        return Comparison(
            what=found.what, texts=found.texts, difference=0.1, largest=1.0, greedy_equal=None
        )

    whole = published("gpt2", 1, tmp_path)
    monkeypatch.setattr(model, "compare", off)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="the network differs from that of transformers"):
        Import.of(whole.folder, tmp_path / "run").create()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_is_imported_without_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runtime.command import app
    from runtime.published import model

    whole = published("gpt2", 1, tmp_path)
    compared, _ = imported(whole.folder, tmp_path / "compared")
    monkeypatch.setattr(model, "can_compare", lambda: False)
    arguments = ["import", str(whole.folder), "--out", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", ["specformer", *arguments])
    with contextlib.suppress(SystemExit):
        app.main()
    said = capsys.readouterr()
    assert "not compared: transformers is not installed" in said.err
    assert "compared" not in said.out
    run = Run.open(tmp_path / "run")
    assert json.loads((run.folder / "import.json").read_text())["compared"] is None
    own, other = run.load_model().state_dict(), compared.load_model().state_dict()
    assert all(torch.equal(own[name], each) for name, each in other.items())


def test_a_folder_is_found_twice_alike(tmp_path: Path) -> None:
    first = Import.of(published("gpt2", 1, tmp_path).folder, tmp_path / "run")
    size = first.understood.tree["model"]["vocabulary"]["size"]
    second = replace(first)
    assert first.spec
    assert first.understood.tree["model"]["vocabulary"]["size"] == size
    assert first.rows == second.rows
    assert (first.spec, first.map) == (second.spec, second.map)


def set_ends(folder: Path, ends: int | list[int]) -> None:
    for name in ("config.json", "generation_config.json"):
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": ends}))


@pytest.mark.parametrize("name", ["qwen2", "gemma", "bart"])
def test_a_text_ends_at_the_first_of_several_ends(name: str, tmp_path: Path) -> None:
    """The ends are tokens that the network writes; greedily, both end where the first one comes."""
    theirs = published(name, 3, tmp_path)
    run, _ = imported(theirs.folder, tmp_path / "without")
    decoded = [written_tokens(run, line) for line in lines()[:20]]
    rows = run.tokenizers()[0].rows  # type: ignore[attr-defined]
    often = Counter(token for tokens in decoded for token in tokens[1:]).most_common(2)
    ends = [rows.theirs[token] for token, _ in often]
    set_ends(theirs.folder, [rows.theirs[END], *ends])
    other, comparison = imported(theirs.folder, tmp_path / "with")
    assert comparison.is_close
    tokenizer = other.tokenizers()[1]
    named = other.package.spec.decoding.ends
    assert [tokenizer.number(each) for each in named or ()] == [token for token, _ in often]
    shorter = 0
    for line, tokens in zip(lines(), decoded, strict=False):
        places = [place for place, token in enumerate(tokens) if token in dict(often)]
        assert written_tokens(other, line) == (tokens[: places[0]] if places else tokens)
        shorter += bool(places)
    assert shorter > 5


def written_tokens(run: Run, line: str) -> list[int]:
    """Return the tokens that a run writes greedily."""
    from compiler.spec.decoding import BeamSearch
    from runtime.inference.batch_decoder import BatchDecoder
    from runtime.inference.ends import Ends

    spec, (source, target) = run.package.spec, run.tokenizers()
    limits = {"max_extra_length": NEW_TOKENS}
    limits |= {"max_length": NEW_TOKENS} if spec.model.encoder else {}
    decoding = BeamSearch(beam=1, ends=spec.decoding.ends, **limits)
    spec = spec.model_copy(update={"decoding": decoding})
    decoder = BatchDecoder(run.load_model(), spec, ends=Ends.of(spec, target))
    read = [source.encode(line)]
    translates = spec.model.encoder is not None
    ((found,),) = decoder.decode(read) if translates else decoder.decode(None, prefixes=read)
    return list(found.tokens)


@pytest.mark.parametrize(
    ("config", "generation", "end", "others"),
    [
        (1, [1, 0], 1, [0]),
        (1, [0, 1], 1, [0]),
        ([1, 0], None, 1, [0]),
        (0, 1, 1, []),  # texts are generated by the second file, where there is one
        ([0, 5], [5, 1], 5, [1]),
    ],
)
def test_the_file_of_generation_says_what_ends_a_text(
    config: Any, generation: Any, end: int, others: list[int], tmp_path: Path
) -> None:
    folder = published("qwen2", 1, tmp_path).folder
    set_ends(folder, config)
    file = folder / "generation_config.json"
    file.write_text(json.dumps({} if generation is None else {"eos_token_id": generation}))
    found = Import.of(folder, tmp_path / "run")
    assert found.rows.theirs[END] == end
    assert [found.vocabulary.numbers[each] for each in found.other_ends] == others


def test_further_tokens_that_end_a_text_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runtime.command import app

    folder = published("qwen2", 1, tmp_path).folder
    said = []
    for ends in ([1, 0], 1):
        set_ends(folder, ends)
        monkeypatch.setattr("sys.argv", ["specformer", "import", str(folder), "--dry-run"])
        with contextlib.suppress(SystemExit):
            app.main()
        said.append(capsys.readouterr().out)
    assert "ends      <|endoftext|> end texts, too" in said[0]
    assert "ends  " not in said[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("qwen2", {"repetition_penalty": 1.7, "top_k": 20, "do_sample": True}),
        ("llama", {"no_repeat_ngram_size": 1, "min_new_tokens": 19, "max_length": 3}),
        ("bart", {"forced_eos_token_id": 2, "forced_bos_token_id": 0, "num_beams": 4}),
    ],
)
def test_what_a_folder_says_of_decoding_is_no_part_of_the_comparison(
    name: str, said: dict[str, Any], tmp_path: Path
) -> None:
    theirs, kind = published(name, 1, tmp_path), KINDS[name]
    file = theirs.folder / "generation_config.json"
    own = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(own | said))
    _, comparison = imported(theirs.folder, tmp_path / "run", kind.languages)
    assert comparison.greedy_equal == comparison.texts


@pytest.mark.quick
def test_an_import_leaves_nothing_outside_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed import leaves a hidden folder beside the run, which the next one removes."""
    theirs = published("llama", 1, tmp_path)
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    made: list[str] = []

    def mkdtemp(*arguments: object, **options: object) -> str:
        made.append(f"{arguments} {options}")
        return str(elsewhere)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    left, other = tmp_path / ".run.0123abcd.unfinished", tmp_path / ".run2.0123abcd.unfinished"
    left.mkdir()
    other.mkdir()
    run, _ = imported(theirs.folder, tmp_path / "run")
    assert (run.folder / "package" / "model.py").is_file()
    assert not [each for each in made if "specformer" in each]
    assert (left.exists(), other.exists()) == (False, True)


Change = Callable[[Path], None]


def with_keys(**keys: Any) -> Change:
    """Return a change that writes keys into config.json."""

    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | keys, indent=2))

    return change


def removed(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def written_file(name: str, text: str) -> Change:
    return lambda folder: (folder / name).write_text(text) and None


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def tokenizer_with_more(folder: Path) -> None:
    file = folder / "tokenizer.json"
    tree = json.loads(file.read_text())
    size = len(tree["model"]["vocab"])
    tree["model"]["vocab"] |= {f"more{each}": size + each for each in range(9)}
    file.write_text(json.dumps(tree))


BAD: dict[str, tuple[Change, str]] = {
    "unknown key": (
        with_keys(attention_sinks=4),
        "error[unknown-key]: nothing is known about `attention_sinks` of a llama",
    ),
    "dynamic": (
        with_keys(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}),
        "error[not-importable]: rotary angles of the kind `dynamic`",
    ),
    "quantised": (
        with_keys(quantization_config={"bits": 4}),
        "error[not-importable]: the weights are quantised",
    ),
    "remote code": (
        with_keys(auto_map={"AutoModel": "model.Model"}),
        "error[not-importable]: the folder brings code of its own for its network",
    ),
    "no family": (
        with_keys(model_type="electra"),
        "error[not-importable]: no family has the `model_type` electra: its positions",
    ),
    "vocabulary": (
        with_keys(vocab_size=17),
        "error[not-importable]: the vocabulary has 17 tokens, and `model.embed_tokens.weight`",
    ),
    "value": (
        with_keys(hidden_act="swiglu_oai"),
        "error[not-importable]: `hidden_act: swiglu_oai`",
    ),
    "adapter": (
        written_file("adapter_config.json", "{}"),
        "error[not-importable]: the folder is an adapter",
    ),
    "no weights": (
        removed("model.safetensors"),
        "error[not-importable]: the folder has no weights",
    ),
    "truncated": (truncated, "is no safetensors file, or is damaged"),
    "no tokenizer": (removed("tokenizer.json"), "has no tokenizer: none of tokenizer.json"),
    "tokenizer": (
        written_file("tokenizer.json", '{"model": {"type": "Odd", "vocab": {"a": 0}}}'),
        "holds a model of the unknown kind 'Odd'",
    ),
    "larger tokenizer": (tokenizer_with_more, "tokens, and the table of embeddings"),
    "lost shard": (
        written_file("model.safetensors.index.json", '{"weight_map": {"a": "b.safetensors"}}'),
        "model.safetensors.index.json names b.safetensors, which is not there",
    ),
    "text for a number": (
        with_keys(hidden_size="x"),
        "config.json:12:3: error[bad-value]: expected a whole number for `hidden_size`, got `x`",
    ),
    "no heads": (
        with_keys(num_attention_heads=0),
        "error[bad-value]: expected at least 1 for `num_attention_heads`, got `0`",
    ),
    "text for a token": (
        with_keys(eos_token_id="x"),
        "expected the number of a token, or a list of them for `eos_token_id`, got `x`",
    ),
    "text for a share": (
        with_keys(rms_norm_eps="a"),
        "expected a number for `rms_norm_eps`, got `a`",
    ),
    "more layers": (
        with_keys(num_hidden_layers=7),
        "config.json:19:3: error[not-importable]: `num_hidden_layers: 7` is not what the tensors",
    ),
    "other width": (
        with_keys(hidden_size=24),
        "config.json:12:3: error[not-importable]: `hidden_size: 24` is not what the tensors have",
    ),
    "other heads": (
        with_keys(num_attention_heads=3, num_key_value_heads=1),
        "config.json:10:3: error[not-importable]: `head_dim: 4` is not what the tensors have",
    ),
    "heads that share nothing": (
        with_keys(num_attention_heads=4, num_key_value_heads=3),
        "config.json:20:3: error[not-importable]: no spec can say this: 4 heads cannot share 3",
    ),
    "shards by number": (
        written_file("model.safetensors.index.json", '{"weight_map": [1, 2]}'),
        "index.json has no `weight_map` of names of tensors to names of files",
    ),
    "no JSON": (written_file("config.json", "{"), "error[bad-value]: the file is no JSON"),
    "no config": (removed("config.json"), "has no config.json"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_one_clear_error(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.command import app

    change, message = BAD[case]
    folder = published("llama", 1, tmp_path).folder
    change(folder)
    before = sorted(tmp_path.rglob("*"))
    out = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["specformer", "import", str(folder), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("error[") + said.startswith("error:") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "task", "unused"),
    [
        ("bert", "embedding", "cls.predictions.transform.dense.weight"),
        ("bert", "classification", "cls.predictions.bias"),
        ("distilbert", "embedding", "vocab_projector.bias"),
        ("xlm-roberta", "embedding", "classifier.dense.weight"),
    ],
)
def test_a_head_for_another_task_is_left_out(
    name: str, task: str, unused: str, tmp_path: Path
) -> None:
    folder = published(name, 1, tmp_path).folder
    found = Import.of(folder, tmp_path / "run", task)
    assert unused in found.unused
    assert not any("embeddings" in each for each in found.unused)
    run, comparison = imported(folder, tmp_path / "run", task=task)
    assert comparison.is_close
    assert run.package.spec.task == task
    assert Import.of(folder, tmp_path / "other").unused == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 7}, "`--classes` is for a new classifier, and what is imported is a language"),
        (
            {"languages": {"source": "en", "target": None}},
            "`--source en` is for models that translate between several languages",
        ),
    ],
)
def test_options_of_other_models_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    from compiler.source.diagnostic import Rejected

    with pytest.raises(Rejected, match=message):
        Import.of(published("gpt2", 1, tmp_path).folder, **options).check()


def test_an_error_of_transformers_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    folder = published("gpt2", 1, tmp_path).folder
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(UserError, match=r"cannot load .*gpt2: AttributeError no such thing"):
        Import.of(folder, tmp_path / "run").create()
    assert not (tmp_path / "run").exists()


def test_all_refusals_are_said_at_once(tmp_path: Path) -> None:
    from compiler.source.diagnostic import Rejected

    folder = published("llama", 1, tmp_path).folder
    with_keys(quantization_config={"bits": 4}, mystery=1, hidden_act="odd")(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(Rejected) as rejected:
        Import.of(folder).check()
    assert len(rejected.value.diagnostics) == 4
