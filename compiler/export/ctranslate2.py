"""A table of the settings that the specification of CTranslate2 (4.8) can say.

It has one kind of layer a stack, and little in it may differ from layer to layer. Some settings it
accepts and then does not apply: these are refused here, and tests show that it still does so.
"""

from collections.abc import Iterator

from compiler.export.ctranslate2_decoding import DECODING_RULES
from compiler.export.target import TRAINING, Place, Rule, Table
from compiler.export.verdict import Verdict, refused, said, said_otherwise
from compiler.mask.mask import ALL, CAUSAL
from compiler.mask.parse import parse
from compiler.spec.attention import Attention, QueryKeyNorm
from compiler.spec.mixer import MIXERS
from compiler.spec.model import LayerGroup, Model, Stack
from compiler.spec.position import AlibiPosition, NoPosition
from compiler.spec.tasks import TASKS, usual_block

ACTIVATIONS = {
    "relu": "RELU",
    "gelu": "GELU",
    "gelu_tanh": "GELUTanh",
    "quick_gelu": "GELUSigmoid",
    "silu": "SWISH",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}
"""The non-linearities that it has, each with its name of it."""
SIDE_BY_SIDE = [["self_attention", "feed_forward"]]
"""The block that a decoder without an encoder may have, too."""
USUAL_EPS = 1e-5


def eps_of(model: Model) -> float:
    """Return the number that is added to variances in the first stack that has norms."""
    found = (stack.norm.eps for _, stack in model.stacks() if stack.norm.eps)
    return next(found, USUAL_EPS)


def sees_distances(group: LayerGroup) -> bool:
    """Return whether the self-attention of layers knows of positions."""
    return not isinstance(group.position, NoPosition)


def _stack(place: Place) -> Stack:
    """Return the stack whose setting a place is."""
    assert place.stack is not None
    found: Stack = getattr(place.spec.model, place.stack)
    return found


def _attentions(stack: Stack) -> Iterator[Attention]:
    """Yield the settings of all attentions of a stack."""
    for group in stack.layers:
        yield from (each for each in (group.self_attention, group.cross_attention) if each)


def _task(place: Place) -> Verdict:
    if "decoder" in TASKS[place.spec.task].stacks:
        return said()
    return refused(f"has no head for `task: {place.value}`: it has decoders alone")


def _unless(usual: object, verdict: Verdict) -> Rule:
    """Return a rule by which one value is said, and all others have another verdict."""
    return lambda place: said() if place.value == usual else verdict


def _norm_place(place: Place) -> Verdict:
    if place.value in (None, "post", "pre", "sandwich"):
        return said()
    return refused(f"has norms before, after and around sub-layers, and not `{place.value}`")


def _final_norm(place: Place) -> Verdict:
    if place.value and _stack(place).norm.place == "post":
        return refused("has no norm after the last layer of a stack whose norms are `post`")
    return said()


def _eps(place: Place) -> Verdict:
    one = eps_of(place.spec.model)
    if place.value in (None, one):
        return said()
    return refused(f"has one `eps` for all norms of a model, here {one:g} and {place.value:g}")


def _block(place: Place) -> Verdict:
    usual = [*usual_block(place.spec.task, str(place.stack))]
    is_alone = place.spec.model.encoder is None
    if place.value == usual:
        return said()
    if place.value != SIDE_BY_SIDE or not is_alone:
        also = f" or of `{SIDE_BY_SIDE}`" if is_alone else ""
        return refused(f"has layers of `{usual}`{also} alone".replace("'", ""))
    if _stack(place).norm.place == "pre":
        return said()
    return refused("has sub-layers side by side after norms of the place `pre` alone")


def _heads(place: Place) -> Verdict:
    first = next(_attentions(_stack(place))).heads
    if place.value == first:
        return said()
    return refused(f"has one number of heads for a stack, here {first} and {place.value}")


def _head_width(place: Place) -> Verdict:
    settings = place.section
    assert isinstance(settings, Attention)
    if settings.d_k == settings.d_v:
        return said()
    return said_otherwise("queries, keys and values of one width, padded with zeros")


def _query_key_norm(place: Place) -> Verdict:
    settings = place.section
    assert isinstance(settings, Attention)
    if not isinstance(place.value, QueryKeyNorm):
        return said()
    if place.attention == "cross_attention":
        return refused("does not apply norms of queries and keys in cross-attention")
    if (settings.d_k or 0) < (settings.d_v or 0):
        return refused("has one width for queries, keys and values, and cannot normalise padding")
    return said()


def _mask(place: Place) -> Verdict:
    if not isinstance(place.value, str):
        return refused("has one mask for all heads")
    mask = parse(place.value)
    is_causal = (place.stack, place.attention) == ("decoder", "self_attention")
    if mask == (CAUSAL if is_causal else ALL):
        return said()
    if is_causal and "window" in place.value:
        return refused("applies windows step by step, and not where it reads a prompt or scores")
    return refused(f"has the mask `{'causal' if is_causal else 'all'}` alone here")


def _activation(place: Place) -> Verdict:
    if place.value not in ACTIVATIONS:
        return refused(f"has no activation `{place.value}`")
    first = next(each.feed_forward for each in _stack(place).layers if each.feed_forward)
    if place.value == first.activation:
        return said()
    both = f"`{first.activation}` and `{place.value}`"
    return refused(f"has one activation for a stack, here {both}")


def _added_position(place: Place) -> Verdict:
    groups = _stack(place).layers
    if sees_distances(groups[0]) or any(
        isinstance(each.position, AlibiPosition) for each in groups
    ):
        return refused("adds no positions to embeddings where layers know distances")
    return said()


