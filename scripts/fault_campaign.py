"""Break it, thousands of times, and count what is lost.

    python scripts/fault_campaign.py --link-cuts 10000 --worker-faults 1000 --markdown out.md

Real server processes with a scripted decoder, real sockets, and a client that speaks numbered words.
Each word must be answered once, in order, and each millisecond of audio accounted for; at the end no
process may be left. Everything is drawn from `--seed`. Phases:

    link cuts      the connection is reset or closed at a random byte, sometimes in the handshake
    viewer cuts    the same happens to viewers of a channel; each gets each word once all the same
    worker faults  the recognition worker is killed, exits, hangs or stops in the middle of a job
    bad inputs     handshakes, frames and messages that make no sense, each answered by an `error` or
                   a close; beside them and in what follows somebody speaks
    damage         recordings in containers are hurt: bytes changed, lost, put in, doubled, cut off
    decoder kills  the process that decodes a container is killed, or the one that makes these
    silences       senders stop in the middle of a word, and are answered without a goodbye
    stops          a server is started, and ended by a signal at whatever it does; a stop that it can
                   hear finishes what was said

The delay of the event loop is read from `/metrics` all the while: the largest p99 of half a minute.

A word that takes two workers down is answered `failed` on purpose; all other outcomes that are not the
word's own text count as unexpected.
"""

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.account import ANY_LENGTH, LIMIT_S, WORDS, Account, judge, speak_words, tell
from faults.containers import fall_silent, kill_decoders, send_damaged, speak_beside
from lab.link import Cut, Link
from lab.nonsense import talk_nonsense
from lab.server_process import FAKE_DECODER, ServerProcess, figure, start_server
from lab.waiting import left_over
from surtitle.client import ClientError, connect, dialing, watch
from surtitle.messages import Final, Speech

SPARE_WORDS_S = 0.02
"""Between the words of one who speaks beside a phase."""
AT_ONCE = 8
"""Sessions side by side."""
SHOW_EVERY_S = 0.2

Phase = Callable[[ServerProcess, int, int, Progress], Coroutine[None, None, Account]]
"""A server, how many faults, the seed, and who shows how far it is."""


# -- phases -----------------------------------------------------------------------------------------


def _cuts(chance: random.Random) -> Iterator[tuple[int, Cut] | None]:
    """The first connection lasts a little; all others break anywhere from their first byte on."""
    yield chance.randrange(50_000, 400_000), Cut.RESET
    while True:
        most = chance.choice([500, 1000, 5000, 50_000, 200_000])
        yield chance.randrange(most), chance.choice([Cut.RESET, Cut.CLOSE])


async def cut_links(server: ServerProcess, count: int, seed: int, progress: Progress) -> Account:
    """Sessions whose connections break, until there were so many breaks."""
    account, numbers = Account(), iter(range(sys.maxsize))
    task = progress.add_task("link cuts", total=count)
    began = time.monotonic()

    async def one_after_the_other() -> None:
        while account.faults < count:
            plan = _cuts(random.Random(f"{seed} {next(numbers)}"))
            async with Link(server.port, plan) as link:
                words = [str(number) for number in range(WORDS)]
                await tell(link.port, [f"say:{word}" for word in words], words, account)
            account.faults += link.cuts
            progress.update(task, completed=account.faults)

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    account.seconds = time.monotonic() - began
    return account


def _viewer_cuts(chance: random.Random) -> Iterator[tuple[int, Cut] | None]:
    """The first connection is made; all others break anywhere, often before the history has come."""
    yield chance.randrange(1500, 20_000), Cut.RESET
    while True:
        most = chance.choice([500, 5000, 20_000, 100_000])
        yield chance.randrange(most), chance.choice([Cut.RESET, Cut.CLOSE])


async def watch_words(port: int, channel: str, count: int) -> list[tuple[int, str]]:
    """The answers as a viewer gets them, until there are so many; fewer where more do not come."""
    answers: list[tuple[int, str]] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S), watch(f"ws://127.0.0.1:{port}", channel) as messages:
            async for message in messages:
                if isinstance(message, Final):
                    answers.append((message.utterance, message.text))
                if len(answers) >= count:
                    break
    return answers


