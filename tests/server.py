"""The pages in a process of their own, on a port of this machine, which can be killed and started again."""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from store.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
SERVE = "import sys; from pathlib import Path; from annotate.app import serve; from store.workspace import Workspace;"
SERVE += " serve(Workspace(Path(sys.argv[1])), port=int(sys.argv[2]))"
READY_SECONDS = 90.0


class Server:
    """The pages of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.workspace = workspace
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-c", SERVE, str(self.workspace.folder), str(self.port)]
        self.running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            assert self.running.poll() is None, "the server ended"
            assert time.monotonic() < deadline, f"the server did not answer within {READY_SECONDS:.0f} s"
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        """As when the machine fails."""
        assert self.running
        self.running.kill()
        self.running.wait(10)
