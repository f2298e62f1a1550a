"""scripts/bootstrap installs with uv, which is faster than pip, from wherever pip's settings say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import make_environment
from scripts.pip_settings import uv_variables

pytestmark = pytest.mark.proof("two commands on a fresh machine", step=0)

CHOSEN = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy.example"}
ALWAYS = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_NO_CONFIG": "1"}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("", {}),
        (":env:.disable-pip-version-check='1'\n:env:.default-timeout='180'\nglobal.retries='0'", {}),
        ("global.index-url='https://own.example/simple'", {"UV_DEFAULT_INDEX": "https://own.example/simple"}),
        (
            ":env:.index-url='https://env.example'\nglobal.index-url='https://file.example'"
            "\ninstall.index-url='https://install.example'",
            {"UV_DEFAULT_INDEX": "https://env.example"},
        ),
        (
            "install.index-url='https://b.example'\nglobal.index-url='https://a.example'",
            {"UV_DEFAULT_INDEX": "https://b.example"},
        ),
        (
            "global.extra-index-url='https://a.example\\nhttps://b.example'",
            {"UV_INDEX": "https://a.example https://b.example"},
        ),
        (":env:.find-links='/opt/wheels /srv/wheels'", {"UV_FIND_LINKS": "/opt/wheels,/srv/wheels"}),
        ("global.cert='/etc/ssl/own.pem'", {"SSL_CERT_FILE": "/etc/ssl/own.pem"}),
        # Of another command of pip's.
        ("download.index-url='https://own.example'\nwheel.no-index='1'", {}),
    ],
)
def test_pip_and_uv_are_given_the_same_index(listed: str, expected: dict[str, str]) -> None:
    environment = CHOSEN | {"UV_NO_VERIFY_HASHES": "1", "UV_DEFAULT_INDEX": "https://of-uv.example"}
    assert uv_variables(listed, environment) == CHOSEN | ALWAYS | expected


@pytest.mark.parametrize(
    "listed",
    [
        ":env:.no-index='1'",
        "global.client-cert='/etc/own.pem'",
        "global.trusted-host='own.example'",
        "global.proxy='http://proxy.example'",
        "install.only-binary=':all:'",
        "global.a-setting-of-tomorrow='x'",
        "global.find-links='/opt/a,b'",
        "global.cert='/etc/a b.pem'",
        "global.cert=''",
        "global.cert='unclosed",
        "global.cert=1",
    ],
)
def test_with_a_setting_that_uv_does_not_have_pip_installs_everything(listed: str) -> None:
    assert uv_variables(listed, CHOSEN) is None


PYTHON = """\
echo "pip $@" >>{calls}
case $* in
*config*) echo "global.index-url='https://own.example'" ;;
*uv.txt*) cp {uv} {place}/bin/uv ;;
esac
"""


@pytest.mark.parametrize(
    ("pinned", "answer", "installed"),
    [("uv==1.0", "exit 0", True), ("uv==1.0", "exit 2", False), ("other==1.0", "exit 0", False)],
    ids=["uv does", "uv fails", "uv is not pinned"],
)
def test_what_uv_does_not_install_is_left_to_pip(
    pinned: str, answer: str, installed: bool, tmp_path: Path, script: Callable[[str, str], Path]
) -> None:
    place, calls = tmp_path / "place", tmp_path / "calls"
    (place / "bin").mkdir(parents=True)
    uv = script("uv", f'echo "uv $@ $UV_DEFAULT_INDEX $UV_CACHE_DIR" >>{calls}\n{answer}')
    script("place/bin/python", PYTHON.format(calls=calls, uv=uv, place=place))
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        f"first==1.0 \\\n    --hash=sha256:1\n{pinned} \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\nz==1\n"
    )
    with (tmp_path / "log").open("w") as log:
        assert make_environment._installed_by_uv(place, tmp_path, tmp_path / "cache", log.fileno(), 0) is installed
    if pinned == "uv==1.0":
        assert (place / "uv.txt").read_text() == "uv==1.0 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3"
        assert calls.read_text().splitlines()[-1] == (
            f"uv pip install --python {place}/bin/python --require-hashes -r {lock} "
            f"https://own.example {tmp_path}/cache/uv"
        )
    else:
        assert "uv" not in calls.read_text()
