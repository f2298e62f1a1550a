"""Makes the Python environment of this checkout; run by scripts/bootstrap, needs the standard library alone.

The environment lies in the cache, `venvs/<key>`, the key being that of requirements.lock, pyproject.toml, the
Python used and the checkout; `.venv` in the checkout is a link to it. It counts as made once its folder
`made-from` is there, which is put in place last; scripts/bootstrap compares the same files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# Nothing of this checkout is installed yet; these modules of it need the standard library alone, too.
sys.path.insert(0, str(CHECKOUT))

from meshfleet.processes.child_environment import download_environment  # noqa: E402 - the path comes first
from scripts.pip_settings import uv_variables  # noqa: E402 - the path comes first

INPUTS = ("requirements.lock", "pyproject.toml")
MADE_FROM = "made-from"
_PATIENCE_SECONDS = 1800
_SHOWN_LINES = 20
# What is used is compiled when it is first imported; most of the large packages never is.
_PIP = ("-I", "-m", "pip", "install", "--no-compile", "--no-input", "--progress-bar", "off")
# The lines of uv in requirements.lock.
_UV = re.compile(r"^uv==(?:.*\\\n)*.*", re.MULTILINE)

_ADVICE = (
    (
        ("DO NOT MATCH THE HASHES", "Hashes are required"),
        (
            "a package is not the one pinned in requirements.lock, and was refused; if it comes back, the "
            "package index serves changed contents: use another one (pip config list), and do not edit the "
            "hashes to fit"
        ),
    ),
    (
        ("No space left on device", "Disk quota exceeded"),
        "the disk is full; free 1 GB or set MESHFLEET_CACHE to a folder on a larger disk",
    ),
    # pip says of an index that it could not connect to that there is no matching distribution, too.
    (
        ("ProxyError", "Cannot connect to proxy"),
        "the proxy in front of the package index does not respond; check https_proxy, all_proxy and pip's settings "
        "(pip config list)",
    ),
    (
        ("Connection", "Temporary failure", "timed out", "resolve host"),
        "the package index does not respond; check the network and pip's settings (pip config list)",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        (
            "the package index does not have a pinned version for this Python; use another index (pip config "
            "list) or another Python"
        ),
    ),
)


class UnmadeEnvironmentError(Exception):
    """The environment cannot be made; the text says what to do."""


def cache_root() -> Path:
    """The same folder as meshfleet.workspace.cache finds."""
    chosen = os.environ.get("MESHFLEET_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "meshfleet"


def environment_key(checkout: Path) -> str:
    """16 hexadecimal digits that change with the inputs, the Python and the checkout's place."""
    digest = hashlib.sha256(f"{sys.version}\0{sys.base_prefix}\0{checkout}\0".encode())
    for name in INPUTS:
        digest.update(hashlib.sha256((checkout / name).read_bytes()).digest())
    return digest.hexdigest()[:16]


def make(checkout: Path) -> Path:
    """The checkout's environment, made if it is not there; `.venv` links to it afterwards.

    Raises UnmadeEnvironmentError when it cannot be made.
    """
    link = checkout / ".venv"
    if link.exists() and not link.is_symlink():
        raise UnmadeEnvironmentError(f"{link} is a folder of somebody else's making; move it away and try again")
    root = cache_root()
    place = root / "venvs" / environment_key(checkout)
    with only_maker(place) as lock:
        before = link.resolve() if link.is_symlink() else None
        if not (place / MADE_FROM).is_dir() or not (place / "bin" / "python").exists():
            _build(place, checkout, root, lock)
        draft = link.with_name(f".venv-{os.getpid()}")
        draft.symlink_to(place)
        draft.replace(link)
        _prune(place, before, checkout)
    return place


