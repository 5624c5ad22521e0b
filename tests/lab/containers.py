"""Containers on this machine, started in front of an image's command as a host would start them."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edgepaas_tasks.variables import runtime


class Ended(NamedTuple):
    """What became of a container: its exit code, and what it said."""

    code: int
    out: str
    err: str


@dataclass
class Containers:
    """Those of one network, with a data directory of their own; all are removed at the end."""

    network: str
    folder: Path
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = self.folder / "runtime.pyz"
        self.file.write_bytes(runtime.build().content)
        self.data = self.folder / "data"
        self.data.mkdir()
        self.data.chmod(0o777)

    def start(
        self, image: str, *flags: str, command: tuple[str, ...] = (), **environment: str
    ) -> str:
        """Starts one in the background; its name."""
        name = f"{self.network}-test-{len(self.names)}"
        self.names.append(name)
        first, *words = self._runtime(image, command)
        variables = [word for pair in environment.items() for word in ("-e", "=".join(pair))]
        docker("run", "-d", "--name", name, "--network", self.network, *flags, *variables,
               "--mount", f"type=bind,source={self.file},target=/opt/edgepaas/runtime.pyz,readonly",
               "--mount", f"type=bind,source={self.data},target=/data",
               "--tmpfs", "/run/edgepaas:mode=0700,uid=10001,gid=10001",
               "--entrypoint", first, image, *words)  # fmt: skip
        return name

    def _runtime(self, image: str, command: tuple[str, ...]) -> list[str]:
        if command:
            return ["python3", "/opt/edgepaas/runtime.pyz", *command]
        form = "[{{json .Config.Entrypoint}},{{json .Config.Cmd}}]"
        words = docker("image", "inspect", "-f", form, image).strip()
        return ["python3", "/opt/edgepaas/runtime.pyz", "--image", words]

    def wait(self, name: str) -> Ended:
        code = int(docker("wait", name))
        done = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
        return Ended(code, done.stdout.strip(), done.stderr)

    def log(self, name: str) -> str:
        done = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def run(self, image: str, *command: str, **environment: str) -> Ended:
        return self.wait(self.start(image, command=command, **environment))

    def inside(self, name: str, *words: str) -> str:
        return docker("exec", name, *words)

    def resolved(self, name: str) -> dict[str, str]:
        """What the app's process was given."""
        text = "import json; print(json.dumps(open('/proc/1/environ').read().split('\\0')))"
        items = json.loads(self.inside(name, "python3", "-c", text))
        return dict(item.split("=", 1) for item in items if "=" in item)

    def remove(self) -> None:
        for name in self.names:
            subprocess.run(["docker", "rm", "-fv", name], capture_output=True, check=False)


def docker(*words: str, ok: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode in ok, f"{words}: {done.stderr}"
    return done.stdout
