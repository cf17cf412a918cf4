"""formats: rows in, what goes over the wire out, column by column: no object for a row."""
