"""Batches on this machine, through the same interface as on a distant one."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from .batch import Batch
from .transport import Streams


class LocalTransport:
    """Runs batches with this machine's `sh`."""

    def __init__(self, name: str = "localhost", env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._env = dict(os.environ if env is None else env)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Nothing to connect."""

    def open(self) -> None:
        """Nothing to connect."""

    def execute(
        self, batch: Batch, chunks: Iterable[bytes], on_line: Callable[[str], None] | None
    ) -> Streams:
        program = batch.program()
        process = subprocess.Popen(
            ["sh", "-c", batch.shell_line()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
            start_new_session=True,
        )
        self._process = process
        assert process.stdin
        assert process.stdout
        assert process.stderr
        stdin = process.stdin
        failed: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

        def send() -> None:
            try:
                stdin.write(program)
                stdin.flush()  # the program may have its answer before the next chunk
                for chunk in chunks:
                    stdin.write(chunk)
                    stdin.flush()
            except BrokenPipeError:
                pass  # the program ended early; its frames say why
            except BaseException as error:
                failed.put(error)
            finally:
                with contextlib.suppress(BrokenPipeError):
                    stdin.close()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        streams = Streams(*batch.frames(on_line))
        deadline = time.monotonic() + batch.timeout
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, streams.out)
            selector.register(process.stderr, selectors.EVENT_READ, streams.err)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    streams.late = True
                    self.interrupt()
                    break
                for key, _ in selector.select(left):
                    data = os.read(key.fd, 65536)
                    if data:
                        key.data.feed(data)
                    else:
                        selector.unregister(key.fileobj)
                if streams.out.flooded or streams.err.flooded:
                    self.interrupt()
                    break
        process.wait()
        streams.ended = not streams.late
        self._process = None
        if not failed.empty():
            raise failed.get()
        return streams

    def forward(self, port: int) -> AbstractContextManager[int]:
        return contextlib.nullcontext(port)

    def clone(self) -> LocalTransport:
        return LocalTransport(self.name, self._env)

    def interrupt(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, 15)

    def close(self) -> None:
        self.interrupt()
