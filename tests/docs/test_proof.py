"""docs/proof.md says what the tests say, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.proof import LADDER, PAGE, ROOT, Feature, features, page, step_of

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.proof("the table of what is proved follows from the tests", step=0)


def item(name: str, *marks: tuple[tuple[Any, ...], dict[str, Any]], extended: Sequence[object] = ()) -> Any:
    """A test as pytest collects it, with these `proof` markers."""
    found = [SimpleNamespace(args=arguments, kwargs=named) for arguments, named in marks]
    return SimpleNamespace(nodeid=name, iter_markers=lambda kind: iter(found if kind == "proof" else extended))


def test_the_page_is_what_the_tests_say() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.proof", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_feature_stands_where_its_best_test_stands() -> None:
    found = features(
        [
            item("a", (("remote secrets",), {"step": 0})),
            item("b", (("remote secrets",), {"step": 3}), (("trust",), {"step": 1})),
            item("c", (("remote secrets",), {"step": 0})),
        ]
    )
    assert found == {"remote secrets": Feature({0: 2, 3: 1}), "trust": Feature({1: 1})}
    assert "| remote secrets | 3 | 2 on step 0, 1 on step 3 |\n| trust | 1 | 1 on step 1 |" in page(found)


def test_a_feature_whose_tests_take_long_says_so() -> None:
    marks = (("trust",), {"step": 3})
    found = features([item("a", marks, extended=[object()]), item("b", marks)])
    assert "| trust | 3 | 2 on step 3, 1 extended |" in page(found)
    assert "| trust | 3 | 1 on step 3, all extended |" in page(features([item("a", marks, extended=[object()])]))


def test_a_test_is_on_its_highest_step() -> None:
    assert step_of(item("a")) == 0
    assert step_of(item("a", (("remote secrets",), {"step": 3}), (("trust",), {"step": 1}))) == 3


@pytest.mark.parametrize(
    ("highest", "run"),
    [
        ("0", ["pure"]),
        ("1", ["pure", "registered", "swept"]),
        ("3", ["pure", "registered", "swept", "of_istiods"]),
        (None, ["pure", "registered", "swept", "of_istiods", "of_envoys"]),
    ],
)
def test_only_tests_up_to_the_highest_step_are_run(
    pytester: pytest.Pytester, highest: str | None, run: list[str]
) -> None:
    pytester.makeconftest("from tests.conftest import pytest_addoption, pytest_collection_modifyitems")
    pytester.makepyfile(
        """
        import pytest

        def test_pure(): pass

        @pytest.mark.proof("x", step=1)
        class TestMocks:
            def test_registered(self): pass
            @pytest.mark.proof("y", step=0)
            def test_swept(self): pass

        @pytest.mark.proof("x", step=3)
        def test_of_istiods(): pass

        @pytest.mark.proof("x", step=1)
        @pytest.mark.proof("y", step=4)
        def test_of_envoys(): pass
        """
    )
    options = ["--max-step", highest] if highest else []
    ran = pytester.inline_run("-p", "no:cacheprovider", *options).listoutcomes()[0]
    assert [report.nodeid.rpartition("::test_")[2] for report in ran] == run


def test_a_step_that_is_not_on_the_ladder_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import pytest_addoption, pytest_collection_modifyitems")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--max-step", "7")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--max-step: invalid choice: 7*"])


@pytest.mark.parametrize(
    "marks", [(), (((), {"step": 0}),), ((("x",), {}),), ((("x",), {"step": 7}),), ((("x",), {"step": "0"}),)]
)
def test_a_test_that_does_not_say_what_it_proves_is_named(marks: Any) -> None:
    with pytest.raises(SystemExit, match=r"^tests/x.py::test_y: "):
        features([item("tests/x.py::test_y", *marks)])


def test_every_step_of_the_ladder_and_whether_it_is_reached_is_on_the_page() -> None:
    text = page({"a": Feature({0: 1})})
    assert f"| 0 | {LADDER[0]} | yes |" in text
    assert all(f"| {step} | {meaning} | no |" in text for step, meaning in enumerate(LADDER) if step)


def test_the_page_names_what_is_not_proved() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for limit in ("official Kubernetes plugin", "Published images", "a cloud account"):
        assert limit in text.partition("## What is not proved")[2]
