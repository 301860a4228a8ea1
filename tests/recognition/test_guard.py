from dataclasses import replace

import pytest

from surtitle.jobs import Voice
from surtitle.recognition.guard import (
    BELIEVED_LOG_PROBABILITY,
    CERTAIN_LOG_PROBABILITY,
    CERTAIN_NO_SPEECH_PROBABILITY,
    DOUBTFUL_LOG_PROBABILITY,
    MAX_NO_SPEECH_PROBABILITY,
    MIN_LOG_PROBABILITY,
    WILD_LOG_PROBABILITY,
    Evidence,
    echoes,
    is_doubtful,
    is_hurried_copy,
    refusal,
    suspicion,
)

CLEAR = Voice(speech_ms=3000, clear_ms=2500)
DOUBTFUL = Voice(speech_ms=320, clear_ms=0)

GOOD = Evidence(
    text="The ship drew on and had safely passed the strait.",
    seconds=3.5,
    log_probability=-0.2,
    no_speech_probability=0.01,
    voice=CLEAR,
)


def test_good_text_passes() -> None:
    assert suspicion(GOOD) is None
    assert refusal(GOOD) is None


LOOP = "I am going to go to the store and " * 6


STUTTER = "And only herald to the gaudy spring, within thine own b" + "-b" * 49


@pytest.mark.parametrize("repeated", [False, True])
def test_a_loop_in_a_word_is_none_where_it_was_said(repeated: bool) -> None:
    evidence = replace(GOOD, text=STUTTER, seconds=7.0, repeated=repeated)
    expected = None if repeated else "repetition"
    assert (suspicion(evidence), refusal(evidence)) == (expected, expected)


def test_a_loop_is_decoded_again_and_then_held_back() -> None:
    loop = replace(GOOD, text=LOOP, seconds=30.0)
    assert suspicion(loop) == "repetition"
    assert refusal(loop) == "repetition"


@pytest.mark.parametrize(
    "text",
    [
        "You have been removed from the conference. " * 5,
        "three, three, three, three, three, three, three, three",
        "no no no no no no no no",
        "请注意，请注意，请注意，请注意，请注意，请注意，请注意，请注意，请注意。",
        "ありがとうございます。" * 8,
        "감사합니다 감사합니다 감사합니다 감사합니다 감사합니다 감사합니다",
    ],
)
def test_what_was_repeated_in_the_audio_is_shown_at_once(text: str) -> None:
    said = replace(GOOD, text=text, seconds=20.0)
    assert refusal(said) == suspicion(said) == "repetition"
    assert suspicion(replace(said, repeated=True)) is None
    assert refusal(replace(said, repeated=True)) is None


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("No, no.", 2),
        ("three, three, three, three, three, three, three, three", 8),
        ("Stand back, please. Stand back, please. Stand back, please.", 3),
        ("はい はい はい はい", 4),
        ("네, 네, 네.", 3),
        ("はい。はい。はい。", 3),
        ("请注意，请注意。", 2),
        ("ありがとうございました。" * 5, 5),
    ],
)
def test_what_each_stretch_of_speech_has_once_is_shown_at_once(text: str, times: int) -> None:
    said = replace(GOOD, text=text, seconds=10.0, voice=Voice(3000, 2500, times))
    assert suspicion(said) is None
    assert refusal(said) is None
    for others in (times - 1, times + 1):
        assert suspicion(replace(said, voice=Voice(3000, 2500, others))) == "repetition"
    assert suspicion(replace(said, voice=None)) == "repetition"


def test_many_stretches_of_speech_do_not_speak_for_a_phrase_among_others() -> None:
    voice = Voice(8000, 7000, 12)
    assert suspicion(replace(GOOD, text="Well, " + LOOP, voice=voice)) == "repetition"


def test_what_was_repeated_must_still_be_speech_and_fit_the_time() -> None:
    said = replace(GOOD, text="Stand back. " * 20, repeated=True)
    assert refusal(replace(said, seconds=3.0)) == "too_fast"
    noise = replace(said, seconds=20.0, no_speech_probability=0.9, log_probability=-0.6)
    assert refusal(noise) == "no_speech"


INVENTION = (
    "The invention of movable metal letters in the middle of the 15th century may just be considered "
    "the invention of movable metal letters in the middle of the 15th century may just"
)
"""What tiny.en wrote of a sentence that goes on with "as the invention of the art of printing"."""

