"""A real nginx with the configuration of docs/operations.md, unprivileged, in a directory of its own."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from pgserver import free_port
from receiver import PATIENCE, ROOT, wait_until

PROGRAM = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
AROUND = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log info;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {documented}
}}
"""


def documented(language):
    """Returns the one block of a language in docs/operations.md."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return block


def replaced(text, old, new):
    assert text.count(old) == 1, f"{old} stands {text.count(old)} times in the documented configuration"
    return text.replace(old, new)


class Nginx:
    """nginx in front of a receiver; `port` is where it listens."""

    def __init__(self, receiver_port, certificate, key):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="msgstatus-nginx-"))
        self.receiver_port = receiver_port
        self.files = {"/etc/ssl/hooks.pem": certificate, "/etc/ssl/hooks.key": key}
        self.process = None
        self.port = None

    def __enter__(self):
        try:
            for _ in range(3):
                if self._start():
                    return self
            raise RuntimeError(f"nginx does not start:\n{self.log}")
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def log(self):
        path = self.directory / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _start(self):
        """Returns whether nginx runs; the port may be taken by then."""
        self.port = free_port()
        config = replaced(documented("nginx"), "server 127.0.0.1:8080;", f"server 127.0.0.1:{self.receiver_port};")
        config = replaced(config, "listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;")
        for documented_path, path in self.files.items():
            copy = self.directory / path.name
            shutil.copy(path, copy)
            config = replaced(config, documented_path, str(copy))
        path = self.directory / "nginx.conf"
        path.write_text(AROUND.format(directory=self.directory, documented=config))
        command = [PROGRAM, "-c", str(path), "-p", str(self.directory), "-e", str(self.directory / "error.log")]
        user = {}
        if os.geteuid() == 0:
            user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            for file in (self.directory, *self.directory.iterdir()):
                shutil.chown(file, "nobody", "nogroup")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/", **user)
        wait_until(lambda: self.process.poll() is not None or (self.directory / "pid").exists(), "nginx to start")
        return self.process.poll() is None
