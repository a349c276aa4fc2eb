"""Random valid specs, from values of knobs that go together."""

from typing import Any

from hypothesis import strategies as st

from compiler.spec.mixer import MIXERS
from compiler.spec.optimizer import OPTIMIZERS
from compiler.spec.position import BiasPosition, kinds_of
from compiler.spec.tokenizer import REGULARISATION
from tests.support.attention_variants import KNOBS as VARIANTS
from tests.support.attention_variants import repair_variants
from tests.support.head_masks import place_head_masks
from tests.support.knobs import Chooser, Tree
from tests.support.latents import has_latents, suit_latents
from tests.support.mixers import kind_of, place_mixers, sub_layers
from tests.support.mup import suit_mup

NEED_PEAKS = {kind for kind, each in OPTIMIZERS.items() if each.USUAL_PEAK is not None}
PLACES = (
    ("encoder", "self_attention", "encoder_mask"),
    ("decoder", "self_attention", "decoder_mask"),
    ("decoder", "cross_attention", "cross_mask"),
)


@st.composite
def specs(draw: st.DrawFn, asked: tuple[str, Any] | None = None) -> Tree:
    """A random valid spec of the whole family of the paper, small enough to run."""
    choose = Chooser(draw, asked)
    task = choose("task")
    recipe = _recipe(choose, task)
    model = _model(choose, task)
    suit_mup(model, task, recipe)
    return {
        "name": "some-model",
        "task": task,
        "model": model,
        "data": {**_corpora(choose, task), **_tokenizer(choose, recipe), "max_length": 24},
        **_decoding(choose, task),
        "training": recipe,
    }


def _recipe(choose: Chooser, task: str) -> Tree:
    training = _training(choose, task) | _masking(choose, task)
    if task == "embedding":
        del training["label_smoothing"], training["z_loss"]
        training |= {"contrast": contrast} if (contrast := choose("contrast")) else {}
    return training


def _training(choose: Chooser, task: str) -> Tree:
    optimizer, ema = choose("optimizer"), choose("ema")
    optimizer = {"kind": optimizer} if isinstance(optimizer, str) else optimizer
    is_free = OPTIMIZERS[optimizer["kind"]].IS_AVERAGE
    needs_peak = optimizer["kind"] in NEED_PEAKS
    training = {
        "batch_tokens": 1000,
        "steps": 5000,
        **({"epochs": epochs} if (epochs := choose("epochs")) else {}),
        "optimizer": optimizer,
        "schedule": _schedule(choose, needs_peak=needs_peak, is_constant=is_free),
        "label_smoothing": choose("label_smoothing"),
        "z_loss": choose("z_loss"),
        "validation": {"metric": choose("validation_metric")},
    }
    if training["schedule"]["kind"] != "warmup_stable_decay" and (minutes := choose("minutes")):
        training.pop("epochs", None)
        training |= {"steps": None, "minutes": minutes}
    if "epochs" not in training and (growing := choose("batch_warmup")):
        training |= {"batch_tokens": 4000, "accumulate": 4, "batch_warmup": growing}
    if task == "language_model" and (lengthening := choose("context_warmup")):
        training |= {"context_warmup": lengthening}
    return training | ({"ema": {"decay": ema}} if ema and not is_free else {})


def _schedule(choose: Chooser, *, needs_peak: bool, is_constant: bool) -> Tree:
    """Numbers that a kind has no use for are left out."""
    schedule: Tree = {"kind": choose("schedule")}
    if is_constant:
        schedule["kind"] = "constant"
    schedule["warmup_steps"] = choose("warmup_steps") or 4000 * (schedule["kind"] == "inverse_sqrt")
    if schedule["warmup_steps"]:
        schedule["start"] = choose("start")
    if schedule["kind"] not in ("inverse_sqrt", "constant"):
        schedule["end"] = choose("end")
    if schedule["kind"] == "warmup_stable_decay":
        schedule["decay_steps"] = 1000
    peak = choose("peak")
    if peak is None and (needs_peak or not schedule["warmup_steps"]):
        peak = 1e-3
    return schedule | ({} if peak is None else {"peak": peak})


def _masking(choose: Chooser, task: str) -> Tree:
    masking = choose("masking") if task == "masked_language_model" else None
    return {"masking": dict(masking)} if masking else {}


def _decoding(choose: Chooser, task: str) -> Tree:
    keys = {"language_model": ("sampling",), "translation": ("prefix",)}.get(task)
    if keys is None:
        return {}
    chosen = {key: choose(key) for key in (*keys, "ends", "no_repeat_ngram", "repetition_penalty")}
    chosen |= chosen.pop("sampling", None) or {}
    decoding = {key: value for key, value in chosen.items() if value is not None}
    return {"decoding": decoding} if decoding else {}


