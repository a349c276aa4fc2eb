"""The vocabulary of random valid specs. Every feature of the language is added here.

`DRAWN` counts how often each value of each knob was drawn; the test run prints it at the end.
"""

from collections import Counter, defaultdict
from typing import Any

from hypothesis import strategies as st

DRAWN: defaultdict[str, Counter[object]] = defaultdict(Counter)
Tree = dict[str, Any]

RATES = (0.0, 0.1)
KNOBS: dict[str, tuple[Any, ...]] = {
    "d_model": (4, 6, 12),
    "d_ff": (3, 8),
    "layers": (1, 2, 3),
    "heads": (1, 2, 3),
    "d_k": (None, 2, 5),
    "d_v": (None, 1, 4),
    "bias": (False, True),
    "attention_dropout": RATES,
    "activation_dropout": RATES,
    "dropout": RATES,
    "activation": ("relu", "gelu"),
    "place": ("post", "pre"),
    "final": (None, True, False),
    "eps": (1e-5, 1e-6),
    "tied": ("all", "target", "none"),
    "shared": (True, False),
    "scale": ("sqrt_d_model", "none"),
    "position": (
        "sinusoidal",
        {"kind": "sinusoidal", "layout": "concatenated"},
        {"kind": "learned", "max_length": 24},
        "none",
    ),
    "initialization": (
        "xavier",
        {"kind": "xavier", "gain": 0.5},
        "fairseq",
        {"kind": "normal", "deviation": 0.3},
    ),
    "encoder_mask": (
        *(None, "all", "causal", "window(2)", "window(left=1, right=3)", "block(4)"),
        *("window(1) | first(2)", "dilated(2)", "last(3) | window(0)", "~strided(3) | window(0)"),
    ),
    "decoder_mask": (
        *(None, "causal", "causal & window(2)", "causal & (window(1) | first(2))"),
        *("causal & block(3)", "causal & dilated(2)", "causal & (strided(2) | window(1))"),
        *("window(0)", "causal & (dilated(3) | window(1))"),
    ),
    "cross_mask": (None, "window(3)", "causal | window(2)", "last(2) | first(1)", "dilated(2)"),
    "task": (
        *("translation", "translation", "translation", "language_model"),
        *("masked_language_model", "classification"),
    ),
    "pooling": ("first", "mean"),
    "labels": ("files", "columns", "bare columns"),
    "masking": (None, {"share": 0.3}, {"mask": 0.5, "random": 0.5}),
    "sampling": (None, {"temperature": 0.8, "top_k": 3}, {"top_p": 0.9}),
    "validation_metric": ("loss", "accuracy"),
    "block": (None, "no feed-forward", "feed-forward first", "two feed-forwards"),
    "kernel": ("auto", "flex"),
    "kinds_of_layers": (1, 2),
    "label_smoothing": (0.0, 0.1),
    "schedule": ("inverse_sqrt", "linear"),
    "start": (0.0, 1e-7),
    "own_settings": (False, True),
}


PLACES = (
    ("encoder", "self_attention", "encoder_mask"),
    ("decoder", "self_attention", "decoder_mask"),
    ("decoder", "cross_attention", "cross_mask"),
)


