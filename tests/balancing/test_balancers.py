"""Speakers and viewers of two servers behind a balancer: links cut, servers updated and killed."""

import asyncio
import http.client
import signal
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import InvalidStatus

from lab.ledger import expect
from lab.link import Link
from surtitle.client import Disconnected, connect, watch
from surtitle.messages import Ended, Final, Ready, Resumed, Start
from tests.balancing.balanced import BALANCERS, Site, balanced
from tests.balancing.redis_server import RedisServer
from tests.faults.story import Story

pytestmark = [pytest.mark.scaling, pytest.mark.parametrize("balancer", BALANCERS)]

SPEAKERS = 24
STEP_S = 0.02
"""Five times as fast as people speak."""


async def spoken(story: Story, words: int) -> None:
    async with asyncio.timeout(30):
        while len(story.texts) < words:  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.01)


class Viewer:
    """Watches a channel through the balancer."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.breaks = 0

    async def watch(self, port: int, channel: str, last: str) -> None:
        """Until this text has come."""
        async with watch(f"ws://127.0.0.1:{port}", channel) as messages:
            async for message in messages:
                self.breaks += isinstance(message, Disconnected)
                if isinstance(message, Final):
                    self.texts.append(message.text)
                    if message.text == last:
                        return


async def test_cut_links_come_back_to_their_sessions(balancer: str, tmp_path: Path) -> None:
    with balanced(balancer, tmp_path) as site:
        async with Link(site.port, iter([])) as link:
            stories = [Story() for _ in range(SPEAKERS)]
            telling = [
                asyncio.create_task(story.tell(link.port, 6, step_s=STEP_S)) for story in stories
            ]
            await asyncio.gather(*(spoken(story, 2) for story in stories))
            link.cut()
            await asyncio.gather(*telling)
    for story in stories:
        story.check(6)
        assert sum(isinstance(event, Resumed) for event in story.events) == 1
        assert len(story.sessions) == 1
    servers = Counter(name.partition(".")[0] for story in stories for name in story.sessions)
    print(f"{balancer}: {SPEAKERS} of {SPEAKERS} resumed, on {dict(servers)}")
    assert servers.keys() == {"one", "two"}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_ends_costs_its_clients_nothing(
    balancer: str, end: signal.Signals, tmp_path: Path
) -> None:
    with balanced(balancer, tmp_path, drain_s=2) as site:
        stories = [Story() for _ in range(8)]
        telling = [
            asyncio.create_task(story.tell(site.port, 12, step_s=STEP_S)) for story in stories
        ]
        await asyncio.gather(*(spoken(story, 3) for story in stories))
        await asyncio.to_thread(site.servers["one"].stop, end)
        await asyncio.gather(*telling)
    for story in stories:
        check_once(story, 12)
    away_s = [seconds for story in stories for seconds in story.away_s]
    print(f"{balancer}, {end.name}: {len(away_s)} moved, away for {max(away_s):.2f} s at most")


async def test_servers_are_updated_one_after_the_other(
    balancer: str, tmp_path: Path, redis: RedisServer
) -> None:
    # A viewer may come back when a server is up again that was gone when its speaker came back: they
    # are then at two servers, which have the channel together.
    with balanced(balancer, tmp_path, drain_s=2, backplane=redis.url) as site:
        stories = [Story() for _ in range(4)]
        channels = [f"hall-{number}" for number in range(4)]
        viewers = [Viewer() for _ in channels]
        watching = [
            asyncio.create_task(viewer.watch(site.port, channel, "29"))
            for viewer, channel in zip(viewers, channels, strict=True)
        ]
        telling = [
            asyncio.create_task(story.tell(site.port, 30, step_s=0.03, channel=channel))
            for story, channel in zip(stories, channels, strict=True)
        ]
        await asyncio.gather(*(spoken(story, 2) for story in stories))
        for name in site.ports:
            await asyncio.to_thread(site.stop, name)
            await asyncio.to_thread(site.start, name)
            await asyncio.sleep(1)  # as an update does that looks whether the new one stays
        async with asyncio.timeout(30):
            await asyncio.gather(*telling, *watching)
        assert not site.servers["one"].errors and not site.servers["two"].errors
    away_s = [seconds for story in stories for seconds in story.away_s]
    print(f"{balancer}, updated: away for {max(away_s):.2f} s at most")
    for story, viewer in zip(stories, viewers, strict=True):
        check_once(story, 30)
        assert [text for text, _ in groupby(viewer.texts)] == list(map(str, range(30)))
        assert viewer.breaks >= 1


def check_once(story: Story, words: int) -> None:
    """Each word came in its order. One that was finished for a stop may go on in a second utterance."""
    assert [text for text, _ in groupby(story.texts)] == [str(number) for number in range(words)]
    ended = story.events[-1]
    assert isinstance(ended, Ended) and ended.audio_ms == words * 1500


async def test_the_webvtt_of_a_session_is_found(balancer: str, tmp_path: Path) -> None:
    with balanced(balancer, tmp_path) as site:
        seen = set[str]()
        names = (f"hall-{number}" for number in range(40))  # which goes where depends on the ports
        while seen != {"one", "two"}:
            channel = next(names)
            address = f"ws://127.0.0.1:{site.port}"
            async with connect(address, Start(channel=channel)) as captions:
                session = captions.ready.session
                seen.add(session.partition(".")[0])
                assert await asyncio.to_thread(status, site, f"/v1/captions/{session}.vtt") == 200


def status(site: Site, path: str) -> int:
    asking = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
    asking.request("HEAD", path)
    try:
        return asking.getresponse().status
    finally:
        asking.close()


async def test_limits_hold_for_each_client_and_not_for_what_it_claims(
    balancer: str, tmp_path: Path
) -> None:
    with balanced(balancer, tmp_path, max_sessions_per_address=1) as site:
        url = f"ws://127.0.0.1:{site.port}/v1/captions?affinity=here"

        def speak(address: str, **headers: str) -> connect_socket:
            return connect_socket(url, local_addr=(address, 0), additional_headers=headers)

        async with speak("127.0.0.5") as first, speak("127.0.0.6") as other:
            for socket in (first, other):
                await socket.send('{"type":"start"}')
                assert isinstance(expect(await socket.recv()), Ready)
            for claimed in (
                {},
                {"X-Forwarded-For": "203.0.113.9"},
                {"Forwarded": "for=203.0.113.9"},
            ):
                with pytest.raises(InvalidStatus) as refused:
                    await speak("127.0.0.5", **claimed)
                assert refused.value.response.status_code == 429
