"""audit: how late a line is read. The agents read all of a scene at 22:59:30, so of tide's lines

22:59:25 is 5 s late, 22:59:29.5 half a second              2 within ten seconds
22:59:00 is 30 s late                                       1 within a minute
22:50:00 is 570 s late                                      1 within ten minutes
22:00:00 is 3,570 s late, the longest                       1 later
22:59:35 is 5 s ahead of the agent                          1 before it was written
and one carries no time
"""

from __future__ import annotations

from tests.answers.scene import Container, Line, Pod, Scene, at

MOMENTS = ("22:00:00", "22:50:00", "22:59:00", "22:59:25", "22:59:29.5", "22:59:35")
LINES = (*(Line(at(moment), f"INFO water at {moment}") for moment in MOMENTS), Line(None, "\ufffd no time here"))
SCENE = Scene("audit", pods=(Pod("tide", "gauge-0", "node-a", (Container("main", LINES),), "StatefulSet", "gauge"),))
