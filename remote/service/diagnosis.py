"""From what a failed slot shows to one line with the likely cause."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

SHORT = 20 * 1024  # KB left on a disk that count as none
SHOWN = 10  # lines of the log that people see at once


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about a release that did not pass a gate. `listening` are sockets inside the container.

    `disk` and `mounts` are lines as `diagnose.sh` prints them; `probe` is one answer with its time.
    """

    state: dict[str, str]
    probe: str
    listening: tuple[tuple[str, int], ...]
    logs: tuple[str, ...]
    nginx: tuple[str, ...]
    cause: str
    image: dict[str, str] = field(default_factory=dict)
    disk: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()

    def facts(self) -> list[str]:
        """What the cause rests on, a line each."""
        state = self.state
        text = [
            f"container: {state.get('status', 'gone')}, exit code {state.get('exit_code', '?')}, "
            f"out of memory: {state.get('oom_killed', '?')}, restarts: {state.get('restarts', '?')}",
            f"health probe: {self.probe or 'no answer'}",
        ]
        if self.listening:
            seen = ", ".join(f"{address}:{port}" for address, port in self.listening)
            text.append(f"listening inside: {seen}")
        return text

    def lines(self) -> list[str]:
        """For people: the cause first, then what it rests on."""
        said = "last lines of its log:" if self.logs else "its log is empty"
        last = (f"  {line}" for line in self.logs[-SHOWN:])
        return [f"likely cause: {self.cause}", *self.facts(), said, *last]


def parse(
    text: str, *, port: int, health_path: str, host_name: str = "localhost", said: str = ""
) -> Diagnosis:
    """From the output of `slots.diagnose`. `port` is the one in the container.

    `host_name` is the one that the probe asked for, `said` what the start had to say.
    """
    sections = _sections(text)
    found = Diagnosis(
        state=_pairs(sections.get("state", [])),
        probe=" ".join(sections.get("probe", [])).removesuffix(', redirect to ""'),
        listening=tuple(filter(None, map(_socket, sections.get("ports", [])))),
        logs=tuple(sections.get("logs", [])),
        nginx=tuple(sections.get("nginx", [])),
        cause="",
        image=_pairs(sections.get("image", [])),
        disk=tuple(sections.get("disk", [])),
        mounts=tuple(line for line in sections.get("mounts", []) if line.strip()),
    )
    return replace(found, cause=_cause(found, port, health_path, host_name, said))


# What a log shows, in the order of how much it explains. Over lines: pydantic has a variable's name on one of its own.
_LOGGED = (
    (
        r"Cannot connect to the Docker daemon",
        "Docker stopped on this host: systemctl status docker",
    ),
    (r"(?m)^edgepaas: not started: (.+)", "{0}"),
    (r"No space left on device|database or disk is full", "the disk is full"),
    (
        r"executable file not found|no such file or directory: unknown",
        "the image has no such program: check its CMD",
    ),
    (r"port is already allocated", "another program of the host has the port: check slots"),
    (r"belongs to uid \d+, the image runs as \d+", "permission: the app's data {0}"),
    (r"(?:ModuleNotFoundError|ImportError): (.+)", "an import fails: {0}"),
    (r"Error loading ASGI app\. (.+)", "an import fails: {0}"),
    (r"KeyError: '([A-Z][A-Z0-9_]+)'", "the variable {0} is missing"),
    (r"(?m)^(\w+)\n\s+Field required", "the variable {0} is missing"),
    (r"Set the (\w+) environment variable", "the variable {0} is missing"),
    (
        r"(?i)environment variable \W?(\w+)\W? (?:is )?(?:not set|missing|required)",
        "the variable {0} is missing",
    ),
    (r"permission denied for \w+ \w+", "the database's user lacks a right: {0}"),
    (r"unable to open database file", "the database's directory may not be written"),
    (r"password authentication failed.*", "the database refuses: {0}"),
    (
        r"no such table|UndefinedTable|relation .* does not exist",
        "the database has no schema for this code",
    ),
    (
        r"connection to server .* failed.*|could not translate host name.*|Connect call failed.*",
        "the database cannot be reached: {0}",
    ),
    (
        r".*(?:\bOperationalError\b|Name or service not known|ConnectionRefusedError).*",
        "the database cannot be reached: {0}",
    ),
    (r"SyntaxError: (.+)", "the code does not parse: {0}"),
)


def _cause(found: Diagnosis, port: int, health_path: str, host_name: str, said: str) -> str:
    log = "\n".join([*found.logs, found.state.get("error", ""), said])
    for look in (_killed, _foreign, _full, _denied):
        if cause := look(found, log):
            return cause
    status = found.probe[:3]
    if cause := _refused(found, status, health_path, host_name, log):
        return cause
    for pattern, meaning in _LOGGED:
        if matches := list(re.finditer(pattern, log)):
            last = matches[-1]
            return meaning.format(*(last.groups() or (last[0].strip(),)))
    if any("upstream sent too big header" in line for line in found.nginx):
        return "the headers of an answer are larger than nginx.header_buffer: raise it"
    return _silent(found, port) or _unexplained(found, status, health_path)


_HOST = r"(?i)DisallowedHost|Invalid HTTP_HOST|ALLOWED_HOSTS|Invalid host header"


