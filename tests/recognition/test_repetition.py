"""Texts that repeat themselves, and words with the times that the models' cross-attention gave them."""

import pytest

from surtitle.jobs import Word
from surtitle.recognition.repetition import (
    bare_words,
    copies,
    loops_in_a_word,
    repeats_itself,
    says_twice,
    times_said,
    was_repeated,
    words_heard,
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


Timed = list[tuple[str, int, int]]


def words(timed: Timed, confidence: float = 0.9) -> list[Word]:
    return [Word(text, start_ms, end_ms, confidence) for text, start_ms, end_ms in timed]


def spaced(text: str, times: int, *, word_ms: int, start_ms: int = 200) -> Timed:
    """The words of a text so many times, each as long."""
    every = text.split() * times
    return [
        (word, start_ms + number * word_ms, start_ms + (number + 1) * word_ms)
        for number, word in enumerate(every)
    ]


def then(*runs: Timed) -> Timed:
    return [word for run in runs for word in run]


SENTENCE: Timed = [
    ("And", 0, 240),
    ("so,", 240, 480),
    ("my", 480, 660),
    ("fellow", 660, 960),
    ("Americans.", 960, 1700),
]


@pytest.mark.parametrize(
    "timed",
    [
        spaced("You have been removed from the conference.", 5, word_ms=350),
        spaced("three,", 8, word_ms=500),
        spaced("no", 10, word_ms=180),
        spaced("five five five five one two one two", 1, word_ms=280),
        spaced("one two three four", 4, word_ms=260),
        spaced("请 注 意", 6, word_ms=180),
        spaced("あ り が と う", 5, word_ms=130),
        spaced("감사합니다", 6, word_ms=600),
        then(SENTENCE, spaced("thank you", 4, word_ms=250, start_ms=2000)),
        then(SENTENCE, spaced("Ha" + "ha" * 14, 1, word_ms=3000, start_ms=2000)),
    ],
)
def test_words_that_each_have_their_time_were_said(timed: Timed) -> None:
    assert was_repeated(words(timed))


@pytest.mark.parametrize(
    "text",
    [
        "within thine own b" + "-b" * 49,
        f"{PROSE} Haha{'ha' * 20}, he said.",
        "na" * 12,
        "Bud" + "b" * 24,
        "ля" * 12,
        "เรา" + "ฮา" * 12,
        "blah, " + "blah-" * 6,
    ],
)
def test_a_loop_may_be_in_a_word(text: str) -> None:
    """Beside a sentence it deflates no better than speech does."""
    assert loops_in_a_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROSE,
        HINDI,
        THAI,
        "Hahahahahahahahahaha!",
        "No-no-no-no-no.",
        "Mmmmmmmmmm. Zzzzzzz.",
        "1,000,000,000,000,000,000,000,000,000,000",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈",
    ],
)
def test_long_words_and_those_who_laugh_are_no_loops(text: str) -> None:
    assert not loops_in_a_word(text)


@pytest.mark.parametrize(
    "timed",
    [
        # In 2.3 s: the sentence once, then what Whisper went on to write.
        then(SENTENCE, spaced("And so, my fellow Americans.", 5, word_ms=20, start_ms=1700)),
        then(SENTENCE, spaced("so,", 20, word_ms=0, start_ms=1700)),
        then(spaced("thank you", 12, word_ms=40), SENTENCE),
        spaced("谢 谢 大 家", 8, word_ms=50),
        spaced("ご 視 聴 あ り が と う", 6, word_ms=20),
        spaced("감사합니다", 16, word_ms=40),
        spaced("Happy birthday to you.", 8, word_ms=50),
        then(SENTENCE, spaced("b" + "-b" * 49, 1, word_ms=400, start_ms=1700)),
        then(SENTENCE, spaced("ha" * 30, 1, word_ms=900, start_ms=1700), SENTENCE),
    ],
)
def test_words_that_are_squeezed_into_what_is_left_were_not(timed: Timed) -> None:
    assert not was_repeated(words(timed))


