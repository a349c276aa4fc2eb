"""`docs/spec.md`: every key of a spec, made from its JSON Schema.

python -m compiler.spec.reference > docs/spec.md
"""

from collections.abc import Iterator

from compiler.page.markdown import table
from compiler.spec.mixer import MIXERS
from compiler.spec.optimizer import OPTIMIZERS
from compiler.spec.position import KINDS
from compiler.spec.schema import Schema, json_schema

INTRODUCTION = """\
# The spec language

Every key of a spec, made from the schema that `specformer schema` prints. `specformer new NAME`
writes a spec to start from, `specformer check` says what is wrong with one, `specformer show`
prints one with every default and the place that each value comes from. A section
without a paper, as in "(section 3.4)", is one of Vaswani et al. 2017.

**Handing down.** Settings at `model:` (`attention`, `norm`, `feed_forward`, `dropout` and the like)
are inherited by both stacks; `encoder:` and `decoder:` override them, `self_attention:` and
`cross_attention:` override the `attention:` of their stack, and a stack's `layers:` may be a list
of kinds of layers that override all of these. Another kind of norm or mixer keeps
what else was handed down to it. A setting that no place takes is an error.

**Variants.** `extends` names one parent: a path, seen from the file that says it, or a spec of
the library. Mappings merge key by key, everything else replaces, `null` removes a key. A child
that chooses another `kind` (or `shared`, or another form of files) replaces the whole mapping.
`name` and `summary` are not inherited. `--set model.attention.heads=4` does the same from the
command line, wherever a command takes a spec; of a run that is trained already, `--set` may change
`decoding` alone.

**YAML.** Scalars follow YAML 1.2: `1e-4` is a number, `no` is a word, `010` is ten, `12:30` is
text. Anchors, aliases, merge keys, tags, duplicate keys and a second document are errors. A word
may stand for what has only its kind: `norm: rms_norm` is `norm: {kind: rms_norm}`; so for
positions, initializations, norms, tokenizers, optimizers and schedules."""

SECTIONS = {
    "The top level": ("Spec",),
    "`model`": ("Model",),
    "`model.vocabulary`": ("Vocabulary",),
    "`model.embedding`": ("Embedding",),
    "`model.embedding.position`, also in a stack; the last four in layers, too": tuple(
        each.__name__ for each in KINDS.values()
    ),
    "`scaling`, in a position of `kind: rotary`": (
        *("LinearScaling", "Llama3Scaling", "YarnScaling"),
    ),
    "`model.attention`, also in a stack; `self_attention` and `cross_attention` in a stack": (
        "Attention",
    ),
    "`mask`, in an attention, where it is a list": ("HeadMask",),
    "`model.feed_forward`, also in a stack": ("FeedForward",),
    "`model.feed_forward.experts`": ("Experts",),
    "`groups`, `correction` and `shared`, in experts": (
        *("ExpertGroups", "Correction", "SharedExpert"),
    ),
    "`query_key_norm`, in an attention": ("QueryKeyNorm",),
    "`temperature`, in an attention": ("PositionTemperature", "LogarithmTemperature"),
    "`latent`, in an attention": ("LatentAttention",),
    **{f"`model.{name}`, also in a stack": (kind.__name__,) for name, kind in MIXERS.items()},
    "`model.norm`, also in a stack": ("Norm",),
    "`model.residual`, also in a stack": ("Residual",),
    "`model.output`": ("Output",),
    "`model.initialization`": (
        "XavierInitialization",
        "FairseqInitialization",
        "NormalInitialization",
        "ScaledInitialization",
        "MupInitialization",
    ),
    "`model.encoder`, `model.decoder`": ("Stack",),
    "`model.encoder.layers`, `model.decoder.layers`, where it is a list": ("LayerGroup",),
    "`model.prediction`": ("Prediction",),
    "`model.classifier`": ("Classifier",),
    "`model.pooling`": ("Pooling",),
    "`data`": ("Data",),
    "`data.train`, `data.valid`, `data.test`, each of `data.tests`": (
        *("ParallelFiles", "TabSeparated", "TextFiles", "RunningText"),
        *("LabelledFiles", "LabelledColumns"),
    ),
    "`data.tokenizer`": (
        "SentencePieceTokenizer",
        "SegmentedTokenizer",
        "LibraryTokenizer",
        "CharacterTokenizer",
        "ByteTokenizer",
    ),
    "`symbols`, in a tokenizer from a file": ("TokenizerSymbols",),
    "`training`": ("Training",),
    "`training.optimizer`": tuple(each.__name__ for each in OPTIMIZERS.values()),
    "`training.schedule`": (
        "InverseSquareRoot",
        "Constant",
        "Linear",
        "Cosine",
        "WarmupStableDecay",
    ),
    "`training.ema`": ("MovingAverage",),
    "`training.batch_warmup`": ("BatchWarmUp",),
    "`training.context_warmup`": ("ContextWarmUp",),
    "`training.masking`": ("MaskedTokens",),
    "`training.contrast`": ("Contrast",),
    "`training.validation`": ("Validation",),
    "`decoding`": ("BeamSearch", "Sampling"),
    "`evaluation`": ("Evaluation",),
}
_TYPES = {"integer": "a whole number", "number": "a number", "string": "text"}


