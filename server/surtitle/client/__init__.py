"""The Python client: audio in, typed messages out, over as many connections as it takes.

async for message in caption("ws://127.0.0.1:8765", "talk.mp4", Start(language="en")):
    if isinstance(message, Final):
        print(message.text)

A source is a file, samples, or `open_microphone()` of `surtitle.client.microphone`. `connect` gives the
session itself, to send to and to steer. `surtitle.client.sync` has `caption` without `async`.

When the connection breaks the client connects again and resumes the session: nothing is lost and
nothing comes twice. A server that was restarted gets a new session, from the first byte that was not
answered. Times and utterance numbers are those of the whole stream. Meanwhile audio is kept.
"""

from surtitle.client.captions import CAPTIONS_PATH, Captions, Event, Gap, State, connect
from surtitle.client.dialing import ClientError, Disconnected
from surtitle.client.simple import Source, caption
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
    "Source",
    "Speech",
    "Start",
    "State",
    "Status",
    "Suppressed",
    "Update",
    "ViewerEvent",
    "WordTiming",
    "caption",
    "connect",
    "revise",
    "watch",
]
