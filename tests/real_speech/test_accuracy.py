"""The real models on real speech, through the socket."""

import asyncio

import numpy as np
import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE, SAMPLE_TEXT
from lab.server_process import ServerProcess
from lab.speech import recordings
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import Final, Partial, Start
from tests.marks import needs_speech
from tests.real_speech.scoring import character_error_rate, stream, word_error_rate


async def test_the_sample_comes_back_word_for_word(tiny: ServerProcess) -> None:
    result = await stream(tiny.url, read_pcm16(SAMPLE), Start(language="en"))
    assert word_error_rate(SAMPLE_TEXT, result.text()) == 0
    assert result.ended.audio_ms == len(read_pcm16(SAMPLE)) * 1000 // SAMPLE_RATE
    assert result.of(Partial)


async def test_word_times_lie_in_their_utterance_and_in_order(tiny: ServerProcess) -> None:
    result = await stream(tiny.url, read_pcm16(SAMPLE), Start(language="en", words=True))
    for final in result.of(Final):
        assert final.words is not None
        assert "".join(w.text for w in final.words) == final.text.replace(" ", "")
        times = [t for word in final.words for t in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert final.start_ms <= times[0]
        assert times[-1] <= final.end_ms


@needs_speech
async def test_two_minutes_of_a_speech(tiny: ServerProcess) -> None:
    address = next(r for r in recordings("longform") if r.path.stem.startswith("bush"))
    result = await stream(tiny.url, read_pcm16(address.path), Start(language="en"))
    # Offline, faster-whisper has 2.1 % with this model (docs/performance.md).
    assert word_error_rate(address.transcript, result.text()) < 0.036


@needs_speech
@pytest.mark.long
async def test_eight_speakers_at_once_keep_their_own_words(tiny: ServerProcess) -> None:
    speakers: dict[str, list[int]] = {}
    clips = recordings("librispeech")
    for index, clip in enumerate(clips):
        speakers.setdefault(clip.path.name.split("-")[0], []).append(index)
    chosen = [[clips[i] for i in indexes[:3]] for indexes in speakers.values()][:8]
    assert len(chosen) == 8
    pause = np.zeros(SAMPLE_RATE, np.int16)
    results = await asyncio.gather(
        *(
            stream(
                tiny.url,
                np.concatenate([part for c in each for part in (read_pcm16(c.path), pause)]),
                Start(language="en"),
            )
            for each in chosen
        )
    )
    references = [" ".join(clip.transcript for clip in each) for each in chosen]
    for own, result in enumerate(results):
        rates = [word_error_rate(reference, result.text()) for reference in references]
        assert rates[own] < 0.35, result.text()
        assert all(rate > 0.7 for other, rate in enumerate(rates) if other != own)


@needs_speech
@pytest.mark.long
async def test_mandarin_sentences_come_back_whole_and_in_order(base: ServerProcess) -> None:
    clips = [r for r in recordings("mandarin") if r.path.name.startswith("BAC")][:6]
    pause = np.zeros(SAMPLE_RATE, np.int16)
    audio = np.concatenate([part for c in clips for part in (read_pcm16(c.path), pause)])
    result = await stream(base.url, audio, Start(language="zh"))
    finals = result.of(Final)
    assert len(finals) == len(clips)
    # In order: each final is nearer to its own sentence than to any other.
    for index, final in enumerate(finals):
        rates = [character_error_rate(clip.transcript, final.text) for clip in clips]
        assert rates.index(min(rates)) == index