def _tokenizer(choose: Chooser, recipe: Tree) -> Tree:
    """Tokenizers that learn as many rows as they are told; epochs tell no length of drawn texts."""
    chosen = choose("tokenizer")
    if isinstance(chosen, dict) and "epochs" in recipe:
        chosen = {key: value for key, value in chosen.items() if key not in REGULARISATION}
    return {"tokenizer": chosen} if chosen else {}


def _corpora(choose: Chooser, task: str) -> Tree:
    if task == "classification":
        forms = {
            "files": {"text": "a.en", "label": "a.label"},
            "columns": {"tsv": "a.tsv", "text_column": 2, "label_column": 0},
            "bare columns": {"tsv": "a.tsv"},
        }
        return {part: dict(forms[choose("labels")]) for part in ("train", "valid", "test")}
    if task == "embedding":
        return {
            "train": {"source": "train.en", "target": "train.de"},
            "valid": {"source": "valid.en", "target": "valid.de"},
            "test": {"tsv": "test.tsv"},
        }
    if task != "translation":
        return {part: {"text": f"{part}.en"} for part in ("train", "valid", "test")}
    return {
        "train": {"source": "train.en", "target": "train.de"},
        "valid": {"source": "valid.en", "target": "valid.de"},
        "test": {"tsv": "test.tsv"},
        "tests": {"other": {"source": "a.en", "target": "a.de", "references": ["b.de"]}},
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
            "norm": choose("embedding_norm"),
        },
        "dropout": choose("dropout"),
        "norm": _norm(choose),
        "attention": _attention(choose),
        "feed_forward": _feed_forward(choose),
        "output": _output(choose),
        "initialization": choose("initialization"),
        "encoder": {"layers": choose("layers")},
        "decoder": {"layers": choose("layers")},
    }
    if width := choose("embedding_width"):
        model["embedding"]["width"] = width
    _own_settings(choose, model)
    _of_the_task(choose, model, task)
    if is_pair:
        _widths(choose, model)
    place_mixers(choose, model)
    if has_latents(model):
        suit_latents(model)
    else:
        place_head_masks(choose, model)
    repair_variants(model)
    _prune(model)
    _without_unused(model, task)
    if task == "language_model" and _keeps_documents_apart(model):
        model["documents"] = choose("documents")
    return model


def _keeps_documents_apart(model: Tree) -> bool:
    """Tell whether positions meet in attention alone, and in a kernel that may leave some out."""
    has_mixer = any(each in sub_layers(model["decoder"]) for each in MIXERS)
    return not has_mixer and model["kernel"] != "flex"


def _of_the_task(choose: Chooser, model: Tree, task: str) -> None:
    """Without what a task of one text has not."""
    if task == "language_model":
        del model["encoder"]
        model["decoder"].pop("cross_attention", None)
    elif task != "translation":
        del model["decoder"]
        if segments := choose("segments"):
            model["embedding"]["segments"] = segments
    if task == "masked_language_model" and (head := choose("prediction")):
        model["prediction"] = head
    if task == "classification":
        head = {"pooling": choose("pooling"), "dropout": choose("dropout")}
        model["classifier"] = {"classes": 3, **head}
        model["embedding"]["tied"] = "all"
    if task == "embedding":
        model["embedding"]["tied"] = "all"
        if kind := choose("text_pooling"):
            head = {"kind": kind, "normalize": choose("normalize")}
            model["pooling"] = head | ({"width": w} if (w := choose("vector_width")) else {})


def _widths(choose: Chooser, model: Tree) -> None:
    """A stack of a width of its own, whose heads have numbers that rotary positions can halve."""
    if drawn := choose("width_of_a_stack"):
        stack, width = drawn
        model[stack]["d_model"] = width
        if "width" not in model["embedding"] and model["embedding"]["tied"] == "all":
            model["embedding"]["tied"] = "target"


def _prune(model: Tree) -> None:
    """Without settings that no stack takes, which are errors."""
    stacks = [model[name] for name in ("encoder", "decoder") if name in model]
    for key in ("norm", "feed_forward", "attention"):
        takes = [each for each in stacks if key not in each and key not in _left_out(each)]
        if not takes and (key != "attention" or not _attends(model)):
            del model[key]
    if all("position" in each for each in stacks):
        del model["embedding"]["position"]


def _attends(model: Tree) -> bool:
    """Whether a decoder takes what is common to all attentions."""
    return "decoder" in model and "attention" not in _left_out(model["decoder"])


def _left_out(stack: Tree) -> list[str]:
    """The settings that no sub-layer of a stack takes."""
    has = {"attention": _has_attention(stack), "feed_forward": "feed_forward" in sub_layers(stack)}
    return [name for name, is_there in has.items() if not is_there]


