"""tap: the node's log files in; some of their lines, as each stage of the log agent makes them, out.

    sample.py    the ends of files to blocks, and never more than a budget a round
    stages.py    a block through parse, promote, enrich, transform and the sinks' conditions, kept at each stage
    command.py   `tailrace tap`

It runs the agent's own stages in a process of its own, over files that are opened for reading: the agent is not asked,
does not wait and holds nothing for it. So it also shows what settings would do that no agent has yet.
"""
