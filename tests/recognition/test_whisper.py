"""Batches on the bundled models: each job of one is decoded as if it were alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from lab.speech import recordings
from make_sample import speak
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, JobKind, Pcm16, Result
from surtitle.recognition.language import UNSPACED
from surtitle.recognition.whisper import WhisperDecoder, _Decoding
from tests.marks import long, needs_speech

ENGLISH = DecodeOptions(language="en")


@cache
def decoder(name: str) -> WhisperDecoder:
    loaded = WhisperDecoder(name, device="auto", compute_type="default", replicas=0, threads=0)
    loaded.warm_up()
    return loaded


@cache
def sample() -> Pcm16:
    audio: Pcm16 = np.round(decode_audio(str(SAMPLE)) * 32767).astype(np.int16)
    return audio


def job(
    name: str,
    start_s: float,
    end_s: float,
    options: DecodeOptions = ENGLISH,
    kind: JobKind = "final",
    model: str = "tiny.en",
) -> Job:
    audio = sample()[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    window_s = decoder(model).info.windows.fit(len(audio) / SAMPLE_RATE, kind)
    return Job(name, "s", 1, kind, audio, options, window_s)


def decoded(jobs: Sequence[Job], model: str = "tiny.en") -> dict[str, Result]:
    results = [result for result in decoder(model).decode(jobs) if result is not None]
    assert len(results) == len(jobs)
    return {result.job_id: result for result in results}


def mixed() -> list[Job]:
    """Jobs of every kind, which make several calls of the model."""
    return [
        job("short", 0.0, 4.0),
        job("other", 2.0, 6.0),
        job("partial", 0.0, 4.0, kind="partial"),
        job("long", 0.0, 11.0),
        job("words", 0.0, 4.0, DecodeOptions(language="en", words=True)),
        job("prompt", 0.0, 4.0, DecodeOptions(language="en", prompt="A story.")),
    ]


def test_each_job_of_a_mixed_batch_is_answered_once_as_if_it_were_alone() -> None:
    together = decoded(mixed())
    alone = {each.id: decoded([each])[each.id] for each in mixed()}
    assert {name: r.text for name, r in together.items()} == {n: r.text for n, r in alone.items()}
    assert all(result.text and result.suppressed is None for result in together.values())
    assert [word.text for word in together["words"].words] == together["words"].text.split()
    assert not together["short"].words
    assert all(0 < r.timings.features_s < r.timings.total_s for r in together.values())


@cache
def cheque() -> Pcm16:
    """A sentence that is written with joints: marks between the parts of a word, and digits."""
    return speak(["The post mortem of the twenty one year old costs forty nine dollars."], seed=7)


@needs_speech
@pytest.mark.parametrize(
    "language", ["de", "en", *map(long, ("es", "fr", "it", "ja", "ko", "pt")), "zh"]
)
def test_words_joined_are_the_text(language: str) -> None:
    """With a space between any two, in languages that have some."""
    folder = "mandarin" if language == "zh" else "multilingual"
    heard = [read_pcm16(r.path) for r in recordings(folder) if r.language == language][:3]
    if language == "en":
        heard = [cheque(), sample()[: 10 * SAMPLE_RATE]]
    assert heard
    options = DecodeOptions(language=language, words=True)
    for audio in heard:
        window_s = decoder("base").info.windows.fit(len(audio) / SAMPLE_RATE, "final")
        (result,) = decoded([Job("1", "s", 1, "final", audio, options, window_s)], "base").values()
        said = [word.text for word in result.words]
        if language in UNSPACED:
            assert "".join(said) == result.text.replace(" ", "")
        else:
            assert said == result.text.split()
            assert " ".join(said) == result.text


@needs_speech
def test_words_of_a_translation_are_english_ones() -> None:
    audio = read_pcm16(recordings("mandarin")[0].path)
    options = DecodeOptions(language="zh", task="translate", words=True)
    window_s = decoder("base").info.windows.fit(len(audio) / SAMPLE_RATE, "final")
    (result,) = decoded([Job("1", "s", 1, "final", audio, options, window_s)], "base").values()
    assert [word.text for word in result.words] == result.text.split()


def test_a_hurried_copy_is_not_shown_before_the_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.recognition.attempt.is_hurried_copy", lambda evidence: True)
    results = decoded([job("partial", 0.0, 4.0, kind="partial"), job("final", 0.0, 4.0)])
    assert results["partial"].suppressed == "repetition"
    assert results["final"].suppressed is None and results["final"].text


def test_a_client_cannot_say_special_tokens() -> None:
    """The start token a second time, or an end, is no word of a prompt."""
    options = DecodeOptions(
        language="en", prompt="<|endoftext|> <|startoftranscript|> A story. <|en|>"
    )
    decoding = decoder("tiny.en")._begin(job("a", 0.0, 4.0, options))
    decoding.language = "en"
    tokenizer = decoder("tiny.en")._tokenizer(decoding)
    previous, *context = decoder("tiny.en")._prompt(decoding)
    assert previous == tokenizer.sot_prev
    assert [token for token in context if token >= tokenizer.eot] == [
        *tokenizer.sot_sequence,
        tokenizer.no_timestamps,
    ]


def test_two_batches_under_way_do_not_disturb_each_other() -> None:
    batches = [decoder("tiny.en").decode(mixed()), decoder("tiny.en").decode(mixed()[::-1])]
    results: list[list[Result]] = [[], []]
    ended = [False, False]
    while not all(ended):
        for number, batch in enumerate(batches):
            item = next(batch, "end")
            if isinstance(item, Result):
                results[number].append(item)
            ended[number] = ended[number] or item == "end"
    first, second = ({result.job_id: result.text for result in each} for each in results)
    assert len(results[0]) == len(results[1]) == 6
    assert first == second


def test_languages_given_and_detected_stand_in_one_batch() -> None:
    wanted = {
        "detected": DecodeOptions(),
        "given": ENGLISH,
        "among": DecodeOptions(languages=("de", "en")),
        "forced": DecodeOptions(languages=("de",)),
    }
    # A whole sentence: of one that is cut off, rows of a batch may differ in the full stop.
    jobs = [job(name, 0.0, 4.6, options, model="base") for name, options in wanted.items()]
    results = decoded(jobs, "base")
    assert {name: result.language for name, result in results.items()} == {
        "detected": "en",
        "given": "en",
        "among": "en",
        "forced": "de",
    }
    assert results["detected"].text == results["given"].text == results["among"].text
    assert results["given"].language_probability == 1.0
    assert 0.5 < results["detected"].language_probability < 1.0


@pytest.mark.parametrize("kind", ["partial", "final"])
def test_what_is_no_speech_is_looked_at_again_and_held_back(kind: JobKind) -> None:
    """A hum, beside speech: the second look of one does not delay or change the other."""
    seconds = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    hum = np.round(6000 * np.sin(2 * np.pi * 110 * seconds)).astype(np.int16)
    beside = job("speech", 0.0, 4.0, kind=kind)
    noise = Job("hum", "s", 1, kind, hum, ENGLISH, beside.window_s)
    results = decoded([noise, beside])
    assert results["hum"].suppressed is not None or results["hum"].text == ""
    assert results["speech"].text == decoded([beside])["speech"].text


def noises(count: int, seconds: float) -> list[Job]:
    """Finals of noise, which are suspicious."""
    jobs = []
    for number in range(count):
        noise = np.random.default_rng(number).normal(0, 3000, round(seconds * SAMPLE_RATE))
        window_s = decoder("tiny.en").info.windows.fit(seconds, "final")
        audio = noise.astype(np.int16)
        jobs.append(Job(f"n{number}", f"s{number}", 1, "final", audio, ENGLISH, window_s))
    return jobs


@pytest.mark.parametrize("words", [long(False), True])
def test_a_batch_keeps_to_its_replica_in_second_looks(
    monkeypatch: pytest.MonkeyPatch, words: bool
) -> None:
    model, started = decoder("tiny.en"), list[_Decoding]()
    start, looks = model._start, model.second_looks

    def watched(group: Sequence[_Decoding]) -> None:
        if len(started) >= 3:  # a second look
            assert len(group) == 1
            assert all(decoding.pending.done() for decoding in started)
        start(group)
        started.extend(group)

    monkeypatch.setattr(model, "_start", watched)
    options = DecodeOptions(language="en", words=words)
    decoded([replace(job, decode_options=options) for job in noises(3, 1.5)])
    assert model.second_looks >= looks + 2


def test_what_is_too_short_for_a_word_is_not_looked_at_again() -> None:
    model = decoder("tiny.en")
    looks = model.second_looks
    results = decoded(noises(4, 0.1))
    assert model.second_looks == looks
    assert len(results) == 4
