"""What a decode of Whisper may take: how long a window, how many tokens, how large a batch. Pure."""

from surtitle.jobs import MAX_WINDOW_S, Windows

FRAMES_PER_SECOND = 100
"""Mel frames of Whisper in a second."""

WINDOWS = {
    "english": Windows(final_floor_s=12.5, partial_floor_s=7.5, telephone_floor_s=MAX_WINDOW_S),
    "multilingual": Windows(final_floor_s=20.0, partial_floor_s=7.5),
}
"""Shorter windows or less margin make the model loop; measured, see docs/performance.md. (Time
stamps in the text allow 10 s for the multilingual models too, but cost more errors than they save.)
"""

CPU_BATCH = 2
GPU_BATCH = 16
"""Jobs in a batch. On a CPU a batch of two decodes as much as two of one or somewhat more, and a
larger one less: its activations leave the cache. On a GPU the decoder reads its weights once for
all of them."""
GPU_PARALLEL = 2
"""Batches at once on a GPU: while one is decoded, features of the next are computed."""
HEAD_UNITS = 64
"""Units of an attention head in every Whisper model."""
POSITIONS_PER_SECOND = 50
"""Of the encoder: its second convolution has a stride of 2."""
MAX_SCORE_BYTES = 32 << 20
"""Attention scores (batch x heads x positions squared x 4 bytes) beyond which encoding on a CPU falls
off a cliff: glibc maps and unmaps a block of more than 32 MiB at every use."""

TOKENS_PER_SECOND = 14
TOKENS_SPARE = 24
"""Budget of new tokens: fast speech in most languages, with half a token a letter. (Few at most: a
decode that loops goes on until there is no more room.)"""
# fmt: off
DENSE_LANGUAGES = frozenset({
    "am", "as", "bn", "bo", "gu", "hi", "hy", "ka", "km", "kn", "lo", "ml", "mr", "my", "ne", "pa",
    "sa", "si", "te",
})
# fmt: on
DENSE_TOKENS_PER_SECOND = 45
"""Scripts whose letters take one to three tokens each, at 15 letters a second."""
MAX_LENGTH = 448
"""Positions of Whisper's decoder, of which at most half are for new tokens."""
MAX_PROMPT_TOKENS = 160
"""Of what the model is given to read before."""


def window_frames(window_s: float) -> int:
    """Mel frames of a window of so many seconds.

    Never 159 or 160 frames, which CTranslate2 takes for an encoded array: windows are far longer.
    """
    return round(window_s * FRAMES_PER_SECOND)


def max_batch_square_s2(width: int) -> float:
    """See ModelInfo.max_batch_square_s2; by MAX_SCORE_BYTES for an encoder of so many units."""
    heads = width // HEAD_UNITS
    return MAX_SCORE_BYTES / (4 * heads * POSITIONS_PER_SECOND**2)


def token_budget(seconds: float, prompt_tokens: int, language: str = "") -> int:
    """`max_length` that lets CTranslate2 write the tokens that so much speech may have."""
    dense = language in DENSE_LANGUAGES
    new = round(seconds * (DENSE_TOKENS_PER_SECOND if dense else TOKENS_PER_SECOND)) + TOKENS_SPARE
    return min(max(2 * new, prompt_tokens + new), MAX_LENGTH)


def new_tokens(max_length: int, prompt_tokens: int) -> int:
    """How many tokens CTranslate2 writes at most."""
    return min(max_length // 2, max_length - prompt_tokens)
