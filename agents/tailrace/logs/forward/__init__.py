"""forward: Fluent Forward in: what fluent-logger, Docker's fluentd driver, ECS FireLens, Fluentd and Fluent Bit send.

    lines.py     records to lines as a runtime writes them, by whose they are
    spool.py     lines to log files below <state>/forward, which the ordinary source reads
    receipts.py  which chunks have come, and which of them a sink has
    intake.py    each chunk once, and its ack when it is committed
    server.py    sockets, TLS, shared key
    source.py    all of it, as the agent has it
    roots.py     the node's root and the spool's as one

A sender that asks for acks keeps a chunk until every line of it is committed: delivered, or in the ledger as dropped.
"""

from __future__ import annotations

COUNTERS = (
    ("connections", "Connections that senders opened."),
    ("messages", "Messages that came, chunks sent again included."),
    ("records", "Records that were taken."),
    ("bytes", "Bytes of lines that were written to the spool."),
    ("chunks_again", "Chunks that came again and were not written again."),
    ("acks", "Acknowledgements that were sent."),
    ("excluded", "Records of namespaces that are excluded, which were dropped."),
    ("not_logs", "Messages with metrics or traces, which were dropped."),
    ("broken", "Connections that were closed because of what came over them."),
    ("denied", "Connections whose shared key was wrong, or that spoke no TLS."),
)
SPOOL = "forward"  # below the state folder
GAUGES = (
    ("spool_bytes", "Size of the spool: what came by Forward and is not wholly delivered."),
    ("waiting_chunks", "Chunks whose acknowledgement waits for a sink."),
)
