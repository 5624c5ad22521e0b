"""The same tasks as a program of its own, `edgepaas`: for a directory that has no tasks.py, above all to begin one."""

from __future__ import annotations

import os

import invoke

from edgepaas_tasks.namespaces import ns


class Program(invoke.Program):
    """Invoke with our tasks built in; settings are those of the directory, as with a tasks.py in it."""

    def parse_collection(self) -> None:
        super().parse_collection()
        self.config.set_project_location(os.getcwd())
        self.config.load_project()


program = Program(name="EdgePaaS Tasks", binary="edgepaas", namespace=ns)


def main() -> None:
    from importlib.metadata import version

    program.version = version("edgepaas-tasks")
    program.run()
