"""Folders of transformers whose network is the generated code, beside the run's own network."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from compiler.export.huggingface_remote import HUGGINGFACE_REMOTE
from compiler.spec.library import library
from compiler.spec.lock import load_lock
from compiler.weights.config import AUTO
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.errors import UserError
from runtime.export.comparison import compare, read_sentences
from runtime.export.exporter import Options
from runtime.export.folder import Done, export_run
from runtime.export.huggingface.model_card import model_card, scores_of, snippet, spec_text
from runtime.export.huggingface.remote import RemoteExporter, code_files
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.inference.generator import Generator
from runtime.inference.translator import Translator
from runtime.run import Run
from tests.support.exports import drawn_run

transformers = pytest.importorskip("transformers", reason="the extra `export` is not installed")
pytest.importorskip("tokenizers", reason="the extra `export` is not installed")

from transformers.dynamic_module_utils import HF_MODULES_CACHE  # noqa: E402 (it may be missing)

ROOT = Path(__file__).parents[3]
LENGTH = "decoding.normalization=length"
SHORT = "decoding.max_extra_length=8"
SPECS: dict[str, tuple[str, tuple[str, ...]]] = {
    "translation": (
        "demo",
        ("model.vocabulary.size=300", "decoding.beam=1", "decoding.max_length=20"),
    ),
    "two vocabularies": (
        "demo",
        (
            "model.vocabulary={shared: false, source: 300, target: 320}",
            "model.embedding.tied=none",
            "decoding.beam=1",
            "decoding.max_length=20",
        ),
    ),
    "prefix": (
        "demo",
        ("model.vocabulary.size=300", "decoding.prefix=Der alte", LENGTH, "decoding.max_length=20"),
    ),
    "forced token": (
        "demo",
        (
            "model.vocabulary.size=300",
            "decoding.prefix=der",
            "decoding.beam=1",
            "decoding.min_length=3",
            "decoding.max_length=20",
        ),
    ),
    "experts": ("experts", ("model.vocabulary.size=300", LENGTH)),
    "states": ("lstm", ("model.vocabulary.size=300", LENGTH)),
    "language model": (
        "language-model",
        ("model.vocabulary.size=300", "decoding.kind=beam", SHORT, LENGTH),
    ),
    "window": (
        "llama-like",
        ("model.vocabulary.size=300", "decoding.kind=beam", "decoding.beam=1", SHORT),
    ),
    "masked": ("masked-language-model", ("model.vocabulary.size=300",)),
    "segments": (
        "masked-language-model",
        ("model.vocabulary.size=300", "model.embedding.segments=2"),
    ),
    "classes": ("classifier", ("model.vocabulary.size=300",)),
    "vectors": ("embedding", ("model.vocabulary.size=300",)),
}


class Exported:
    """An exported folder beside its run."""

    def __init__(self, folder: Path, key: str) -> None:
        name, settings = SPECS[key]
        self.run: Exportable = drawn_run(folder, name, settings)
        self.folder = folder / "exported"
        self.done: Done = export_run(
            self.run, HUGGINGFACE_REMOTE, RemoteExporter(), self.folder, Options(), sentences=50
        )
        self.auto: Any = getattr(transformers, AUTO[self.run.spec.task])
        self.model: Any = self.load()
        find = transformers.AutoTokenizer.from_pretrained
        self.tokenizer: Any = find(self.folder, trust_remote_code=True)
        self.own: Any = self.run.model()

    def load(self) -> Any:
        return self.auto.from_pretrained(self.folder, trust_remote_code=True).eval()

    def lines(self, count: int = 6) -> list[str]:
        path = Path(self.run.spec.data.folder) / "valid.en"
        return path.read_text().splitlines()[:count]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found: dict[str, Exported] = {}

    def export(key: str) -> Exported:
        if key not in found:
            found[key] = Exported(tmp_path_factory.mktemp("export"), key)
        return found[key]

    return export


@pytest.mark.parametrize("key", SPECS)
def test_an_exported_network_is_that_of_the_run(key: str, exports: Any) -> None:
    """The export has compared both, or the folder would not be there."""
    export = exports(key)
    comparison = export.done.comparison
    assert comparison.sentences == 50
    assert comparison.difference <= 1e-5
    for each in comparison.texts:
        assert not each.others or "beam" in each.method
    names = {each.name for each in export.folder.iterdir()}
    assert {"model.py", "training.py", "README.md", "export.json", "config.json"} <= names
    assert (export.folder / "model.py").read_bytes() == export.run.package.files["model.py"]


@pytest.mark.parametrize(("key", "tokens"), [("prefix", 2), ("forced token", 1)])
def test_a_prefix_is_that_of_the_run(key: str, tokens: int, exports: Any) -> None:
    """A prefix of one token stands in the file, so that a plain call writes the run's texts."""
    export = exports(key)
    run, lines = export.run, export.lines(8)
    assert (len(run.prefix) == 1) == (tokens == 1)
    batch = export.tokenizer(lines, return_tensors="pt", padding=True)
    if tokens > 1:
        batch["decoder_input_ids"] = torch.tensor([[BEGIN, *run.prefix]] * len(lines))
    rows = export.model.generate(**batch, num_beams=1)
    own = Translator(export.own, *run.tokenizers, run.spec).translate(lines, beam=1)
    assert export.tokenizer.batch_decode(rows, skip_special_tokens=True) == own


