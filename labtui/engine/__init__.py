"""The processes: a detached runner, its guard, warm workers, and the client that talks to them."""
