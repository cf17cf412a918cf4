"""machine: a state machine of Step Functions in JSONata and a double of Athena in, the statements that it asks out.

It knows what ours uses, after the Amazon States Language's specification: Task, Map, Pass, Choice, Succeed, Fail;
`Assign` and `Output` see the state's input, a variable that a Map's round sets ends with it. AWS itself is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonata

START = "arn:aws:states:::athena:startQueryExecution.sync"
RESULTS = "arn:aws:states:::athena:getQueryResults"


class Failed(Exception):
    """The execution failed: its error and cause."""


class Machine:
    """answer: the one row of an answer, by the statement's text; None for a statement that has none."""

    def __init__(
        self, definition: dict[str, Any], names: dict[str, str], answer: Callable[[str], list[str] | None]
    ) -> None:
        self.definition, self.names, self.answer = _substituted(definition, names), names, answer
        self.asked: list[str] = []

    def run(self, given: Any) -> None:
        """One execution. Raises Failed."""
        self._states(self.definition, given, {}, given)

    def _states(self, machine: dict[str, Any], value: Any, variables: dict[str, Any], execution: Any) -> Any:
        name = machine["StartAt"]
        while True:
            state = machine["States"][name]
            kind, seen = state["Type"], {"input": value, "context": {"Execution": {"Input": execution}}}
            if kind == "Fail":
                raise Failed(state["Error"], self._value(state["Cause"], variables, seen))
            if kind == "Choice":
                taken = next(
                    (c for c in state["Choices"] if self._value(c["Condition"], variables, seen)),
                    {"Next": state["Default"]},
                )
                variables |= self._value(taken.get("Assign", {}), variables, seen)
                name = taken["Next"]
                continue
            if kind == "Task":
                seen["result"] = self._task(state["Resource"], self._value(state["Arguments"], variables, seen))
            elif kind == "Map":
                assert state["MaxConcurrency"] == 1
                items = self._value(state["Items"], {}, {}) if isinstance(state["Items"], str) else state["Items"]
                seen["result"] = [self._states(state["ItemProcessor"], i, dict(variables), execution) for i in items]
            else:
                assert kind in ("Pass", "Succeed"), kind
            assigned = self._value(state.get("Assign", {}), variables, seen)
            out = self._value(state["Output"], variables, seen) if "Output" in state else seen.get("result", value)
            variables |= assigned
            if kind == "Succeed" or state.get("End"):
                return out
            value, name = out, state["Next"]

    def _task(self, resource: str, arguments: dict[str, Any]) -> Any:
        if resource == START:
            assert arguments["WorkGroup"] == self.names["WorkGroup"]
            self.asked.append(arguments["QueryString"])
            return {"QueryExecution": {"QueryExecutionId": str(len(self.asked) - 1)}}
        assert resource == RESULTS, resource
        row = self.answer(self.asked[int(arguments["QueryExecutionId"])])
        assert row is not None, "results are asked for of a statement that has none"
        rows = [["before", "after", "same"], row]
        return {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": cell} for cell in each]} for each in rows]}}

    def _value(self, text: Any, variables: dict[str, Any], states: Any) -> Any:
        if isinstance(text, dict):
            return {key: self._value(each, variables, states) for key, each in text.items()}
        if not isinstance(text, str):
            return text
        if not text.startswith("{%"):
            return text
        expression = jsonata.Jsonata(text.removeprefix("{%").removesuffix("%}"))
        for name, value in {**variables, "states": states}.items():
            expression.assign(name, value)
        return expression.evaluate({})


def _substituted(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _substituted(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_substituted(each, names) for each in value]
    for name, text in names.items() if isinstance(value, str) else ():
        value = value.replace(f"${{{name}}}", text)
    return value
