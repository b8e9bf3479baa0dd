"""The disk that the spool is on: a small file system of its own where that can be had, which can be filled up."""

import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

SIZE = 64 * 1024 * 1024
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class SpoolDisk:
    """A directory for a spool. With own_file_system it is on a tmpfs, if this process may mount one."""

    def __init__(self, own_file_system):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="msgstatus-spool-"))
        self.mounted = own_file_system and self._mount()
        self.directory = self.root / "spool"

    def _mount(self):
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "msgstatus-spool", str(self.root)]
        return shutil.which("mount") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0

    def clear(self):
        """Deletes the spool; no receiver may be running."""
        shutil.rmtree(self.directory)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.root)], check=True)
        shutil.rmtree(self.root)

    @contextlib.contextmanager
    def full(self, pid):
        """Leaves the process no room on the disk: another file takes it all, or a limit forbids it to write."""
        if not self.mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            try:
                yield
            finally:
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, NO_LIMIT)
            return
        filler = self.root / "filler"
        try:
            with open(filler, "wb") as file, contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), b"\0" * 65536)
            yield
        finally:
            filler.unlink()
