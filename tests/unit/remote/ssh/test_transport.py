"""A batch over a connection that ends at any of its calls: never an error of the library's, always an unended batch."""

import pytest

from edgepaas_tasks.remote.batch import Batch
from edgepaas_tasks.remote.command import argv
from edgepaas_tasks.remote.errors import ConnectionLost
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target


class Channel:
    """Its connection ends at the call `at`: from then on everything raises, as paramiko's packetizer does."""

    closed = False

    def __init__(self, at):
        self.at = at
        self.gone = False

    def _call(self, name):
        self.gone = self.gone or name == self.at
        if self.gone:
            raise EOFError

    def settimeout(self, seconds):
        pass

    def sendall(self, data):
        self._call("sendall")

    def shutdown_write(self):
        self._call("shutdown_write")

    def recv(self, size):
        self._call("recv")
        return b""

    def recv_stderr(self, size):
        self._call("recv_stderr")
        return b""

    def close(self):
        self._call("close")


class Link:
    def __init__(self, channel):
        self.channel = channel

    def open(self):
        pass

    def session(self, line, seconds):
        return self.channel

    def prepare(self, line, seconds):
        pass

    def close(self):
        self.channel.close()


CALLS = ("sendall", "shutdown_write", "recv", "recv_stderr", "close")


@pytest.mark.parametrize("at", CALLS)
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_connection_that_ends_is_told_as_that(at):
    transport = SSHTransport(Target("web1", "192.0.2.1"), Link(Channel(at)))
    with pytest.raises(ConnectionLost, match="the connection ended during"):
        Host(transport).read(argv("true"))


@pytest.mark.parametrize("at", CALLS)
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_that_ends_while_something_is_streamed_is_no_other(at):
    transport = SSHTransport(Target("web1", "192.0.2.1"), Link(Channel(at)))
    streams = transport.execute(Batch((argv("true"),), streams=True), iter([b"one", b"two"]), None)
    assert streams.out.done == []
    transport.interrupt()
