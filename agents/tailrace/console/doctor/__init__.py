"""doctor: an agent's settings and the machine it is to run on in; what is well, what is not and what mends it, out.

    diagnosis.py   what a check says          case.py      what is looked at
    command.py     `tailrace doctor`, and CHECKS: one module a subject; to add one, write it and name it there

A check leaves nothing behind, and changes nothing. What it can't look at is said, never taken for well.
"""
