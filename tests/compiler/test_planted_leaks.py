"""The emitted tests catch what is planted into the emitted network by hand."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec

WIDTHS = ("model.d_model=8", "model.attention.heads=2", "model.feed_forward.d_ff=8")
ENCODER = (*WIDTHS, "model.vocabulary.size=20", "model.encoder.layers=1")
BOTH = (*ENCODER, "model.decoder.layers=1")
DECODER = (*BOTH[:4], BOTH[5])
NO_FEED_FORWARD = (*BOTH[:2], *BOTH[3:])
TARGET, SOURCE = (f"model.{each}.self_attention.mask" for each in ("decoder", "encoder"))
CROSS = "model.decoder.cross_attention.mask"
WINDOW = "causal & (window(3) | first(1))"


@dataclass(frozen=True, kw_only=True)
class Base:
    """A network to plant into: a spec of the library, made small."""

    spec: str = "demo"
    sets: tuple[str, ...] = BOTH


def target_mask(mask: str) -> Base:
    return Base(sets=(*BOTH, f'{TARGET}="{mask}"'))


BASES = {
    "plain": Base(),
    "window": target_mask("causal & window(3)"),
    "window and first": target_mask(WINDOW),
    "block": target_mask("causal & block(4)"),
    "long block": target_mask("causal & block(40)"),
    "dilated": target_mask("causal & dilated(3)"),
    "long window": target_mask("causal & window(30)"),
    "source window": Base(sets=(*BOTH, f"{SOURCE}=window(2)")),
    "long source window": Base(sets=(*BOTH, f"{SOURCE}=window(30) | dilated(31)")),
    "end of the source": Base(sets=(*BOTH, f"{SOURCE}=last(2) | window(0)")),
    "near source": Base(sets=(*BOTH, f"{CROSS}=window(2)")),
    "ALiBi": Base(sets=(*BOTH, "model.embedding.position=alibi")),
    "relative": Base(sets=(*BOTH, "model.embedding.position=relative")),
    "rotary": Base(sets=(*BOTH, "model.embedding.position=rotary")),
    "learned": Base(sets=(*BOTH, "model.embedding.position=learned")),
    "attention dropout": Base(sets=(*BOTH, "model.attention.dropout=0.1")),
    "one head of keys": Base(sets=(*BOTH, "model.attention.kv_heads=1")),
    "experts": Base(spec="experts"),
    "head groups": Base(spec="head-masks", sets=BOTH[2:]),
    "GRU": Base(spec="gru"),
    "LSTM": Base(spec="lstm", sets=NO_FEED_FORWARD),
    "convolution": Base(spec="convolution", sets=NO_FEED_FORWARD),
    "depthwise": Base(spec="depthwise"),
    "language model": Base(spec="language-model", sets=DECODER),
    "classifier": Base(spec="classifier", sets=(*ENCODER, "model.classifier.pooling=mean")),
    "masked language model": Base(spec="masked-language-model", sets=ENCODER),
}

Plant = tuple[str, str, str]
"""A network of BASES, a piece of its code, and what is put there."""

ATTENDS = "F.scaled_dot_product_attention(query, key, value, source_mask)"
STEPS = "F.scaled_dot_product_attention(query, state.key, state.value, source_mask)"
FORWARD = "return self.project(self.features(source, target))"
PROJECTED = "F.linear(features, self.embedding.weight)"
DECODED = "return self.decoder(x, memory, source_mask)"
EMBEDDED = "x = self.embedding(source) * math.sqrt(D_MODEL)"
TARGETS = "x = self.embedding(target) * math.sqrt(D_MODEL)"
TOKENS = TARGETS.replace("target", "tokens")
DROPPED = "return x * (kept"
OWN = "own = torch.eye(beam, dtype=torch.bool, device=parent.device)"
STEPPED = "sinusoidal_positions(state.ancestry.position, 1,"
CAUSAL_PADDING = "(width - 1, 0)"
CENTRED = "inputs = x.transpose(1, 2).masked_fill(~real.squeeze(1), 0.0)"
STRIPPED = "lengths = real.flatten(1).sum(1).clamp(min=1).cpu()"


def kept(field: str, rows: str) -> tuple[str, str]:
    """A selection of sentences, and one in which a field of the state has other rows."""
    right = "setattr(self, name, value[rows])"
    return right, f'setattr(self, name, value[{rows}] if name == "{field}" else value[rows])'


PLANTED: dict[str, Plant] = {
    # what the target reads
    "a window without causal": ("window", "(j <= i) & (i - j <= 3)", "(j - i <= 3) & (i - j <= 3)"),
    "a block without causal": ("block", "(j <= i) & (i // 4 == j // 4)", "i // 4 == j // 4"),
    "a bidirectional decoder": ("plain", ", is_causal=True", ""),
    "one more at the window's edge": ("window and first", "i - j <= 3", "i - j <= 4"),
    "one less at the window's edge": ("window and first", "(i - j <= 3)", "(i - j <= 2)"),
    "one of the next block": (
        "long block",
        "(i // 40 == j // 40)",
        "((i // 40 == j // 40) | ((i % 40 == 0) & (i - j == 1)))",
    ),
    "a later one at a chunk's edge": (
        "window and first",
        "mask = reads(i, j) & (j >= first)",
        "mask = (reads(i, j) | ((j == i + 1) & (i % chunk == 0))) & (j >= first)",
    ),
    "keys of a chunk that are not its own": (
        "window and first",
        "F.pad(x, (0, 0, left, after + right))",
        "F.pad(x, (0, 0, left - 1, after + right + 1))",
    ),
    "a later one in the middle of a chunk": (
        "long window",
        "(j <= i) & (i - j <= 30)",
        "((j <= i) | ((i == 41) & (j == 42))) & (i - j <= 30)",
    ),
    "the first position reads the last": (
        "long window",
        TARGETS,
        f"{TARGETS}\n        x = torch.cat((x[:, :1] + x[:, -1:], x[:, 1:]), 1)",
    ),
    "one group of heads reads one more": ("head groups", "(i - j <= 8)", "(i - j <= 9)"),
    "a bias without its mask": ("ALiBi", "torch.where(mask, bias, -torch.inf)", "bias"),
    "relative positions without a mask": (
        "relative",
        "torch.where(mask, bias, -torch.inf)",
        "torch.where(mask | (mask.size(-1) == mask.size(-2)), bias, -torch.inf)",
    ),
    "a bidirectional language model": ("language model", ", is_causal=True", ""),
    "the features of a language model from its last token": (
        "language model",
        TOKENS,
        f"{TOKENS} + 1e-2 * self.embedding(tokens[:, -1:])",
    ),
    "a recurrence from the end": (
        "GRU",
        "hidden, _ = run_recurrence(self.recurrence, x)",
        "hidden, _ = run_recurrence(self.recurrence, x.flip(1))",
    ),
    "a convolution that reads one ahead": ("convolution", CAUSAL_PADDING, "(width - 2, 1)"),
    "a depthwise convolution that reads one ahead": ("depthwise", CAUSAL_PADDING, "(width - 2, 1)"),
    "experts chosen by the whole text": (
        "experts",
        "scores = self.router(x)",
        "scores = self.router(x) + self.router(x.mean(1, keepdim=True))",
    ),
    "experts that answer other tokens": (
        "experts",
        "outputs[order.argsort()]",
        "outputs[order]",
    ),
    # in training alone
    "a decoder that is bidirectional in training": (
        "plain",
        "is_causal=True",
        "is_causal=not self.training",
    ),
    "a language model that is bidirectional in training": (
        "language model",
        "is_causal=True",
        "is_causal=not self.training",
    ),
    "one more diagonal where weights are dropped": ("attention dropout", ".tril()", ".tril(1)"),
    "positions rolled where they are dropped": ("plain", DROPPED, "return x.roll(1, 1) * (kept"),
    "sentences rolled where they are dropped": ("plain", DROPPED, "return x.roll(1, 0) * (kept"),
    "padding that is read in training": (
        "classifier",
        "self.encoder(x, real_tokens(source))",
        "self.encoder(x, real_tokens(source) | self.training)",
    ),
    "a norm over the batch in training": (
        "masked language model",
        EMBEDDED,
        f"{EMBEDDED}\n        x = x - x.mean(0) if self.training else x",
    ),
    # padding and what the source reads
    "a step that reads padding": ("plain", STEPS, STEPS.replace(", source_mask", "")),
    "cross-attention that reads padding": ("plain", ATTENDS, ATTENDS.replace(", source_mask", "")),
    "padding taken for real": ("plain", "tokens != PADDING", "tokens >= PADDING"),
    "the last token taken for padding": (
        "plain",
        "(tokens != PADDING)",
        "(tokens.roll(-1, 1) != PADDING)",
    ),
    "one more padding taken for real": (
        "plain",
        "(tokens != PADDING)",
        "((tokens != PADDING) | (tokens.roll(1, 1) != PADDING))",
    ),
    "one more at the edge in the source": ("source window", "(j - i <= 2)", "(j - i <= 3)"),
    "one pair in the middle of the source": (
        "long source window",
        "((i - j) % 31 == 0)",
        "((i - j) % 31 == 0) | ((i == 41) & (j == 3))",
    ),
    "one more before the end": ("end of the source", "j >= length - 2", "j >= length - 3"),
    "one more at the edge between texts": ("near source", "(j - i <= 2)", "(j - i <= 3)"),
    "a step that is at another edge": (
        "near source",
        "cross_reads, state.ancestry.position, 1",
        "cross_reads, state.ancestry.position + 1, 1",
    ),
    "a mean with padding": (
        "classifier",
        "weight = real.flatten(1)",
        "weight = torch.ones_like(real).flatten(1)",
    ),
    "a masked language model that reads padding": (
        "masked language model",
        "self.encoder(x, real_tokens(source))",
        "self.encoder(x, real_tokens(source) | True)",
    ),
    "a convolution that reads padding": ("convolution", CENTRED, "inputs = x.transpose(1, 2)"),
    "a recurrence that begins with padding": (
        "GRU",
        STRIPPED,
        f"{STRIPPED}.fill_(x.size(1))",
    ),
    # other sentences
    "a source with others in it": (
        "plain",
        EMBEDDED,
        f"{EMBEDDED}\n        x = x + 1e-2 * x.mean(0, keepdim=True)",
    ),
    "logits of other sentences": ("plain", FORWARD, f"{FORWARD}.roll(1, 0)"),
    "classes of other texts": (
        "classifier",
        "self.classifier(features)",
        "self.classifier(features.roll(1, 0))",
    ),
    "logits less the mean of the batch": (
        "language model",
        PROJECTED,
        f"{PROJECTED} - features.mean()",
    ),
    "a masked language model of a batch": (
        "masked language model",
        EMBEDDED,
        f"{EMBEDDED} + self.embedding(source[:1])",
    ),
    # logits
    "a projection that rolls positions": (
        "plain",
        PROJECTED,
        "F.linear(features.roll(1, -2), self.embedding.weight)",
    ),
    "a forward pass that rolls positions": ("plain", FORWARD, f"{FORWARD}.roll(1, 1)"),
    "a forward pass that rolls back": ("plain", FORWARD, f"{FORWARD}.roll(-1, 1)"),
    "features that are rolled": ("plain", DECODED, f"{DECODED}.roll(1, 1)"),
    "a language model that rolls its logits": (
        "language model",
        "self.project(self.features(tokens))",
        "self.project(self.features(tokens)).roll(1, 1)",
    ),
    "a masked language model that rolls its logits": (
        "masked language model",
        "self.project(self.features(source))",
        "self.project(self.features(source)).roll(1, 1)",
    ),
    # decoding
    "a cache that forgets too early": (
        "window and first",
        "return (i - j <= 3)",
        "return (i - j <= 2)",
    ),
    "a dilated cache that is read elsewhere": (
        "dilated",
        "int(ancestry.position) % len(self.parts)",
        "int(ancestry.position + ancestry.position // 3) % len(self.parts)",
    ),
    "a cache that loses the newest value": (
        "plain",
        "self.value[:, :, first : self.slots] = value",
        "self.value[:, :, first : self.slots] = self.value[:, :, :1]",
    ),
    "a cache that loses its first key": (
        "plain",
        "self.key[:, :, first : self.slots] = key",
        "self.key[:, :, first : self.slots] = key\n        self.key[:, :, 0] = 0",
    ),
    "a cache that holds a key twice": (
        "one head of keys",
        "self.key[:, :, first : self.slots] = key",
        "self.key[:, :, first - 1 : self.slots - 1] = self.key[:, :, first : self.slots] = key",
    ),
    "hypotheses that read each other": ("plain", OWN, OWN.replace("eye(beam", "ones(beam, beam")),
    "hypotheses that all follow the first": (
        "plain",
        "parent[:, :, None].expand(-1, -1, self.mask.size(2))",
        "(0 * parent)[:, :, None].expand(-1, -1, self.mask.size(2))",
    ),
    "states that all follow the first": (
        "LSTM",
        "known[sentence, parent]",
        "known[sentence, 0 * parent]",
    ),
    "hidden states of other sentences": ("GRU", *kept("hidden", ": len(rows)")),
    "cell states of other sentences": (
        "LSTM",
        "each[rows] for each in self.known",
        "each[rows.sort().values] for each in self.known",
    ),
    "inputs of other sentences": ("convolution", *kept("inputs", ": len(rows)")),
    "a convolution that forgets its newest input": (
        "depthwise",
        "inputs[..., 1:]",
        "inputs[..., :-1]",
    ),
    "keys of other sentences": ("plain", *kept("key", ": len(rows)")),
    "keys of sentences in another order": ("plain", *kept("key", "rows.sort().values")),
    "values of other sentences": ("window", *kept("value", ": len(rows)")),
    "padding of other sentences": ("plain", *kept("source_mask", ": len(rows)")),
    "hypotheses of other sentences": ("plain", *kept("mask", ": len(rows)")),
    "slots of fixed buffers that stand still": (
        "plain",
        "self.slots += beam",
        "self.slots += 0",
    ),
    "values of a fixed dilated cache in another order": (
        "dilated",
        "torch.cat([part.value for part in filled], dim=2)",
        "torch.cat([part.value for part in filled[::-1]], dim=2)",
    ),
    "a step at the next position": (
        "plain",
        STEPPED,
        STEPPED.replace(".position", ".position + 1"),
    ),
    "a step of a language model at the first position": (
        "language model",
        STEPPED,
        "sinusoidal_positions(0, 1,",
    ),
    "a learned position that is another": (
        "learned",
        "self.target_position, state.ancestry.position",
        "self.target_position, max(state.ancestry.position - 1, 0)",
    ),
    "rotary positions that stand still": (
        "rotary",
        "rotary_angles(state.ancestry.position, 1",
        "rotary_angles(0, 1",
    ),
    "a step that is nearer to its keys": (
        "relative",
        "state.ancestry.newest,",
        "state.ancestry.newest - 1,",
    ),
    "ALiBi that stands still": ("ALiBi", "state.ancestry.newest,", "0 * state.ancestry.newest,"),
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What the emitted tests of each network say: the reasons of those that fail.

    The networks are those of BASES and of PLANTED, all tested by one process, which imports torch
    once.
    """
    folder = tmp_path_factory.mktemp("planted")
    texts = {base: compile_spec(each.spec, each.sets).files for base, each in BASES.items()}
    for name in (*BASES, *PLANTED):
        base, right, wrong = PLANTED.get(name, (name, "", ""))
        (folder / _folder(name)).mkdir()
        for file, text in texts[base].items():
            planted = text.replace(right, wrong) if right and file == "model.py" else text
            (folder / _folder(name) / file).write_text(planted)
        assert right in texts[base]["model.py"], f"{name}: nothing to plant into"
    found: dict[str, set[str]] = {name: set() for name in (*BASES, *PLANTED)}
    by_folder = {_folder(name): name for name in found}
    done = emitted_tests(folder)
    assert "error" not in done.stdout.splitlines()[-1], done.stdout
    failed = r"^FAILED (?:\S*/)?(\w+)/test_model\.py\S* - (.*)$"
    for place, reason in re.findall(failed, done.stdout, re.MULTILINE):
        found[by_folder[place]].add(reason)
    return found


def _folder(name: str) -> str:
    return re.sub(r"\W", "_", name)


def emitted_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """What pytest says of a package, or of all packages of a folder."""
    options = ("-q", "--tb=line", "-p", "no:cacheprovider")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "500"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder.parent,
        env=environment,
    )


@pytest.mark.parametrize("base", BASES)
def test_without_a_leak_they_pass(base: str, failures: dict[str, set[str]]) -> None:
    assert not failures[base]


@pytest.mark.quick
@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_caught(leak: str, failures: dict[str, set[str]]) -> None:
    assert any(reason.startswith(("AssertionError", "assert ")) for reason in failures[leak])
