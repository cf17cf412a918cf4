"""cloudwatch: boards and alarms in, dashboards/cloudwatch/*.json and stack.yaml out.

    words.py    what they are told in           ledger.py  metrics of the ledger's rows
    boards.py   the dashboards                  alarms.py  the alarms
    render.py   a board to a dashboard's body   stack.py   all of it as one CloudFormation stack

The bodies are there twice: for people with line breaks, and in the stack. CloudFormation fills their `${…}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from dashboards.cloudwatch import stack
from dashboards.cloudwatch.boards import BOARDS
from dashboards.cloudwatch.words import Board


def _text(board: Board) -> str:
    return json.dumps(stack.shown(board), indent=2, ensure_ascii=False) + "\n"


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    *((f"dashboards/cloudwatch/{board.name}.json", partial(_text, board)) for board in BOARDS),
    ("dashboards/cloudwatch/stack.yaml", stack.template),
)
