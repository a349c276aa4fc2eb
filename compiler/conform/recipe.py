"""The words of the paper about training and scores: sections 5 and 6."""

from compiler.conform.statement import Place, Statement, exactly, of_row, unnamed
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
        says='"about 37000 tokens" for English-German; 32000 word pieces for English-French',
    ),
    Statement(
        section="5.1",
        keys=("Data.tokenizer", "SentencePieceTokenizer.model"),
        values=exactly("sentencepiece", "segmented", "bpe"),
        says="byte-pair encoding, learned by a tool that is not named; here sentencepiece learns "
        "it, or the text is segmented already",
    ),
    Statement(
        section="5.1",
        keys=("Training.batch_tokens",),
        values=exactly(25000),
        says="about 25000 source and 25000 target tokens a batch; here those of an update, padding "
        "included, in however many micro-batches",
    ),
    unnamed(
        "5.1",
        "Data.max_length",
        about="the longest sentence that is trained with",
        tensor2tensor="256 tokens",
    ),
    unnamed(
        "5.1",
        "Training.batch_warmup",
        values=exactly(None),
        about="batches that grow at first",
        tensor2tensor="none",
    ),
    unnamed(
        "5.1",
        "Training.context_warmup",
        values=exactly(None),
        about="texts that are short at first",
        tensor2tensor="none",
    ),
    Statement(
        section="5.2",
        keys=("Training.steps",),
        values=of_row("steps"),
        says="100,000 updates of the base models, 300,000 of the big ones",
    ),
    unnamed(
        "5.2",
        "Training.epochs",
        values=exactly(None),
        about="a bound on the passes over the text, beside that on updates",
        tensor2tensor="none",
    ),
    unnamed(
        "5.2",
        "Training.minutes",
        values=exactly(None),
        about="a bound on the time, beside that on updates",
        tensor2tensor="none",
    ),
    unnamed(
        "5.2",
        "Validation.patience",
        values=exactly(None),
        about="early stopping",
        tensor2tensor="none",
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
    unnamed(
        "5.3",
        "Training.clip_norm",
        values=exactly(None),
        about="a bound on the norm of the gradient",
        tensor2tensor="none",
    ),
    Statement(
        section="5.4",
        keys=("Model.dropout",),
        values=of_row("dropout"),
        says="P_drop = 0.1 on the sums of embeddings and positions, 0.3 in big (0.1 in big for "
        "English-French, 6.1); Table 3 (D) varies it",
    ),
    Statement(
        section="5.4",
        keys=("LayerGroup.dropout",),
        values=of_row("dropout"),
        says="P_drop on the output of each sub-layer, before it is added and normalized",
    ),
    unnamed(
        "5.4",
        "Attention.dropout",
        values=exactly(0.0),
        about="dropout of attention weights",
        tensor2tensor="0 at first; 0.1 in later presets",
    ),
    unnamed(
        "5.4",
        "FeedForward.dropout",
        values=exactly(0.0),
        about="dropout of the activations in the feed-forward network",
        tensor2tensor="0 at first; 0.1 in later presets",
    ),
    unnamed(
        "5.4",
        "LayerGroup.stochastic_depth",
        values=exactly(0.0),
        about="leaving out sub-layers at random",
    ),
    Statement(
        section="5.4",
        keys=("Training.label_smoothing",),
        values=of_row("smoothing"),
        says="epsilon_ls = 0.1 (Szegedy et al. 2016, who spread it over all labels, as here); "
        "Table 3 (D) varies it",
        tensor2tensor="spread over all labels but the right one",
    ),
    unnamed(
        "5.4",
        "Training.z_loss",
        values=exactly(0.0),
        about="a term of the loss that keeps logits small",
        tensor2tensor="none",
    ),
    unnamed(
        "5.4",
        "Training.ema",
        values=exactly(None),
        about="a moving average of the weights",
        tensor2tensor="none",
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
    unnamed(
        "6.1",
        "BeamSearch.stop",
        about='the rule by which a search ends: "terminate early when possible" gives none',
        tensor2tensor="as soon as the best translation is certain",
    ),
    unnamed(
        "6.1",
        "BeamSearch.min_length",
        values=exactly(0),
        about="a shortest length",
    ),
    unnamed(
        "6.1",
        "BeamSearch.no_repeat_ngram",
        "BeamSearch.repetition_penalty",
        values=exactly(None),
        about="a rule against repetitions",
        tensor2tensor="none",
    ),
    unnamed(
        "6.1",
        "BeamSearch.prefix",
        values=exactly(None),
        about="what every translation begins with",
    ),
    unnamed(
        "6.1",
        "BeamSearch.ends",
        values=exactly(None),
        about="further tokens that end a translation",
    ),
    Statement(
        section="6.1",
        keys=("Evaluation.metric",),
        values=exactly("bleu"),
        says="BLEU",
    ),
    unnamed(
        "6.1",
        "Evaluation.tokenize",
        about="the tokenization of BLEU",
        tensor2tensor="its script splits compounds at the hyphens of tokenized text, which gives "
        "higher scores than sacreBLEU's 13a",
    ),
    unnamed(
        "6.1",
        "Evaluation.lowercase",
        about="whether BLEU distinguishes capital letters",
        tensor2tensor="it does",
    ),
)
