"""A disk whose power can be cut, which can be full, and whose syncs can fail: a FUSE file system in memory.

Started as a process: `python disk.py MOUNT KEPT`. It is told what to do by writing to a file of its own, MOUNT/.tell:

- `cut SEED`: the power fails. What was synced is kept; of what was not, each 512-byte sector is there or not, as the
  seed says, and of the files that were made, renamed or removed since the last sync the first so many. All of it is
  written to KEPT, as a machine that starts again finds it.
- `full`, `spacious`: every write and every new file fails with ENOSPC; no longer.
- `broken`, `mended`: every sync fails with EIO, and what it was to sync stays unsynced; no longer.

A sync of any file makes the names of all files durable, as a journalling file system does.
"""

import errno
import os
import random
import stat
import sys
import warnings
from pathlib import Path

import mfusepy

SECTOR = 512
TELL = "/.tell"
DURABLE = os.O_DSYNC | os.O_SYNC
FOLDER = {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}


class File:
    """What processes see, what is on the disk, and the sectors in which the two differ."""

    def __init__(self):
        self.seen, self.synced, self.loose = bytearray(), bytearray(), set()

    def write(self, data, offset, *, durable=False):
        for content in (self.seen, self.synced) if durable else (self.seen,):
            content.extend(bytes(max(0, offset + len(data) - len(content))))
            content[offset : offset + len(data)] = data
        if not durable:
            self.loose.update(range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1))

    def truncate(self, length):
        shorter, longer = sorted((length, len(self.seen)))
        self.loose.update(range(shorter // SECTOR, -(-longer // SECTOR)))
        self.seen[length:] = bytes(max(0, length - len(self.seen)))

    def sync(self):
        for sector in self.loose:
            self._take(self.synced, sector)
        del self.synced[len(self.seen) :]
        self.loose.clear()

    def _take(self, content, sector):
        at = sector * SECTOR
        data = self.seen[at : at + SECTOR]
        content.extend(bytes(max(0, at + len(data) - len(content))))
        content[at : at + len(data)] = data

    def after_a_cut(self, chance):
        """What is left; the order in which sectors reach a disk is its own."""
        left = bytearray(self.synced)
        for sector in sorted(self.loose):
            if chance.random() < 0.5:
                self._take(left, sector)
        return left


class Disk(mfusepy.Operations):
    """The file system; one thread, so no locks."""

    use_ns = True

    def __init__(self, kept):
        self.kept = Path(kept)
        self.names = {"/": None}  # path -> File, or None for a folder
        self.named = [dict(self.names)]  # as last synced, and after every change since
        self.opened, self.full, self.broken = {}, False, False

    # names

    def getattr(self, path, fh=None):
        if path == TELL:
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 0}
        file = self._named(path)
        return FOLDER if file is None else {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(file.seen)}

    def _named(self, path):
        if path not in self.names:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self.names[path]

    def _changed(self):
        self.named.append(dict(self.names))

    def readdir(self, path, fh):
        start = path.rstrip("/") + "/"
        own = [name[len(start) :] for name in self.names if name.startswith(start) and name != "/"]
        return [".", "..", *(name for name in own if "/" not in name)]

    def mkdir(self, path, mode):
        self._room()
        self.names[path] = None
        self._changed()
        return 0

    def create(self, path, mode, fi=None):
        self._room()
        self.names[path] = File()
        self._changed()
        return self.open(path, fi or 0)

    def rename(self, old, new):
        moved = {name: file for name, file in self.names.items() if name == old or name.startswith(old + "/")}
        for name, file in moved.items():
            del self.names[name]
            self.names[new + name[len(old) :]] = file
        self._changed()
        return 0

    def unlink(self, path):
        del self.names[path]
        self._changed()
        return 0

    rmdir = unlink

    def chmod(self, path, mode):
        return 0

    def utimens(self, path, times=None):
        return 0

    # content

    def open(self, path, flags):
        handle = max(self.opened, default=0) + 1
        self.opened[handle] = (None if path == TELL else self._named(path), bool(flags & DURABLE))
        return handle

    def release(self, path, fh):
        del self.opened[fh]
        return 0

    def read(self, path, size, offset, fh):
        file, _ = self.opened[fh]
        return bytes(file.seen[offset : offset + size]) if file else b""

    def write(self, path, data, offset, fh):
        file, durable = self.opened[fh]
        if file is None:
            self._told(data.decode().split())
            return len(data)
        self._room()
        if durable:
            self._syncs()
        file.write(data, offset, durable=durable)
        return len(data)

    def truncate(self, path, length, fh=None):
        if path != TELL:
            self._named(path).truncate(length)
        return 0

    def fsync(self, path, datasync, fh):
        self._syncs()
        file, _ = self.opened[fh]
        if file:
            file.sync()
        self.named = [dict(self.names)]
        return 0

    def fsyncdir(self, path, datasync, fh):
        self._syncs()
        self.named = [dict(self.names)]
        return 0

    def statfs(self, path):
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 24, "f_bfree": 1 << 23, "f_bavail": 1 << 23}

    # faults

    def _room(self):
        if self.full:
            raise mfusepy.FuseOSError(errno.ENOSPC)

    def _syncs(self):
        if self.broken:
            raise mfusepy.FuseOSError(errno.EIO)

    def _told(self, words):
        match words:
            case ["cut", seed]:
                self._cut(random.Random(int(seed)))
            case ["full" | "spacious" as word]:
                self.full = word == "full"
            case ["broken" | "mended" as word]:
                self.broken = word == "broken"

    def _cut(self, chance):
        names = chance.choice(self.named)
        for path, file in sorted(names.items()):
            place = self.kept / path[1:]
            if file is None:
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.write_bytes(file.after_a_cut(chance))


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # it looks for the flag on the instance's own class only
    mfusepy.FUSE(Disk(sys.argv[2]), sys.argv[1], foreground=True, nothreads=True)
