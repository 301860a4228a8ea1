"""The Python client: audio in, typed messages out, over as many connections as it takes.

async with connect("ws://127.0.0.1:8765", Start(language="en")) as captions:
    async for message in captions.caption(read_chunks(Path("talk.wav"))):   # until `ended`
        if isinstance(message, Final):
            print(message.text)

`read_chunks` is in `surtitle.client.media`, `open_microphone` in `surtitle.client.microphone`; any
iterable of bytes in the declared encoding will do.

When the connection breaks the client connects again and resumes the session: nothing is lost and
nothing comes twice. A server that was restarted gets a new session, from the first byte that was not
answered. Times and utterance numbers are those of the whole stream. Meanwhile audio is kept.
"""

from surtitle.client.captions import CAPTIONS_PATH, Captions, Event, Gap, State, connect
from surtitle.client.dialing import ClientError, Disconnected
from surtitle.client.viewer import ViewerEvent, watch
from surtitle.messages import (
    Ack,
    Channel,
    Ended,
    Error,
    Failed,
    Final,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    Ready,
    Resumed,
    Revised,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    WordTiming,
    revise,
)

__all__ = [
    "CAPTIONS_PATH",
    "Ack",
    "Captions",
    "Channel",
    "ClientError",
    "Disconnected",
    "Ended",
    "Error",
    "Event",
    "Failed",
    "Final",
    "Flushed",
    "Gap",
    "Partial",
    "Pause",
    "PauseOver",
    "Ready",
    "Resumed",
    "Revised",
    "Speech",
    "Start",
    "State",
    "Status",
    "Suppressed",
    "Update",
    "ViewerEvent",
    "WordTiming",
    "connect",
    "revise",
    "watch",
]