def _has_attention(stack: Tree) -> bool:
    """Whether some layer has self- or cross-attention; linear attention is a mixer."""
    return any(each in sub_layers(stack) for each in ("self_attention", "cross_attention"))


def _without_unused(model: Tree, task: str) -> None:
    """The settings without those for norms, logits, weights or kernels that do not exist."""
    stacks = [model[stack] for stack in ("encoder", "decoder") if stack in model]
    if all(stack.get("norm", model.get("norm", {})).get("kind") == "none" for stack in stacks):
        model["embedding"]["norm"] = False
    _first_norms(model, stacks)
    _late_positions(model, stacks)
    if task in ("classification", "embedding"):
        model.pop("output", None)
    if any(part.get("norm", {}).get("kind") == "none" for part in (model, *stacks)):
        _tame(model)
    if not any(_takes_flex(model, stack) for stack in stacks):
        model["kernel"] = "auto"
    attends = any(map(_has_attention, stacks))
    if model["initialization"] == "fairseq" and not attends:
        model["initialization"] = "xavier"


def _first_norms(model: Tree, stacks: list[Tree]) -> None:
    """First layers that take turns with others have the norms that these have."""
    takes_turns = any(_turns(stack) for stack in stacks)
    for part in (model, *stacks):
        if takes_turns and part.get("norm", {}).get("first") is False:
            del part["norm"]["first"]


def _turns(stack: Tree) -> bool:
    """Tell whether the layers of the first kind of a stack share weights."""
    groups = stack["layers"] if isinstance(stack["layers"], list) else [stack]
    return "distinct" in groups[0]


def _late_positions(model: Tree, stacks: list[Tree]) -> None:
    """Positions come after the norm of embeddings where they have one."""
    kinds = [stack.get("norm", model.get("norm", {})).get("kind") for stack in stacks]
    if model["embedding"].get("norm") and "none" not in kinds:
        return
    for part in (model["embedding"], *stacks):
        if isinstance(position := part.get("position"), dict):
            position.pop("after_norm", None)


def _takes_flex(model: Tree, stack: Tree) -> bool:
    """Whether its first layers have self-attention of plain scores, at least."""
    position = kind_of(stack.get("position") or model["embedding"].get("position"))
    mask = str(stack.get("self_attention", {}).get("mask"))
    is_plain = "last" not in mask and position not in kinds_of(BiasPosition)
    return is_plain and "self_attention" in sub_layers(stack)


def _tame(part: Tree) -> None:
    """Without what overflows in many layers that nothing normalises: powers of their inputs."""
    for key, below in part.items():
        if key == "feed_forward":
            below["gated"] = False
            for bound in ("clamp", "up_offset"):
                below.pop(bound, None)
            if below["activation"] in ("relu_squared", "xielu"):
                below["activation"] = "relu"
        elif isinstance(below, dict):
            _tame(below)


def _own_settings(choose: Chooser, model: Tree) -> None:
    """Settings of one stack or sub-layer over those of the model."""
    if choose("own_settings"):
        model["encoder"] |= {"norm": _norm(choose), "dropout": choose("dropout")}
        model["decoder"] |= {"feed_forward": _feed_forward(choose)}
        _other_experts(model["feed_forward"], model["decoder"]["feed_forward"])
    if choose("own_settings"):
        model["encoder"]["attention"] = _attention(choose)
    if choose("own_settings"):
        model["decoder"]["cross_attention"] = _attention(choose)
    _blocks(choose, model)
    for stack in ("encoder", "decoder"):
        if scale := choose("layer_scale"):
            model[stack]["layer_scale"] = scale
        if residual := choose("residual"):
            _streams(model, stack, residual)
    if position := choose("position_of_decoder"):
        model["decoder"]["position"] = position
    _kernel(choose, model)
    _kinds(choose, model)
    for stack, sub_layer, knob in PLACES:
        mask = choose(knob)
        if mask is not None:
            below = model[stack].setdefault(sub_layer, {})
            below["mask"] = mask


def _streams(model: Tree, stack: str, residual: Tree) -> None:
    """Several streams, where no norm is applied to a sum."""
    norm = model[stack].get("norm", model["norm"])
    if norm["kind"] == "none" or norm.get("place") in ("pre", "output", "sandwich"):
        model[stack]["residual"] = residual


