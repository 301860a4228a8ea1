"""What is received, and what is safe: the byte from which nothing is needed any more."""

from itertools import pairwise

import pytest

from surtitle.messages import Ack, Start
from tests.captioning.chunking import Chunking, three_ways
from tests.captioning.driver import W, ok, open_session, silence, speech, three_utterances


def test_received_counts_bytes() -> None:
    driver = open_session()
    driver.feed(b"\x01", b"", b"\x01\x02")
    assert driver.session.ack().received == 3


def test_safe_follows_silence_at_the_distance_of_the_pre_roll() -> None:
    driver = open_session()
    driver.feed(*[silence(1)] * 100)
    assert driver.session.ack() == Ack(received=200 * W, safe=2 * (100 - 4) * W)


def test_safe_waits_at_the_start_of_an_utterance_until_it_is_answered() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(*[silence(1)] * 10, *[speech(1)] * 10, *[silence(1)] * 20)
    assert driver.session.ack().safe == 2 * 6 * W
    driver.give(ok(driver.finals[0]))
    assert driver.session.ack().safe == 2 * (40 - 4) * W


def test_safe_does_not_pass_an_utterance_that_is_waited_for() -> None:
    driver = three_utterances()
    driver.give(ok(driver.finals[1]), ok(driver.finals[2]))
    assert driver.session.ack().safe == 0


def test_at_the_end_everything_is_safe() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(9.3), b"\x01")
    driver.stop()
    assert driver.session.ack().safe == driver.session.ack().received


@three_ways
@pytest.mark.parametrize("channels", [1, 3])
def test_safe_never_lies_inside_a_sample(channels: int, chunking: Chunking) -> None:
    """A new session that is fed from there must not read every sample askew."""
    driver = open_session(Start(language="en", channels=channels))
    driver.feed(*chunking(silence(6 * channels)))
    assert driver.acks[-1].safe > 0
    assert {ack.safe % (2 * channels) for ack in driver.acks} == {0}


@three_ways
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
def test_safe_does_not_count_what_the_resampler_holds_back(rate: int, chunking: Chunking) -> None:
    driver = open_session(Start(language="en", sample_rate=rate))
    for piece in chunking(bytes(rate // 2)):  # a quarter of a second
        driver.session.receive_audio(piece)
        driver.score()
        answered = max(driver.windows - 4, 0) * W  # samples at 16 kHz
        assert driver.session.ack().safe // 2 * 16000 <= answered * rate


def test_safe_never_falls_back() -> None:
    driver = open_session(answer=ok)
    for seed in range(10):
        driver.feed(*[silence(0.7)] * (seed * 3), *[speech(0.9, seed)] * 20, *[silence(1.3)] * 9)
        driver.session.flush()
        driver.pump()
    assert all(a.safe <= b.safe <= b.received for a, b in pairwise(driver.acks))
