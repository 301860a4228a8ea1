"""Sinks from settings and from a file that changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from surtitle.errors import ConfigurationError
from surtitle.sinks.building import ListedSinks
from surtitle.sinks.web import trusted
from surtitle.subtitles.cues import Layout
from tests.gateway.fakes import everything_logged
from tests.sinks.deliveries import final, until

SECRET = "0123456789abcdef"


def listed(*sinks: str, file: Path | None = None, secret: str = SECRET) -> ListedSinks:
    return ListedSinks(sinks, file, secret, Layout())


@asynccontextmanager
async def started(made: ListedSinks) -> AsyncIterator[ListedSinks]:
    made.sinks.start()
    try:
        yield made
    finally:
        await made.sinks.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sinks"
    path.touch(0o600)
    return path


def write(file: Path, *sinks: str) -> None:
    file.write_text("\n".join(sinks))


def remove(file: Path) -> None:
    file.unlink()


def names(made: ListedSinks) -> list[str]:
    return [sink.name for sink in made.sinks]


@pytest.mark.parametrize(
    ("sink", "sentence"),
    [
        ("hall=file:none/talk.vtt", "there is no folder"),
        ("hall=hls:none", "there is no folder none"),
        ("hall=webhook:https://h/", "--webhook-secret-file"),
        ("hall=teams:https://h/", "no kind of sink"),
    ],
)
async def test_what_cannot_work_is_told_at_the_start(sink: str, sentence: str, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        listed(sink, secret="")
    write(file, sink)
    with pytest.raises(ConfigurationError, match=sentence):
        listed(file=file, secret="")


async def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        listed(file=tmp_path / "none")


async def test_the_next_meeting_is_written_into_the_file(tmp_path: Path, file: Path) -> None:
    """What is in the settings, and what stays in the file, goes on as before."""
    texts = {name: tmp_path / f"{name}.txt" for name in ("fixed", "first", "second", "stays")}
    sinks = {name: f"hall=file:{path}" for name, path in texts.items()}
    write(file, sinks["first"], sinks["stays"])
    async with started(listed(sinks["fixed"], file=file)) as made:
        assert names(made) == ["hall file", "hall file 2", "hall file 3"]
        made.sinks.take("hall", "one", final("One.", 1))
        write(file, sinks["stays"], sinks["second"])
        with everything_logged() as logs:
            made.refresh()
        made.sinks.take("hall", "one", final("Two.", 2))
        await until(lambda: texts["second"].exists())
        assert names(made) == ["hall file", "hall file 3", "hall file 4"]
    assert {name: path.read_text() for name, path in texts.items()} == {
        "fixed": "One.\nTwo.\n",
        "first": "One.\n",  # which waited when it was taken out
        "second": "Two.\n",
        "stays": "One.\nTwo.\n",
    }
    assert [line["event"] for line in logs] == ["new sinks"]


async def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, file: Path) -> None:
    write(file, f"hall=file:{tmp_path}/talk.txt")
    async with started(listed(file=file)) as made:
        with everything_logged() as logs:
            write(file, f"hall=file:{tmp_path}/talk.txt", "hall=zoom:h/s3cret")
            made.refresh()
            made.refresh()  # it is told once
            remove(file)
            made.refresh()
        assert [line["event"] for line in logs] == ["the new file of sinks cannot be used"] * 2
        assert "s3cret" not in str(logs)
        assert names(made) == ["hall file"]
        write(file)
        made.refresh()
        assert names(made) == []


def test_a_file_that_others_can_read_is_told(file: Path) -> None:
    with everything_logged() as logs:
        file.chmod(0o644)
        listed(file=file)
    assert [line["event"] for line in logs] == ["the file of sinks is accessible to other users"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/nonexistent.pem"),
    ],
)
async def test_an_environment_in_which_nothing_can_be_sent_ends_no_server(
    variable: str, value: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted.cache_clear()
    monkeypatch.setenv(variable, value)
    async with started(listed(file=file)) as made:
        write(file, "hall=zoom:https://h/")
        with everything_logged() as log:
            made.refresh()
        assert "the new file of sinks cannot be used" in [line["event"] for line in log]
        assert names(made) == []
    with pytest.raises(ConfigurationError, match="environment"):
        listed("hall=zoom:https://h/")
    trusted.cache_clear()
