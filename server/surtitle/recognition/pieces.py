"""How sure the model is of the newest words that it has written. Pure."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from surtitle.jobs import Piece

NEWEST_TOKENS = 8
"""Tokens whose probability is looked up: some six words. What more words follow is hardly ever
changed, and each costs a pass over the vocabulary."""

Split = Callable[[list[int]], tuple[list[str], list[list[int]]]]
"""Cuts tokens into pieces of text of whole characters, and says which tokens each is made of."""


def newest_pieces(
    tokens: Sequence[int], logits: Sequence[NDArray[np.float32]], split: Split
) -> tuple[Piece, ...]:
    """Text and probability of the tokens, one piece for those that share a character.

    `logits`, each of shape (vocabulary,), are what the token in the same place was chosen by.
    """
    with np.errstate(over="ignore"):
        probabilities = iter(
            [_probability(values, token) for values, token in zip(logits, tokens, strict=True)]
        )
    texts, parts = split(list(tokens))
    return tuple(
        Piece(text, min(next(probabilities) for _ in part))
        for text, part in zip(texts, parts, strict=True)
    )


def _probability(logits: NDArray[np.float32], token: int) -> float:
    """Softmax of the logits at the token.

    Without subtracting the largest first, which would be a fourth of the work: Whisper's are below 45.
    Beyond 88, or where all are below -104, single precision ends, and the token counts as not sure.
    """
    exponentials = np.exp(logits)
    total = float(exponentials.sum())
    return float(exponentials[token]) / total if 0 < total < np.inf else 0.0
