"""ledger: the accounts of ranges to rows of the table `ledger`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from tailrace.delivery.ranges import FileRef, Ranges
from tailrace.lake import LEDGER, REPEATED, TIMESTAMP

Account = tuple[tuple[FileRef, ...], str, str | None, Ranges]  # files, account, reason, ranges


def ledger_batch(cluster: str, node: str, now_us: int, accounts: Iterable[Account], key: str | None) -> pa.RecordBatch:
    """One row a range. `key`: the object that holds the delivered lines, None if there is none."""
    whole = [one for one in accounts if len(one[3])]
    n = sum(len(ranges) for *_, ranges in whole)
    files: dict[str, FileRef] = {}
    number: dict[str, int] = {}
    file = np.zeros(n, np.int32)
    account_of: list[str] = []
    reason_of: list[str | None] = []
    at = 0
    for refs, account, reason, ranges in whole:
        for ref in refs:
            files.setdefault(ref.id, ref)
            number.setdefault(ref.id, len(number))
        local = np.array([number[ref.id] for ref in refs], np.int32)
        file[at : at + len(ranges)] = local[ranges.file]
        account_of += [account] * len(ranges)
        reason_of += [reason] * len(ranges)
        at += len(ranges)

    def of_file(value: Callable[[FileRef], str | None]) -> pa.Array:
        return (
            pa.DictionaryArray.from_arrays(pa.array(file), pa.array([value(f) for f in files.values()], pa.string()))
            .cast(pa.string())
            .cast(REPEATED)
        )

    def merged(column: str) -> pa.Array:
        arrays = [getattr(ranges, column) for *_, ranges in whole]
        return pa.array(np.concatenate(arrays) if arrays else np.zeros(0, np.int64))

    sums = [pa.nulls(len(r), pa.int64()) if r.marks is None else pa.array(r.marks) for *_, r in whole]
    objects = [key if account == "delivered" else None for account in account_of]
    columns = {
        "ts": pa.array(np.full(n, now_us), TIMESTAMP),
        "cluster": pa.array([cluster] * n, pa.string()).cast(REPEATED),
        "node": pa.array([node] * n, pa.string()).cast(REPEATED),
        "file": of_file(lambda f: f.id),
        "path": of_file(lambda f: f.path),
        "pod_uid": of_file(lambda f: f.origin.pod_uid or None),
        "container": of_file(lambda f: f.origin.container),
        "from_offset": merged("start"),
        "to_offset": merged("stop"),
        "lines": merged("lines"),
        "marks": pa.chunked_array(sums, pa.int64()).combine_chunks(),
        "account": pa.array(account_of, pa.string()).cast(REPEATED),
        "reason": pa.array(reason_of, pa.string()).cast(REPEATED),
        "object": pa.array(objects, pa.string()).cast(REPEATED),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in LEDGER.schema.names], schema=LEDGER.schema)