# Read at 1.75 to 2 times their pace: text, seconds, and how sure the model was of it.
QUICK = [
    ("The invention of movable metal letters in the middle of the 15th century may justly be "
     "considered as the invention of the art of printing.", 4.1, -0.12),
    ("produced the block books, which were the immediate predecessors of the true printed book.",
     2.6, -0.16),
    ("Les deux composés réagissent là avec notre performance des Christophiles de bloc et la "
     "fonction renale. On démarre des chansures de université.", 3.8, -0.67),
    ("Es leben noch viele Männer und Frauen, die ihre Zeit überlebt haben und viele weitere mit "
     "Angehörigen dort ermordet wurden.", 3.1, -0.65),
    ("今天下午我们要讨论的是新的城市交通计划以及它对居民生活的影响", 2.2, -0.3),
    ("本日の会議では来年度の予算と新しい製品の開発計画について話し合いました", 2.3, -0.4),
    ("오늘 회의에서는 내년 예산과 새로운 제품 개발 계획에 대해 이야기했습니다", 2.4, -0.35),
    ("आज सुबह मैं बाज़ार गया और वहाँ से कुछ फल और सब्ज़ियाँ खरीद कर लाया।", 1.7, -0.5),
    ("เช้านี้ฉันไปตลาดและซื้อผลไม้กับผักกลับบ้าน ระหว่างทางฉันพบเพื่อนเก่า", 1.6, -0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds", "log_probability"), QUICK)
def test_quick_speech_is_shown_without_a_second_look(
    text: str, seconds: float, log_probability: float
) -> None:
    quick = replace(GOOD, text=text, seconds=seconds, log_probability=log_probability)
    assert suspicion(quick) is None
    assert refusal(quick) is None


@pytest.mark.parametrize(("text", "seconds", "_"), QUICK)
def test_text_that_nobody_could_speak_in_the_time_is_held_back(
    text: str, seconds: float, _: float
) -> None:
    assert suspicion(replace(GOOD, text=text, seconds=seconds / 3)) == "too_fast"
    assert refusal(replace(GOOD, text=text, seconds=seconds / 3)) == "too_fast"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("How does anyone know where they are going in?", 0.9),
        ("I just need to go where they're in the house", 0.9),
        ("这个问题我们以后再说吧好不好", 0.7),
        ("ご視聴ありがとうございました", 0.7),
    ],
)
def test_quick_text_must_not_be_a_doubtful_one(text: str, seconds: float) -> None:
    sure = replace(
        GOOD, text=text, seconds=seconds, voice=None, log_probability=DOUBTFUL_LOG_PROBABILITY
    )
    assert suspicion(sure) is None
    assert refusal(sure) is None
    doubtful = replace(sure, log_probability=DOUBTFUL_LOG_PROBABILITY - 0.01)
    assert suspicion(doubtful) == "too_fast"
    assert refusal(doubtful) == "too_fast"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Press five to repeat the current message. The current message is five.", 1.2),
        ("今天天气很好今天天气非常好今天天气真好", 0.75),
        ("Thank you very much for watching this video", 0.65),
    ],
)
def test_sure_text_that_hardly_anybody_speaks_in_the_time_is_decoded_again(
    text: str, seconds: float
) -> None:
    assert suspicion(replace(GOOD, text=text, seconds=seconds)) == "too_fast"
    assert refusal(replace(GOOD, text=text, seconds=seconds)) is None


def test_a_clause_said_twice_in_a_row_is_decoded_again_but_shown_in_the_end() -> None:
    twice = replace(GOOD, text="I looked at the sea, I looked at the sea and went.", seconds=6.0)
    assert suspicion(twice) == "repetition"
    assert refusal(twice) is None
    assert suspicion(replace(twice, text="Well, it was here, it was here.")) is None


@pytest.mark.parametrize(
    "text",
    [
        "5 5",
        "Bye. Bye.",
        "No, no, no.",
        "It was here, it was here.",
        "はい。はい。はい。",
        "对，对，对，对。",
        "ご視聴ありがとうございました。" * 2,
        "谢谢观看。" * 5,
    ],
)
def test_text_that_is_one_phrase_again_is_decoded_again_but_shown_in_the_end(text: str) -> None:
    assert suspicion(replace(GOOD, text=text)) == "repetition"
    assert refusal(replace(GOOD, text=text)) is None


