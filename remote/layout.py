"""Where things are on a host: one directory a service, the names of its containers."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "/opt/edgepaas"
SLOTS = ("blue", "green")


@dataclass(frozen=True)
class Layout:
    """Paths and names of one service (an app in one environment) on any host."""

    service: str

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.service}"

    @property
    def live(self) -> str:
        """The flag: a symbolic link to `slots/<slot>/<release>` that nginx resolves for every request."""
        return f"{self.base}/live"

    @property
    def lease(self) -> str:
        return f"{self.base}/lease"

    @property
    def history(self) -> str:
        return f"{self.base}/history.jsonl"

    @property
    def maintenance(self) -> str:
        """The flag of the maintenance page, which lies beside it; both are there for nginx to read."""
        return f"{self.base}/maintenance"

    @property
    def data(self) -> str:
        return f"{self.base}/data"

    def runtime(self, file: str) -> str:
        """What is mounted in the app's container beside its data, named by what is in it."""
        return f"{self.base}/runtime/{file}"

    def release(self, number: int) -> str:
        return f"{self.base}/releases/{number}"

    def container(self, slot: str) -> str:
        return f"{self.service}-{slot}"


def other(slot: str) -> str:
    """The slot that is not `slot`; the first release of a service goes to green."""
    return "blue" if slot == "green" else "green"
