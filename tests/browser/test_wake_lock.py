"""The screen stays on exactly while the page wants it, however late the browser answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.scripted import ScriptedServer

# Steps: true and false are what the page wants, a number answers the request of that number, and
# "hide" takes the locks away as the browser does.
HELD = """async (steps) => {
  const requests = [];
  const locks = [];
  const request = () => new Promise((resolve) => requests.push(() => {
    const lock = { released: false, release: async () => { lock.released = true; } };
    locks.push(lock);
    resolve(lock);
  }));
  Object.defineProperty(navigator, 'wakeLock', { value: { request } });
  const { keepScreenOn } = await import('/wake-lock.js');
  for (const step of steps) {
    if (step === 'hide') locks.forEach((lock) => { lock.released = true; });
    else if (typeof step === 'number') requests[step]();
    else void keepScreenOn(step);
    await new Promise((resolve) => setTimeout(resolve)); // what awaits has gone on
  }
  return locks.map(({ released }) => !released);
}"""


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ([True, 0], [True]),
        ([True, 0, False], [False]),
        ([True, False, 0], [False]),  # it comes when nobody wants it any more
        ([True, True, 0, 1], [True, False]),
        ([True, True, 0, 1, False], [False, False]),
        ([True, False, True, 0, 1], [True, False]),
        ([True, 0, False, True, 1], [False, True]),
        ([True, 0, "hide", True, 1], [False, True]),
    ],
)
def test_locks(
    page: Page, scripted: ScriptedServer, steps: list[bool | int | str], held: list[bool]
) -> None:
    page.goto(scripted.url)
    assert page.evaluate(HELD, steps) == held
