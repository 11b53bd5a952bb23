"""Files and names that try to run, to be printed raw, or to leave: nothing of theirs happens."""
