"""Run a module of this package in a container of the app's image, instead of the app."""

from __future__ import annotations

import importlib
import os
import sys

from . import command

MODULES = frozenset({"reach", "migrations.migrate", "migrations.reset"})


def main(arguments: list[str]) -> None:
    """Run `MODULE IMAGE ARGUMENTS` in the Python that the image's command runs on: it has the app's driver and Alembic.

    IMAGE is the image's entrypoint and command as JSON, ARGUMENTS one word.
    """
    module, image, words = arguments
    if module not in MODULES:
        sys.exit(f"edgepaas: {module} is not a module that can be run")
    command.continue_in(command.interpreter(command.words(["--image", image])))
    # As for the app itself: its migrations import modules of the working directory.
    sys.path.insert(1, os.getcwd())
    importlib.import_module(f"{__package__}.{module}").main(words.split())
