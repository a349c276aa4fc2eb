"""The words of the paper about training and scores: sections 5 and 6."""

from compiler.conform.statement import Place, Statement, exactly, of_row
from compiler.spec.defaults import paper_peak


def _peak(place: Place) -> tuple[object, ...]:
    warmup = place.spec.training.schedule.warmup_steps
    return (paper_peak(place.spec.model.d_model, warmup),)


RECIPE = (
    Statement(
        section="5.1",
        keys=("Vocabulary.shared",),
        values=exactly(True),
        says="a shared vocabulary of source and target (English-German)",
    ),
    Statement(
        section="5.1",
        keys=("Vocabulary.size",),
        values=exactly(37000),
        says='"about 37000 tokens" (English-German)',
    ),
    Statement(
        section="5.1",
        keys=("Data.tokenizer", "SentencePieceTokenizer.model"),
        values=exactly("sentencepiece", "segmented", "bpe"),
        says="byte-pair encoding (Sennrich et al. 2016), learned by a tool that is not named; here "
        "sentencepiece learns it, or the text is segmented already",
    ),
    Statement(
        section="5.1",
        keys=("Training.batch_tokens",),
        values=exactly(25000),
        says="about 25000 source and 25000 target tokens a batch; here padding is counted, too",
    ),
    Statement(
        section="5.1",
        keys=("Data.max_length",),
        says="not given; tensor2tensor: 256 tokens",
    ),
    Statement(
        section="5.2",
        keys=("Training.steps",),
        values=of_row("steps"),
        says="100,000 updates of the base models, 300,000 of the big ones",
    ),
    Statement(
        section="5.2",
        keys=("Training.epochs",),
        values=exactly(None),
        says="the length of the training is given in updates, not in epochs",
    ),
    Statement(
        section="5.2",
        keys=("Validation.patience",),
        values=exactly(None),
        says="the number of updates is fixed",
    ),
    Statement(
        section="5.3",
        keys=("Training.optimizer",),
        values=exactly("adam"),
        says="Adam (Kingma and Ba 2015)",
    ),
    Statement(
        section="5.3",
        keys=("Adam.betas",),
        values=exactly([0.9, 0.98]),
        says="beta_1 = 0.9, beta_2 = 0.98",
    ),
    Statement(
        section="5.3",
        keys=("Adam.eps",),
        values=exactly(1e-9),
        says="epsilon = 1e-9",
    ),
    Statement(
        section="5.3",
        keys=("Training.schedule",),
        values=exactly("inverse_sqrt"),
        says="linear warm-up, then the inverse square root of the update (equation 3)",
    ),
    Statement(
        section="5.3",
        keys=("InverseSquareRoot.warmup_steps",),
        values=exactly(4000),
        says="warmup_steps = 4000",
    ),
    Statement(
        section="5.3",
        keys=("InverseSquareRoot.peak",),
        values=_peak,
        says="the highest rate is d_model^-0.5 warmup_steps^-0.5 (equation 3)",
    ),
    Statement(
        section="5.3",
        keys=("InverseSquareRoot.start",),
        values=exactly(0.0),
        says="the warm-up begins at zero (equation 3)",
    ),
    Statement(
        section="5.3",
        keys=("Training.clip_norm",),
        values=exactly(None),
        says="no bound on the gradient is named; tensor2tensor has none",
    ),
    Statement(
        section="5.4",
        keys=("Model.dropout",),
        values=of_row("dropout"),
        says="P_drop = 0.1 on the sums of embeddings and positions, 0.3 in big; Table 3 (D)",
    ),
    Statement(
        section="5.4",
        keys=("LayerGroup.dropout",),
        values=of_row("dropout"),
        says="P_drop on the output of each sub-layer, before it is added and normalized",
    ),
    Statement(
        section="5.4",
        keys=("Attention.dropout", "FeedForward.dropout"),
        values=exactly(0.0),
        says="no dropout of attention weights or activations is named (later presets of "
        "tensor2tensor have 0.1)",
    ),
    Statement(
        section="5.4",
        keys=("LayerGroup.stochastic_depth",),
        values=exactly(0.0),
        says="no sub-layer is left out",
    ),
    Statement(
        section="5.4",
        keys=("Training.label_smoothing",),
        values=of_row("smoothing"),
        says="epsilon_ls = 0.1 (Szegedy et al. 2016, who spread it over all labels, as here; "
        "tensor2tensor spreads it over all but the right one)",
    ),
    Statement(
        section="5.4",
        keys=("Training.ema",),
        values=exactly(None),
        says="no moving average of the weights",
    ),
)
SCORES = (
    Statement(
        section="6.1",
        keys=("Evaluation.average_last",),
        values=lambda place: (place.row.averaged,),
        says="the last 5 checkpoints of base, 20 of big are averaged; in Table 3 none (6.2)",
    ),
    Statement(
        section="6.1",
        keys=("Evaluation.checkpoint",),
        values=exactly("last"),
        says="the last checkpoints, not the best ones",
    ),
    Statement(
        section="6.1",
        keys=("Validation.every",),
        values=lambda place: (place.row.between,),
        says="checkpoints were written every 10 minutes: 1,500 updates of base at 0.4 s, 600 of "
        "big at 1.0 s (5.2)",
    ),
    Statement(
        section="6.1",
        keys=("Spec.decoding",),
        values=exactly("beam"),
        says="beam search",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.beam",),
        values=exactly(4),
        says="a beam size of 4",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.length_penalty",),
        values=exactly(0.6),
        says="length penalty alpha = 0.6",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.normalization",),
        values=exactly("gnmt"),
        says="the penalty of Wu et al. 2016: ((5 + length) / 6)^alpha",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.max_extra_length",),
        values=exactly(50),
        says="at most the length of the input + 50",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.max_length",),
        values=exactly(None),
        says="no bound on the length but that by the input",
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.stop",),
        values=exactly("beam", "certain"),
        says='"terminate early when possible": by which rule is not given',
    ),
    Statement(
        section="6.1",
        keys=("BeamSearch.min_length",),
        values=exactly(0),
        says="no shortest length is named",
    ),
    Statement(
        section="6.1",
        keys=(
            "BeamSearch.no_repeat_ngram",
            "BeamSearch.repetition_penalty",
            "BeamSearch.prefix",
        ),
        values=exactly(None),
        says="no other constraint on translations is named",
    ),
    Statement(
        section="6.1",
        keys=("Evaluation.metric",),
        values=exactly("bleu"),
        says="BLEU",
    ),
    Statement(
        section="6.1",
        keys=("Evaluation.tokenize", "Evaluation.lowercase"),
        says="not given; tensor2tensor's script splits compounds at hyphens of tokenized text, "
        "with case, which gives higher scores than sacreBLEU's 13a",
    ),
)