@pytest.mark.parametrize("text", ["Five.", "No, no, never.", "5 6 5", "की का", "谢谢", ""])
def test_other_short_text_is_not_decoded_again(text: str) -> None:
    assert suspicion(replace(GOOD, text=text)) is None


@pytest.mark.parametrize(
    ("text", "seconds", "promoted"),
    [
        (INVENTION, 4.9, True),
        (INVENTION, 8.0, False),  # somebody may say it twice
        (
            "We choose to go to the moon and do the other things we choose to go to the moon",
            2.0,
            True,
        ),
        ("今天下午 我们 要讨论 的 是 今天下午 我们 要讨论 的 是", 1.0, True),
        (QUICK[0][0], QUICK[0][1], False),  # "the invention of" comes again, in real speech
        (QUICK[1][0], QUICK[1][1], False),
        ("Stand back.", 0.2, False),
        ("", 1.0, False),
    ],
)
def test_a_hurried_copy_is_one_that_nobody_had_time_to_say(
    text: str, seconds: float, promoted: bool
) -> None:
    assert is_hurried_copy(replace(GOOD, text=text, seconds=seconds)) is promoted


def test_a_short_word_in_a_short_window_is_not_too_fast() -> None:
    assert suspicion(replace(GOOD, text="Certainly.", seconds=0.2)) is None


def test_a_guess_is_decoded_again_but_shown_in_the_end() -> None:
    guess = replace(GOOD, log_probability=MIN_LOG_PROBABILITY - 0.01)
    assert suspicion(guess) == "low_confidence"
    assert refusal(guess) is None
    assert suspicion(replace(GOOD, log_probability=MIN_LOG_PROBABILITY)) is None


def test_a_guess_about_silence_is_held_back() -> None:
    guess = replace(GOOD, log_probability=-1.5, no_speech_probability=MAX_NO_SPEECH_PROBABILITY)
    assert refusal(guess) is None
    assert refusal(replace(guess, no_speech_probability=0.61)) == "no_speech"


@pytest.mark.parametrize("voice", [CLEAR, DOUBTFUL, None])
def test_confident_text_is_shown_whatever_else_is_doubted(voice: Voice | None) -> None:
    assert refusal(replace(GOOD, no_speech_probability=0.99, voice=voice)) is None


@pytest.mark.parametrize("voice", [CLEAR, None])
def test_where_no_speech_is_certain_text_must_be_surer(voice: Voice | None) -> None:
    doubted = replace(
        GOOD,
        no_speech_probability=CERTAIN_NO_SPEECH_PROBABILITY + 0.01,
        log_probability=CERTAIN_LOG_PROBABILITY - 0.01,
        voice=voice,
    )
    assert refusal(doubted) == "no_speech"
    assert refusal(replace(doubted, log_probability=CERTAIN_LOG_PROBABILITY)) is None
    unsure = replace(doubted, no_speech_probability=CERTAIN_NO_SPEECH_PROBABILITY)
    assert refusal(unsure) is None


def test_where_the_voice_is_doubtful_too_text_must_be_believed() -> None:
    doubted = replace(
        GOOD,
        voice=DOUBTFUL,
        no_speech_probability=MAX_NO_SPEECH_PROBABILITY + 0.01,
        log_probability=BELIEVED_LOG_PROBABILITY - 0.01,
    )
    assert refusal(doubted) == "no_speech"
    assert refusal(replace(doubted, voice=CLEAR)) is None
    assert refusal(replace(doubted, voice=None)) is None
    assert refusal(replace(doubted, log_probability=BELIEVED_LOG_PROBABILITY)) is None
    assert refusal(replace(doubted, no_speech_probability=MAX_NO_SPEECH_PROBABILITY)) is None


@pytest.mark.parametrize("text", ["Thank you.", "Okay, bye.", "谢谢大家", "ありがとう。"])
def test_where_the_voice_had_no_time_for_it_even_sure_text_is_held_back(text: str) -> None:
    drum = replace(GOOD, text=text, seconds=0.6, voice=Voice(96, 0), no_speech_probability=0.89)
    assert refusal(drum) == "no_speech"
    assert refusal(replace(drum, voice=Voice(160, 0))) is None
    assert refusal(replace(drum, no_speech_probability=MAX_NO_SPEECH_PROBABILITY)) is None
    assert refusal(replace(drum, text="Seven.")) is None