def _refused(found: Diagnosis, status: str, health_path: str, host_name: str, log: str) -> str:
    """It answers, and refuses the probe for the way it asks."""
    if status.startswith("3"):
        return _redirected(found, health_path, host_name)
    host = (
        f"the app refuses the host name {host_name}: allow it "
        "(Django's ALLOWED_HOSTS, Starlette's TrustedHostMiddleware), or set health.host to one that it knows"
    )
    if status == "421" or (status in ("400", "403", "404") and re.search(_HOST, log)):
        return host
    return {
        "400": f"the app answers {health_path} with 400, a bad request: does it refuse the host name {host_name} "
        "(set health.host), or want a header (health.headers)?",
        "401": f"{health_path} wants a login: let it answer without one, or choose another health.path",
        "403": f"{health_path} is forbidden to the probe: let it answer without a login, or choose another health.path",
        "404": f"the app answers, but has no {health_path}: check health.path",
        "405": f"{health_path} does not answer GET: let it, or choose another health.path",
        "406": f"{health_path} refuses what the probe accepts: set health.headers, such as Accept",
        "426": f"{health_path} wants another protocol: is it for websockets? choose another health.path",
        "429": f"{health_path} is limited in its rate: exempt the probe, which asks several times a second",
    }.get(status, "")


def _redirected(found: Diagnosis, health_path: str, host_name: str) -> str:
    to = re.search(r'redirect to "([^"?#]+)', found.probe)
    if to is None:
        return f"{health_path} redirects to another place: the gate follows nothing"
    said = f"{health_path} redirects to {to[1]}"
    there = re.fullmatch(r"(https?)://(\[[^\]]*\]|[^/:]*)(?::\d+)?(/.*)?", to[1])
    if there is None:
        return f"{said}: the gate follows nothing"
    scheme, host, path = there[1], there[2], there[3] or "/"
    if scheme == "https" and path == health_path:
        return (
            f"{said}: the app wants https, and TLS ends before it. Where a proxy in front of the host ends TLS, set "
            "health.headers: {X-Forwarded-Proto: https} and nginx.trusted_proxies; else let it answer plain http"
        )
    if path == health_path and host not in (host_name, "127.0.0.1"):
        return f"{said}: the app wants another host name: set health.host: {host}"
    if path.rstrip("/") == health_path.rstrip("/") and path != health_path:
        return f"{said}: set health.path: {path}"
    return f"{said}: does it want a login? the gate follows nothing; choose a health.path that answers itself"


def _killed(found: Diagnosis, log: str) -> str:
    if found.state.get("oom_killed") == "true":
        return "it ran out of memory: raise container.memory"
    if found.state.get("exit_code") == "137" and found.state.get("status") != "running":
        return "it was killed, most likely for want of memory: raise container.memory"
    return ""


def _foreign(found: Diagnosis, log: str) -> str:
    """Also a program of another processor in an image of the right one, or a script without its first line."""
    if "exec format error" not in log.lower():
        return ""
    image, host = found.image.get("architecture", ""), found.image.get("host", "")
    if image and host and image != host:
        return f"the image is built for another processor architecture: {image}, the host is {host}"
    return (
        "its program is built for another processor architecture"
        f"{f' than the {host} of the host' if host else ''}, or is a script without #!"
    )


def _full(found: Diagnosis, log: str) -> str:
    for line in found.disk:
        path, _, free = line.rpartition(" ")
        if free.isdigit() and int(free) < SHORT:
            return f"the disk is full ({path} has {int(free) // 1024} MB left)"
    return ""


def _denied(found: Diagnosis, log: str) -> str:
    denied = re.findall(r"[Pp]ermission denied(?! for )(?:: '?([^'\n]+))?", log)
    if not denied:
        return ""
    path = denied[-1]
    user = found.image.get("user") or "root"
    for line in found.mounts:
        inside, owner, mode = line.rsplit(" ", 2)
        if path == inside or path.startswith(f"{inside}/"):
            return (
                f"permission denied on the mount {inside} ({path}): the image runs as {user}, "
                f"the mount belongs to uid {owner} (mode {mode})"
            )
    return f"permission denied{f' on {path}' if path else ''}: the image runs as {user}"


def _silent(found: Diagnosis, port: int) -> str:
    """It runs, and nothing answers."""
    if found.state.get("status") != "running" or not found.probe.startswith("000"):
        return ""
    if not found.listening:
        return f"nothing listens inside the container; it should on port {port}"
    right = [address for address, number in found.listening if number == port]
    if not right:
        others = ", ".join(str(number) for _, number in found.listening)
        return f"the app listens on port {others}, not on container.port {port}"
    if all(address.startswith("127.") or address == "::1" for address in right):
        return f"the app listens on {right[0]} inside the container: bind it to 0.0.0.0"
    return "the app takes connections and does not answer: is it still starting, or stuck?"


def _unexplained(found: Diagnosis, status: str, health_path: str) -> str:
    if status.startswith("5"):
        return f"the app answers {health_path} with {status}: see its log"
    if found.state.get("status") != "running":
        return f"its process ended with exit code {found.state.get('exit_code', '?')}: see its log"
    return "not recognised; see its log"


def _pairs(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines if "=" in line)


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