class Chooser:
    """Draws values of knobs and counts them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def __call__(self, knob: str) -> Any:
        value = self.draw(st.sampled_from(KNOBS[knob]))
        DRAWN[knob][str(value)] += 1
        return value


@st.composite
def specs(draw: st.DrawFn) -> Tree:
    """A random valid spec of the whole family of the paper, small enough to run."""
    choose = Chooser(draw)
    task = choose("task")
    return {
        "name": "some-model",
        "task": task,
        "model": _model(choose, task),
        "data": {**_corpora(choose, task), "max_length": 24},
        **_decoding(choose, task),
        "training": {
            **_masking(choose, task),
            "validation": {"metric": choose("validation_metric")},
            "batch_tokens": 1000,
            "steps": 5000,
            "schedule": {"kind": choose("schedule"), "start": choose("start")},
            "label_smoothing": choose("label_smoothing"),
        },
    }


def _masking(choose: Chooser, task: str) -> Tree:
    masking = choose("masking") if task == "masked_language_model" else None
    return {"masking": dict(masking)} if masking else {}


def _decoding(choose: Chooser, task: str) -> Tree:
    sampling = choose("sampling") if task == "language_model" else None
    return {"decoding": {"sampling": dict(sampling)}} if sampling else {}


def _corpora(choose: Chooser, task: str) -> Tree:
    if task == "classification":
        forms = {
            "files": {"text": "a.en", "label": "a.label"},
            "columns": {"tsv": "a.tsv", "text_column": 2, "label_column": 0},
            "bare columns": {"tsv": "a.tsv"},
        }
        return {part: dict(forms[choose("labels")]) for part in ("train", "valid", "test")}
    if task != "translation":
        return {part: {"text": f"{part}.en"} for part in ("train", "valid", "test")}
    return {
        "train": {"source": "train.en", "target": "train.de"},
        "valid": {"source": "valid.en", "target": "valid.de"},
        "test": {"tsv": "test.tsv"},
    }


def _model(choose: Chooser, task: str) -> Tree:
    is_pair = task == "translation"
    shared = choose("shared") if is_pair else True
    tied = choose("tied") if is_pair else "all" if choose("tied") == "all" else "none"
    if not shared and tied == "all":
        tied = "target"
    rows = {"size": 11} if shared else {"shared": False, "source": 11, "target": 13}
    model: Tree = {
        "d_model": choose("d_model"),
        "vocabulary": rows,
        "embedding": {
            "tied": tied,
            "scale": choose("scale"),
            "position": choose("position"),
        },
        "dropout": choose("dropout"),
        "norm": _norm(choose),
        "attention": _attention(choose),
        "feed_forward": _feed_forward(choose),
        "initialization": choose("initialization"),
        "encoder": {"layers": choose("layers")},
        "decoder": {"layers": choose("layers")},
    }
    _own_settings(choose, model)
    _of_the_task(choose, model, task)
    _prune(model)
    return model


def _of_the_task(choose: Chooser, model: Tree, task: str) -> None:
    """Without what a task of one text has not."""
    if task == "language_model":
        del model["encoder"]
        model["decoder"].pop("cross_attention", None)
    elif task != "translation":
        del model["decoder"]
    if task == "classification":
        head = {"pooling": choose("pooling"), "dropout": choose("dropout")}
        model["classifier"] = {"classes": 3, **head}


def _prune(model: Tree) -> None:
    """Without settings that no stack takes, which are errors."""
    stacks = [model[name] for name in ("encoder", "decoder") if name in model]
    for key in ("norm", "feed_forward", "attention"):
        takes = [each for each in stacks if key not in each and key != _left_out(each)]
        if not takes and (key != "attention" or "decoder" not in model):
            del model[key]


def _left_out(stack: Tree) -> str:
    return "feed_forward" if stack.get("block") == ["self_attention"] else ""


def _own_settings(choose: Chooser, model: Tree) -> None:
    """Settings of one stack or sub-layer over those of the model."""
    if choose("own_settings"):
        model["encoder"] |= {"norm": _norm(choose), "dropout": choose("dropout")}
        model["decoder"] |= {"feed_forward": _feed_forward(choose)}
    if choose("own_settings"):
        model["encoder"]["attention"] = _attention(choose)
    if choose("own_settings"):
        model["decoder"]["cross_attention"] = _attention(choose)
    _blocks(choose, model)
    _kinds(choose, model)
    _kernel(choose, model)
    for stack, sub_layer, knob in PLACES:
        mask = choose(knob)
        if mask is not None:
            below = model[stack].setdefault(sub_layer, {})
            below["mask"] = mask


def _blocks(choose: Chooser, model: Tree) -> None:
    """Sub-layers in another order than the paper's."""
    blocks = {
        "no feed-forward": ["self_attention"],
        "feed-forward first": ["feed_forward", "self_attention"],
        "two feed-forwards": ["feed_forward", "self_attention", "feed_forward"],
    }
    if block := blocks.get(choose("block")):
        model["encoder"]["block"] = block


def _kinds(choose: Chooser, model: Tree) -> None:
    """Layers of a second kind after those of the first, with another mask and other heads."""
    for stack in ("encoder", "decoder"):
        if choose("kinds_of_layers") == 2:
            other: Tree = {"self_attention": {"heads": 2, "d_k": 2, "d_v": 1}}
            if mask := choose(f"{stack}_mask"):
                other["self_attention"]["mask"] = mask
            model[stack]["layers"] = [{"repeat": model[stack]["layers"]}, other]


def _kernel(choose: Chooser, model: Tree) -> None:
    """FlexAttention drops no weights."""
    model["kernel"] = choose("kernel")
    if model["kernel"] == "flex":
        for settings in (model["attention"], model["encoder"].get("attention", {})):
            settings.pop("dropout", None)


def _attention(choose: Chooser) -> Tree:
    """Three heads share not every width of the knob `d_model`; free widths are always right."""
    widths = {"d_k": choose("d_k"), "d_v": choose("d_v")}
    heads = choose("heads")
    if heads == 3:
        widths = {key: width or 2 for key, width in widths.items()}
    return {
        "heads": heads,
        **{key: width for key, width in widths.items() if width is not None},
        "bias": choose("bias"),
        "dropout": choose("attention_dropout"),
    }


def _norm(choose: Chooser) -> Tree:
    norm = {"place": choose("place"), "final": choose("final"), "eps": choose("eps")}
    return {key: value for key, value in norm.items() if value is not None}


def _feed_forward(choose: Chooser) -> Tree:
    return {
        "d_ff": choose("d_ff"),
        "activation": choose("activation"),
        "dropout": choose("activation_dropout"),
    }
