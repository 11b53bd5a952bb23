"""Where a lab lies: on a disk of this machine, or on one that would corrupt it.

SQLite's log needs memory that all processes share and locks that hold. Network file systems have
neither across machines, and folders that a service copies elsewhere get halves of a commit
(https://sqlite.org/howtocorrupt.html). Such a lab is read, and not written.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labtui.store.errors import LabBroken

NETWORK = {
    0x6969: "NFS",
    0xFF534D42: "CIFS (SMB)",
    0xFE534D42: "SMB2",
    0x517B: "SMB",
    0x01021997: "9p",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x73757245: "Coda",
    0x564C: "NetWare",
    0x00C36400: "Ceph",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x19830326: "BeeGFS",
    0x7461636F: "OCFS2",
    0x01161970: "GFS2",
    0xAAD7AAEA: "PanFS",
    0x013111A8: "IBRIX",
    0xBACBACBC: "VMware's shared folder",
    0x786F4256: "VirtualBox's shared folder",
}
"""Numbers by which Linux names file systems that other machines write as well (statfs(2))."""
LOCAL = {
    0xEF53: "ext4",
    0x58465342: "XFS",
    0x9123683E: "Btrfs",
    0x01021994: "tmpfs",
    0x858458F6: "ramfs",
    0x794C7630: "overlay",
    0x2FC12FC1: "ZFS",
    0xF2F52010: "F2FS",
    0xCA451A4E: "bcachefs",
    0x52654973: "ReiserFS",
    0x3153464A: "JFS",
    0x4D44: "FAT",
    0x2011BAB0: "exFAT",
    0x5346544E: "NTFS",
    0x7366746E: "NTFS",
    0x61756673: "aufs",
    0xF15F: "eCryptfs",
    0x24051905: "UBIFS",
    0x73717368: "SquashFS",
}
FUSE = 0x65735546
"""File systems that are programs: which one, says the list of mounts."""
FUSE_LOCAL = frozenset(
    {
        "fuseblk",
        "fuse.gocryptfs",
        "fuse.encfs",
        "fuse.cryfs",
        "fuse.bindfs",
        "fuse.fuse-overlayfs",
        "fuse.mergerfs",
        "fuse.lxcfs",
        "fuse.zfs",
        "fuse.ext2",
        "fuse.ntfs-3g",
        "fuse.squashfuse",
    }
)
"""Those that lie on this machine's own disks; any other is taken for one that does not."""
MAC_LOCAL = frozenset({"apfs", "hfs"})
KNOWN = frozenset(LOCAL.values()) | FUSE_LOCAL | MAC_LOCAL
"""Where locks and shared memory are known to work; anywhere else they are tried before writing."""
MAC_NETWORK = frozenset({"nfs", "smbfs", "afpfs", "webdav", "ftp", "cifs", "9p", "virtiofs"})
SYNCED = (
    ("Library", "Mobile Documents"),
    ("Library", "CloudStorage"),
    ("Dropbox",),
    ("OneDrive",),
    ("Google Drive",),
    ("iCloud Drive",),
    ("iCloudDrive",),
)
"""Parts of paths of folders that a service copies to other machines as they change."""
MAC_NAME = 72
"""Where macOS keeps ``f_fstypename`` in its ``struct statfs`` (64-bit inodes)."""


@dataclass(frozen=True)
class Place:
    """Where a file lies: the file system's name, and why a lab must not be written there."""

    kind: str
    against: str = ""


def judge(magic: int, mount: str = "") -> Place:
    """Judge a file system of Linux.

    Args:
        magic: Its number, from ``statfs``.
        mount: Its type in the list of mounts, which tells programs (FUSE) apart.
    """
    magic &= 0xFFFFFFFF
    if magic in NETWORK:
        return Place(NETWORK[magic], "a network file system")
    if magic == FUSE:
        kind = mount or "FUSE"
        return Place(kind, "" if kind in FUSE_LOCAL else "not a disk of this machine")
    return Place(LOCAL.get(magic, mount or f"file system {magic:#x}"))


