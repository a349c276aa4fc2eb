"""The page of attention weights: one file with all heads of one or several runs for some texts.

Weights are rounded to 8 bits, which is finer than a screen shows.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from compiler.page.html import file_beside
from compiler.page.interactive import interactive_page
from runtime.attention.attention import Attention, Layer
from runtime.attention.figure import APART, HEADS, LEAST, SHADE, SPREAD
from runtime.attention.layers import STREAMS
from runtime.attention.words import Stream

LEVELS = 255
"""The largest number of 8 bits stands for the weight 1."""
TITLE_LENGTH = 60

BODY = """\
<h1>{title}</h1>
<p class="about">Each line joins a position that reads (query) with one that it reads (key); it is
the darker the larger the weight. Point at a token to see its lines alone, click to keep them.
{decoder}</p>
<div class="controls" id="controls"></div>
<p id="readout" aria-live="polite"></p>
<div class="panels" id="panels"></div>
<p class="note keys"><kbd>↑</kbd> <kbd>↓</kbd> layer, <kbd>←</kbd> <kbd>→</kbd> one head,
<kbd>a</kbd> all heads, <kbd>k</kbd> kind of attention, <kbd>v</kbd> view, <kbd>w</kbd> words,
<kbd>m</kbd> masks, <kbd>Esc</kbd> let go of a token. Weights are exact to one part in {levels}; the
colour of a matrix goes with their square root, grey may not be read.</p>
<noscript>This page draws with a script, which is in the file itself: allow it to run.</noscript>
"""
DECODER = "A position of the decoder reads its token and predicts the next one."


def attention_page(texts: Sequence[Sequence[Attention]]) -> str:
    """Return the page of some texts, each as one run reads it, or as several do side by side."""
    title = "Attention of " + ", ".join(dict.fromkeys(each.spec for each in texts[0]))
    return interactive_page(
        title=title,
        style=file_beside(__file__, "attend.css"),
        script=file_beside(__file__, "attend.js"),
        data=page_data(texts),
        body=BODY.format(
            title=escape(title), levels=LEVELS, decoder=DECODER if _has_decoder(texts) else ""
        ),
    )


def _has_decoder(texts: Sequence[Sequence[Attention]]) -> bool:
    return any("target" in each.streams for several in texts for each in several)


def page_data(texts: Sequence[Sequence[Attention]]) -> dict[str, object]:
    """Return what the script of the page reads."""
    return {
        "colours": HEADS,
        "least": LEAST,
        "apart": APART,
        "spread": SPREAD,
        "shade": SHADE,
        "kinds": STREAMS,
        "start": {"kind": _first_kind(texts[0])},
        "texts": [
            {"title": _shortened(several[0].text), "panels": [_panel(each) for each in several]}
            for several in texts
        ],
    }


def framed(texts: Sequence[Attention], height: int = 720) -> str:
    """Return the page in a frame of another page, such as a notebook."""
    page = escape(attention_page([[each] for each in texts]))
    return (
        f'<iframe sandbox="allow-scripts" style="width: 100%; height: {height}px; border: 0" '
        f'title="attention weights" srcdoc="{page}"></iframe>'
    )


def quantised(weights: NDArray[np.float32]) -> bytes:
    """Return weights from 0 to 1 as bytes, each rounded to the nearest of 256 levels."""
    return np.rint(weights.clip(0, 1) * LEVELS).astype(np.uint8).tobytes()


def _first_kind(several: Iterable[Attention]) -> str:
    kinds = [each.kind for attention in several for each in attention.layers]
    return "encoder self-attention" if "encoder self-attention" in kinds else next(iter(kinds), "")


def _panel(attention: Attention) -> dict[str, object]:
    masks: dict[tuple[str, bytes], int] = {}
    layers = [_layer(each, masks) for each in attention.layers]
    have = {(each.kind, each.layer) for each in attention.layers}
    notes = list(attention.notes)
    for each in attention.without_weights:
        if (each.kind, each.layer) in have:
            notes.append(each.words)
        else:
            layers.append({"kind": each.kind, "layer": each.layer, "words": each.words})
    return {
        "name": attention.run,
        "about": attention.about,
        "notes": notes,
        "layers": layers,
        "masks": [{"text": text, "bits": _base64(bits)} for text, bits in masks],
        **{name: _stream(each) for name, each in attention.streams.items()},
    }


def _layer(layer: Layer, masks: dict[tuple[str, bytes], int]) -> dict[str, object]:
    """Return a layer; each different mask is written once, a bit for each pair of positions."""
    heads, queries, keys = layer.weights.shape
    own = []
    for text, allowed in zip(layer.masks, layer.allowed, strict=True):
        key = (text, np.packbits(allowed).tobytes())
        own.append(masks.setdefault(key, len(masks)))
    return {
        "kind": layer.kind,
        "layer": layer.layer,
        "heads": heads,
        "queries": queries,
        "keys": keys,
        "weights": _base64(quantised(layer.weights)),
        "masks": own,
    }


def _stream(stream: Stream) -> dict[str, object]:
    starts = [int(each) for each in stream.begins]
    return {"tokens": stream.tokens, "words": stream.words, "starts": starts}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _shortened(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= TITLE_LENGTH else f"{one_line[: TITLE_LENGTH - 1]}…"
