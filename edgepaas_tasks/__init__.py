"""Invoke tasks that take a Dockerised Python web app to cloud hosts with zero lost requests.

`from edgepaas_tasks import ns` gives the whole collection to a tasks.py; a single one is
`from edgepaas_tasks.namespaces import nginx` and `ns.add_collection(nginx.ns)`.
"""

from edgepaas_tasks.namespaces import ns

__all__ = ["ns"]
