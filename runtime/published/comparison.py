"""An imported network beside the one that it was made from, as `transformers` computes it."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor, nn

from compiler.spec.decoding import BeamSearch
from compiler.spec.model import Pooling
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from compiler.weights.config import AUTO, HEADLESS
from compiler.weights.rows import unwanted
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.ends import Ends
from runtime.package import features_of
from runtime.published.folder import Folder

CLOSE = 1e-4
"""The largest difference that float32 explains, as a share of the largest number, or of 1."""
NEW_TOKENS = 20
TEXTS = (
    "The old king knows the woman who gave him the letter.",
    "Der Hund schläft, weil er müde ist.",
    "A dog sleeps.",
    "In 1984, 3.5 % of all naïve façades cost $12!",
)
"""Texts that are compared: two languages, numbers and marks, of unequal length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of two networks: how far apart their numbers and texts are."""

    what: str
    """`logits`, `vectors` or `hidden states`."""
    texts: int
    difference: float
    largest: float
    """The largest of theirs, or 1."""
    greedy_equal: int | None
    """Texts that both continue or translate in the same way; None for networks that write none."""

    @property
    def is_close(self) -> bool:
        is_equal = self.greedy_equal is None or self.greedy_equal == self.texts
        return self.difference <= CLOSE * self.largest and is_equal

    def __str__(self) -> str:
        greedy = ""
        if self.greedy_equal is not None:
            greedy = f", {self.greedy_equal}/{self.texts} greedy texts equal"
        size = f"of numbers up to {self.largest:.3g}"
        return f"{self.texts} texts: {self.what} within {self.difference:.0e} {size}{greedy}"

    def record(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return asdict(self) | {"bound": CLOSE}


def can_compare() -> bool:
    """Return whether `transformers` is installed."""
    from importlib.util import find_spec

    return find_spec("transformers") is not None


def compare(
    folder: Folder,
    model: nn.Module,
    spec: Spec,
    tokenizers: tuple[Tokenizer, Tokenizer],
    rows: Rows,
    *,
    has_head: bool,
    classes: Sequence[int] = (),
    texts: Sequence[str] = TEXTS,
) -> Comparison:
    """Return how far our network is from theirs on some texts.

    `classes` is their number of each of our labels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another library, about its own future
        theirs = load_theirs(folder, spec.task, has_head=has_head)
        sides = [tokenizer.encode_lines(texts) for tokenizer in tokenizers]
        encoded = [
            (_cut(source, spec), _cut(target, spec)) for source, target in zip(*sides, strict=True)
        ]
        pair = _Pair(
            model=model,
            theirs=theirs,
            spec=spec,
            rows=rows,
            has_head=has_head,
            classes=list(classes),
            prefix=_prefix(spec, tokenizers[1]),
            ends=Ends.of(spec, tokenizers[1]),
        )
        return pair.compared(encoded)


def load_theirs(folder: Folder, task: str, *, has_head: bool) -> Any:
    """Return the network of `transformers`, in float32, which writes plain greedy texts.

    `generate` takes what its configuration leaves open from that of the network, which the folder
    may have filled with penalties and tokens that are forced; of it the ends stay.
    """
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    kind = getattr(transformers, AUTO[task] if has_head else HEADLESS)
    options = {"dtype": torch.float32, "local_files_only": True, "attn_implementation": "eager"}
    try:
        network = kind.from_pretrained(folder.path, **options).eval()
    except Exception as error:  # each of its checks raises another one
        version, reason = transformers.__version__, next(iter(str(error).splitlines()), "")
        raise UserError(
            f"transformers {version} cannot load {folder.path}: {type(error).__name__} {reason}",
            help="nothing was written: the two networks could not be compared",
        ) from error
    if said := getattr(network, "generation_config", None):
        network.generation_config = transformers.GenerationConfig(eos_token_id=said.eos_token_id)
    return network


