"""The lab's network: one half of its addresses is for what comes and goes, the other for what keeps its own."""

from __future__ import annotations

from ipaddress import ip_network

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.lab.hosts import LABEL
from edgepaas_tasks.lab.state import State
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.result import Result

TRIES = 5  # each loses its subnet only to a network that is made at the same moment


def ensure(known: State) -> None:
    """The lab's network, made when there is none. Raises LabError."""
    if local.run("docker", "network", "inspect", known.network, ok=(0, 1)).code == 0:
        return
    with alone("network"):
        for _ in range(TRIES):
            subnet = _free(known)
            passing, _ = ip_network(subnet).subnets()
            chosen = ("--subnet", subnet, "--ip-range", str(passing))
            done = _create(known, known.network, *chosen, ok=(0, 1))
            if done.code == 0:
                return
    raise LabError(f"no network for the lab: {done.tail()}")


def fixed(network: str, place: int) -> str:
    """The address of the `place`, from 1, that stays; "" where the network was made without such ones."""
    form = "{{range .IPAM.Config}}{{.Subnet}} {{.IPRange}}{{end}}"
    subnet, *ranged = local.run("docker", "network", "inspect", "-f", form, network).text.split()
    return str([*ip_network(subnet).subnets()][1][place]) if ranged else ""


def _free(known: State) -> str:
    """A subnet that neither this machine's routes nor Docker's networks use: Docker's own choice, given back."""
    name = f"{known.network}-free"
    # One that we were killed over.
    local.run("docker", "network", "rm", name, ok=(0, 1))
    _create(known, name)
    form = "{{(index .IPAM.Config 0).Subnet}}"
    subnet = local.run("docker", "network", "inspect", "-f", form, name).text
    local.run("docker", "network", "rm", name)
    return subnet


def _create(known: State, name: str, *words: str, ok: tuple[int, ...] = (0,)) -> Result:
    label = f"{LABEL}={known.folder}"
    return local.run("docker", "network", "create", "--label", label, *words, name, ok=ok)
