"""How sure the model is of the newest words that it has written."""

from collections.abc import Sequence

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import Tokenizer

from surtitle.jobs import Piece

NEWEST_TOKENS = 8
"""Tokens whose probability is looked up: some six words. What more words follow is hardly ever
changed, and each costs a pass over the vocabulary."""


def newest_pieces(
    tokens: Sequence[int], logits: Sequence[ctranslate2.StorageView], tokenizer: Tokenizer
) -> tuple[Piece, ...]:
    """The last NEWEST_TOKENS, those that share a character joined.

    `logits`, shape (vocabulary,), are what each token was chosen by.
    """
    first = max(len(tokens) - NEWEST_TOKENS, 0)
    probabilities = iter(
        [_probability(*each) for each in zip(logits[first:], tokens[first:], strict=False)]
    )
    texts, parts = tokenizer.split_tokens_on_unicode(list(tokens[first:]))
    return tuple(
        Piece(text, min(next(probabilities) for _ in part))
        for text, part in zip(texts, parts, strict=True)
    )


def _probability(logits: ctranslate2.StorageView, token: int) -> float:
    """Softmax of the logits at the token."""
    if logits.device != "cpu":
        logits = logits.to_device(ctranslate2.Device.cpu)
    if logits.dtype != ctranslate2.DataType.float32:
        logits = logits.to(ctranslate2.DataType.float32)
    values = np.asarray(logits)
    return float(1 / np.exp(values - values[token]).sum())
