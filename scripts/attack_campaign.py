"""Clients that mean harm, in ones, eights and sixty-fours, beside eight people who speak.

    python scripts/attack_campaign.py --document docs/reliability.md --json attacks.json

For each attack a fresh server with the real model. Eight victims speak recorded speech at the pace of
speech, six of them as PCM, one in Ogg and one in WebM; attackers come beside them, from a process of
their own at nice 19. The same is spoken before each subject with nobody beside it. What counts:

    late         no final comes more than 0.5 s later than the same final without the attack
    loop         the server's event loop is late by less than 50 ms (p99, during the attack); turns that
                 a long one held up count too
    memory       of the server and its helpers, without the recognition worker: bounded at its peak, and
                 given back (memory kept)
    words        not more than 2 points of error rate above those without the attack
    newcomers    who comes every half second with a key of its own gets a session
    account      each utterance is answered once, in an account that adds up; nobody is cut off, viewers
                 see no stranger, and the server logs no error and ends when it is told to
    places       not more sessions than the server takes
    orphans      no process is left
    not ready    it can be used afterwards

The exit status is 1 where one of these is broken.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from attacks.access import Access
from attacks.catalogue import KINDS
from attacks.figures import Figures, judge, not_run
from attacks.files import write_all
from attacks.report import line, table
from attacks.scene import LEAD_S, Plan, run
from attacks.sessions import SPEECH
from attacks.victims import write_scripts
from load.sample import write_sample
from load.speech import SILENCE, Clip, Selection, choose
from quality.document import NoPlace, fill

PLACE = "attacks"
SPEECH_S = 60
ALSO = {"sessions": Access.OPEN, "places": Access.PROXY}
"""How else attacks of a subject are run, with the most attackers."""


def make_plan(
    folder: Path,
    manifest: Path | None,
    names: set[str],
    victims: int,
    seconds: float,
    **rest: object,
) -> Plan:
    """Read the speech and make the files for attackers."""
    speech = manifest or write_sample(folder)
    clips = choose(speech, Selection(least_s=1.0, total_s=60.0))
    files = {file for name in names if (file := KINDS[name].file) is not None}
    seed = int(str(rest["seed"]))
    write_all(folder, files, seed)
    _write_speech(folder / SPEECH, clips)
    scripts = write_scripts(clips, victims, LEAD_S + seconds)
    return Plan(scripts, folder, seconds, seed, str(rest["model"]))


def _write_speech(path: Path, clips: Sequence[Clip]) -> None:
    """A minute of speech for attackers."""
    data = b""
    while len(data) < SPEECH_S * 32_000:
        data += b"".join(b"".join([*clip.frames(), *[SILENCE] * 5]) for clip in clips)
    path.write_bytes(data[: SPEECH_S * 32_000])


def rows(
    names: Sequence[str], counts: Sequence[int], access: Access | None
) -> list[tuple[str, int, Access]]:
    """What is run, in order; unless one is asked for, the access that each attack is a matter of."""
    found = []
    for name in names:
        found += [(name, count, access or Access.KEYS) for count in counts]
        also = ALSO.get(KINDS[name].subject)
        if access is None and also is not None:
            found.append((name, max(counts), also))
    return found


def campaign(
    plan: Plan, wanted: Sequence[tuple[str, int, Access]], quiet_runs: int
) -> tuple[list[Figures], list[Figures]]:
    """Quiet times and attacks; each is compared with the newest so many quiet runs."""
    quiet: list[Figures] = []
    runs: list[Figures] = []
    subject = ""
    for name, count, access in wanted:
        kind = KINDS[name]
        while quiet_runs and (len(quiet) < quiet_runs or subject != kind.subject):
            subject = kind.subject
            quiet.append(run(plan, "nobody", None, 0, access))
            judge(quiet[-1], quiet)
            click.echo(line(quiet[-1]), err=True)
        try:
            figures = run(plan, name, kind, count, access)
        except Exception as error:  # of whatever kind: the others are run all the same
            figures = not_run(name, count, f"{type(error).__name__}: {error}")
            figures.access = access.value
        judge(figures, quiet[len(quiet) - quiet_runs :])
        runs.append(figures)
        click.echo(line(figures), err=True)
        for problem in figures.problems[:5]:
            click.echo(f"    {problem[:1000]}", err=True)
    return quiet, runs


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n"))
@click.option("--attacks", default="", help="Names, separated by commas; all unless given.")
@click.option("--counts", default="1,8,64", show_default=True, help="Of attackers, in turn.")
@click.option("--victims", default=8, show_default=True)
@click.option("--seconds", default=8.0, show_default=True, help="Of each attack.")
@click.option(
    "--access", type=click.Choice([a.value for a in Access]), help="The same for all attacks."
)
@click.option("--quiet-runs", default=2, show_default=True, help="That attacks are compared with.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Folder with recorded speech.")
@click.option("--model", default="tiny.en", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="All figures.")
@click.option(
    "--document", type=click.Path(path_type=Path), help="Put the table in its place there."
)
def main(
    attacks: str,
    counts: str,
    victims: int,
    seconds: float,
    access: str | None,
    quiet_runs: int,
    manifest: Path | None,
    model: str,
    seed: int,
    out: Path | None,
    document: Path | None,
) -> None:
    """Run it."""
    names = attacks.split(",") if attacks else list(KINDS)
    if unknown := [name for name in names if name not in KINDS]:
        raise click.UsageError(f"There is no attack {unknown[0]}; there are {', '.join(KINDS)}.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        plan = make_plan(
            Path(folder), manifest, set(names), victims, seconds, seed=seed, model=model
        )
        wanted = rows(
            names, [int(n) for n in counts.split(",")], Access(access) if access else None
        )
        quiet, runs = campaign(plan, wanted, quiet_runs)
    text = table(quiet, runs)
    click.echo(text)
    click.echo(f"{time.monotonic() - began:.0f} s", err=True)
    if out is not None:
        out.write_bytes(msgspec.json.encode({"quiet": quiet, "runs": runs}))
    if document is not None:
        try:
            fill(document, PLACE, text)
        except NoPlace as error:
            raise click.ClickException(str(error)) from error
    sys.exit(any(each.misses for each in runs))


if __name__ == "__main__":
    main()
