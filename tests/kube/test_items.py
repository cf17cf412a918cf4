"""items: lists of any content, cut into pieces anywhere, come out item by item."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.kube.items import Items
from tailrace.kube.trouble import Trouble

NASTY = st.text(alphabet='ab"\\{}[],: \nü€', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(NASTY, VALUES, max_size=4), max_size=5)


@given(OBJECTS, st.booleans(), st.booleans(), st.lists(st.integers(1, 40), min_size=1), st.booleans())
def test_a_list_cut_anywhere_gives_each_item_once_and_the_rest(
    objects: list[object], first: bool, ascii: bool, cuts: list[int], spaced: bool
) -> None:
    meta = {"metadata": {"resourceVersion": "7", "continue": 'a"{[\\', "odd": {"x": [{}]}}}
    body = {"kind": "PodList", **({} if first else meta), "items": objects, **(meta if first else {})}
    text = json.dumps(body, ensure_ascii=ascii, indent=1 if spaced else None).encode()
    items, found, at = Items(), [], 0
    while at < len(text):
        size = cuts[at % len(cuts)]
        found += items.feed(text[at : at + size])
        at += size
    rest = items.end()
    assert [json.loads(item) for item in found] == objects
    assert (rest.kind, rest.metadata.resourceVersion, rest.metadata.continue_) == ("PodList", "7", 'a"{[\\')


def test_a_list_without_items_is_empty() -> None:
    items = Items()
    assert items.feed(b'{"kind":"PodList","metadata":{"resourceVersion":"3"},"items":null}') == []
    assert items.end().metadata.resourceVersion == "3"


@pytest.mark.parametrize("text", [b'{"kind":"PodList","items":[{"a":1},{"b"', b'{"kind":"Po'])
def test_a_list_that_is_cut_off_is_not_taken_for_a_whole_one(text: bytes) -> None:
    items = Items()
    items.feed(text)
    with pytest.raises(Trouble, match="cut off"):
        items.end()


def test_a_page_of_a_proxy_is_no_list() -> None:
    items = Items()
    items.feed(b"<html>welcome</html>")
    with pytest.raises(Trouble, match="no list of Kubernetes objects"):
        items.end()
