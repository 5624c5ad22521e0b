"""Invoke tasks that take a Dockerised Python web app to cloud hosts with zero lost requests.

`from edgepaas_tasks import ns` gives the whole collection to a tasks.py; a single one is
`from edgepaas_tasks.namespaces import nginx` and `ns.add_collection(nginx.ns)`. An app uses `edgepaas_tasks.env`, which
needs nothing but the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepaas_tasks.namespaces import ns

__all__ = ["ns"]


def __getattr__(name: str) -> Any:
    """Import the collection when it is asked for: an app that imports `edgepaas_tasks.env` loads no Invoke."""
    if name == "ns":
        from edgepaas_tasks.console.start import prepare
        from edgepaas_tasks.namespaces import ns

        prepare()

        return ns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
