"""Corrections over HTTP: who may correct, and everybody who gets what a person has written."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.ledger import expect
from surtitle.archive.archive import Archive
from surtitle.archive.sql_store import SqlStore
from surtitle.client import watch
from surtitle.gateway.access import Key, KeyRing, digest_of, tokens_alone
from surtitle.gateway.origins import OriginPolicy
from surtitle.messages import Final, Ready, Revised
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import Site, listening
from tests.gateway.talks import LIMIT_S, say, speaking

EDITORS = tokens_alone()
TOKEN = EDITORS.make_token("anna", ["watch", "edit"], 4e9, channel="hall")
KEYS = KeyRing(
    (
        Key("desk", frozenset({"speak", "watch"}), digest_of("st_desk")),
        Key("anna", frozenset({"edit"}), digest_of("st_anna")),
    ),
    "s" * 32,
)


async def post(
    site: Site, what: str, body: Any, *, secret: str = TOKEN, channel: str = "hall", **headers: str
) -> tuple[int, Any]:
    def fetch() -> tuple[int, Any]:
        url = f"http://127.0.0.1:{site.gateway.port}/v1/channels/{channel}/{what}"
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        request = urllib.request.Request(url, sent, all_headers | headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    return await asyncio.to_thread(fetch)


@asynccontextmanager
async def talk(site: Site, *texts: str, secret: str = "", **start: Any) -> AsyncIterator[Any]:
    """Somebody says that in the hall, and goes on; the client, and how viewers know the session."""
    async with speaking(site, secret, channel="hall", partials=False, **start) as client:
        for text in texts:
            await say(site, client, text)
        (hosted,) = list(site.gateway._sessions)
        yield client, hosted.public_id


async def finals(site: Site, count: int, secret: str = "") -> list[Final]:
    """What a viewer gets who comes now."""
    found: list[Final] = []
    url = f"ws://127.0.0.1:{site.gateway.port}"
    async with watch(url, "hall", key=secret or None) as messages, asyncio.timeout(LIMIT_S):
        while len(found) < count:
            if isinstance(message := await anext(messages), Final):
                found.append(message)
    return found


async def test_everybody_gets_what_a_person_has_corrected() -> None:
    async with (
        listening(editors=EDITORS) as site,
        talk(site, "He plays choppy.", "Well.", revisions=True, words=True) as (client, session),
        watch(f"ws://127.0.0.1:{site.gateway.port}", "hall") as viewer,
        asyncio.timeout(LIMIT_S),
    ):
        body = {"session": session, "utterance": 1, "text": "He plays Chopin."}
        status, answer = await post(site, "corrections", body | {"seen": "He plays choppy."})
        assert (status, answer) == (
            200,
            {"utterance": 1, "text": "He plays Chopin.", "by": "anna"},
        )
        told = expect(await client.recv())
        while not isinstance(told, Revised):
            told = expect(await client.recv())
        assert (told.text, told.by, told.utterance) == ("He plays Chopin.", "anna", 1)
        assert told.words is not None
        assert " ".join(word.text for word in told.words) == told.text
        while not isinstance(seen := await anext(viewer), Revised):
            pass
        assert (seen.text, seen.by) == ("He plays Chopin.", "anna")
        first, second = await finals(site, 2)
        assert (first.text, first.by, second.by) == ("He plays Chopin.", "anna", None)


async def test_who_did_not_ask_for_better_texts_misses_no_number() -> None:
    async with (
        listening(editors=EDITORS) as site,
        talk(site, "One.") as (client, session),
    ):
        body = {"session": session, "utterance": 1, "text": "Two."}
        assert (await post(site, "corrections", body))[0] == 200
        await say(site, client, "Three.")
        (hosted,) = list(site.gateway._sessions)
        numbers = [number for number, _, _ in hosted._kept._messages]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [each.text for each in await finals(site, 2)] == ["Two.", "Three."]


async def test_a_caption_that_was_corrected_meanwhile_is_not_overwritten() -> None:
    async with listening(editors=EDITORS) as site, talk(site, "One.") as (_, session):
        body = {"session": session, "utterance": 1, "text": "Two.", "seen": "One."}
        assert (await post(site, "corrections", body))[0] == 200
        status, answer = await post(site, "corrections", body)
        assert (status, answer["code"], answer["text"]) == (409, "corrected", "Two.")
        assert (await post(site, "corrections", body | {"seen": "Two.", "text": ""}))[0] == 200
        assert [each.text for each in await finals(site, 1)] == [""]


async def test_a_correction_is_kept(tmp_path: Path) -> None:
    """Also one of a session that is over."""
    archive = Archive(SqlStore(str(tmp_path)), 30)
    archive.start()
    try:
        async with listening(editors=EDITORS, archive=archive) as site:
            async with talk(site, "One.", "Two.") as (client, session):
                body = {"session": session, "utterance": 1, "text": "First."}
                assert (await post(site, "corrections", body))[0] == 200
                await client.send('{"type":"stop"}')
                await client.wait_closed()
            await site.until_empty()
            body = {"session": session, "utterance": 2, "text": "Second."}
            assert (await post(site, "corrections", body))[0] == 200
            async with asyncio.timeout(LIMIT_S):
                while archive.waiting:  # noqa: ASYNC110 - it is no event
                    await asyncio.sleep(0.01)
            kept = [final async for page in archive.finals(session) for final in page]
            assert [(each.text, each.by) for each in kept] == [
                ("First.", "anna"),
                ("Second.", "anna"),
            ]
    finally:
        await archive.stop()


async def test_without_keys_only_the_token_of_the_session_permits_it() -> None:
    def make(channel: str) -> str:
        return EDITORS.make_token("corrector", ["watch", "edit"], 4e9, channel=channel)

    async with (
        listening(editors=EDITORS, edit_token=make) as site,
        speaking(site, channel="hall") as client,
    ):
        ready = expect(await client.recv())
        assert isinstance(ready, Ready) and isinstance(ready.edit_token, str)
        await say(site, client, "One.")
        (hosted,) = list(site.gateway._sessions)
        body = {"session": hosted.public_id, "utterance": 1, "text": "Two."}
        assert (await post(site, "corrections", body, secret=""))[0] == 401
        assert (await post(site, "corrections", body, secret=TOKEN[:-2]))[0] == 401
        other = tokens_alone().make_token("x", ["edit"], 4e9)
        assert (await post(site, "corrections", body, secret=other))[0] == 401
        old = EDITORS.make_token("x", ["edit"], 1.0)
        assert (await post(site, "corrections", body, secret=old))[0] == 401
        assert (await post(site, "corrections", body, channel="studio"))[0] == 403
        assert (await post(site, "corrections", body, secret=ready.edit_token))[0] == 200


async def test_with_keys_it_takes_the_scope() -> None:
    async with (
        listening(keys=lambda: KEYS, max_sessions_per_key=9) as site,
        talk(site, "One.", secret="st_desk") as (_, session),
    ):
        body = {"session": session, "utterance": 1, "text": "Two."}
        viewers = KEYS.make_token("viewers", ["watch"], 4e9, channel="hall")
        studio = KEYS.make_token("x", ["edit"], 4e9, channel="studio")
        for secret, status in (("", 401), ("st_desk", 403), (viewers, 403), (studio, 403)):
            assert (await post(site, "corrections", body, secret=secret))[0] == status
        assert (await post(site, "corrections", body, secret="st_anna"))[1]["by"] == "anna"


async def test_pages_of_other_origins_need_permission() -> None:
    allowed = OriginPolicy(("https://desk.example",))
    async with listening(editors=EDITORS, origins=allowed) as site, talk(site, "One.") as (_, name):
        body = {"session": name, "utterance": 1, "text": "Two."}
        refused = await post(site, "corrections", body, Origin="https://evil.example")
        assert (refused[0], refused[1]["code"]) == (403, "foreign_page")
        assert (await post(site, "corrections", body, Origin="https://desk.example"))[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 400, "cannot be used"),
        (b"[" * 10_000, 400, "cannot be used"),
        (b"\xff{}", 400, "cannot be used"),
        ({"session": "x", "utterance": 1}, 400, "text"),
        ({"session": "x", "utterance": 1, "text": "y" * 2001}, 400, "text"),
        ({"session": "x", "utterance": 1, "text": "y"}, 404, "no such caption"),
        (b"x" * 70_000, 413, "64 KiB"),
    ],
)
async def test_what_is_wrong_is_said(body: Any, status: int, why: str) -> None:
    async with listening(editors=EDITORS) as site, talk(site, "One."):
        found = await post(site, "corrections", body)
        assert found[0] == status and why in found[1]["error"]
        assert [each.text for each in await finals(site, 1)] == ["One."]


async def test_names_are_listened_for_from_the_next_utterance_on() -> None:
    async with (
        listening(editors=EDITORS) as site,
        talk(site, "One.", hotwords=["Kyiv"]) as (
            client,
            _,
        ),
    ):
        assert (await post(site, "names", {"names": ["Chopin", " ", "Kyiv"]}))[0] == 200
        await client.send(LOUD * 20 + QUIET * 40)
        async with asyncio.timeout(LIMIT_S):
            while not site.engine.jobs:  # noqa: ASYNC110 - it is no event
                await asyncio.sleep(0.001)
        assert site.engine.jobs[0][0].decode_options.hotwords == ("Kyiv", "Chopin")
        many = {"names": [f"name {n}" for n in range(99)]}
        status, answer = await post(site, "names", many)
        assert status == 400 and "100 names" in answer["error"]
        assert (await post(site, "names", {"names": []}))[0] == 400
        assert (await post(site, "names", {"names": ["x"]}, secret=""))[0] == 401


async def test_names_stay_with_the_channel() -> None:
    """A speaker who starts once more, or comes only now, has them too."""
    async with (
        listening(editors=EDITORS) as site,
        watch(site.websocket.removesuffix("/v1/captions"), "hall"),
    ):
        assert (await post(site, "names", {"names": ["Chopin"]}))[0] == 200
        async with talk(site, "One.", hotwords=["Bach"]):
            assert (await post(site, "names", {"names": ["Kyiv"]}))[0] == 200
        async with talk(site, "One.", hotwords=["Bach"]) as (client, _):
            await client.send(LOUD * 20 + QUIET * 40)
            async with asyncio.timeout(LIMIT_S):
                while not site.engine.jobs:  # noqa: ASYNC110 - it is no event
                    await asyncio.sleep(0.001)
            assert site.engine.jobs[0][0].decode_options.hotwords == ("Chopin", "Kyiv", "Bach")


async def test_names_are_for_a_channel_that_is_there() -> None:
    async with listening(editors=EDITORS) as site:
        assert (await post(site, "names", {"names": ["Chopin"]}))[0] == 404
