"""Every command, with every error that the system can give at every call it makes, ends in sentences and a code.

    MESHFLEET_SWEEP=full python -m pytest tests/automation/test_every_failure.py -s

tries every error at every call, and MESHFLEET_SWEEP=places every error at the first and the last call that each line of
the program makes; otherwise each of these calls fails with one of the errors, so that all take their turn.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.core import TyperGroup

from tests.automation.commands import commands
from tests.automation.fault_injection import ERRORS, LASTING, Injection, injected
from tests.automation.stack_files import ROOT
from tests.automation.swept_checkout import STACK, SweptCheckout

pytestmark = pytest.mark.proof("every failure is a sentence with the way out, and never a traceback", step=1)

CODES = {0, 1, 2, 3, 130}
SWEEP = os.environ.get("MESHFLEET_SWEEP", "")
AT_ONCE = 1


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweptCheckout:
    return SweptCheckout(tmp_path, monkeypatch)


def arguments_of(command: str, folder: Path) -> list[str]:
    words = command.split()
    options = {parameter.name for parameter in commands()[command].params}
    if command == "who-can":
        words += ["get", "pods"]
    elif "user" in options:
        words.append("carla")
    elif "name" in options:
        words.append("billing")
    if "of" in options:
        words.append("status")
    if "stack" in options:
        words += ["--stack", STACK]
    if "out" in options:
        words += ["--out", str(folder / "out" / "there")]
    if "yes" in options:
        words.append("--yes")
    return words


def triples(sites: list[str]) -> list[tuple[int, str]]:
    """Which calls are to fail, counted from 1, and with what: by default first and last ones, with errors in turn."""
    names = list(ERRORS)
    if SWEEP == "full":
        return [(call, name) for call in range(1, len(sites) + 1) for name in names]
    numbered = list(enumerate(sites, start=1))
    first = {site: call for call, site in reversed(numbered)}
    last = {site: call for call, site in numbered}
    calls = enumerate(sorted({*first.values(), *last.values()}))
    if SWEEP == "places":
        return [(call, name) for _, call in calls for name in names]
    return [(call, names[(place * AT_ONCE + step) % len(names)]) for place, call in calls for step in range(AT_ONCE)]


@dataclass(frozen=True)
class Ending:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


def run(program: TyperGroup, swept: SweptCheckout, words: list[str], injection: Injection) -> Ending:
    swept.fresh()
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            with injected(injection):
                program.main(words)
        except SystemExit as end:
            return Ending(int(str(end.code)), out.getvalue(), err.getvalue())
    raise AssertionError("the command ended without an exit code")


# A library that is interrupted where nothing ever fails leaves what it has opened to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.sweep("every call of every command fails")
@pytest.mark.parametrize("command", sorted(commands()))
def test_every_error_at_every_call_of_a_command_is_a_sentence(
    command: str, program: TyperGroup, swept: SweptCheckout, record_property: Callable[[str, object], None]
) -> None:
    words = arguments_of(command, swept.folder)
    forms = [words] if command == "env" else [words, [*words, "--json"]]
    plain = Injection()
    first = run(program, swept, words, plain)
    # Where machines cannot run they are refused, which is as far as a test without root gets.
    assert first.code == (1 if command == "vm start" else 3 if command == "drift" else 0), first
    tried = triples(plain.sites)
    for number, (call, name) in enumerate(tried):
        where = f"{command}: {name} at call {call} of {plain.count}, {plain.sites[call - 1]}"
        form = forms[number % len(forms)]
        result = run(program, swept, form, Injection(call, ERRORS[name], lasting=name in LASTING))
        assert_is_told(result, where, as_json=form is not words)
    record_property("triples", len(tried))
    print(f"{command}: {plain.count} calls at {len(set(plain.sites))} places, {len(tried)} triples")


def test_the_page_says_how_many_calls_there_are(program: TyperGroup, swept: SweptCheckout) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    said = re.search(
        r"(\d+) commands that\nmake more than ([\d ]+) such calls at ([\d ]+) places, times (\d+) errors", page
    )
    assert said is not None
    made = []
    for command in commands():
        # What the first run imports is counted in none.
        for plain in (Injection(), Injection()):
            run(program, swept, arguments_of(command, swept.folder), plain)
        made.append(plain)
    calls, sites = sum(one.count for one in made), sum(len(set(one.sites)) for one in made)
    print(f"{len(made)} commands, {calls} calls, {sites} places, {len(ERRORS)} errors")
    assert (int(said[1]), int(said[4])) == (len(made), len(ERRORS))
    # How often a command looks while it waits depends on the machine; where it looks does not.
    assert int(said[2].replace(" ", "")) < calls
    assert int(said[3].replace(" ", "")) == pytest.approx(sites, rel=0.1)


def assert_is_told(ending: Ending, where: str, *, as_json: bool) -> None:
    said = f"{where}\n{ending}"
    assert ending.code in CODES, said
    assert "Traceback" not in ending.out + ending.err, said
    assert "fault of meshfleet itself" not in ending.err, said
    if ending.code not in (0, 3):
        assert ending.err.strip(), said
    if as_json:
        assert isinstance(json.loads(ending.out), dict), said