def _no_position(place: Place) -> Verdict:
    """Return the verdict on a stack, or on layers, without positions.

    Where its first layer knows no distances it adds positions to embeddings, if need be of a
    formula of its own.
    """
    is_of_layers = len(place.path) > len(("model", "stack", "position", "kind"))
    if is_of_layers or sees_distances(_stack(place).layers[0]):
        return said()
    return said_otherwise("a table of zeros")


def _bias_position(place: Place) -> Verdict:
    """Return the verdict on a bias on scores: its first layer makes that of all layers."""
    if isinstance(place.section, AlibiPosition) and place.stack == "encoder":
        return refused("has ALiBi in decoders alone")
    if any(each.position != place.section for each in _stack(place).layers):
        return refused(f"has `{place.value}` positions in all layers of a stack, the same, or none")
    return said()


def _sinusoidal(place: Place) -> Verdict:
    verdict = _added_position(place)
    return verdict if verdict.is_refused else said_otherwise("a table of the first positions")


FOLDED = said_otherwise("a factor of the weights")
TOKENIZER = said("files beside the model")


CTRANSLATE2 = Table(
    name="ctranslate2",
    title="CTranslate2",
    option="--to ctranslate2",
    rules={
        "Spec.task": _task,
        "Model.d_model Stack.d_model Vocabulary": said(),
        "Model.prediction Model.classifier Model.pooling": _unless(
            None, refused("has no head behind an encoder")
        ),
        "Embedding.tied Embedding.scale Embedding.norm": said(),
        "Embedding.width": _unless(None, said_otherwise("tables as wide as the stream")),
        "Embedding.segments": _unless(None, refused("has no segments")),
        "Output.bias Output.soft_cap": said(),
        "Output.scale": _unless(1.0, said_otherwise("a factor of the output projection")),
        "AddedPosition.kind": _added_position,
        "SinusoidalPosition.kind": _sinusoidal,
        "AddedPosition AttentionPosition": said(),
        "LearnedPosition.offset": _unless(0, said_otherwise("the rows from there on")),
        "BiasPosition.kind": _bias_position,
        "RelativePosition.tables": _unless("shared", refused("has one table for all layers")),
        "NoPosition.kind": _no_position,
        "AddedPosition.after_norm": _unless(
            False, refused("adds positions before the norm of embeddings")
        ),
        "LinearScaling Llama3Scaling": said(),
        "YarnScaling": refused("has no angles stretched by YaRN"),
        "Norm": said(),
        "Norm.kind": lambda place: (
            refused("has norms in all layers") if place.value == "none" else said()
        ),
        "Norm.place": _norm_place,
        "Norm.first": _unless(None, refused("has norms in all layers, the first, too")),
        "Norm.final": _final_norm,
        "Norm.eps QueryKeyNorm.eps": _eps,
        "Norm.bias": lambda place: (
            said_otherwise("biases of zeros") if place.value is False else said()
        ),
        "Norm.offset": lambda place: (
            said_otherwise("1 added to the weights") if place.value else said()
        ),
        "LayerGroup.repeat": said(),
        "LayerGroup.distinct": _unless(None, said_otherwise("repeated layers, stored once")),
        "LayerGroup.block": _block,
        "Stack.residual": _unless(None, refused("has one residual stream")),
        "LayerGroup.layer_scale": _unless(None, refused("has no factors on what is added")),
        " ".join(f"LayerGroup.{name}" for name in MIXERS): lambda place: (
            said() if place.value is None else refused(f"has no {place.field.replace('_', ' ')}")
        ),
        "Attention": said(),
        "Attention.heads": _heads,
        "Attention.d_k Attention.d_v": _head_width,
        "Attention.soft_cap": _unless(None, refused("has no bound on scores")),
        "Attention.sinks": _unless(False, refused("has no score for reading nothing")),
        "Attention.temperature": _unless(None, refused("has no temperature of scores")),
        "Attention.value_embedding": _unless(False, refused("embeds no values of tokens")),
        "Attention.differential": _unless(False, refused("has one map for each head")),
        "Attention.output_gate": _unless(None, refused("has no gate on what attention gives")),
        "Attention.query_key_norm": _query_key_norm,
        "Attention.latent": _unless(None, refused("has no keys and values made of a latent")),
        "Attention.mask": _mask,
        "QueryKeyNorm.kind": _unless(
            "rms_norm", refused("normalises queries and keys by `rms_norm` alone")
        ),
        "QueryKeyNorm.place": _unless(
            "before_rotation", refused("normalises queries and keys before rotary positions alone")
        ),
        "QueryKeyNorm.over": _unless("head", refused("normalises queries and keys by heads alone")),
        "FeedForward": said(),
        "FeedForward.activation": _activation,
        "FeedForward.clamp": _unless(None, refused("bounds nothing that a gate multiplies")),
        "FeedForward.up_offset": _unless(0.0, refused("adds nothing to what a gate multiplies")),
        "FeedForward.scale": _unless(1.0, FOLDED),
        "FeedForward.experts": _unless(None, refused("has no mixture of experts")),
        "SentencePieceTokenizer SegmentedTokenizer LibraryTokenizer": TOKENIZER,
        "CharacterTokenizer ByteTokenizer TokenizerSymbols": TOKENIZER,
        "SentencePieceTokenizer.dropout SentencePieceTokenizer.sampling": TRAINING,
        "Data.max_length": said_otherwise("tables of positions have rows for such texts"),
        **DECODING_RULES,
    },
)