async def cut_viewers(server: ServerProcess, count: int, seed: int, progress: Progress) -> Account:
    """One speaks, several watch over connections that break, until there were so many breaks."""
    account, task = Account(), progress.add_task("viewer cuts", total=count)
    began = time.monotonic()
    while account.faults < count:
        channel = f"hall-{account.sessions}"
        words = [str(number) for number in range(WORDS)]
        async with AsyncExitStack() as stack:
            links = [
                await stack.enter_async_context(Link(server.port, _viewer_cuts(chance)))
                for chance in (random.Random(f"{seed} {channel} {n}") for n in range(AT_ONCE))
            ]
            watching = [
                asyncio.create_task(watch_words(link.port, channel, WORDS)) for link in links
            ]
            await tell(server.port, [f"say:{word}" for word in words], words, account, channel)
            for answers in await asyncio.gather(*watching):
                judge(answers, words, account)
            account.faults += sum(link.cuts for link in links)
        progress.update(task, completed=account.faults)
    account.seconds = time.monotonic() - began
    return account


async def break_workers(
    server: ServerProcess, count: int, seed: int, progress: Progress
) -> Account:
    """Sessions some of whose words take the worker down, until that happened so often.

    Hangs and stops take the whole lease, so they are one fault in ten.
    """
    account, chance = Account(), random.Random(seed)
    task = progress.add_task("worker faults", total=count)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while (died := len(server.events("worker died"))) < count:
            progress.update(task, completed=died)
            prompts, expected = [], []
            for number in range(WORDS):
                once = Path(folder) / f"{account.sessions}-{number}"
                if number % 2:  # a word that is decoded ends a row of deaths
                    prompts.append(f"say:{number}")
                    expected.append(str(number))
                    continue
                kinds = ["crash", "exit", "oom", f"crash-once:{once}", f"device:{once}"]
                if chance.random() < 0.1:
                    kinds = [f"stop-once:{once}", f"spin-once:{once}"]
                prompts.append(chance.choice(kinds))
                twice = prompts[-1] in ("crash", "exit", "oom")
                expected.append("quarantined" if twice else ANY_LENGTH)
            await tell(server.port, prompts, expected, account)
    account.faults = len(server.events("worker died"))
    account.seconds = time.monotonic() - began
    return account


async def send_nonsense(
    server: ServerProcess, count: int, seed: int, progress: Progress
) -> Account:
    """Bad input of every kind from many sides, while somebody speaks."""
    account, numbers = Account(), iter(range(sys.maxsize))
    task = progress.add_task("bad inputs", total=count)
    began = time.monotonic()

    async def one_after_the_other() -> None:
        while account.faults < count:
            chance = random.Random(f"{seed} {next(numbers)}")
            answered = await talk_nonsense(server.port, chance)
            account.faults += answered  # not in one line: others count while this one waits
            progress.update(task, completed=account.faults)

    async def speak_beside() -> None:
        while account.faults < count:
            words = [str(number) for number in range(WORDS)]
            await tell(server.port, [f"say:{word}" for word in words], words, account)
            await asyncio.sleep(SPARE_WORDS_S)

    await asyncio.gather(speak_beside(), *(one_after_the_other() for _ in range(AT_ONCE)))
    account.problems += [str(line) for line in server.errors]
    account.seconds = time.monotonic() - began
    return account


Work = Callable[[ServerProcess, int, int, Account], Awaitable[None]]


def beside_words(name: str, work: Work) -> Phase:
    """A phase in which somebody speaks beside the work."""

    async def phase(server: ServerProcess, count: int, seed: int, progress: Progress) -> Account:
        account, over = Account(), asyncio.Event()
        task = progress.add_task(name, total=count)
        began = time.monotonic()

        async def show() -> None:
            while not over.is_set():
                progress.update(task, completed=account.faults)
                await asyncio.sleep(SHOW_EVERY_S)

        async with asyncio.TaskGroup() as group:
            group.create_task(show())
            group.create_task(speak_beside(server, account, over))
            try:
                await work(server, count, seed, account)
            finally:
                over.set()
        account.problems += [str(line) for line in server.errors]
        account.seconds = time.monotonic() - began
        return account

    return phase


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV)


def stop_servers(count: int, seed: int, console: Console) -> Account:
    """Servers that end while they load, wait or work; none may leave a process."""
    account, chance = Account(), random.Random(seed)
    if (
        signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    ):  # by `nohup`; the servers would inherit it
        signal.signal(signal.SIGHUP, lambda *_: None)
    began = time.monotonic()
    with Progress(console=console) as progress:
        task = progress.add_task("stops", total=count)
        for _ in range(count):
            server = start_server(decoder=FAKE_DECODER, ready=chance.random() < 0.7)
            tree = server.tree()
            try:
                asyncio.run(_stop_while_it_works(server, chance, account))
            finally:
                if server.process.poll() is None:
                    server.process.kill()
                    account.problems.append("a server did not end")
                server.process.wait()
                server.close_pipes()
            account.orphans += len(left_over(tree))
            account.faults += 1
            progress.advance(task)
    account.seconds = time.monotonic() - began
    return account


