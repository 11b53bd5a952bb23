"""What a study wants done when it ends: a program of the person's own, started by the runner."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from labtui.engine.jobs import StudyPlan
from labtui.store.paths import LabPaths

HOOK_SECONDS = 60.0  # a notification takes seconds; the runner does not live for it any longer


@dataclass
class _Started:
    study: int
    process: subprocess.Popen[bytes]
    deadline: float


class Hooks:
    """The programs that ended studies started, until they end too."""

    def __init__(self, paths: LabPaths, complain: Callable[[int, str], None]) -> None:
        """Tell `complain(study, text)` of one that fails."""
        self._paths = paths
        self._complain = complain
        self._started: list[_Started] = []

    def start(self, plan: StudyPlan, state: str, reason: str) -> None:
        """Run a study's ``on_end``: an argument list, no shell, in the study's folder.

        ``{study}``, ``{state}`` and ``{reason}`` are replaced in each argument, and the same is in
        ``LABTUI_STUDY``, ``LABTUI_STATE``, ``LABTUI_REASON`` and ``LABTUI_LAB``.
        """
        if not plan.on_end:
            return
        words = {"study": plan.name, "state": state, "reason": reason}
        environment = {f"LABTUI_{name.upper()}": text for name, text in words.items()}
        try:
            with self._paths.open_log("hooks.log") as log:
                process = subprocess.Popen(
                    [_filled(argument, words) for argument in plan.on_end],
                    cwd=plan.key.folder,
                    env={
                        **dict(plan.key.environment),
                        **environment,
                        "LABTUI_LAB": str(self._paths.db),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            words_of = getattr(error, "strerror", None) or str(error)
            self._complain(plan.id, f"on_end: {plan.on_end[0]}: {words_of}")
            return
        self._started.append(_Started(plan.id, process, time.monotonic() + HOOK_SECONDS))

    def running(self) -> bool:
        """Say whether one has not ended; those that take too long are killed."""
        for hook in list(self._started):
            code = hook.process.poll()
            if code is None and time.monotonic() < hook.deadline:
                continue
            self._started.remove(hook)
            if code is None:
                _kill(hook.process)
                self._complain(hook.study, f"on_end: killed after {HOOK_SECONDS:g} s")
            elif code:
                self._complain(
                    hook.study, f"on_end: ended with code {code}; lab.files/logs/hooks.log"
                )
        return bool(self._started)

    def close(self) -> None:
        """Kill what has not ended."""
        for hook in self._started:
            _kill(hook.process)
            self._complain(hook.study, "on_end: killed, its runner was told to end")


def _filled(argument: str, words: dict[str, str]) -> str:
    for name, text in words.items():
        argument = argument.replace(f"{{{name}}}", text)
    return argument


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
