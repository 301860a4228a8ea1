"""As many words as were said, in every script: budgets, and jobs that are decoded in parts."""

import string

import pytest

from surtitle.jobs import DecodeOptions, JobKind, Result, Word
from surtitle.recognition import attempt, budget
from surtitle.recognition.alignment import last_pause
from surtitle.recognition.budget import new_tokens, token_budget
from surtitle.recognition.guard import Evidence
from tests.marks import long
from tests.recognition.test_whisper import decoded, decoder, job

SENTENCES = {
    "bn": "আজ সকালে আমি বাজারে গিয়েছিলাম এবং কিছু ফল ও সবজি কিনেছি।",
    "de": "Heute Morgen ging ich auf den Markt und kaufte etwas Obst und Gemüse.",
    "el": "Σήμερα το πρωί πήγα στην αγορά και αγόρασα φρούτα και λαχανικά.",
    "hi": "आज सुबह मैं बाज़ार गया और वहाँ से कुछ फल और सब्ज़ियाँ खरीद कर लाया।",
    "ja": "今朝、市場へ行って果物と野菜を買いました。",
    "ka": "დღეს დილით ბაზარში წავედი და ხილი და ბოსტნეული ვიყიდე.",
    "lo": "ເຊົ້ານີ້ຂ້ອຍໄປຕະຫຼາດແລະຊື້ໝາກໄມ້ກັບຜັກ",
    "ru": "Сегодня утром я пошёл на рынок и купил немного фруктов и овощей.",
    "ta": "இன்று காலை நான் சந்தைக்குச் சென்று சில பழங்களையும் காய்கறிகளையும் வாங்கினேன்.",
    "te": "ఈ రోజు ఉదయం నేను బజారుకు వెళ్లి కొన్ని పండ్లు మరియు కూరగాయలు కొన్నాను.",
    "th": "เช้านี้ฉันไปตลาดและซื้อผลไม้กับผักกลับบ้าน",
    "zh": "今天早上我去市场买了一些水果和蔬菜。",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_the_budget_is_enough_in_every_script(language: str) -> None:
    """At 15 letters or 6 characters of Chinese or Japanese a second."""
    text = 2 * SENTENCES[language]
    decoding = decoder("base")._begin(job("a", 0, 1, DecodeOptions(language=language)))
    decoding.language = language
    tokens = decoder("base")._tokenizer(decoding).encode(text)
    seconds = len(text) / (6 if language in ("ja", "zh") else 15)
    enough = new_tokens(token_budget(seconds, 4, language), 4)
    assert len(tokens) <= enough or enough == budget.MAX_LENGTH // 2


def words_of(result: Result) -> list[str]:
    bare = result.text.casefold().translate(str.maketrans("", "", string.punctuation))
    return bare.split()


@pytest.mark.parametrize("kind", ["partial", "final"])
@pytest.mark.parametrize("words", [False, long(True)])
@pytest.mark.parametrize("most_tokens", [20, long(30)])  # of 41
def test_what_does_not_fit_into_one_decode_is_decoded_in_parts(
    kind: JobKind, words: bool, most_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = job("a", 0.0, 12.8, DecodeOptions(language="en", words=words), kind)
    whole = decoded([said])["a"]
    monkeypatch.setattr(budget, "MAX_LENGTH", 2 * most_tokens)
    parts = decoded([said])["a"]
    assert words_of(parts) == words_of(whole)
    assert parts.suppressed is None
    assert len(parts.words) == len(whole.words) == (35 if words and kind == "final" else 0)
    for one, other in zip(parts.words, whole.words, strict=True):
        assert one.text.strip(".,").casefold() == other.text.strip(".,").casefold()
        assert abs(one.start_ms - other.start_ms) <= 300
    ending = "".join(piece.text for piece in parts.newest)
    assert (ending != "") == (kind == "partial")
    assert parts.text.endswith(ending.strip())


def test_a_job_that_gets_no_further_ends_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_LENGTH", 2)  # one token, in which there is no pause
    result = decoded([job("a", 0.0, 5.0, DecodeOptions(language="en", words=True))])["a"]
    assert result.text
    assert [word.text for word in result.words] == [result.text]


def test_a_job_has_so_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    said = job("a", 0.0, 12.8)
    monkeypatch.setattr(budget, "MAX_LENGTH", 40)
    whole = words_of(decoded([said])["a"])
    monkeypatch.setattr(attempt, "MAX_PARTS", 0)
    first = words_of(decoded([said])["a"])
    assert 0 < len(first) < len(whole)
    assert first == whole[: len(first)]


def test_the_rest_is_not_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is held back takes nothing from those before it."""
    speech = job("a", 0.0, 4.6, DecodeOptions(language="en", words=True))
    monkeypatch.setattr(budget, "MAX_LENGTH", 18)
    lengths_s: list[float] = []

    def refusal_of_the_rest(evidence: Evidence) -> str | None:
        lengths_s.append(evidence.seconds)
        return "no_speech" if len(lengths_s) > 1 else None

    monkeypatch.setattr(attempt, "refusal", refusal_of_the_rest)
    result = decoded([speech])["a"]
    assert len(lengths_s) == 2
    assert lengths_s[1] < lengths_s[0] == pytest.approx(4.6)
    assert result.suppressed is None
    assert result.text.startswith("Live captions")
    assert [word.text for word in result.words] == result.text.split()


def word(start_ms: int, end_ms: int) -> Word:
    return Word("word", start_ms, end_ms, 1.0)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], (0, 0)),
        ([(0, 100), (400, 500)], (0, 0)),
        ([(0, 100), (300, 500), (900, 1000)], (1, 200)),
        # Not the longest of all, which is early, and not the one before the last word.
        ([(0, 10), (900, 910), (920, 930), (960, 970), (980, 990), (5000, 5100)], (3, 945)),
        # The later one of two.
        ([(0, 10), (20, 30), (40, 50), (60, 70), (5000, 5100)], (3, 55)),
    ],
)
def test_the_last_pause(times: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    assert last_pause([word(*each) for each in times]) == expected