def judge_name(name: str) -> Place:
    """Judge a file system of macOS by its name."""
    strange = name in MAC_NETWORK or "fuse" in name
    return Place(name, "a network file system" if strange else "")


def synced_by(path: Path) -> str:
    """Name the folder on the way to `path` that a service copies elsewhere; empty without."""
    parts = path.parts
    for wanted in SYNCED:
        for i in range(len(parts) - len(wanted)):
            if all(_named(*pair) for pair in zip(parts[i:], wanted, strict=False)):
                return str(Path(*parts[: i + len(wanted)]))
    return ""


def _named(part: str, wanted: str) -> bool:
    """Compare: services add the name of an organization, as in ``OneDrive - Institute``."""
    return part == wanted or part.startswith((f"{wanted} - ", f"{wanted} ("))


def place_of(path: Path) -> Place:
    """Find out where a file lies, or would if it were made."""
    folder = path if path.is_dir() else path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    folder = folder.resolve()
    found = _asked(folder)
    if not found.against and (synced := synced_by(folder / path.name)):
        return Place(found.kind, f"in {synced}, which a service copies to other machines")
    return found


def _asked(folder: Path) -> Place:
    if sys.platform.startswith("linux"):
        magic = magic_of(folder)
        if magic is None:
            return Place("unknown")
        known = magic & 0xFFFFFFFF in NETWORK.keys() | LOCAL.keys()
        return judge(magic, "" if known else mount_of(folder))
    if sys.platform == "darwin":
        return judge_name(_mac_name(folder))
    return Place("unknown")


def magic_of(folder: Path) -> int | None:
    """Ask Linux for the number of a folder's file system."""
    buffer = ctypes.create_string_buffer(512)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(folder), buffer) != 0:
        return None
    return int.from_bytes(buffer.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)


def mount_of(folder: Path) -> str:
    """Give the type of the mount that a folder is on; empty where the system does not say."""
    try:
        device = os.stat(folder).st_dev
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""


def _mac_name(folder: Path) -> str:  # pragma: no cover - macOS
    buffer = ctypes.create_string_buffer(4096)
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "statfs$INODE64", None) or libc.statfs
    if call(os.fsencode(folder), buffer) != 0:
        return "unknown"
    return buffer.raw[MAC_NAME : MAC_NAME + 16].split(b"\0")[0].decode("ascii", "replace")


def try_locks(folder: Path) -> str:
    """Do with a nameless file what SQLite does; gives what fails, empty where nothing does."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if os.name == "posix":
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
            file.truncate(mmap.PAGESIZE)
            with mmap.mmap(file.fileno(), mmap.PAGESIZE) as shared:
                shared[0] = 1
                file.seek(0)
                if file.read(1) != b"\1":
                    return "memory that is mapped and the file are not the same"
    except OSError as error:
        return f"{error.strerror}"
    return ""


def check_place(path: Path) -> None:
    """Make sure that a lab may be written where it lies.

    Raises:
        LabBroken: Its file system would corrupt it, or it has two names that are locked apart. One
            that is not known is tried.
    """
    found = place_of(path)
    if found.against:
        raise LabBroken(
            f"{path}: it lies on {found.kind}, {found.against}: writing would corrupt it; it can "
            "be read, or copied to a local disk and named with --lab"
            if found.against.startswith(("a ", "not"))
            else f"{path}: it lies {found.against}: writing would corrupt it; it can be read, or "
            "copied to another folder and named with --lab"
        )
    folder = path.parent
    probed = found.kind in KNOWN or not os.access(folder, os.W_OK)
    if not probed and (fault := try_locks(folder)):
        raise LabBroken(
            f"{path}: it lies on {found.kind}, which labtui does not know and which cannot lock "
            f"files or share memory ({fault}): writing would corrupt it; it can be read, or copied "
            "to a local disk and named with --lab"
        )
    try:
        links = path.stat().st_nlink
    except OSError:
        return
    if links > 1:
        raise LabBroken(
            f"{path}: the file has {links} names (hard links), and each would be locked by itself; "
            "expected one: remove the others, or copy the lab"
        )
