"""The same tasks as a program of its own, `edgepaas`: for a directory that has no tasks.py, above all to begin one."""

from __future__ import annotations

from pathlib import Path

import invoke

from edgepaas_tasks.console.places import project_above
from edgepaas_tasks.console.start import prepare
from edgepaas_tasks.namespaces import ns


class Program(invoke.Program):
    """Invoke with our tasks built in; settings are those of the directory, or of the nearest one above it."""

    def parse_collection(self) -> None:
        prepare()
        super().parse_collection()
        self.config.set_project_location(str(project_above(Path.cwd())))
        self.config.load_project()


program = Program(name="EdgePaaS Tasks", binary="edgepaas", namespace=ns)


def main() -> None:
    from importlib.metadata import version

    program.version = version("edgepaas-tasks")
    program.run()
