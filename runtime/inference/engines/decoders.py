"""The decoder of a network: our own search, or that of the program that an export is opened by."""

from torch import nn

from compiler.spec.spec import Spec
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.ends import Ends
from runtime.inference.engines.ctranslate2_decoder import CTranslate2Decoder
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.inference.engines.decoder import Decoder


def decoder_of(
    model: nn.Module | CTranslate2Network, spec: Spec, workers: int, tokenizer: Tokenizer
) -> Decoder:
    """Return what decodes with a network as a spec's `decoding:` describes.

    `tokenizer` is that of the texts that are written. Raises a UserError for settings that an
    export cannot honour.
    """
    if isinstance(model, CTranslate2Network):
        return CTranslate2Decoder(model, spec)
    return BatchDecoder(model, spec, workers=workers, ends=Ends.of(spec, tokenizer))
