"""fluent: the Forward protocol: its messages, a connection to a peer, and rows packed for it."""
