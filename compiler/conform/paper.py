"""All that the paper says of the settings of a spec, and all of which it does not speak."""

from compiler.conform.network import NETWORK
from compiler.conform.recipe import RECIPE, SCORES

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

SILENT = {
    "names": "Spec.spec_version Spec.name Spec.summary",
    "the kernels of attention": "Model.kernel",
    "how updates are computed": "Training.accumulate Training.precision Training.batching "
    "Training.compile Training.recompute Training.seed",
    "what is measured while training": "Validation.bleu Validation.metric",
    "places of files": "Data.folder Data.train Data.valid Data.test Data.tests",
    "scripts with many characters": "SentencePieceTokenizer.character_coverage",
    "the mark of segmented text": "SegmentedTokenizer.joiner",
}
"""The settings of which the paper does not speak, by what they are about."""

DETAILS = {
    "Vocabulary.shared": "Vocabulary.source Vocabulary.target",
    "Stack.layers": "LayerGroup.repeat",
    "Stack.position": "LearnedPosition RotaryPosition LinearScaling Llama3Scaling AlibiPosition "
    "RelativePosition NoPosition SinusoidalPosition.kind",
    "Model.initialization": "XavierInitialization FairseqInitialization NormalInitialization "
    "ScaledInitialization",
    "Model.prediction": "Prediction",
    "Model.classifier": "Classifier",
    "LayerGroup.recurrence": "Recurrence",
    "LayerGroup.convolution": "Convolution",
    "Attention.query_key_norm": "QueryKeyNorm",
    "Attention.mask": "HeadMask",
    "FeedForward.experts": "Experts",
    "Training.optimizer": "AdamW Sgd Adafactor Adam.kind",
    "Training.schedule": "Constant Linear Cosine WarmupStableDecay InverseSquareRoot.kind",
    "Training.ema": "MovingAverage",
    "Spec.decoding": "Sampling BeamSearch.kind",
    "Spec.task": "Training.masking MaskedTokens",
    "Data.tokenizer": "SentencePieceTokenizer.kind SegmentedTokenizer.kind "
    "LibraryTokenizer TokenizerSymbols",
    "Data.train": "ParallelFiles TabSeparated TextFiles LabelledFiles LabelledColumns",
}
"""The settings and sections that depend on a setting above, which is compared or in `SILENT`."""