def test_a_wrong_file_of_generate_is_found(exports: Any, tmp_path: Path) -> None:
    """The texts that are compared are those that the folder's own settings make."""
    export = exports("translation")
    folder = tmp_path / "wrong"
    shutil.copytree(export.folder, folder)
    lines = export.lines(4)
    decoding = export.run.spec.decoding
    right = RemoteExporter().load(folder, export.run).texts(lines, decoding)
    path = folder / "generation_config.json"
    content = json.loads(path.read_text())
    content["suppress_tokens"] += [right[0].tokens[0]]
    path.write_text(json.dumps(content))
    wrong = RemoteExporter().load(folder, export.run).texts(lines, decoding)
    assert right[0] != wrong[0]


def test_no_code_is_left_behind_where_a_folder_does_not_open(exports: Any, tmp_path: Path) -> None:
    export = exports("translation")
    folder = tmp_path / "without-weights.unfinished"
    shutil.copytree(export.folder, folder)
    (folder / "model.safetensors").unlink()
    place = Path(HF_MODULES_CACHE) / "transformers_modules"
    before = {*place.iterdir()} if place.is_dir() else set()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        RemoteExporter().load(folder, export.run)
    assert {*place.iterdir()} - before <= {place / "__init__.py", place / "__pycache__"}


@pytest.mark.parametrize("key", ["language model", "window"])
def test_prompts_may_be_padded_on_either_side(key: str, exports: Any) -> None:
    export = exports(key)
    tokens = torch.randint(5, 300, (3, 9), generator=torch.Generator().manual_seed(1))
    tokens[:, 0] = BEGIN
    with torch.no_grad():
        expected = export.own(tokens)
        for side, pads in (("right", (0, 4)), ("left", (4, 0))):
            read = torch.nn.functional.pad(tokens, pads, value=PADDING)
            mask = torch.nn.functional.pad(torch.ones_like(tokens), pads)
            found = export.model(read, attention_mask=mask).logits
            own = found[:, 4:] if side == "left" else found[:, :9]
            torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("beam", [1, 3])
def test_prompts_of_other_lengths_are_continued_together(beam: int, exports: Any) -> None:
    export = exports("language model")
    tokenizer = export.tokenizer
    prompts = ["the old", "a", "my brother sees the", "", "the old man"]
    settings = {"max_new_tokens": 8, "num_beams": beam, "do_sample": False}
    together = export.model.generate(
        **tokenizer(prompts, return_tensors="pt", padding=True), **settings
    )
    texts = tokenizer.batch_decode(together, skip_special_tokens=True)
    alone = [
        tokenizer.decode(
            export.model.generate(**tokenizer(each, return_tensors="pt"), **settings)[0],
            skip_special_tokens=True,
        )
        for each in prompts
    ]
    assert texts == alone
    if beam == 1:
        spec = export.run.spec
        own = Generator(export.own, export.run.tokenizers[0], spec)
        ours = own.generate(prompts, beam=1, max_extra_length=8)
        assert [each.strip() for each in texts] == [each.strip() for each in ours]


def test_prompts_padded_on_the_right_are_refused_by_generate(exports: Any) -> None:
    export = exports("language model")
    tokens = torch.tensor([[BEGIN, 9, 8], [BEGIN, 9, PADDING]])
    with pytest.raises(ValueError, match="padding on the left"):
        export.model.generate(
            tokens, attention_mask=tokens.ne(PADDING).long(), max_new_tokens=2, do_sample=False
        )