def _cut(tokens: list[int], spec: Spec) -> list[int]:
    return tokens[: min(spec.data.max_length - NEW_TOKENS - 2, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two networks, and how their tokens are numbered."""

    model: nn.Module
    theirs: Any
    spec: Spec
    rows: Rows
    has_head: bool
    classes: list[int]
    prefix: list[int]
    """Tokens that every text is made to begin with."""
    ends: Ends

    @property
    def _reads(self) -> bool:
        return TASKS[self.spec.task].reads_a_source

    @property
    def _what(self) -> str:
        if self.spec.model.pooling is not None:
            return "vectors"
        return "logits" if self.has_head else "hidden states"

    @torch.inference_mode()
    def compared(self, encoded: Sequence[tuple[list[int], list[int]]]) -> Comparison:
        differences, largest, equal = [0.0], [1.0], 0
        writes = self.spec.model.decoder is not None
        for source, target in encoded:
            ours, theirs = self._outputs(source, target)
            differences.append(float((ours - theirs).abs().max()))
            largest.append(float(theirs.abs().max()))
            equal += writes and self._is_written_alike(source)
        return Comparison(
            what=self._what,
            texts=len(encoded),
            difference=max(differences),
            largest=max(largest),
            greedy_equal=equal if writes else None,
        )

    def _outputs(self, tokens: list[int], target: list[int]) -> tuple[Tensor, Tensor]:
        """Return the numbers of both for a text, ours and theirs, of the tokens both have."""
        if self._reads:
            source, written = [*tokens, END], [BEGIN, *target]
            ours = self.model(_row(source), _row(written))
            theirs = self.theirs(
                input_ids=self._their(source),
                decoder_input_ids=self._their(written),
                use_cache=False,
            ).logits
        else:
            whole = TASKS[self.spec.task].reads_whole_texts
            text = [BEGIN, *tokens, END] if whole else [BEGIN, *tokens]
            if self.spec.model.pooling is not None:
                return self._vectors(text, self.spec.model.pooling)
            ours = self._logits(text) if self.has_head else self._states(text)
            found = self.theirs(input_ids=self._their(text), use_cache=False)
            theirs = found.logits if self.has_head else found.last_hidden_state
        if not self.has_head:
            return ours, theirs
        if self.spec.task == "classification":
            return ours, theirs[..., self.classes]
        never = set(unwanted(self.rows))
        kept = [n for n, row in enumerate(self.rows.theirs) if row is not None and n not in never]
        return ours[..., kept], theirs[..., [self.rows.theirs[each] for each in kept]]

    def _logits(self, text: list[int]) -> Tensor:
        return cast(Tensor, cast(Any, self.model).project(features_of(self.model)(_row(text))))

    def _states(self, text: list[int]) -> Tensor:
        """Return the output of our encoder."""
        encode = cast(Any, self.model).encode
        kinds = [torch.zeros(1, len(text), dtype=torch.long)]
        own = kinds if "segments" in signature(encode).parameters else []
        return cast(Tensor, encode(_row(text), *own))

    def _vectors(self, text: list[int], pooling: Pooling) -> tuple[Tensor, Tensor]:
        """Return the vectors of a text [1, width]: ours, and their states pooled as the files say.

        No library but sentence-transformers makes vectors of states.
        """
        states = self.theirs(input_ids=self._their(text)).last_hidden_state
        pooled = {"mean": states.mean(1), "first": states[:, 0], "last": states[:, -1]}
        theirs = pooled[pooling.kind]
        if pooling.normalize:
            theirs = theirs / theirs.norm(dim=-1, keepdim=True)
        return features_of(self.model)(_row(text)), theirs

    def _their(self, tokens: Sequence[int]) -> Tensor:
        """Return tokens of ours as theirs [1, position]."""
        return torch.tensor([[self.rows.theirs[each] or 0 for each in tokens]])

    def _is_written_alike(self, tokens: list[int]) -> bool:
        """Return whether both write the same tokens greedily."""
        decoding = BeamSearch(beam=1, max_extra_length=NEW_TOKENS, max_length=NEW_TOKENS)
        decoding = decoding if self._reads else BeamSearch(beam=1, max_extra_length=NEW_TOKENS)
        spec = self.spec.model_copy(update={"decoding": decoding})
        decoder = BatchDecoder(self.model, spec, ends=self.ends)
        sources, prompt = ([tokens], self.prefix) if self._reads else (None, tokens)
        (best,), *_ = decoder.decode(sources, prefixes=[prompt])
        return [self.rows.theirs[each] for each in best.tokens] == self._written(tokens)

    def _written(self, tokens: list[int]) -> list[int]:
        """Return what theirs writes, without the token that ends it."""
        from transformers import GenerationConfig

        begin, end = self.rows.theirs[BEGIN], self.rows.theirs[END]
        said = self.theirs.generation_config.eos_token_id
        own = [self.rows.theirs[each] for each in self.ends.tokens]
        ends = own if said is None else said if isinstance(said, list) else [said]
        never = {self.rows.theirs[PADDING], begin} - {*ends, None}
        config = GenerationConfig(
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            num_beams=1,
            use_cache=False,  # that of encoders and decoders of unequal depth fails
            pad_token_id=end if self.rows.theirs[PADDING] is None else self.rows.theirs[PADDING],
            bos_token_id=begin,
            eos_token_id=ends,
            decoder_start_token_id=begin,
            suppress_tokens=sorted(each for each in never if each is not None) or None,
        )
        text = self._their([*tokens, END] if self._reads else [BEGIN, *tokens])
        mask, begun = torch.ones_like(text), [BEGIN, *self.prefix]
        more = {"decoder_input_ids": self._their(begun)} if self._reads else {}
        found = self.theirs.generate(text, attention_mask=mask, generation_config=config, **more)[0]
        written = found.tolist()[len(begun) if self._reads else text.size(1) :]
        return written[:-1] if written and written[-1] in ends else written


def _prefix(spec: Spec, tokenizer: Tokenizer) -> list[int]:
    prefix = spec.decoding.prefix
    return [tokenizer.number(each) for each in prefix] if isinstance(prefix, list) else []


def _row(tokens: Sequence[int]) -> Tensor:
    return torch.tensor([list(tokens)])
