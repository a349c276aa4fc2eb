"""`prediction:`, `classifier:` and `pooling:` to what follows an encoder."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.feed_forward import learned
from compiler.lower.residual import lower_norm
from compiler.lower.settings import Context
from compiler.ops.elementwise import Activation, Dropout
from compiler.ops.expression import Hyperparameter
from compiler.ops.linear import Linear
from compiler.ops.masking import PaddingMask
from compiler.ops.op import Op
from compiler.ops.pooling import MaskedMean, Normalize, SelectFirst, SelectLast
from compiler.ops.shape import BATCH, SOURCE
from compiler.spec.model import Classifier, Model, Pooling, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Attributes of the model, what they make of the encoder's output, and an output of its own."""

    parts: tuple[tuple[str, Op | Block], ...]
    features: Callable[[Body, str], str]
    output: tuple[str, Linear] | None = None


def lower_head(model: Model, context: Context) -> Head | None:
    """The one that the task has, if it has one."""
    if model.prediction is not None:
        if model.prediction.kind == "none":
            return None
        return _prediction(model, model.prediction, context)
    if model.classifier is not None:
        return _classifier(model.classifier, context)
    if model.pooling is not None:
        return _pooling(model.pooling, context)
    return None


def _prediction(model: Model, settings: Prediction, context: Context) -> Head:
    """A linear map, a non-linearity and a norm at each position (Devlin et al. 2019)."""
    assert model.encoder is not None
    hidden = _linear("output", context.d_model, context, bias=settings.bias)
    norm = lower_norm(model.encoder.norm, context)
    body = Body(context.origin("model.prediction"))
    x = body.apply(hidden, "x", part="hidden")
    activation = Activation(name=settings.activation)
    result = body.apply(activation, x, part=activation.part)
    if norm is not None:
        result = body.apply(norm, result, part="norm")
    inputs = (Input(name="x", shape=(BATCH, SOURCE, context.d_model)),)
    block = Block(
        names=("PredictionHead",),
        summary="What each position says of its token, before the projection to tokens.",
        parts=(("hidden", hidden), *learned(activation), *((("norm", norm),) if norm else ())),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )
    return Head(
        parts=(("prediction", block),), features=lambda body, x: body.invoke("prediction", x)
    )


def _classifier(settings: Classifier, context: Context) -> Head:
    """The first position or the mean, a linear map and a tanh (Devlin et al. 2019)."""
    pooler = _linear("output", context.d_model, context)
    classes = Hyperparameter("classes", settings.classes)
    output = replace(_linear("classes", classes, context), is_output_layer=True)

    def features(body: Body, x: str) -> str:
        body = body.at(context.origin("model.classifier"))
        pooled = _pooled(settings.pooling, body, x)
        hidden = body.apply(pooler, pooled, part="pooler")
        pooled = body.apply(Activation(name="tanh"), hidden, name="pooled")
        rate = Hyperparameter("classifier_dropout", settings.dropout)
        return body.apply(Dropout(rate=rate), pooled)

    return Head(
        parts=(("pooler", pooler), ("classifier", output)),
        features=features,
        output=("classifier", output),
    )


def _pooling(settings: Pooling, context: Context) -> Head:
    """One vector for a text, another linear map, and the length 1 (Reimers and Gurevych 2019)."""
    projection = None
    if settings.width is not None:
        width = Hyperparameter("vector_width", settings.width)
        projection = _linear("output", width, context)

    def features(body: Body, x: str) -> str:
        body = body.at(context.origin("model.pooling"))
        vector = _pooled(settings.kind, body, x)
        if projection is not None:
            vector = body.apply(projection, vector, part="projection")
        return body.apply(Normalize(), vector) if settings.normalize else vector

    return Head(parts=(("projection", projection),) if projection else (), features=features)


def _pooled(kind: str, body: Body, x: str) -> str:
    """The first position of each text, its last one, or the mean of all."""
    if kind == "first":
        return body.apply(SelectFirst(), x)
    pooling = SelectLast() if kind == "last" else MaskedMean()
    return body.apply(pooling, x, body.apply(PaddingMask(), "source"))


def _linear(name: str, width: Hyperparameter, context: Context, *, bias: bool = True) -> Linear:
    """Return a linear map of vectors as wide as the model."""
    return Linear(
        inputs=context.d_model,
        outputs=((name, width),),
        bias=bias,
        initial=context.initials.matrix,
    )
