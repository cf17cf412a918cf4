"""settings: what was set in; what of it can't run, does nothing or stands in the way of the node's lines, out."""

from __future__ import annotations

from collections.abc import Iterator

from tailrace.config import problems
from tailrace.console.doctor.case import Case
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well
from tailrace.delivery.sinks.chosen import chosen


def check(case: Case) -> Iterator[Diagnosis]:
    """The loader's warnings, the values that can't be used together, and SQL that does not compile."""
    found = [*_wrong(case), *(warning(said, "") for said in case.loaded.warnings)]
    yield from found
    settings = case.settings
    if not settings.cluster:
        yield warning("cluster is empty: lines and metrics of several clusters can't be told apart", "set cluster")
    if not any(one.state == "problem" for one in found):
        written = case.loaded.written()
        yield well(f"{written} settings differ from their defaults; `tailrace config` says where each comes from")


def _wrong(case: Case) -> Iterator[Diagnosis]:
    for said in problems(case.settings):
        what, _, mend = said.rpartition("; ")
        yield problem(what or said, mend if what else "")
    if case.keeps_state:
        yield from _sql(case)
    elif not case.settings.listen and not case.settings.writers:
        yield problem("neither listen nor writers is set: nobody would get the metrics", "set listen: 127.0.0.1:9108")


def _sql(case: Case) -> Iterator[Diagnosis]:
    settings = case.settings
    conditions = [(f"sinks.{one.name}.where", one.where) for one in chosen(settings) if one.where]
    if not (settings.transform or settings.redact or conditions):
        return
    from tailrace.logs.transform import Transform, TransformError, wanted

    try:
        Transform(settings.transform, settings.redact)
    except TransformError as error:
        yield problem(f"transform: {error}", "mend the SQL; `tailrace check FILE` compiles it, too")
    for name, sql in conditions:
        try:
            wanted(sql)
        except TransformError as error:
            yield problem(f"{name}: {error}", "mend the SQL; `tailrace check FILE` compiles it, too")
