"""What the services of Pipecat hear: a program, as `hearing` describes it.

Each has Pipecat's own voice activity before it, as in most pipelines. The services for files need it,
and others tell the server when somebody has finished.
"""

import asyncio

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAISTTService
from pipecat.workers.runner import WorkerRunner

from tests.agents.hearing import RATE, Heard, hear_all, spoken

SERVICES = (
    DeepgramFluxSTTService,
    DeepgramSTTService,
    OpenAIRealtimeSTTService,
    OpenAISTTService,
)
NAMES = {service.__name__: service for service in SERVICES}


async def hear(recipe: str, samples: bytes, heard: Heard) -> None:
    voice_activity = VADProcessor(vad_analyzer=SileroVADAnalyzer())
    worker = PipelineWorker(
        Pipeline([voice_activity, eval(recipe, NAMES)]),
        params=PipelineParams(audio_in_sample_rate=RATE),
        enable_rtvi=False,
    )

    async def on_text(_: PipelineWorker, frame: Frame) -> None:
        (heard.final if isinstance(frame, TranscriptionFrame) else heard.interim)(frame.text)

    async def on_error(_: PipelineWorker, frame: ErrorFrame) -> None:
        heard.error(frame.error)

    worker.set_reached_downstream_filter((InterimTranscriptionFrame, TranscriptionFrame))
    worker.add_event_handler("on_frame_reached_downstream", on_text)
    worker.add_event_handler("on_pipeline_error", on_error)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    async for part in spoken(samples):
        await worker.queue_frame(InputAudioRawFrame(part, RATE, 1))
    await heard.completed()
    await worker.queue_frame(EndFrame())
    await running


if __name__ == "__main__":
    asyncio.run(hear_all(hear))
