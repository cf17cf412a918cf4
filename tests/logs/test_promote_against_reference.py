"""promote against a plain reference, json.loads a line, on generated documents and on generated log data."""

import json
import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.lake import LEVELS
from tailrace.logs.promote import promote
from tailrace.logs.promote.keys import CARRIER, LEVEL, SPAN, SPELLINGS, TRACE
from tailrace.logs.promote.words import WORDS
from tests.bench.gen_logs import Pod

KINDS = {text: kind for kind, texts in SPELLINGS for text in texts if kind <= CARRIER}
TRACEPARENT = re.compile(r"[0-9a-fA-F]{2}-([0-9a-fA-F]{32})-([0-9a-fA-F]{16})-[0-9a-fA-F]{2}")


class Escaped(str):
    """A string that the document spells with an escape."""


def reference_level(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and 10 <= value <= 99:
        return LEVELS[min(value // 10 - 1, 5)]
    if isinstance(value, str) and not isinstance(value, Escaped) and value.lower() in WORDS:
        return LEVELS[WORDS[value.lower()]]
    return None


def reference_ids(kind, value):
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value)
    if not isinstance(value, str) or isinstance(value, Escaped):
        return None, None
    inside = TRACEPARENT.fullmatch(value)
    if inside and kind in (TRACE, CARRIER):
        trace, span = inside.groups()
    else:
        trace, span = (value if kind == TRACE else None), (value if kind == SPAN else None)
    return tuple(i if i and i.strip("0") and len(i.encode()) <= 128 else None for i in (trace, span))


def reference(pairs):
    """The first usable value of each kind, of the outermost object's pairs in order."""
    level = trace = span = None
    for key, value in pairs:
        kind = KINDS.get(key)
        if kind == LEVEL:
            level = level or reference_level(value)
        elif kind:
            found = reference_ids(kind, value)
            trace, span = trace or found[0], span or found[1]
    return level, trace, span


def promoted(messages):
    done = promote(pa.array(messages, pa.string()))
    return list(zip(done.level.to_pylist(), done.trace_id.to_pylist(), done.span_id.to_pylist(), strict=True))


hexes = st.text("0123456789abcdef", min_size=1, max_size=40)
values = st.one_of(
    st.sampled_from(
        [*WORDS, *(word.upper() for word in WORDS), "informed", "", "0" * 32, "Root", "x" * 128, "x" * 129]
    ),
    st.builds("00-{}-{}-01".format, st.text("0a", min_size=32, max_size=32), st.text("0b", min_size=16, max_size=16)),
    hexes,
    st.text(max_size=20),
    st.text('"\\{}[]:, level', max_size=20),
    st.integers(-5, 120),
    st.integers(0, 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
    st.booleans(),
)
names = st.one_of(st.sampled_from([*KINDS, "msg", "id", "a", "", "xlevel", "Root"]), st.text(max_size=6))
nested = st.recursive(
    values,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
blanks = st.sampled_from(["", "", "", " ", "\t", "\n", "  "])
before_colon = st.sampled_from(["", "", "", " ", "  "])  # no other blank is looked for there


@st.composite
def documents(draw):
    """The text of an object, possibly with a key twice, and its pairs; a string that was escaped is marked as such."""
    pairs = draw(st.lists(st.tuples(names, nested), max_size=8))
    ascii_only = draw(st.booleans())
    parts, marked = [], []
    for key, value in pairs:
        name, text = json.dumps(key, ensure_ascii=ascii_only), json.dumps(value, ensure_ascii=ascii_only)
        parts.append(draw(blanks) + name + draw(before_colon) + ":" + draw(blanks) + text + draw(blanks))
        spelled_out = isinstance(value, str) and text != f'"{value}"'
        marked.append((key if name == f'"{key}"' else "", Escaped(value) if spelled_out else value))
    return draw(blanks) + "{" + ",".join(parts) + "}", marked


@settings(max_examples=400, deadline=None)
@given(st.lists(documents(), max_size=6), st.integers(0, 3))
def test_promote_finds_what_a_parser_finds(batch, skipped):
    messages = [text for text, _ in batch]
    expected = [reference(pairs) for _, pairs in batch]
    assert promoted(messages) == expected
    whole = promote(pa.array(messages, pa.string()).slice(skipped))
    assert whole.level.to_pylist() == [row[0] for row in expected[skipped:]]


@settings(max_examples=200, deadline=None)
@given(documents(), st.integers(0, 30))
def test_a_line_among_many_that_begin_with_their_level_is_read_the_same(document, place):
    text, pairs = document
    messages = ['{"level":"warn","traceId":"abc"}'] * 30
    messages.insert(place, text)
    expected = [("warn", "abc", None)] * 30
    expected.insert(place, reference(pairs))
    assert promoted(messages) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text('"\\{}[]:=, \nlevltracidspn_0INFO-\0é', max_size=60), max_size=8))
def test_a_line_gives_the_same_alone_as_among_others(messages):
    assert promoted(messages) == [promoted([message])[0] for message in messages]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(documents(), st.integers(0, 200)), min_size=1, max_size=5))
def test_a_document_cut_anywhere_is_no_error_and_leaks_into_no_other_line(batch):
    cut = [text.encode()[:at].decode(errors="ignore") for (text, _), at in batch]
    for row, message in zip(promoted(cut), cut, strict=True):
        assert row == promoted([message])[0]


def test_the_benchs_lines_agree_with_the_reference(tmp_path):
    pod = Pod(1, 7, str(tmp_path))
    messages = [pod.message(1_763_000_000_000_000_000 + n * 1_000_003)[1] for n in range(3000)]
    assert len(pod.kinds) == 5, "no sample of every kind of line"
    for message, row in zip(messages, promoted(messages), strict=True):
        if message.startswith("{"):
            assert row == reference(json.loads(message).items())
        else:
            error = message.startswith(("E1120 ", "java.", "Caused by: "))
            assert row == ("error" if error else None, None, None)
