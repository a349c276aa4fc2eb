"""The sections of Vaswani et al. (2017), the settings each determines, and those that none does."""

from compiler.conform.network import NETWORK
from compiler.conform.recipe import RECIPE, SCORES
from compiler.spec.mixer import MIXERS
from compiler.spec.tasks import Task

TITLES = {
    "3.1": "Encoder and decoder stacks",
    "3.2": "Attention",
    "3.3": "Position-wise feed-forward networks",
    "3.4": "Embeddings and softmax",
    "3.5": "Positional encoding",
    "5.1": "Training data and batching",
    "5.2": "Hardware and schedule",
    "5.3": "Optimizer",
    "5.4": "Regularization",
    "6.1": "Machine translation",
}

PAPER = (*NETWORK, *RECIPE, *SCORES)
STATEMENTS = {key: number for number, each in enumerate(PAPER) for key in each.keys}
"""The number of the statement about each key that is compared."""

OUTSIDE = {
    "names": "Spec.spec_version Spec.name Spec.summary",
    "the kernels of attention": "Model.kernel",
    "how updates are computed": "Training.accumulate Training.precision Training.batching "
    "Training.compile Training.recompute Training.seed",
    "what is measured while training": "Validation.bleu Validation.metric",
    "places of files": "Data.folder Data.train Data.valid Data.test Data.tests ParallelFiles "
    "TabSeparated TextFiles LabelledFiles LabelledColumns",
    "texts that run on": "RunningText Model.documents Evaluation.stride",
    "scripts with many characters": "SentencePieceTokenizer.character_coverage",
    "the mark of segmented text": "SegmentedTokenizer.joiner",
}
"""The keys, or sections, that say nothing of the model or the recipe, by what they are about."""

MOOT = {
    "vocabulary.shared": "Vocabulary.source Vocabulary.target",
    "encoder.layers and decoder.layers": "LayerGroup.repeat",
    "embedding.position and layers.position": "LearnedPosition RotaryPosition LinearScaling "
    "Llama3Scaling YarnScaling AlibiPosition RelativePosition NoPosition SinusoidalPosition.kind",
    "model.initialization": "XavierInitialization FairseqInitialization NormalInitialization "
    "ScaledInitialization MupInitialization",
    "task": "Model.prediction Prediction Model.classifier Classifier Model.pooling Pooling "
    "Training.masking MaskedTokens Training.contrast Contrast",
    "norm.kind": "Norm.offset",
    **{f"layers.{name}": kind.__name__ for name, kind in MIXERS.items()},
    "norm.place": "Norm.first",
    "embedding.norm": "SinusoidalPosition.after_norm",
    "attention.query_key_norm": "QueryKeyNorm",
    "attention.temperature": "PositionTemperature LogarithmTemperature",
    "attention.latent": "LatentAttention",
    "encoder.residual and decoder.residual": "Residual",
    "attention.mask": "HeadMask",
    "feed_forward.experts": "Experts ExpertGroups Correction SharedExpert",
    "training.optimizer": "AdamW Sgd Adafactor Muon Lion ScheduleFree Adam.kind",
    "training.schedule": "Constant Linear Cosine WarmupStableDecay InverseSquareRoot.kind",
    "training.ema": "MovingAverage",
    "training.batch_warmup": "BatchWarmUp",
    "training.context_warmup": "ContextWarmUp",
    "decoding": "Sampling BeamSearch.kind",
    "data.tokenizer": "SentencePieceTokenizer.kind SegmentedTokenizer.kind LibraryTokenizer "
    "TokenizerSymbols CharacterTokenizer ByteTokenizer SentencePieceTokenizer.file "
    "SentencePieceTokenizer.byte_fallback SentencePieceTokenizer.normalization "
    "SentencePieceTokenizer.user_symbols SentencePieceTokenizer.dropout "
    "SentencePieceTokenizer.sampling SentencePieceTokenizer.symbols",
}
"""The keys, or sections, about which there is nothing to say apart from the setting named first."""


def moot_for(task: Task) -> dict[str, str]:
    """Return the keys, or sections, that are moot, too, with a task.

    A task of one text has one vocabulary. One that projects to no tokens has no logits of them, and
    no second matrix that its embedding could be tied to.
    """
    keys = [] if task.reads_a_source else ["Vocabulary.shared Vocabulary.source Vocabulary.target"]
    keys += ["Embedding.tied Output"] if task.pools else []
    return {"task": " ".join(keys)}


SECTIONS = (
    *("Spec.model", "Spec.data", "Spec.training", "Spec.evaluation"),
    *("Model.vocabulary", "Model.embedding", "Model.output", "Model.encoder", "Model.decoder"),
    *("Stack.norm", "Training.validation"),
    *("LayerGroup.self_attention", "LayerGroup.cross_attention", "LayerGroup.feed_forward"),
)
"""The keys of sections that every model of the paper has: what they hold is compared."""
