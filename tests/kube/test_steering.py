"""Annotations to steering: what each value means, and what is said of one that makes no sense."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tailrace.config.settings import LANGUAGES
from tailrace.kube.steering import PLAIN, How, Rate, Steering, parse
from tests.delivery.shown import REPO

SINKS = ("lake", "alerts")
PAGE = REPO / "docs/kubernetes.md"


def meant(**annotations: str) -> Steering:
    steering, problems = parse(annotations, SINKS)
    assert problems == []
    return steering


def why(**annotations: str) -> str:
    """What is said of one annotation that makes no sense."""
    steering, (problem,) = parse(annotations, SINKS)
    assert steering == PLAIN
    return problem.text


def test_each_annotation_means_something() -> None:
    assert meant() == PLAIN
    assert meant(exclude="false") == PLAIN
    assert meant(multiline="none").how == How(multiline=())
    assert meant(multiline="auto").how == How(multiline=LANGUAGES)
    assert meant(multiline="java, go").how == How(multiline=("java", "go"))
    assert meant(parse="none").how == How(promote=False)
    assert meant(parse="auto") == PLAIN
    assert (meant(sample="0.25").sample, meant(sample="10%").sample, meant(sample="0").sample) == (0.25, 0.1, 0.0)
    assert meant(sink="lake").sinks == ("lake",)
    assert meant(sink="lake, alerts").sinks == SINKS


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1000/s", Rate(1000, "lines")),
        ("600 lines/min", Rate(10, "lines")),
        ("0.5/s", Rate(0.5, "lines")),
        ("1MiB/s", Rate(1 << 20, "bytes")),
        ("3600KiB/h", Rate(1024, "bytes")),
    ],
)
def test_a_rate_is_of_lines_or_of_bytes_in_a_time(text: str, rate: Rate) -> None:
    assert meant(rate=text).rate == rate


def test_of_an_excluded_pod_nothing_else_matters_and_all_of_them_are_alike() -> None:
    assert meant(exclude="true", multiline="java", sample="0.1", sink="lake") == meant(exclude="True")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("exclude", "yes", "write true or false"),
        ("multiline", "cobol", "write any of auto, none, java"),
        ("multiline", "none,java", "write none alone"),
        ("multiline", "", "is empty"),
        ("sample", "half", "a number from 0 (no line) to 1 (all lines)"),
        ("sample", "2", "a number from 0"),
        ("sample", "nan", "a number from 0"),
        ("rate", "1000", "1000/s, 600/min, 1MiB/s"),
        ("rate", "1parsec/s", "is not a size"),
        ("rate", "0/s", 'or exclude: "true"'),
        ("rate", "9" * 400 + "/s", "…"),
        ("sink", "alrts", "did you mean alerts?"),
        ("sink", "", "names no sink"),
        ("parse", "json", "tells JSON, logfmt and klog apart by itself"),
        ("exlude", "true", "did you mean exclude?"),
    ],
)
def test_a_value_that_makes_no_sense_is_ignored_and_the_mending_is_said(key: str, value: str, said: str) -> None:
    text = why(**{key: value})
    assert said in text
    assert text.startswith(f"tailrace.dev/{key}: ")
    assert text.endswith("the annotation is ignored")
    assert len(text) < 400


def test_one_that_makes_no_sense_does_not_stop_the_others() -> None:
    steering, problems = parse({"sample": "half", "sink": "lake"}, SINKS)
    assert steering == Steering(sinks=("lake",))
    assert [p.key for p in problems] == ["sample"]


def test_who_does_not_know_the_sinks_says_nothing_of_their_names() -> None:
    assert parse({"sink": "any"}) == (Steering(sinks=("any",)), [])


KEYS = st.sampled_from(["exclude", "multiline", "sample", "rate", "sink", "parse", "other"])
VALUES = st.text(max_size=30) | st.from_regex(r"[0-9.eE+-]{1,12}(KiB|MiB|%|lines)?(/(s|min|h))?", fullmatch=True)


@given(st.dictionaries(KEYS, VALUES))
def test_whatever_a_value_is_it_is_taken_or_named(annotations: dict[str, str]) -> None:
    steering, problems = parse(annotations, SINKS)
    assert {p.key for p in problems} <= annotations.keys()
    assert 0 <= steering.sample <= 1
    assert steering.rate is None or 0 < steering.rate.amount < float("inf")
    if len(problems) == len(annotations):
        assert steering == PLAIN


def test_the_page_has_each_annotation_with_values_that_are_taken() -> None:
    rows = dict(re.findall(r"^\| `tailrace\.dev/(\w+)` \| (.+?) \|", PAGE.read_text(), re.MULTILINE))
    (unknown,) = parse({"other": ""})[1]
    assert sorted(rows) == sorted(unknown.why.partition("; there are ")[2].split(", "))
    for key, cell in rows.items():
        values = [value.strip('"') for value in re.findall(r"`([^`]+)`", cell)]
        assert [parse({key: value}, SINKS)[1] for value in values] == [[]] * len(values)
        assert values


def test_the_page_shows_what_is_taken_and_what_is_said_of_the_rest() -> None:
    text = PAGE.read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    shown = [one["metadata"]["annotations"] for one in yaml.safe_load_all(example)]
    assert len(shown) == 2
    for asked in shown:
        assert parse({name.removeprefix("tailrace.dev/"): value for name, value in asked.items()}, SINKS)[1] == []
    (problem,) = parse({"sample": "half"})[1]
    assert problem.text in text
