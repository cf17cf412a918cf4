"""records: a block's bytes to records, one for each `<time> <stream> <P|F> <message>` that a CRI runtime wrote.

A record that is not CRI keeps all its bytes as its message and has no time: nothing is dropped here.
Source: kubernetes/kubernetes, pkg/kubelet/kuberuntime/logs; tags may be more than one, separated by `:`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tailrace.logs.block import Block, Bools, Bytes, Ints
from tailrace.logs.parse.timestamps import parse_times
from tailrace.logs.parse.words import Words, newline_positions, rows_of, word, words_of

STDOUT, STDERR = 0, 1
_HEAD = word(b"stdout F")
_STREAM, _TAG = word(b"\0\0\0\xff\xff\xff"), word(b"\0\0\0\0\0\0\0\xff")
_STDERR, _PARTIAL = _HEAD & _STREAM ^ word(b"\0\0\0err"), _HEAD & _TAG ^ word(b"\0\0\0\0\0\0\0P")
_REST = ~(_STREAM | _TAG)


@dataclass(frozen=True)
class Records:
    """Arrays over the n records of a block, in buffer order.

    segment: index into the block's segments. start, stop: the record's bytes in the block, newline included.
    at, length: its message in `text`. opening: the first eight bytes from there on, as a word. us: microseconds since
    1970. valid: the record is in its file's format. timed: it says when it was written.
    stream: 0 stdout, 1 stderr. partial: the line goes on in the stream's next record.
    """

    segment: Ints
    start: Ints
    stop: Ints
    text: Bytes
    at: Ints
    length: Ints
    opening: Words
    us: Ints
    valid: Bools
    stream: Ints
    partial: Bools
    timed: Bools


def segments_of(block: Block, ends: Ints) -> Ints:
    """The segment of each record, from the newlines' places."""
    stops = np.fromiter((s.stop for s in block.segments), np.int64, len(block.segments))
    counts = np.diff(np.searchsorted(ends, stops), prepend=0)
    return np.repeat(np.arange(len(stops)), counts)


def torn_records(block: Block, stops: Ints) -> Ints:
    """The records whose newline stands in the block, but not in the file."""
    return np.searchsorted(stops, np.array([s.stop for s in block.segments if s.torn], np.int64))


def cri_records(block: Block) -> Records:
    """The records of a block in the CRI format."""
    data = block.data
    ends = newline_positions(data[: block.segments[-1].stop])
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    words = words_of(data)
    heads = rows_of(data, starts, 6)
    times = parse_times(data, words, starts, heads)
    after = times.stop
    head = (heads[:, 3] >> np.uint64(56)) | (heads[:, 4] << np.uint64(8))  # "stdout F" behind a time of 30 bytes
    blank = heads[:, 4] >> np.uint64(56) == 32
    short = np.flatnonzero(after != starts + 30)
    if len(short):
        head[short] = words[after[short] + 1]
        blank[short] = data[after[short] + 9] == 32
    head ^= _HEAD
    # What may differ from "stdout F": the stream's last three letters, and the tag.
    stream, tag = head & _STREAM, head & _TAG
    stderr, partial = stream == _STDERR, tag == _PARTIAL
    valid = times.legal & (after + 9 <= ends) & (head & _REST == 0) & (stderr | (stream == 0)) & (partial | (tag == 0))
    at = after + 10
    opening = heads[:, 5].copy()  # the message's first bytes, behind a time of 30 bytes
    odd = short if valid.all() and blank.all() else np.flatnonzero((at != starts + 40) | ~valid | ~blank)
    if not blank.all():
        at, valid = _odd_tags(data, after + 9, ends, at, valid, np.flatnonzero(valid & ~blank))
    if not valid.all():
        at = np.where(valid, at, starts)
        partial &= valid
        stderr &= valid
    opening[odd] = words[at[odd]]
    stop = ends + 1
    return Records(
        segments_of(block, ends),
        starts,
        stop,
        data,
        at,
        ends - at,
        opening,
        times.us,
        valid,
        stderr.astype(np.int64),
        partial,
        valid,
    )


def _odd_tags(data: Bytes, tag: Ints, ends: Ints, at: Ints, valid: Bools, odd: Ints) -> tuple[Ints, Bools]:
    """Messages behind more than one tag (`P:x`), and empty ones without the blank. Slow path: loops over `odd`."""
    at, valid = at.copy(), valid.copy()
    for i in odd.tolist():
        after, end = int(tag[i]), int(ends[i])
        if after == end:
            at[i] = end
        elif data[after] == ord(":"):
            blank = data[after:end].tobytes().find(b" ")
            at[i] = end if blank < 0 else after + blank + 1
        else:
            valid[i] = False
    return at, valid
