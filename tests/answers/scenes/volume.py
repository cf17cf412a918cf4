"""volume: who writes how much, what of it is waste, and what it costs; all of it in the namespace media.

A record is its text and 31 bytes: 20 of time, 6 of stream, F, three blanks and the newline. Of encoder's pod there are

    yesterday 22:10  2 lines `DEBUG frame 10N of job 4710 encoded`  35 + 31 = 66 bytes each         132
    today     22:10  6 lines `DEBUG frame 10N of job 4711 encoded`  66 each                         396
              22:20  4 lines `WARN queue is full, waiting`          27 + 31 = 58 each               232
              22:40  3 lines of 1,024 bytes: one of DEBUG, two that are the same                  3,072
of player's
    yesterday 22:10  2 lines `INFO buffered 9 s`                    17 + 31 = 48 each                96
    today     22:30  1 such line                                                                     48
              22:40  1 line of 1,024 bytes                                                        1,024
and of a pod of which nothing is known
              22:40  1 line of 1,024 bytes                                                        1,024

so that today encoder has 13 lines, 3,700 bytes; player 2 lines, 1,072 bytes; oneshot 1 line, 1,024 bytes: 5,796 in all.

In the ten seconds from 22:40:00 there are 5 lines of 1 KiB. A month of 30 days has 259,200 times ten seconds: a line is
then 259,200 KiB = 0.2472 GB. As JSON, 1,024 + 700 bytes are 0.4162 GB. Kept 30 days in S3 a line is
0.2472 × 0.174 × $0.023 = $0.001; through Firehose 0.4162 × ($0.029 + $0.018) + 1.9 × $0.001 = $0.0214; in CloudWatch
0.4162 × ($0.5 + 0.15 × $0.03) = $0.21.
"""

from __future__ import annotations

from tests.answers.scene import Container, Line, Pod, Scene, at

VIDEO = {"app.kubernetes.io/part-of": "player", "team": "video"}


def kib(clock: str, text: str) -> Line:
    """A line whose record is 1,024 bytes."""
    return Line(at(clock), text + " " + "x" * (1024 - 31 - len(text) - 1))


ENCODER = (
    *(Line(at(f"22:10:{10 * n:02}", yesterday=True), f"DEBUG frame {100 + n} of job 4710 encoded") for n in range(2)),
    *(Line(at(f"22:10:{10 * n:02}"), f"DEBUG frame {100 + n} of job 4711 encoded") for n in range(6)),
    *(Line(at(f"22:20:{15 * n:02}"), "WARN queue is full, waiting") for n in range(4)),
    kib("22:40:01", "DEBUG cache has"),
    kib("22:40:02", "INFO no slot is free"),
    kib("22:40:03", "INFO no slot is free"),
)
PLAYER = (
    *(Line(at(f"22:10:{10 * n:02}", yesterday=True), "INFO buffered 9 s") for n in range(2)),
    Line(at("22:30"), "INFO buffered 9 s"),
    kib("22:40:04", "INFO session"),
)
SCENE = Scene(
    "volume",
    pods=(
        Pod(
            "media", "encoder-6d5f7c8b9d-q7x2k", "node-a", (Container("main", ENCODER),), "Deployment", "encoder",
            labels=VIDEO,
        ),
        Pod("media", "player-0", "node-b", (Container("main", PLAYER),), "StatefulSet", "player", labels=VIDEO),
        Pod("media", "oneshot", "node-b", (Container("main", (kib("22:40:05", "INFO done"),)),)),
    ),
)  # fmt: skip
