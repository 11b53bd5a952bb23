"""What the screen of the lab shows: its rows and columns, the experiment log, and who keeps it."""