def _blocks(choose: Chooser, model: Tree) -> None:
    """Sub-layers in another order than the paper's."""
    blocks = {
        "no feed-forward": ["self_attention"],
        "feed-forward first": ["feed_forward", "self_attention"],
        "two feed-forwards": ["feed_forward", "self_attention", "feed_forward"],
        "side by side": [["self_attention", "feed_forward"]],
        "side by side, joint norm": [["self_attention", "feed_forward"]],
    }
    drawn = choose("block")
    if block := blocks.get(drawn):
        model["encoder"]["block"] = block
    if drawn == "side by side, joint norm":
        norm = dict(model["encoder"].get("norm", model["norm"]))
        is_read = norm.get("place") in ("pre", "sandwich")
        model["encoder"]["norm"] = norm | ({"joint": True} if is_read else {})


def _kinds(choose: Chooser, model: Tree) -> None:
    """Layers of a second kind after those of the first, with another mask and other heads."""
    for stack in ("encoder", "decoder"):
        if choose("kinds_of_layers") == 2:
            d_k, d_v = (32, 20) if model["kernel"] == "flex" else (4, 1)
            other: Tree = {"self_attention": {"heads": 2, "d_k": d_k, "d_v": d_v}}
            if mask := choose(f"{stack}_mask"):
                other["self_attention"]["mask"] = mask
            if position := choose("position_of_layers"):
                other["position"] = position
            first = {
                "repeat": model[stack]["layers"],
                "stochastic_depth": choose("stochastic_depth"),
            }
            model[stack]["layers"] = [first, other]
            if not _balances(model) and (distinct := choose("distinct")):
                other |= {"repeat": 3, "distinct": distinct}


def _balances(part: Any) -> bool:
    """Whether there are experts with a balance loss, as layers that take turns can have none."""
    if isinstance(part, dict):
        experts = part.get("experts")
        is_balanced = bool(experts and experts.get("balance_loss", 0.01))
        is_balanced = is_balanced or bool(experts and "correction" in experts)
        return is_balanced or any(map(_balances, part.values()))
    return isinstance(part, list) and any(map(_balances, part))


def _kernel(choose: Chooser, model: Tree) -> None:
    """FlexAttention drops no weights, and needs heads of at least 16."""
    model["kernel"] = choose("kernel")
    if model["kernel"] == "flex":
        for settings in (model["attention"], model["encoder"].get("attention", {})):
            for key in ("dropout", "kv_heads", "scale", "soft_cap", "sinks", "differential"):
                settings.pop(key, None)
            settings |= {"d_k": 16, "d_v": 18}


def _attention(choose: Chooser) -> Tree:
    """Heads of four numbers where rotary positions turn pairs of half of them; 3 heads go, too."""
    settings: Tree = {
        "heads": choose("heads"),
        "d_k": choose("d_k"),
        "d_v": choose("d_v"),
        "kv_heads": choose("kv_heads"),
        "bias": choose("bias"),
        "output_bias": choose("attention_output_bias"),
        "scale": choose("attention_scale"),
        "soft_cap": choose("score_cap"),
        "query_key_norm": choose("query_key_norm"),
        "dropout": choose("attention_dropout"),
        **{key: choose(key) for key in VARIANTS},
    }
    if settings["heads"] == 3 or settings["differential"]:
        settings |= {key: settings[key] or 4 for key in ("d_k", "d_v")}
    if latent := choose("latent"):
        settings["latent"] = latent
    return {key: value for key, value in settings.items() if value is not None}


def _norm(choose: Chooser) -> Tree:
    """A norm of a kind has the settings of this kind alone."""
    kind = choose("norm")
    norm: Tree = {"kind": kind}
    if kind != "none":
        norm |= {"place": choose("place"), "final": choose("final"), "eps": choose("eps")}
        key, knob = ("bias", "norm_bias") if kind == "layer_norm" else ("offset", "offset")
        norm[key] = choose(knob)
        if norm["place"] in ("pre", "sandwich"):
            norm["first"] = choose("first")
    return {key: value for key, value in norm.items() if value is not None}


def _feed_forward(choose: Chooser) -> Tree:
    settings = {
        "d_ff": choose("d_ff"),
        "activation": choose("activation"),
        "gated": choose("gated"),
        "bias": choose("feed_forward_bias"),
        "dropout": choose("activation_dropout"),
        "scale": choose("feed_forward_scale"),
        "experts": choose("experts"),
    }
    if settings["gated"]:
        settings |= {key: choose(key) for key in ("clamp", "up_offset")}
    return {key: value for key, value in settings.items() if value is not None}


def _other_experts(usual: Tree, own: Tree) -> None:
    """Experts of the decoder without what it would inherit, and what goes with other numbers."""
    inherited, experts = usual.get("experts", {}), own.get("experts", {})
    if experts:
        experts |= {
            key: None for key in ("groups", "normalize") if key in inherited and key not in experts
        }


def _output(choose: Chooser) -> Tree:
    output = {"bias": choose("output_bias"), "scale": choose("output_scale")}
    cap = choose("soft_cap")
    return output if cap is None else output | {"soft_cap": cap}
