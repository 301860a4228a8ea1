"""Sessions of numbered words, and the account of what came of them."""

import asyncio
from dataclasses import dataclass

from lab.ledger import SILENCE_1S, spoken_word
from outcome import Outcome
from surtitle.client import Captions, ClientError, Disconnected, Gap, connect
from surtitle.messages import Ended, Failed, Final, Resumed, Start, Suppressed, Update

WORDS = 40
"""Of one session."""
WORD_MS = 1500
FRAME_BYTES = 3200
ANY_LENGTH = " ms"
"""Expected of a word whose text tells how long its audio was."""
LIMIT_S = 120.0
"""A session that takes longer has lost something."""


@dataclass
class Account(Outcome):
    """What came of a phase."""

    faults: int = 0
    sessions: int = 0
    words: int = 0
    resumes: int = 0
    lag_ms: float = 0.0
    seconds: float = 0.0


async def tell(
    port: int,
    prompts: list[str],
    expected: list[str],
    account: Account,
    channel: str | None = None,
) -> None:
    """Speak one word for each prompt, and compare what comes back with what is expected."""
    answers: list[tuple[int, str]] = []
    ended: Ended | None = None
    account.sessions += 1
    account.words += len(prompts)
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            connect(f"ws://127.0.0.1:{port}", Start(language="en", channel=channel)) as captions,
        ):
            speaking = asyncio.create_task(speak_words(captions, prompts))
            async for event in captions:
                match event:
                    case Final():
                        answers.append((event.utterance, event.text))
                    case Failed():
                        answers.append((event.utterance, event.code))
                    case Suppressed():
                        answers.append((event.utterance, event.reason))
                    case Ended():
                        ended = event
                    case Resumed():
                        account.resumes += 1
                    case Gap():
                        account.problems.append(f"a gap: {event}")
                    case Disconnected():
                        pass
            await speaking
    except (ClientError, TimeoutError) as error:
        account.problems.append(f"{type(error).__name__}: {error}")
    judge(answers, expected, account)
    if ended is None or ended.audio_ms != len(prompts) * WORD_MS:
        account.unbalanced += 1


def judge(answers: list[tuple[int, str]], expected: list[str], account: Account) -> None:
    """Enter what is wrong with the answers, as (utterance, text), to a session's words."""
    numbers = [number for number, _ in answers]
    account.lost += len(set(range(1, len(expected) + 1)) - set(numbers))
    account.doubled += len(numbers) - len(set(numbers))
    account.disorder += numbers != sorted(numbers)
    texts = dict(answers)
    account.unexpected += len(set(numbers) - set(range(1, len(expected) + 1)))
    account.unexpected += sum(
        number in texts and not _fits(texts[number], text)
        for number, text in enumerate(expected, 1)
    )


def _fits(answer: str, expected: str) -> bool:
    return answer.endswith(ANY_LENGTH) if expected == ANY_LENGTH else answer == expected


async def speak_words(captions: Captions, prompts: list[str]) -> None:
    """Speak one word for each prompt, and stop."""
    word = spoken_word() + SILENCE_1S
    for prompt in prompts:
        await captions.update(Update(prompt=prompt))
        for position in range(0, len(word), FRAME_BYTES):
            await captions.send(word[position : position + FRAME_BYTES])
            await asyncio.sleep(0.001)
    await captions.stop()
