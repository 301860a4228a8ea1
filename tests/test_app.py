"""The whole server in this process: what becomes of it where one of its parts fails."""

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from lab.ledger import spoken_word
from lab.server_process import FAKE_DECODER
from surtitle.app import App, running
from surtitle.client import ClientError, connect
from surtitle.config import Settings
from surtitle.engine.states import EngineState
from surtitle.engine.supervisor import Supervisor
from surtitle.messages import Start
from surtitle.vad.rounds import SileroVad

SETTINGS = Settings(port=0, log_level="error")


async def test_without_its_ticker_a_server_ends_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("out of order")

    async with running(SETTINGS, FAKE_DECODER) as app:
        await app.ready.wait()
        assert isinstance(app.engine, Supervisor)
        worker = psutil.Process(app.engine.worker_pid)
        monkeypatch.setattr(SileroVad, "score", fail)
        with pytest.raises(ClientError):
            async with connect(app.url, Start(language="en"), patience_s=0) as captions:
                await captions.send(spoken_word())
                await app.failed.wait()
                await app.stop()
                async for _ in captions:
                    pass
    assert app.failure == "Internal error in vad."
    assert not worker.is_running()


@pytest.mark.parametrize(
    ("sockets", "sessions", "viewers"),
    [(8192, 256, 5000), (1000, 256, 712), (300, 256, 150), (6000, 2000, 3968)],
)
def test_viewers_leave_room_for_those_who_speak(sockets: int, sessions: int, viewers: int) -> None:
    settings = Settings(port=0, log_level="error", max_sockets=sockets, max_sessions=sessions)
    assert App(settings, FAKE_DECODER).gateway._viewers._places == viewers


def test_clients_are_told_what_matters_most() -> None:
    """A new worker is no end of an overload, nor the end of an overload a worker."""
    app = App(SETTINGS, FAKE_DECODER)
    told: list[str] = []
    app.gateway.tell = lambda service: told.append(service("them")[0])  # type: ignore[method-assign]
    app.ready.set()
    for state, overloaded in (
        (EngineState.READY, True),
        (EngineState.RECOVERING, True),
        (EngineState.RECOVERING, False),
        (EngineState.BROKEN, True),
        (EngineState.READY, True),
        (EngineState.READY, False),
    ):
        app.engine = SimpleNamespace(state=state, overloaded_for={"them": overloaded}.__getitem__)
        app._tell()
    assert told == [
        "overloaded",
        *("recovering",) * 3,
        "overloaded",
        "normal",
    ]