def test_what_is_said_once_beside_a_loop_does_not_speak_for_it() -> None:
    prose = spaced(PROSE, 1, word_ms=300)
    loop = spaced("nothing is in sight", 6, word_ms=10, start_ms=prose[-1][2])
    assert not was_repeated(words(then(prose, loop)))


def test_words_that_the_model_would_not_write_were_not_said() -> None:
    said = spaced("crafts", 8, word_ms=200)
    assert was_repeated(words(said, confidence=0.5))
    assert not was_repeated(words(said, confidence=0.49))


def test_some_words_may_be_too_short() -> None:
    """Whisper counts ten times for eight, and a language may have very short words."""
    long, short = spaced("no", 7, word_ms=200), spaced("no", 4, word_ms=50, start_ms=1600)
    assert was_repeated(words(then(long, short)))
    assert not was_repeated(words(then(long, short, short)))


@pytest.mark.parametrize("text", ["5 5", "no, no, no", "Bye. Bye. Bye."])
def test_of_a_word_that_may_be_doubled_times_say_nothing(text: str) -> None:
    assert not was_repeated(words(spaced(text, 1, word_ms=400)))


def test_signs_have_no_time_and_need_none() -> None:
    """Those of Thai are words of their own in what is aligned."""
    timed = [
        each
        for word, start_ms, end_ms in spaced("ด ด", 4, word_ms=300)
        for each in ((word, start_ms, end_ms), ("ี", end_ms, end_ms), ("่", end_ms, end_ms))
    ]
    assert was_repeated(words(timed))


def test_marks_have_no_time_and_need_none() -> None:
    timed = [
        each
        for word, start_ms, end_ms in spaced("no", 8, word_ms=300)
        for each in ((word, start_ms, end_ms), ("!", end_ms, end_ms))
    ]
    assert was_repeated(words(timed))
    assert not was_repeated(words([("...", 0, 900)] * 8))
    assert not was_repeated([])


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("a b c d", set()),
        ("no no no", {1, 2}),
        ("we went home went home again", {3, 4}),
        ("a b c a b c", {3, 4, 5}),
        ("a b c x a b c y a b c z a b c", {4, 5, 6, 8, 9, 10, 12, 13, 14}),
        ("a b c x a b c y a b c", set()),
    ],
)
def test_copies_are_the_words_that_come_again(text: str, again: set[int]) -> None:
    assert copies(text.split()) == again


@pytest.mark.parametrize(
    "text",
    [
        "5 5",
        "Bye. Bye.",
        "No, no, no.",
        "はい。はい。",
        "I looked at the sea, I looked at the sea and went.",
        "我看了海，风很大，天很冷，走了，我看了海，风很大，天很冷，走了，然后回家。",
    ],
)
def test_a_clause_twice_in_a_row_and_a_text_that_is_one_phrase_again_are_said_twice(
    text: str,
) -> None:
    assert says_twice(text)


@pytest.mark.parametrize(
    "text",
    ["Five.", "5 6 5", "", "Well, it was here, it was here.", "की का", "谢谢", "はい、いいえ。"],
)
def test_other_text_is_not_said_twice(text: str) -> None:
    assert not says_twice(text)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("", 0),
        ("Five.", 1),
        ("5 6 5", 1),
        ("5 5", 2),
        ("No, no, NO!", 3),
        ("Bye now. Bye now.", 2),
        ("Bye now. Bye now. Bye", 1),
        ("请注意。请注意。请注意。", 3),
        ("请注意，请注意！", 2),
        ("谢谢观看，请订阅。谢谢观看，请订阅。", 2),
        ("はい。はい。はい。", 3),
        ("ありがとうございました。" * 3, 3),
        ("「はい」「はい」", 2),
        ("そうですか?そうですか?", 2),
        ("是吗?是吗?是吗?", 3),
        ("ﾊｲ､ﾊｲ｡", 2),
        ("네,네,네.", 3),
        ("妈妈", 1),
        ("सही। सही।", 2),
        ("की का", 1),
        ("ดี ดู", 1),
        ("3.3", 1),
    ],
)
def test_how_many_times_a_text_is_one_phrase(text: str, times: int) -> None:
    assert times_said(text) == times


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Don't, I said: 3.5!", ["dont", "i", "said", "35"]),
        ("請注意，三・五。", ["請注意", "三", "五"]),
        ("いや…いや!", ["いや", "いや"]),
        ("コーヒー、々", ["コーヒー", "々"]),
        ("की, का।", ["की", "का"]),
        ("กี่ กู้", ["กี่", "กู้"]),
        ("e\u0301t\u00e9", ["e\u0301t\u00e9"]),
        ("♪ ... ❤\ufe0f", []),
        ("ี", []),
    ],
)
def test_words_are_bare_of_marks_and_keep_their_vowels(text: str, bare: list[str]) -> None:
    assert bare_words(text) == bare