@contextmanager
def only_maker(place: Path) -> Iterator[int]:
    """Hold `<place>.lock`, so that of two runs one makes the environment and the other finds it made.

    Yields the lock's file descriptor for the installers: one that outlives a killed run then keeps the lock
    until it ends, and does not write into the next run's environment.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = f"process {file.read().strip() or '(unknown)'}"
            say(f"waiting for {holder}, which is making the Python environment")
            with bounded(
                _PATIENCE_SECONDS,
                f"{holder} has been making {place} for {_PATIENCE_SECONDS} s; end it and try again",
            ):
                fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()
        file.truncate(0)


@contextmanager
def bounded(seconds: int, failure: str) -> Iterator[None]:
    """Raise UnmadeEnvironmentError with the text `failure` if the block takes longer; for the main thread."""

    def give_up(*_: object) -> None:
        raise UnmadeEnvironmentError(failure)

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def say(text: str) -> None:
    """One line of progress; standard output is left to what scripts print."""
    print(text, file=sys.stderr, flush=True)


def _build(place: Path, checkout: Path, root: Path, lock: int) -> None:
    since = time.monotonic()
    pins = (checkout / "requirements.lock").read_text(encoding="utf-8").splitlines()
    packages = sum(line[:1].isalnum() for line in pins)
    say(f"{'python environment':<34}  installing {packages} packages")
    shutil.rmtree(place, ignore_errors=True)
    log = root / "logs" / "environment.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    python = str(place / "bin" / "python")
    with log.open("w+", encoding="utf-8", errors="replace") as file:
        _run([sys.executable, "-I", "-m", "venv", str(place)], file.fileno(), log, root, lock)
        if not _installed_by_uv(place, checkout, root, file.fileno(), lock):
            file.seek(0)
            file.truncate()
            lock_file = str(checkout / "requirements.lock")
            _run([python, *_PIP, "--require-hashes", "-r", lock_file], file.fileno(), log, root, lock)
        itself = ["--no-deps", "--no-build-isolation", "-e", str(checkout)]
        _run([python, *_PIP, *itself], file.fileno(), log, root, lock)
    for path_file in place.glob("lib/python3*/site-packages/_meshfleet.pth"):
        path_file.write_text(path_line(checkout), encoding="ascii")
    draft = place / f".{MADE_FROM}"
    draft.mkdir()
    for name in INPUTS:
        shutil.copyfile(checkout / name, draft / name)
    (draft / "checkout").write_text(f"{checkout}\n", encoding="utf-8")
    draft.rename(place / MADE_FROM)
    say(f"{'python environment':<34}  installed in {time.monotonic() - since:.0f} s")


def _installed_by_uv(place: Path, checkout: Path, root: Path, output: int, lock: int) -> bool:
    """Whether uv has installed what is pinned, after pip has installed uv. Where it has not, pip says what is wrong."""
    python, lock_file = str(place / "bin" / "python"), checkout / "requirements.lock"
    uv = _UV.search(lock_file.read_text(encoding="utf-8"))
    settings = subprocess.run(
        [python, "-I", "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(root),
        check=False,
        pass_fds=(lock,),
    )
    variables = uv_variables(os.fsdecode(settings.stdout), _environment(root))
    if uv is None or settings.returncode != 0 or variables is None:
        return False
    pin = place / "uv.txt"
    pin.write_text(uv.group(), encoding="utf-8")
    if _code([python, *_PIP, "--require-hashes", "-r", str(pin)], output, _environment(root), lock) != 0:
        return False
    command = [str(place / "bin" / "uv"), "pip", "install", "--python", python]
    variables |= {"UV_CACHE_DIR": str(root / "uv"), "UV_NO_PROGRESS": "1"}
    try:
        return _code([*command, "--require-hashes", "-r", str(lock_file)], output, variables, lock) == 0
    except OSError:
        # Its package is for another kind of machine.
        return False


def _code(command: list[str], output: int, environment: Mapping[str, str], lock: int) -> int:
    return subprocess.run(
        command, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False, pass_fds=(lock,)
    ).returncode


def path_line(checkout: Path) -> str:
    """The line of the .pth file that puts the checkout on the module path, in ASCII for every path.

    Python reads such files in the encoding of the locale, in UTF-8 mode too, and under LC_ALL=C ends at the first
    letter beyond ASCII (addpackage in Lib/site.py; a line that begins with `import` is run).
    """
    place = os.fsencode(checkout)
    if place.isascii():
        return f"{checkout}\n"
    return f"import os, sys; sys.path.append(os.fsdecode({place!r}))\n"


def _environment(root: Path) -> dict[str, str]:
    # pip's own index settings stay; only what it keeps goes where all else of ours is kept.
    return {"PIP_CACHE_DIR": str(root / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **download_environment()}


def _run(command: list[str], output: int, log: Path, root: Path, lock: int) -> None:
    if _code(command, output, _environment(root), lock) == 0:
        return
    text = log.read_text(encoding="utf-8", errors="replace")
    advice = "read the lines below; the whole output is in the log"
    for words, found in _ADVICE:
        if any(word in text for word in words):
            advice = found
            break
    lines = "\n".join(f"  {line}" for line in text.rstrip().splitlines()[-_SHOWN_LINES:])
    raise UnmadeEnvironmentError(
        f"the Python environment could not be made.\nTo do: {advice}, then try again.\nLog: {log}\n{lines}"
    )


def _prune(place: Path, before: Path | None, checkout: Path) -> None:
    """Remove this checkout's older environments but the last one: a command may still be running in it."""
    for marker in place.parent.glob(f"*/{MADE_FROM}/checkout"):
        old = marker.parent.parent
        if old not in (place, before) and marker.read_text(encoding="utf-8").strip() == str(checkout):
            shutil.rmtree(old, ignore_errors=True)
            old.with_suffix(".lock").unlink(missing_ok=True)


def main() -> int:
    """Make the environment; returns the exit code."""
    try:
        make(CHECKOUT)
    except UnmadeEnvironmentError as failure:
        say(str(failure))
        return 1
    except OSError as error:
        say(f"the Python environment could not be made: {error}; set MESHFLEET_CACHE to a folder of yours with 1 GB")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
