"""What the lab says: tables, figures, findings and sentences, written once for `cli` and `tui`."""
