"""What a client of OpenAI Realtime has that appends deltas, from the messages of a session."""

import json
from collections.abc import Iterable

from quality.utterances import Received
from surtitle.gateway.dialects.dialect import Say
from surtitle.gateway.dialects.openai_realtime import OpenAIRealtime
from surtitle.jobs import ModelInfo


def joined(messages: Iterable[Received], model: ModelInfo) -> list[tuple[str, str]]:
    """Of each utterance with text: its deltas, joined, and its transcript."""
    dialect = OpenAIRealtime("x", model)
    deltas: dict[str, str] = {}
    finals: dict[str, str] = {}
    for received in messages:
        for action in dialect.tell(received.message, 0):
            if not isinstance(action, Say):
                continue
            event = json.loads(action.frame)
            if "delta" in event:
                item = event["item_id"]
                assert item not in finals, "a delta after the transcript"
                deltas[item] = deltas.get(item, "") + event["delta"]
            elif "transcript" in event:
                finals[event["item_id"]] = event["transcript"]
    return [(deltas.get(item, ""), text) for item, text in finals.items() if text]
