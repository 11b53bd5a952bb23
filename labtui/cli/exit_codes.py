"""What a command's exit code says; stable, so that scripts can rely on it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    DONE = 0
    """What was asked for is done."""
    FAILED = 1
    """The work failed."""
    USAGE = 2
    """Wrong usage or input."""
    ALERT = 3
    """`check` or `plan` with `--fail-on` found one, or `run` would have to run in spite of one."""
    DISK = 74
    """The disk or the file failed."""
    HELD = 75
    """The lab is held by another process."""
    STOPPED = 130
    """Stopped by a person."""
    PIPE = 141
    """The reader of stdout went away."""
