"""What a session has where its client asks for nothing else."""

from dataclasses import replace

import pytest

from surtitle.gateway.channels import Channels
from surtitle.gateway.opening import Opening
from surtitle.messages import Start
from tests.gateway.fakes import SESSION_OPTIONS, FakeEngine, make_sessions


@pytest.mark.parametrize(("brought", "used"), [([], ["Kjell", "Surtitle"]), (["Ünal"], ["Ünal"])])
async def test_a_glossary_is_for_those_who_bring_no_names(
    brought: list[str], used: list[str]
) -> None:
    engine = FakeEngine()
    options = replace(SESSION_OPTIONS, glossary=("Kjell", "Surtitle"))
    opening = Opening(engine, make_sessions(engine), options)
    assert opening._with_usual(Start(hotwords=brought)).hotwords == used


@pytest.mark.parametrize(
    ("channel", "brought", "used"),
    [
        ("hall", [], ["Ünal", "Oslo", "Kjell"]),
        ("hall", ["Oslo", "Bach"], ["Ünal", "Oslo", "Bach"]),
        ("stage", ["Bach"], ["Bach"]),
        (None, ["Bach"], ["Bach"]),
    ],
)
async def test_the_names_of_a_channel_are_for_all_who_publish_there(
    channel: str | None, brought: list[str], used: list[str]
) -> None:
    engine = FakeEngine()
    sessions = make_sessions(engine)
    sessions.channels = Channels(60, names={"hall": ("Ünal", "Oslo")})
    opening = Opening(engine, sessions, replace(SESSION_OPTIONS, glossary=("Kjell",)))
    start = Start(hotwords=brought, channel=channel)
    assert opening._with_usual(start).hotwords == used


async def test_a_server_may_have_replacements_which_clients_may_change() -> None:
    engine = FakeEngine()
    options = replace(SESSION_OPTIONS, replacements={"choppy": "Chopin", "um": ""})
    opening = Opening(engine, make_sessions(engine), options)
    wanted = opening._with_usual(Start(replacements={"um": "erm", "sir": "Sir"})).replacements
    assert wanted == {"choppy": "Chopin", "um": "erm", "sir": "Sir"}