def reference() -> str:
    """The page."""
    sections = json_schema()["$defs"]
    parts = [_section(title, names, sections) for title, names in SECTIONS.items()]
    return "\n\n".join([INTRODUCTION, *parts]) + "\n"


def _section(title: str, names: tuple[str, ...], sections: Schema) -> str:
    several = len(names) > 1
    parts = [_form(sections[name], sections, several=several) for name in names]
    return "\n\n".join([f"## {title}", *parts])


def _form(section: Schema, sections: Schema, *, several: bool) -> str:
    """Return the purpose of one kind of section, and a table of its keys."""
    kind = section["properties"].get("kind", {}).get("const")
    title = [f"**`kind: {kind}`**"] if several and kind else []
    rows = list(_rows(section, sections))
    heads = ("key", "takes", "default", "unit", "example", "meaning")
    keys = [table(heads, rows)] if rows else []
    return "\n\n".join([*title, section["description"], *keys])


def _rows(section: Schema, sections: Schema) -> Iterator[tuple[str, ...]]:
    required = section.get("required", [])
    for key, about in section["properties"].items():
        if key == "kind" and "const" in about:
            continue
        yield (
            f"`{key}`",
            _takes(about),
            "must be written" if key in required else _default(about),
            about.get("unit", ""),
            _examples(about),
            _meaning(about, sections),
        )


def _takes(about: Schema) -> str:
    """The values of a key in words."""
    if "const" in about:
        return _written(about["const"])
    if "enum" in about:
        return ", ".join(f"`{word}`" for word in about["enum"])
    if any(key in about for key in ("$ref", "properties")):
        return "keys and values"
    if forms := about.get("anyOf", about.get("oneOf")):
        arms = [_takes(arm) for arm in forms if arm.get("type") != "null"]
        return " or ".join(dict.fromkeys(arms))
    if about["type"] == "array":
        return "a list"
    if about["type"] == "object":
        return "a name for each"
    if about["type"] == "boolean":
        return "`true`, `false`"
    return " ".join([_TYPES[about["type"]], *_bounds(about)])


def _bounds(about: Schema) -> Iterator[str]:
    """Yield the bounds of a number, without those that only keep it from being absurd."""
    if "exclusiveMinimum" in about:
        yield f"above {about['exclusiveMinimum']:g}"
    elif "minimum" in about:
        yield f"from {about['minimum']:g}"
    if "exclusiveMaximum" in about:
        yield f"below {about['exclusiveMaximum']:g}"
    elif about.get("maximum", 2**31) < 1000:
        yield f"to {about['maximum']:g}"


def _default(about: Schema) -> str:
    value = about.get("default")
    if value is None:
        return ""
    if isinstance(value, dict):
        return f"`{value['kind']}`" if "kind" in value else ""
    return _written(value) if value != "" else "empty"


def _examples(about: Schema) -> str:
    """Return the examples of a setting, which a choice of words does not need."""
    given = [] if "enum" in about else about.get("examples", [])
    return ", ".join(map(_written, given)).replace("|", r"\|")


def _written(value: object) -> str:
    """Return a value as a spec has it, in which Python's `True` is `true`."""
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _meaning(about: Schema, sections: Schema) -> str:
    if "$ref" in about:
        text: str = sections[about["$ref"].rpartition("/")[2]]["description"]
        return " ".join(text.partition("\n\n")[0].split()).rstrip(".")
    return str(about.get("description", ""))


if __name__ == "__main__":
    print(reference(), end="")
