"""A session whose client has named what to write instead of what is heard."""

import pytest

from surtitle.errors import BadStart
from surtitle.jobs import Job, Result
from surtitle.messages import Final, Partial, Revised, Start, Update
from tests.captioning.driver import ok, open_session, silence, speech
from tests.captioning.test_session_revisions import answering, two_fragments

RULES = {"word1": "Chopin", "word2 word3": "and others"}


def test_captions_have_them_from_the_first_partial_on() -> None:
    driver = open_session(Start(language="en", replacements=RULES), answer=ok)
    driver.feed(speech(50) + silence(60))
    (final,) = driver.of(Final)
    assert final.text.startswith("word0 Chopin and others word4")
    partials = driver.of(Partial)
    assert any("Chopin" in partial.stable + partial.unstable for partial in partials)
    stable = ""
    for partial in partials:
        assert "word1" not in partial.stable + partial.unstable
        assert partial.stable.startswith(stable)
        stable = partial.stable


def test_the_model_is_told_what_it_has_said_itself() -> None:
    """What was said before is context for what follows: its own words, not ours."""
    with_rules = open_session(Start(language="en", replacements=RULES), answer=ok)
    without = open_session(Start(language="en"), answer=ok)
    for driver in (with_rules, without):
        driver.feed(speech(50) + silence(60) + speech(50) + silence(60))
    assert [job.decode_options for job in with_rules.jobs] == [
        job.decode_options for job in without.jobs
    ]


def test_better_texts_have_them_too() -> None:
    driver = answering("choppy", "plays")
    session = driver.session
    assert session._replacements is None
    driver = open_session(
        Start(language="en", partials=False, revisions=True, replacements={"choppy": "Chopin"}),
        answer=driver.answer,
    )
    two_fragments(driver)
    driver.stop()
    assert [revised.text for revised in driver.of(Revised)][:1] == ["Chopin"]


def test_an_update_leaves_them_as_they_are() -> None:
    driver = open_session(Start(language="en", partials=False, replacements={"a": "b"}), answer=say)
    driver.session.update(Update(language="de"))
    driver.feed(speech(20) + silence(60))
    assert [final.text for final in driver.of(Final)] == ["b"]


def say(job: Job) -> Result | None:
    return ok(job, "a")


def test_a_key_that_is_no_word_is_refused() -> None:
    with pytest.raises(BadStart, match="name words"):
        open_session(Start(language="en", replacements={" ": "x"}))