@pytest.mark.parametrize(
    ("clear_ms", "log_probability"), [(0, -0.3), (100, -0.3), (350, -0.65), (600, -1.0)]
)
def test_where_no_speech_is_likely_text_must_be_the_surer_the_less_of_the_voice_is_clear(
    clear_ms: int, log_probability: float
) -> None:
    voice = Voice(speech_ms=1000, clear_ms=clear_ms)
    music = replace(GOOD, text="Thank you.", voice=voice, no_speech_probability=0.8)
    assert refusal(replace(music, log_probability=log_probability - 0.01)) == "no_speech"
    assert refusal(replace(music, log_probability=log_probability + 0.01)) is None
    sure = replace(music, no_speech_probability=MAX_NO_SPEECH_PROBABILITY)
    assert refusal(replace(sure, log_probability=log_probability - 0.01)) is None


@pytest.mark.parametrize(
    "text", ["Thank you very much.", "I'm going to get some.", "谢谢大家观看。"]
)
def test_where_no_speech_is_likely_the_voice_must_have_had_time_for_the_text(text: str) -> None:
    music = replace(
        GOOD, text=text, log_probability=-0.45, no_speech_probability=0.8, voice=Voice(256, 256)
    )
    assert refusal(music) == "no_speech"
    assert refusal(replace(music, voice=Voice(448, 448))) is None
    assert refusal(replace(music, log_probability=BELIEVED_LOG_PROBABILITY)) is None


def test_a_wild_guess_at_a_doubtful_voice_is_held_back() -> None:
    wild = replace(GOOD, voice=DOUBTFUL, log_probability=WILD_LOG_PROBABILITY - 0.01)
    assert refusal(wild) == "no_speech"
    assert refusal(replace(wild, log_probability=WILD_LOG_PROBABILITY)) is None
    assert refusal(replace(wild, voice=CLEAR)) is None


def test_a_voice_is_doubtful_where_next_to_nothing_of_it_is_clear() -> None:
    assert is_doubtful(Voice(speech_ms=6000, clear_ms=224))
    assert not is_doubtful(Voice(speech_ms=192, clear_ms=64))
    assert not is_doubtful(Voice(speech_ms=0, clear_ms=0))
    assert not is_doubtful(None)


def test_a_few_words_of_a_long_murmur_are_held_back_unless_the_model_is_sure() -> None:
    murmur = replace(
        GOOD,
        text="Thank you very much.",
        seconds=10.0,
        voice=Voice(speech_ms=9500, clear_ms=8700),
        log_probability=DOUBTFUL_LOG_PROBABILITY - 0.01,
    )
    assert refusal(murmur) == "too_slow"
    assert refusal(replace(murmur, log_probability=DOUBTFUL_LOG_PROBABILITY)) is None
    assert refusal(replace(murmur, voice=Voice(speech_ms=2900, clear_ms=2900))) is None
    assert refusal(replace(murmur, voice=Voice(speech_ms=6600, clear_ms=6600))) is None
    assert refusal(replace(murmur, voice=None)) is None


def test_a_character_of_chinese_counts_for_three() -> None:
    slow = replace(
        GOOD, text="我们慢慢地说话。", seconds=8.0, voice=Voice(7500, 7000), log_probability=-0.9
    )
    assert refusal(slow) is None


@pytest.mark.parametrize("text", ["", "   ", "...", "♪ ♪", "[?!]", "—"])
def test_text_without_a_letter_is_no_speech(text: str) -> None:
    assert refusal(replace(GOOD, text=text)) == "no_speech"


@pytest.mark.parametrize("text", ["7", "я", "好", "ก", "हाँ"])
def test_one_letter_of_any_script_is_speech(text: str) -> None:
    assert refusal(replace(GOOD, text=text)) is None


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("Vashtiva", "Aldren Vashtiva"),
        ("Okay. Thank you.", "Okay, thank you."),
        ("thank you, THANK YOU", "Okay, thank you."),
        ("你好", "世界你好。"),
        ("佐藤、田中。", "田中、佐藤、鈴木"),
        ("Tar nowick", "Tarnowick"),
    ],
)
def test_text_without_a_word_of_its_own_is_an_echo(text: str, context: str) -> None:
    assert echoes(text, context)


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("We met Vashtiva", "Aldren Vashtiva"),
        ("Thanks", "Okay, thank you."),
        ("你们好", "世界你好。"),
        ("佐藤、山田。", "田中、佐藤、鈴木"),
        ("की", "का"),
    ],
)
def test_text_with_one_is_none(text: str, context: str) -> None:
    assert not echoes(text, context)
