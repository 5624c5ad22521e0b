"""Signs of life for the lease on every host, while this process is busy with something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.errors import CommandFailed, RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service import lease

ENDING = 2.0  # seconds that a connection has to be closed


class Heartbeat:
    """A thread and a connection a host, so that neither a long build nor a long upload loses the lease.

    The connection is made with the first sign, a quarter of the time to live after the lease was taken: a deploy that
    is done by then needs none. `phase` is what the lease says from the next sign on.
    """

    def __init__(self, layout: Layout, fence: Fence) -> None:
        self.phase = ""
        self._layout = layout
        self._fence = fence
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, host: Host) -> None:
        """Keep this host's lease alive from now on."""
        thread = threading.Thread(target=self._keep, args=(host,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(ENDING)

    @property
    def _pause(self) -> float:
        return self._fence.ttl / lease.SIGNS

    def _keep(self, host: Host) -> None:
        while not self._ended.wait(self._pause):
            # Its own trace and its own lock on the host: this is not part of the work.
            clone = host.clone()
            try:
                clone.stream(self._signs(), lease.beat(self._layout, self._fence))
            except CommandFailed as error:
                if error.code == lease.LOST:
                    return  # the next changing program finds out, and says so
            except RemoteError:
                pass  # the connection is gone; perhaps the next one holds
            finally:
                with suppress(Exception):
                    clone.close()

    def _signs(self) -> Iterator[bytes]:
        while True:
            yield f"{self.phase}\n".encode()
            if self._ended.wait(self._pause):
                return