@pytest.mark.parametrize(
    ("phrase", "stretches", "word_ms"),
    [("four", 8, 300), ("stand back please", 5, 300), ("はい", 6, 200), ("네 그래요", 3, 250)],
)
@pytest.mark.parametrize("more", [1, 2.5, 9])
def test_of_a_phrase_that_is_written_too_often_so_many_were_said_as_there_are_stretches(
    phrase: str, stretches: int, word_ms: int, more: float
) -> None:
    said = spaced(phrase, stretches, word_ms=word_ms)
    surplus = spaced(phrase, 10, word_ms=20, start_ms=said[-1][2])
    written = words(then(said, surplus[: max(1, round(more * len(phrase.split())))]))
    assert words_heard(written, stretches) == len(said)
    assert words_heard(written, stretches + 3) == 0
    assert words_heard(written, 2) == 0


@pytest.mark.parametrize(
    ("phrase", "times", "word_ms"),
    [("three,", 8, 400), ("no", 4, 300), ("stand back please", 5, 300), ("は い", 6, 150)],
)
@pytest.mark.parametrize("missed", [0, 1])
def test_a_copy_with_time_of_its_own_was_said_where_voice_activity_has_missed_a_pause(
    phrase: str, times: int, word_ms: int, missed: int
) -> None:
    said = spaced(phrase, times, word_ms=word_ms)
    surplus = spaced(phrase, 2, word_ms=20, start_ms=said[-1][2])
    assert words_heard(words(then(said, surplus)), times - missed) == len(said)
    if missed:
        assert words_heard(words(said), times - missed) == len(said)


def test_a_last_copy_in_the_time_that_is_left_was_not_said() -> None:
    said = spaced("four", 7, word_ms=400)
    for word_ms in (70, 190):
        last = spaced("four", 1, word_ms=word_ms, start_ms=said[-1][2])
        assert words_heard(words(then(said, last)), 7) == 7
    last = spaced("four", 1, word_ms=210, start_ms=said[-1][2])
    assert words_heard(words(then(said, last)), 7) == 8


def test_a_copy_without_time_is_too_much_wherever_it_is_written() -> None:
    """As `tiny.en` places what comes once too often; its last word may have the pause."""
    said = spaced("I have a dream today", 5, word_ms=250)
    for pause_ms in (0, 900):
        middle = spaced("I have a dream", 1, word_ms=0, start_ms=said[-1][2])
        today = ("today", said[-1][2], said[-1][2] + pause_ms)
        last = spaced("I have a dream today", 1, word_ms=250, start_ms=today[2])
        assert words_heard(words(then(said[:20], middle, [today], last)), 4) == 25
        assert words_heard(words(then(said, middle, [today])), 5) == 25


def test_a_mark_behind_the_last_copy_stays() -> None:
    said = words([*spaced("no", 5, word_ms=300), ("!", 1700, 1700)])
    assert words_heard(said, 4) == 6


def test_where_the_audio_has_time_for_one_only_it_is_a_loop() -> None:
    """Of "night" in a tap that drips."""
    loop = then([("night", 0, 420)], spaced("night", 30, word_ms=0, start_ms=420))
    assert words_heard(words(loop), 4) == 0


def test_a_phrase_among_others_is_not_counted() -> None:
    assert words_heard(words(then(SENTENCE, spaced("so", 9, word_ms=30))), 3) == 0
    assert words_heard([], 3) == 0
