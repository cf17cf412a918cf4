"""console: what a person runs at a terminal: the demo node, and what it shows."""
