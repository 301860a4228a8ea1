"""The Python client: audio in, typed messages out, over as many connections as it takes.

async with connect("ws://127.0.0.1:8765", Start(language="en")) as captions:
    async def feed():
        async for pcm in microphone():      # bytes in the declared encoding
            await captions.send(pcm)
        await captions.stop()

    feeding = asyncio.create_task(feed())
    async for message in captions:          # until `ended`
        if isinstance(message, Final):
            print(message.text)

When the connection breaks the client connects again and resumes the session: nothing is lost and
nothing comes twice. A server that was restarted gets a new session, from the first byte that was not
answered. Times and utterance numbers are those of the whole stream. Meanwhile `send` goes on taking
audio.
"""

from surtitle.client.captions import CAPTIONS_PATH, Captions, Event, Gap, connect
from surtitle.client.dialing import ClientError, Disconnected
from surtitle.client.viewer import ViewerEvent, watch
from surtitle.messages import (
    Ack,
    Ended,
    Error,
    Failed,
    Final,
    Partial,
    Ready,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
)

__all__ = [
    "CAPTIONS_PATH",
    "Ack",
    "Captions",
    "ClientError",
    "Disconnected",
    "Ended",
    "Error",
    "Event",
    "Failed",
    "Final",
    "Gap",
    "Partial",
    "Ready",
    "Speech",
    "Start",
    "Status",
    "Suppressed",
    "Update",
    "ViewerEvent",
    "connect",
    "watch",
]
