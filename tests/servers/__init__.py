"""servers: real servers, and doubles of AWS, that tests start on 127.0.0.1 and end by their pid.

One module each; parts.py knows where binaries are and what a missing one means. `make parts` (build.sh) makes them.
"""