@pytest.mark.parametrize("key", ["translation", "states", "language model"])
def test_steps_compute_what_the_whole_computes(key: str, exports: Any) -> None:
    export = exports(key)
    reads = key != "language model"
    lines = export.lines(3)
    batch = export.tokenizer(lines, return_tensors="pt", padding=True)
    settings = {"do_sample": False, "num_beams": 2, "max_new_tokens": 6}
    with_cache = export.model.generate(**batch, **settings)
    without = export.model.generate(**batch, **settings, use_cache=False)
    assert torch.equal(with_cache, without)
    assert with_cache.size(0) == 3
    assert reads or with_cache.size(1) > batch["input_ids"].size(1)


def test_a_source_padded_on_the_left_is_translated_alike(exports: Any) -> None:
    export = exports("translation")
    source = torch.tensor([[7, 8, 9, END], [6, 5, END, PADDING]])
    left = torch.tensor([[7, 8, 9, END], [PADDING, 6, 5, END]])
    settings = {"num_beams": 2, "max_new_tokens": 7}
    rows = [
        export.model.generate(each, attention_mask=each.ne(PADDING).long(), **settings)
        for each in (source, left)
    ]
    assert torch.equal(*rows)


def test_draws_differ_and_never_hold_symbols(exports: Any) -> None:
    export = exports("language model")
    batch = export.tokenizer(["the old"] * 4, return_tensors="pt")
    torch.manual_seed(3)
    rows = export.model.generate(**batch, do_sample=True, num_beams=1, top_k=0, max_new_tokens=8)
    assert len({tuple(each) for each in rows.tolist()}) > 1
    assert BEGIN not in rows[:, 1:]


def test_losses_are_those_of_the_package(exports: Any) -> None:
    export = exports("translation")
    source = torch.tensor([[7, 8, 9, END], [6, 5, END, PADDING]])
    labels = torch.tensor([[11, 12, END], [10, END, -100]])
    read = torch.tensor([[BEGIN, 11, 12], [BEGIN, 10, PADDING]])
    model, is_label = export.model, labels != -100
    with torch.no_grad():
        smoothed, plain = export.run.package.training_module.loss(
            export.own(source, read)[is_label], labels[is_label]
        )
        found = model(source, source.ne(PADDING), labels=labels)
        assert found.loss.item() == pytest.approx(plain.item() / 5, rel=1e-5)
        assert isinstance(model(source, labels=labels, return_dict=False), tuple)
        half = model(source, source.ne(PADDING), labels=labels, num_items_in_batch=10)
        assert half.loss.item() == pytest.approx(plain.item() / 10, rel=1e-5)
    assert smoothed != plain


