"""delivery: rows in, sealed objects out, and what carries those to a sink.

encode and objects make sealed objects of rows; outbox and object_file keep on disk what a sink can't take; sinks/ has a
file for each destination. formats/ turns rows into what goes over the wire; aws/ and fluent/ are what several modules
of one peer share, http the client of the others. A sink says by refusal why it did not take an object, and by dropped
what it will never take.
"""
