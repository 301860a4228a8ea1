"""What the recognizers of LiveKit Agents hear: a program, as `hearing` describes it."""

import asyncio

from livekit import rtc
from livekit.agents import inference, stt, utils
from livekit.plugins import deepgram, openai

from tests.agents.hearing import RATE, Heard, hear_all, spoken

NAMES = {"deepgram": deepgram, "openai": openai}


def frame_of(samples: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(samples, RATE, 1, len(samples) // 2)


async def hear(recipe: str, samples: bytes, heard: Heard) -> None:
    recognizer = eval(recipe, NAMES)
    if not recognizer.capabilities.streaming:  # as an agent's session does it
        recognizer = stt.StreamAdapter(stt=recognizer, vad=inference.VAD(model="silero"))
    async with recognizer.stream() as stream:
        listening = asyncio.create_task(listen(stream, heard))
        await speak(stream, samples)
        await heard.completed()
        listening.cancel()
    await recognizer.aclose()


async def speak(stream: stt.RecognizeStream, samples: bytes) -> None:
    async for part in spoken(samples):
        stream.push_frame(frame_of(part))
    stream.end_input()


async def listen(stream: stt.RecognizeStream, heard: Heard) -> None:
    try:
        async for event in stream:
            if event.type == stt.SpeechEventType.INTERIM_TRANSCRIPT:
                heard.interim(event.alternatives[0].text)
            elif event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                heard.final(event.alternatives[0].text)
    except Exception as error:
        heard.error(repr(error))


async def main() -> None:
    async with utils.http_context.open():
        await hear_all(hear)


if __name__ == "__main__":
    asyncio.run(main())
