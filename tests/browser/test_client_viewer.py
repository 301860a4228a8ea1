"""The client library's viewer of a channel, in the browser, against a scripted channel."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.channel import PATH, Channel, Viewer

WATCH = """async ([path, token]) => {
  const { ChannelViewer } = await import('/client/index.js');
  const url = new URL(path, location.href);
  const viewer = new ChannelViewer(url, token ? { access: () => token } : {});
  const heard = [];
  viewer.addEventListener('state', ({ detail: { state, message, error } }) => {
    heard.push({ type: 'state', state, message, code: error?.code });
  });
  viewer.addEventListener('message', ({ detail }) => heard.push(detail));
  Object.assign(window, { viewer, heard, connected: viewer.connect().catch((error) => error) });
}"""


def watch(page: Page, channel: Channel, token: str = "") -> None:
    page.goto(channel.url)
    page.evaluate(WATCH, [PATH, token])


def wait_for_state(page: Page, state: str) -> None:
    page.wait_for_function("(state) => viewer.state === state", arg=state)


def wait_for(page: Page, viewer: Viewer) -> None:
    """Until all that was said has been heard."""
    page.evaluate("void (window.marks = heard.filter(({ type }) => type === 'mark').length)")
    viewer.say("mark")
    # A function: the page's policy forbids an expression to be evaluated at every look.
    page.wait_for_function("() => heard.filter(({ type }) => type === 'mark').length > marks")


def text_of(message: dict[str, Any]) -> str:
    return "".join(message.get(name, "") for name in ("stable", "unstable", "text", "message"))


def heard(page: Page, *kinds: str) -> list[Any]:
    """What came, in short."""
    found = page.evaluate(
        "(kinds) => heard.filter(({ type }) => kinds.includes(type))", list(kinds)
    )
    return [
        (message["utterance"], text_of(message))
        if "utterance" in message
        else (message["session"], message["state"])
        if message["type"] == "channel"
        else message["state"]
        for message in found
    ]


def welcome(viewer: Viewer) -> None:
    """The greeting of a channel with two sessions before the one that goes on."""
    viewer.channel("live", "s3")
    viewer.channel("waiting", "s1")
    viewer.final(1, "One.")
    viewer.failed(2, "Failed.")
    viewer.channel("waiting", "s2")
    viewer.final(1, "Second session.")
    viewer.channel("live", "s3")
    viewer.final(1, "Third session.")
    viewer.channel("live", "s3")


WELCOME = [
    ("s3", "live"),
    ("s1", "waiting"),
    (1, "One."),
    (2, "Failed."),
    ("s2", "waiting"),
    (1, "Second session."),
    ("s3", "live"),
    (1, "Third session."),
    ("s3", "live"),
]
ALL = ("channel", "partial", "final", "failed", "suppressed")


def test_who_comes_late_gets_the_past_and_then_the_present(page: Page, channel: Channel) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    welcome(viewer)
    viewer.say("speech", utterance=2, start_ms=2000)
    viewer.partial(2, "And now")
    viewer.final(2, "And now this.")
    viewer.suppressed(3)
    wait_for(page, viewer)
    assert heard(page, *ALL) == [*WELCOME, (2, "And now"), (2, "And now this."), (3, "")]
    assert heard(page, "state") == ["connecting", "live"]  # the past is no state of now
    assert page.evaluate("connected.then(({ session, viewers }) => [session, viewers])") == [
        "s3",
        1,
    ]


def test_after_a_break_the_past_comes_again_but_each_answer_once(
    page: Page, channel: Channel
) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    welcome(viewer)
    viewer.partial(2, "Half a")
    wait_for(page, viewer)
    viewer.die()
    viewer = channel.next_viewer()
    viewer.channel("live", "s4")
    for session, answers in {
        "s1": ["One.", "Failed."],
        "s2": ["Second session."],
        "s3": ["Third session.", "Half a sentence."],
    }.items():
        viewer.channel("waiting", session)
        for utterance, text in enumerate(answers, 1):
            viewer.final(utterance, text)
    viewer.channel("live", "s4")
    viewer.final(1, "Fourth session.")
    wait_for(page, viewer)
    assert heard(page, *ALL) == [
        *WELCOME,
        (2, "Half a"),
        ("s4", "live"),
        ("s3", "waiting"),  # of those before nothing new came
        (2, "Half a sentence."),
        ("s4", "live"),
        (1, "Fourth session."),
    ]
    assert heard(page, "state") == ["connecting", "live", "reconnecting", "live"]


def test_what_was_answered_does_not_open_again(page: Page, channel: Channel) -> None:
    watch(page, channel)
    for _ in range(2):
        viewer = channel.next_viewer()
        viewer.channel("live", "s1")
        viewer.final(1, "One.")
        viewer.channel("live", "s1")
        viewer.partial(1, "One")
        viewer.say("speech", utterance=1, start_ms=0)
        viewer.partial(2, "Two")
        wait_for(page, viewer)
        viewer.die()
    assert heard(page, "final", "partial", "speech") == [(1, "One."), (2, "Two"), (2, "Two")]


def test_the_state_is_that_of_the_publisher(page: Page, channel: Channel) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    viewer.channel("waiting", "")
    viewer.channel("live", "s1")
    viewer.channel("live", "s1", viewers=7)  # the audience grows, the state stays
    viewer.channel("away", "s1", viewers=7)
    viewer.channel("live", "s1", viewers=7)
    viewer.channel("waiting", "s1", viewers=7)
    viewer.channel("live", "s2", viewers=7)
    viewer.channel("waiting", "", viewers=7)
    wait_for(page, viewer)
    states = ["waiting", "live", "away", "live", "waiting", "live", "waiting"]
    assert heard(page, "state") == ["connecting", *states]
    assert page.evaluate("heard.filter(({ viewers }) => viewers === 7).length") == 6


@pytest.mark.parametrize("code", [None, 1001, 1011, 1013])
def test_it_comes_again_however_the_connection_broke(
    page: Page, channel: Channel, code: int | None
) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    viewer.channel("waiting", "")
    wait_for_state(page, "waiting")
    if code is None:
        viewer.die()
    else:
        viewer.close(code)
    channel.next_viewer().channel("live", "s1")
    wait_for_state(page, "live")
    away = page.evaluate("heard.find(({ state }) => state === 'reconnecting')")
    assert away["code"] == f"closed_{code or 1006}"
    assert away["message"].startswith("Reconnecting to the server.")


def test_it_comes_again_for_ever_and_ever_more_slowly(page: Page, channel: Channel) -> None:
    page.clock.install()
    channel.refusal = (503, "The server is full.")
    watch(page, channel)
    for _ in range(12):
        assert channel.next_refused() == 503  # of the handshake
        assert channel.next_refused() == 503  # of the question why
        page.clock.run_for(10_000)
    channel.refusal = None
    page.clock.run_for(10_000)
    channel.next_viewer().channel("live", "s1")
    wait_for_state(page, "live")
    assert heard(page, "state") == ["connecting", "reconnecting", "live"]


def test_a_channel_that_says_nothing_is_taken_for_gone(page: Page, channel: Channel) -> None:
    page.clock.install()
    watch(page, channel)
    channel.next_viewer().channel("live", "s1")
    wait_for_state(page, "live")
    page.clock.run_for(16_000)
    channel.next_viewer().channel("live", "s1")
    wait_for_state(page, "live")
    assert heard(page, "state") == ["connecting", "live", "reconnecting", "live"]


def test_a_network_that_is_back_is_tried_at_once(page: Page, channel: Channel) -> None:
    page.clock.install(time=0)
    page.clock.pause_at(10)  # no timer ends any more
    watch(page, channel)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    wait_for(page, viewer)
    viewer.die()
    wait_for_state(page, "reconnecting")
    page.evaluate("dispatchEvent(new Event('online'))")
    channel.next_viewer().channel("live", "s1")
    wait_for_state(page, "live")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_for_good_is_explained(page: Page, channel: Channel, status: int) -> None:
    channel.refusal = (status, "There is no such channel.")
    watch(page, channel)
    wait_for_state(page, "closed")
    last = page.evaluate("heard.at(-1)")
    assert (last["state"], last["code"]) == ("closed", "refused")
    assert last["message"] == "There is no such channel."
    assert page.evaluate("connected.then(({ message }) => message)") == "There is no such channel."


def test_a_token_that_is_no_longer_good_is_a_refusal_for_good(page: Page, channel: Channel) -> None:
    watch(page, channel, "a.token")
    viewer = channel.next_viewer()
    assert viewer.offered == ["surtitle.v1", "token.a.token"]
    viewer.channel("live", "s1")
    wait_for_state(page, "live")
    channel.refusal = (401, "The token has expired.")
    viewer.die()
    wait_for_state(page, "closed")
    assert page.evaluate("heard.at(-1).message") == "The token has expired."


@pytest.mark.parametrize("text", ["Hello.", "null", "7"])
def test_who_says_what_is_no_message_is_left_for_good(
    page: Page, channel: Channel, text: str
) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.babble(text)
    wait_for_state(page, "closed")
    assert channel.next_close() == 1000
    last = page.evaluate("heard.at(-1)")
    assert last["code"] == "closed_1007"
    assert last["message"].startswith("The server does not speak Surtitle's protocol.")
    assert heard(page, "state") == ["connecting", "live", "closed"]


def test_who_closes_it_is_heard_no_more(page: Page, channel: Channel) -> None:
    watch(page, channel)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    wait_for_state(page, "live")
    page.evaluate("(viewer.close(), viewer.close())")
    assert channel.next_close() == 1000
    page.evaluate("dispatchEvent(new Event('online'))")  # which changes nothing
    assert heard(page, "state") == ["connecting", "live", "closed"]


def test_close_while_the_connection_is_away(page: Page, channel: Channel) -> None:
    channel.refusal = (503, "The server is full.")
    watch(page, channel)
    wait_for_state(page, "reconnecting")
    page.evaluate("viewer.close()")
    assert page.evaluate("connected.then(({ code }) => code)") == "closed"
    assert heard(page, "state") == ["connecting", "reconnecting", "closed"]


LOOP = """async () => {
  const texts = [];
  for await (const message of viewer) {
    if (message.type === 'final') texts.push(message.text);
    if (message.type === 'failed') break;
  }
  return texts;
}"""


def test_a_loop_gets_the_messages_until_it_is_left(page: Page, channel: Channel) -> None:
    watch(page, channel)
    page.evaluate(f"void (window.texts = ({LOOP})())")
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "One.")
    viewer.final(2, "Two.")
    viewer.failed(3, "No.")
    viewer.final(4, "Four.")
    wait_for(page, viewer)
    assert page.evaluate("texts") == ["One.", "Two."]
    assert page.evaluate("viewer.state") == "live"  # leaving the loop is not leaving the channel


def test_a_loop_ends_with_the_viewer(page: Page, channel: Channel) -> None:
    watch(page, channel)
    page.evaluate(f"void (window.texts = ({LOOP})())")
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "One.")
    wait_for(page, viewer)
    page.evaluate("viewer.close()")
    assert page.evaluate("texts") == ["One."]
    assert page.evaluate(f"({LOOP})()") == []


def test_a_loop_throws_why_it_was_refused(page: Page, channel: Channel) -> None:
    channel.refusal = (404, "There is no such channel.")
    watch(page, channel)
    for _ in range(2):  # while it is refused, and afterwards
        code = page.evaluate(f"({LOOP})().catch(({{ code, message }}) => [code, message])")
        assert code == ["refused", "There is no such channel."]