async def _stop_while_it_works(
    server: ServerProcess, chance: random.Random, account: Account
) -> None:
    """End a server, at a random moment of a session if it takes one."""
    number = chance.choice(SIGNALS)
    gentle = number not in (signal.SIGKILL, signal.SIGSEGV)
    speaking = asyncio.create_task(_say_until_the_end(server))
    await asyncio.sleep(chance.random() * 0.5)
    server.process.send_signal(number)
    status = await asyncio.to_thread(server.process.wait, 20)
    if status != (0 if gentle else -number):
        account.problems.append(f"{number.name} gave the status {status}")
    opened, answered = await speaking
    account.words += opened
    if gentle:
        account.lost += opened - answered


async def _say_until_the_end(server: ServerProcess) -> tuple[int, int]:
    """Speak until the server ends; how many utterances it announced, and how many it answered."""
    opened = answered = 0
    try:
        async with connect(f"ws://127.0.0.1:{server.port}", patience_s=0) as captions:
            speaking = asyncio.create_task(speak_words(captions, ["say:x"] * 1000))
            try:
                async for event in captions:
                    opened += isinstance(event, Speech)
                    answered += isinstance(event, Final)
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
    except (ClientError, OSError):
        pass
    return opened, answered


async def _watch_loop(server: ServerProcess, account: Account) -> None:
    while True:
        await asyncio.sleep(5)
        with suppress(OSError):
            lag_s = await asyncio.to_thread(figure, server, "surtitle_loop_lag_seconds")
            account.lag_ms = max(account.lag_ms, lag_s * 1000)


PHASES: dict[str, Phase] = {
    "link cuts": cut_links,
    "viewer cuts": cut_viewers,
    "worker faults": break_workers,
    "bad inputs": send_nonsense,
    "damage": beside_words("damage", send_damaged),
    "decoder kills": beside_words("decoder kills", kill_decoders),
    "silences": beside_words("silences", fall_silent),
}


def run_phase(name: str, count: int, seed: int, console: Console) -> Account:
    """One phase on a server of its own, which must leave nothing behind."""
    if name == "stops":
        return stop_servers(count, seed, console)
    server = start_server(decoder=FAKE_DECODER, lease_s=1, max_sessions=64)
    tree = server.tree()

    async def watched() -> Account:
        lag = Account()
        watching = asyncio.create_task(_watch_loop(server, lag))
        try:
            account = await PHASES[name](server, count, seed, progress)
        finally:
            watching.cancel()
        account.lag_ms = lag.lag_ms
        return account

    try:
        with Progress(console=console) as progress:
            account = asyncio.run(watched())
        tree += server.tree()
    finally:
        server.stop()
    account.orphans = len(left_over(tree))
    account.problems += [line for line in server.stray if line.strip()]
    return account


def table(accounts: dict[str, Account]) -> str:
    """The accounts as Markdown."""
    names = ["faults", "sessions", "words", "resumes", "lost", "doubled", "unexpected"]
    names += ["disorder", "unbalanced", "orphans"]
    columns = [*names, "loop late by, ms (p99)", "s"]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for phase, account in accounts.items():
        figures = [f"{getattr(account, name):,}" for name in names]
        lag = f"{account.lag_ms:.0f}" if account.lag_ms else "–"
        lines.append(f"| {phase} | {' | '.join(figures)} | {lag} | {account.seconds:.0f} |")
    return "\n".join(lines) + "\n"


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n"))
@click.option("--link-cuts", default=200, show_default=True)
@click.option("--viewer-cuts", default=100, show_default=True)
@click.option("--worker-faults", default=10, show_default=True)
@click.option("--bad-inputs", default=2000, show_default=True)
@click.option("--damage", default=40, show_default=True)
@click.option("--decoder-kills", default=20, show_default=True)
@click.option("--silences", default=10, show_default=True)
@click.option("--stops", default=5, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table there too.")
def main(seed: int, markdown: Path | None, **counts: int) -> None:
    """Run the campaign; the exit status is 1 where anything was lost, doubled or left behind."""
    dialing.FIRST_WAIT_S, dialing.LONGEST_WAIT_S = 0.01, 0.1
    console = Console(stderr=True)
    accounts = {
        name: run_phase(name, counts[name.replace(" ", "_")], seed, console)
        for name in (*PHASES, "stops")
        if counts[name.replace(" ", "_")]
    }
    click.echo(table(accounts))
    for name, account in accounts.items():
        for problem in account.problems[:20]:
            click.echo(f"{name}: {problem}", err=True)
    if markdown is not None:
        markdown.write_text(table(accounts))
    sys.exit(not all(account.clean for account in accounts.values()))


if __name__ == "__main__":
    main()
