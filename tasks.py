"""Invoke's entry point: `inv --list` shows what there is."""

from edgepaas_tasks import ns

__all__ = ["ns"]
