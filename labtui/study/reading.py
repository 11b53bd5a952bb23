"""A study file's text: read without hanging, without running anything, and never more than 1 MB."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from pathlib import Path

from labtui.study.errors import Problem, StudyError, nearest_name, printable

MAX_BYTES = 1_000_000
"""Longest study file, in bytes."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "no permission to read it; its owner gives it with `chmod +r`",
    errno.ELOOP: "a loop of symbolic links; name the file itself",
    errno.ENAMETOOLONG: "a name that is too long",
    errno.ENOTDIR: "no such file: a part of the path is not a directory",
}


def whole_file(file: str, found: str, expected: str = "") -> StudyError:
    """Return the error of a file that is wrong as a whole."""
    return StudyError([Problem(file, None, None, "", found, expected)])


def read_file(path: Path, hint: str = "") -> bytes:
    """Read a file that a person wrote.

    Args:
        path: The file.
        hint: What to do where there is none.

    Raises:
        StudyError: It is missing, unreadable, too large, or no regular file.
    """
    file = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _failed(file, error, hint) from None
    except ValueError:
        raise whole_file(file, "a path with a NUL character") from None
    try:
        _check_kind(file, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _failed(file, error) from None
    finally:
        os.close(descriptor)


def _failed(file: str, error: OSError, hint: str = "") -> StudyError:
    reason = _REASONS.get(error.errno or 0, error.strerror or "cannot be read")
    nearest = _neighbour(file) if error.errno == errno.ENOENT else None
    if error.errno == errno.ENOENT and hint and not nearest:
        reason += f"; {hint}"
    return StudyError([Problem(file, None, None, "", reason, "", nearest)])


def _neighbour(file: str) -> str | None:
    """Name the file beside one that is not there whose name is most like it."""
    folder, name = os.path.split(file)
    try:
        near = nearest_name(name, os.listdir(folder or os.curdir))
    except OSError:
        return None
    return near and os.path.join(folder, near)


def _check_kind(file: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise whole_file(file, "is a directory; name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise whole_file(file, "not a regular file; nothing is read from a pipe or a device")
    if status.st_size > MAX_BYTES:
        raise _too_large(file, status.st_size)


def _too_large(file: str, size: int) -> StudyError:
    return whole_file(file, f"{size} bytes", f"a study file of at most {MAX_BYTES} bytes (1 MB)")


def decode(data: bytes, file: str) -> str:
    """Return the text of a study file: UTF-8, with or without a byte order mark.

    Raises:
        StudyError: It is too large, not UTF-8, or holds control characters.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(file, len(data))
    if data.startswith(_UTF16):
        raise whole_file(file, "UTF-16 at byte 0", as_utf8(file, "utf-16"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{data[error.start]:02x} at byte {error.start}, which is not UTF-8"
        raise whole_file(file, found, as_utf8(file, "latin1")) from None
    if (nul := data.find(b"\0")) >= 0:
        raise whole_file(file, f"a NUL character at byte {nul}", "text")
    if control := _CONTROL.search(text):
        raise _control_character(file, text, control.start())
    return text


def as_utf8(file: str, encoding: str) -> str:
    """Say that UTF-8 was expected, and what makes it of a file of another encoding."""
    path = Path(file)
    new = path.with_name(f"{path.stem}-utf8{path.suffix}")
    return f"UTF-8: iconv -f {encoding} -t utf-8 {shlex.quote(file)} > {shlex.quote(str(new))}"


def _control_character(file: str, text: str, offset: int) -> StudyError:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    found = f"the control character {printable(text[offset])}"
    return StudyError([Problem(file, line, column, "", found, "printable text")])
