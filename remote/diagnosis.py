"""From what a failed slot shows to one line with the likely cause."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about a container that did not become healthy."""

    state: dict[str, str]
    probe: str
    listening: tuple[tuple[str, int], ...]
    logs: tuple[str, ...]
    nginx: tuple[str, ...]
    cause: str

    def lines(self) -> list[str]:
        """For people: the cause first, then what it rests on."""
        state = self.state
        text = [
            f"likely cause: {self.cause}",
            f"container: {state.get('status', 'gone')}, exit code {state.get('exit_code', '?')}, "
            f"out of memory: {state.get('oom_killed', '?')}, restarts: {state.get('restarts', '?')}",
            f"health probe: {self.probe or 'no answer'}",
        ]
        if self.listening:
            seen = ", ".join(f"{address}:{port}" for address, port in self.listening)
            text.append(f"listening inside: {seen}")
        text.append("last lines of its log:" if self.logs else "its log is empty")
        text += [f"  {line}" for line in self.logs[-15:]]
        return text


def parse(text: str, *, port: int, health_path: str) -> Diagnosis:
    """From the output of `slots.diagnose`. `port` is the one in the container."""
    sections = _sections(text)
    state = dict(line.split("=", 1) for line in sections.get("state", []) if "=" in line)
    probe = " ".join(sections.get("probe", []))
    ports = tuple(filter(None, map(_socket, sections.get("ports", []))))
    logs = tuple(sections.get("logs", []))
    disk = sections.get("disk", [])
    cause = _cause(state, probe, ports, logs, disk, port, health_path)
    return Diagnosis(state, probe, ports, logs, tuple(sections.get("nginx", [])), cause)


# What a log line shows, in the order of how much it explains.
_LOGGED = (
    (
        r"Cannot connect to the Docker daemon",
        "Docker stopped on this host: systemctl status docker",
    ),
    (r"^edgepaas: not started: (.+)", "{0}"),
    (r"exec format error", "the image is built for another processor architecture"),
    (r"No space left on device", "the disk is full"),
    (r"Permission denied", "a file or directory may not be read or written by the image's user"),
    (r"(?:ModuleNotFoundError|ImportError): (.+)", "an import fails: {0}"),
    (r"KeyError: '([A-Z][A-Z0-9_]+)'", "the variable {0} is missing"),
    (r"([A-Z][A-Z0-9_]+)\s+Field required", "the variable {0} is missing"),
    (
        r"could not translate host name|Name or service not known|Connection refused|"
        r"connection to server .* failed|OperationalError",
        "the database can not be reached",
    ),
    (r"SyntaxError: (.+)", "the code does not parse: {0}"),
    (r"unable to open database file", "the database's directory may not be written"),
)


def _cause(
    state: dict[str, str],
    probe: str,
    ports: tuple[tuple[str, int], ...],
    logs: tuple[str, ...],
    disk: list[str],
    port: int,
    health_path: str,
) -> str:
    if state.get("oom_killed") == "true":
        return "it ran out of memory: raise container.memory"
    for line in disk:
        path, _, free = line.partition(" ")
        if free.strip().isdigit() and int(free) < 20 * 1024:
            return f"the disk is full ({path} has {int(free) // 1024} MB left)"
    status = probe[:3]
    if status == "404":
        return f"the app answers, but has no {health_path}: check health.path"
    if status.startswith("3"):
        return f"{health_path} redirects ({probe}): the probe speaks plain http and follows nothing"
    for pattern, meaning in _LOGGED:
        for line in reversed(logs):
            match = re.search(pattern, line)
            if match:
                return meaning.format(*match.groups())
    if state.get("status") == "running" and ports and status == "000":
        right = [address for address, number in ports if number == port]
        if not right:
            others = ", ".join(str(number) for _, number in ports)
            return f"the app listens on port {others}, not on container.port {port}"
        if all(address.startswith("127.") or address == "::1" for address in right):
            return f"the app listens on {right[0]} inside the container: bind it to 0.0.0.0"
    if state.get("status") == "running" and not ports:
        return f"nothing listens inside the container; it should on port {port}"
    if status.startswith("5"):
        return f"the app answers {health_path} with {status}: see its log"
    if state.get("status") != "running":
        return f"its process ended with exit code {state.get('exit_code', '?')}: see its log"
    return "not recognised; see its log"


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        # The log comes last and may hold anything, even a line like a section's.
        if line.startswith("== ") and name != "logs":
            name = line[3:]
            sections[name] = []
        elif name:
            sections[name].append(line)
    return sections


def _socket(text: str) -> tuple[str, int] | None:
    """A local address of /proc/net/tcp: the address in hexadecimal, little-endian by 32-bit words (proc(5))."""
    address, _, port = text.strip().partition(":")
    if len(address) == 8:
        octets = bytes.fromhex(address)[::-1]
        return ".".join(str(octet) for octet in octets), int(port, 16)
    if len(address) == 32:
        loopback = address == "00000000000000000000000001000000"
        return ("::1" if loopback else "::"), int(port, 16)
    return None
