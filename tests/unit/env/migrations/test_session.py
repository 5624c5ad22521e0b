"""The session that holds the lock of all migrations."""

from contextlib import suppress

from edgepaas_tasks.env.migrations import session


class Server:
    """Older than some of what it is asked for."""

    def __init__(self):
        self.said = []

    def rows(self, statement):
        self.said.append(statement)
        if "client_connection_check_interval" in statement:
            raise ValueError(
                'unrecognized configuration parameter "client_connection_check_interval"'
            )
        return [[True]]


def test_a_host_without_power_keeps_the_lock_for_half_a_minute():
    server = Server()
    with suppress(ValueError):
        session._take(server, 0)
    idle, interval, count = (
        int(next(one for one in server.said if f"tcp_keepalives_{name} " in one).split("'")[1])
        for name in ("idle", "interval", "count")
    )
    assert idle + interval * count <= 30
    assert "pg_try_advisory_lock" in server.said[-1]