@pytest.mark.parametrize("key", ["translation", "experts", "masked", "segments", "classes"])
def test_a_loss_can_be_learned(key: str, exports: Any) -> None:
    """What `Trainer` does with a batch: its loss has a gradient, and falls."""
    export = exports(key)
    model = export.load().train()
    rows = torch.randint(5, 300, (8, 6), generator=torch.Generator().manual_seed(2))
    rows[:, -1] = END
    labels = rows if key != "classes" else rows[:, 0] % model.config.num_labels
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        found = model(input_ids=rows, attention_mask=torch.ones_like(rows), labels=labels)
        optimizer.zero_grad()
        found.loss.backward()
        optimizer.step()
        losses.append(found.loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_pairs_are_learned(exports: Any) -> None:
    export = exports("vectors")
    model = export.load().train()
    tokens = torch.tensor([[BEGIN, 7, 8, END], [BEGIN, 9, END, PADDING]])
    labels = torch.tensor([[BEGIN, 17, END, -100], [BEGIN, 9, 19, END]])
    found = model(tokens, tokens.ne(PADDING), labels=labels)
    module = export.run.package.training_module
    model.eval()
    with torch.no_grad():
        vectors = export.own(tokens), export.own(labels.clamp(min=0))
        texts = torch.tensor([[0, 1], [2, 3]])
        expected, _ = module.loss(module.scores(*vectors, texts), torch.arange(2))
        again = model(tokens, tokens.ne(PADDING), labels=labels)
    assert again.loss.item() == pytest.approx(expected.item() / 2, rel=1e-4)
    assert found.loss.requires_grad


def test_it_is_saved_and_loaded_again(exports: Any, tmp_path: Path) -> None:
    export = exports("translation")
    export.load().save_pretrained(tmp_path / "again")
    again = export.auto.from_pretrained(tmp_path / "again", trust_remote_code=True)
    own = export.model.state_dict()
    assert again.state_dict().keys() == own.keys()
    assert all(torch.equal(each, own[name]) for name, each in again.state_dict().items())
    assert (tmp_path / "again" / "model.py").is_file()


@pytest.mark.parametrize(
    ("key", "task"),
    [
        ("window", "text-generation"),
        ("masked", "fill-mask"),
        ("classes", "text-classification"),
        ("vectors", "feature-extraction"),
    ],
)
def test_a_pipeline_takes_it(key: str, task: str, exports: Any) -> None:
    export = exports(key)
    pipe = transformers.pipeline(
        task, model=str(export.folder), trust_remote_code=True, device="cpu"
    )
    line = "the old <mask> sees" if task == "fill-mask" else "the old man"
    found = pipe(line)
    if task == "text-generation":
        own = Generator(export.own, export.run.tokenizers[0], export.run.spec)
        assert found[0]["generated_text"] == own.generate(line)
    elif task == "fill-mask":
        assert len(found) == 5
    elif task == "text-classification":
        assert found[0]["label"] in export.model.config.label2id
    else:
        assert len(found[0]) == export.run.spec.model.width("encoder")


BLOCKED = """
import sys


class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("compiler", "runtime", "specformer"):
            raise ImportError(f"{name} is not installed here")


sys.meta_path.insert(0, Blocked())
sys.path[:] = [each for each in sys.path if each not in ("", "ROOT")]
"""


def printed(program: str, tmp_path: Path, folder: Path, lines: Sequence[str] = ()) -> list[str]:
    """What a fresh process prints that starts in a folder and cannot import this project."""
    (tmp_path / "use.py").write_text(BLOCKED.replace("ROOT", str(ROOT)) + program)
    done = subprocess.run(
        [sys.executable, "-P", str(tmp_path / "use.py")],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"},
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_the_program_of_the_docs_translates(exports: Any, tmp_path: Path) -> None:
    export = exports("translation")
    page = (ROOT / "docs" / "export.md").read_text()
    program = page.partition("```python\nfrom transformers")[2].partition("```")[0]
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "demo-huggingface-remote").symlink_to(export.folder)
    own = Translator(export.own, *export.run.tokenizers, export.run.spec)
    lines = ["The old man sleeps.", "My sister sees it."]
    found = printed(f"from transformers{program}", tmp_path, tmp_path)
    assert found == own.translate(lines)


@pytest.mark.parametrize(
    "key", ["translation", "two vocabularies", "language model", "window", "classes"]
)
def test_the_program_of_the_card_needs_no_specformer(
    key: str, exports: Any, tmp_path: Path
) -> None:
    """A fresh process that cannot import this project prints the texts of the run."""
    export = exports(key)
    spec, (source, target) = export.run.spec, export.run.tokenizers
    card = (export.folder / "README.md").read_text()
    program = card.partition("```python\n")[2].partition("```")[0]
    assert program.strip() == snippet(
        spec.task, form="remote", is_shared=source is target
    ).removesuffix("\n")
    lines = [*export.lines(8), "The old \u20ac sees", "  two spaces "]
    texts = printed(program, tmp_path, export.folder, lines)
    if spec.task == "translation":
        ours = Translator(export.own, source, target, spec).translate(lines)
        assert texts == ours
    elif spec.task == "language_model":
        ours = Generator(export.own, source, spec).generate(lines)
        assert len(texts) == len(ours)
        assert all(text.startswith(line.rstrip()) for text, line in zip(texts, lines, strict=True))
        assert key != "window" or texts == ours  # greedy search, which beams need not equal
    else:
        assert set(texts) <= set(export.model.config.label2id)


def test_the_card_holds_the_spec_and_its_scores(exports: Any) -> None:
    export = exports("translation")
    scores = {"split": "test", "bleu": 37.2756, "bleu_signature": "nrefs:1", "updates": [300]}
    path = export.run.run.folder / "evaluation-test.json"
    path.write_text(json.dumps(scores))
    try:
        card = model_card(export.run, form="remote")
    finally:
        path.unlink()
    assert "| test | bleu | 37.28 | `nrefs:1`, update 300 |" in card
    assert f"\n{spec_text(export.run)}```\n" in card
    assert "specformer export run --to huggingface --as remote" in card
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: translation\n")


def test_the_card_of_a_run_tells_how_it_was_made(exports: Any, monkeypatch: Any) -> None:
    """An imported run was not trained; a chosen checkpoint stands in the command."""
    run = exports("translation").run

    def card(begun: dict[str, Any], **weights: Any) -> str:
        changed = replace(run, weights=replace(run.weights, **weights))
        monkeypatch.setattr(Run, "begun", {"versions": {"specformer": "0.0.7"}, **begun})
        return model_card(changed, form="native")

    trained = card({}, updates=(300, 400), checkpoint="last")
    assert "trained with specformer 0.0.7;" in trained
    assert "\nspecformer train demo.yaml --out run\n" in trained
    average = len((300, 400)) != run.spec.evaluation.average_last
    assert trained.count(" --as native --average 2\n") == average
    one = card({}, updates=(300,), checkpoint="300")
    assert "specformer export run --to huggingface --as native --checkpoint 300\n" in one
    imported = card({"published": {"folder": "gpt2"}}, updates=(0,))
    assert "imported with specformer 0.0.7;" in imported
    assert "specformer import gpt2 --out run\n" in imported
    assert "specformer train" not in imported
    assert "specformer train" in card({"published": {"folder": "gpt2"}}, updates=(9,))


def test_the_card_names_no_place_of_this_machine(exports: Any) -> None:
    run = exports("translation").run
    texts = {"source": "/home/me/texts/train.en", "target": ["/home/me/de/*.de", "more.de"]}
    changed = {"folder": "~/texts", "train": texts, "tests": {"given": texts}}
    data = type(run.spec.data).model_validate(run.spec.data.model_dump() | changed)
    elsewhere: Any = SimpleNamespace(spec=run.spec.model_copy(update={"data": data}))
    text = spec_text(elsewhere)
    assert "/home" not in text
    assert "~" not in text
    assert "folder: texts" in text
    assert text.count("*.de") == 2
    assert load_lock(Path("spec.lock.yaml"), text.encode()).spec.data.train.source == "train.en"


def test_damaged_scores_are_a_located_mistake(exports: Any) -> None:
    run = exports("translation").run
    path = run.run.folder / "evaluation-test.json"
    for content in ("{", '{"bleu": 3.0}', '{"bleu": [], "split": "test"}', "[1]", '"bleu"'):
        path.write_text(content)
        try:
            with pytest.raises(UserError, match=r"evaluation-test\.json is damaged"):
                list(scores_of(run))
        finally:
            path.unlink()


def test_labels_are_not_learned_with_a_cache(exports: Any) -> None:
    model = exports("language model").model
    tokens = torch.tensor([[BEGIN, 7, 8]])
    cache = model.prepare_inputs_for_generation(tokens, use_cache=True)["cache"]
    with pytest.raises(ValueError, match="leave the cache out"):
        model(tokens, labels=tokens, cache=cache)


@pytest.mark.parametrize("key", SPECS)
def test_the_code_is_held_to_the_rules_of_generated_code(
    key: str, exports: Any, tmp_path: Path
) -> None:
    for name, content in code_files(exports(key).run).items():
        (tmp_path / name).write_bytes(content)
    written = [tmp_path / f"{each}_specformer.py" for each in ("modeling", "configuration")]
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml")]
        done = subprocess.run([*ruff, *map(str, written)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_argument_that_the_network_does_not_know_is_refused(exports: Any) -> None:
    export = exports("masked")
    with pytest.raises(ValueError, match="knows nothing of output_attentions"):
        export.model(torch.tensor([[BEGIN, 7, END]]), output_attentions=True)


OF_OTHER_TEXT = ("multi30k", "shakespeare", "transformer")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [each for each in sorted(library()) if not each.startswith(OF_OTHER_TEXT)]
)
def test_every_network_of_the_library(name: str, tmp_path: Path) -> None:
    """Numbers of padded batches and greedy texts, which a cache of each kind computes."""
    run = drawn_run(tmp_path, name, ("model.vocabulary.size=300",))
    folder = tmp_path / "exported"
    folder.mkdir()
    exporter = RemoteExporter()
    exporter.write(run, folder, Options())
    own, opened = OwnNetwork.of(run), exporter.load(folder, run)
    there = read_sentences(run.spec, own, 6)
    assert compare(own, opened, there).wrong == []
