"""The lab file: schema, queries, the one writer, the inbox."""
