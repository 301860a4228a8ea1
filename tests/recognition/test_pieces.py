"""How sure the model is of what it has written, on the bundled model."""

import numpy as np
import pytest

from surtitle.captioning.stability import confidences, split_units
from surtitle.jobs import DecodeOptions
from surtitle.recognition.pieces import NEWEST_TOKENS, newest_pieces
from tests.recognition.test_whisper import decoded, job


def test_a_partial_says_how_sure_its_newest_words_are() -> None:
    result = decoded([job("a", 0.0, 4.0, kind="partial")])["a"]
    ending = "".join(piece.text for piece in result.newest)
    assert result.text.endswith(ending.strip())
    assert 0 < len(result.newest) <= NEWEST_TOKENS
    assert all(0 < piece.probability <= 1 for piece in result.newest)
    sure = confidences(result.newest)
    assert len(sure) == len(split_units(ending))
    assert max(sure) > 0.9


def test_a_word_cut_in_half_is_less_sure_than_a_whole_one() -> None:
    """Over many ends of the audio: the last word is often half a word, the one before it is not."""
    ends_s = [2.0 + step / 8 for step in range(24)]
    jobs = [job(str(end_s), 0.0, end_s, kind="partial") for end_s in ends_s]
    found = [confidences(result.newest) for result in decoded(jobs).values() if result.newest]
    last = [each[-1] for each in found]
    before = [each[-2] for each in found if len(each) > 1]
    assert sum(last) / len(last) < sum(before) / len(before)


def test_jobs_of_one_batch_have_their_own() -> None:
    jobs = [job("a", 0.0, 4.0, kind="partial"), job("b", 2.0, 5.0, kind="partial")]
    together = decoded(jobs)
    for each in jobs:
        alone = decoded([each])[each.id]
        assert [piece.text for piece in together[each.id].newest] == [
            piece.text for piece in alone.newest
        ]
        for one, other in zip(together[each.id].newest, alone.newest, strict=True):
            assert abs(one.probability - other.probability) < 0.05


def test_a_final_has_none() -> None:
    assert decoded([job("a", 0.0, 4.0)])["a"].newest == ()


def test_characters_of_several_tokens_are_whole() -> None:
    """In a language whose characters take several tokens each piece is text that can be read."""
    decode_options = DecodeOptions(language="ko")
    result = decoded([job("a", 0.0, 4.0, decode_options, kind="partial", model="base")], "base")[
        "a"
    ]
    assert any("가" <= character <= "힣" for character in result.text)
    assert "\ufffd" not in "".join(piece.text for piece in result.newest[1:])


@pytest.mark.parametrize("largest", [-80.0, 0.0, 60.0])
def test_probabilities_are_the_softmax_of_the_logits(largest: float) -> None:
    logits = np.random.default_rng(1).normal(0, 3, 500).astype(np.float32)
    logits += np.float32(largest) - logits.max()
    exact = np.exp(logits.astype(np.float64) - largest)
    (piece,) = newest_pieces([7], [logits], lambda tokens: (["a"], [tokens]))
    assert piece.probability == pytest.approx(exact[7] / exact.sum(), rel=1e-3)


@pytest.mark.parametrize("largest", [-300.0, 95.0])
def test_logits_beyond_single_precision_are_not_sure(largest: float) -> None:
    logits = np.full(500, largest, np.float32)
    (piece,) = newest_pieces([7], [logits], lambda tokens: (["a"], [tokens]))
    assert piece.probability == 0
