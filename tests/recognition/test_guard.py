from dataclasses import replace

import pytest

from surtitle.jobs import Voice
from surtitle.recognition.guard import (
    BELIEVED_LOG_PROBABILITY,
    CERTAIN_LOG_PROBABILITY,
    CERTAIN_NO_SPEECH_PROBABILITY,
    DOUBTFUL_LOG_PROBABILITY,
    MAX_CHARACTERS_PER_SECOND,
    MAX_NO_SPEECH_PROBABILITY,
    MIN_LOG_PROBABILITY,
    SPARE_CHARACTERS,
    SUSPICIOUS_CHARACTERS_PER_SECOND,
    WILD_LOG_PROBABILITY,
    Evidence,
    echoes,
    is_doubtful,
    refusal,
    repeats_itself,
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

PROSE = (
    "We looked at him again. He had a pipe in his mouth, and he walked up and down with his hands "
    "behind him, as a captain does on a long passage when nothing is in sight but the sea."
)

# Of 25 seconds: in UTF-8 they deflate better than the loops of English that must be caught.
HINDI = (
    "आज सुबह मैं बाज़ार गया और वहाँ से कुछ फल और सब्ज़ियाँ खरीद कर लाया। रास्ते में मुझे मेरा पुराना दोस्त मिला जो "
    "अब दूसरे शहर में रहता है। हमने बहुत देर तक पुरानी बातें कीं और फिर चाय पीने के लिए एक छोटी दुकान पर बैठ गए। "
    "उसने बताया कि उसकी बेटी अब डॉक्टर बन गई है और अगले साल उसकी शादी होने वाली है।"
)
THAI = (
    "เช้านี้ฉันไปตลาดและซื้อผลไม้กับผักกลับบ้าน ระหว่างทางฉันพบเพื่อนเก่าที่ตอนนี้ย้ายไปอยู่เมืองอื่นแล้ว "
    "เราคุยกันเรื่องสมัยเรียนอยู่นานแล้วก็ไปนั่งดื่มกาแฟที่ร้านเล็กๆ "
    "เขาบอกว่าลูกสาวของเขาเป็นหมอแล้วและจะแต่งงานปีหน้า ฉันชวนเขามาที่บ้าน"
)


def test_good_text_passes() -> None:
    assert suspicion(GOOD) is None
    assert refusal(GOOD) is None


@pytest.mark.parametrize(
    "text",
    [
        "Thank you. " * 20,
        "ha" * 60,
        "I am going to go to the store and " * 6,
        "so we go so we go so we go so we go",
        "谢谢大家" * 12,
        "बहुत बहुत धन्यवाद दोस्तों " * 8,
        "ขอบคุณมากครับ" * 8,
    ],
)
def test_loops_repeat_themselves(text: str) -> None:
    assert repeats_itself(text)
    evidence = replace(GOOD, text=text, seconds=30.0)
    assert suspicion(evidence) == "repetition"
    assert refusal(evidence) == "repetition"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No. No. No.",
        "no no no no no",
        "Yes, yes, yes! We can, we can, we can do it.",
        "ha ha ha ha",
        PROSE,
        "今天天气很好，我们一起去公园走走，然后回家吃饭。",
        HINDI,
        THAI,
        "one two three four five six seven eight nine ten",
    ],
)
def test_what_people_say_does_not_repeat_itself(text: str) -> None:
    assert not repeats_itself(text)


def test_three_words_may_come_three_times_and_not_four() -> None:
    assert not repeats_itself("row your boat x row your boat y row your boat")
    assert repeats_itself("row your boat x row your boat y row your boat z Row your boat")


def test_text_that_nobody_could_speak_in_the_time_is_held_back() -> None:
    seconds = (len(PROSE) - SPARE_CHARACTERS) / MAX_CHARACTERS_PER_SECOND
    assert refusal(replace(GOOD, text=PROSE, seconds=seconds - 0.1)) == "too_fast"
    assert refusal(replace(GOOD, text=PROSE, seconds=seconds + 0.1)) is None


def test_text_that_hardly_anybody_speaks_in_the_time_is_decoded_again() -> None:
    seconds = (len(PROSE) - SPARE_CHARACTERS) / SUSPICIOUS_CHARACTERS_PER_SECOND
    assert suspicion(replace(GOOD, text=PROSE, seconds=seconds - 0.1)) == "too_fast"
    assert suspicion(replace(GOOD, text=PROSE, seconds=seconds + 0.1)) is None


def test_a_clause_said_twice_in_a_row_is_decoded_again_but_shown_in_the_end() -> None:
    twice = replace(GOOD, text="I looked at the sea, I looked at the sea and went.", seconds=6.0)
    assert suspicion(twice) == "repetition"
    assert refusal(twice) is None
    assert suspicion(replace(twice, text="Well, it was here, it was here.")) is None


@pytest.mark.parametrize("text", ["5 5", "Bye. Bye.", "No, no, no.", "It was here, it was here."])
def test_text_that_is_one_phrase_again_is_decoded_again_but_shown_in_the_end(text: str) -> None:
    assert suspicion(replace(GOOD, text=text)) == "repetition"
    assert refusal(replace(GOOD, text=text)) is None


@pytest.mark.parametrize("text", ["Five.", "No, no, never.", "5 6 5", ""])
def test_other_short_text_is_not_decoded_again(text: str) -> None:
    assert suspicion(replace(GOOD, text=text)) is None


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
    ],
)
def test_text_with_one_is_none(text: str, context: str) -> None:
    assert not echoes(text, context)
