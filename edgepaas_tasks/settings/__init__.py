"""What an operator can set: the `edgepaas` key of invoke.yaml, parsed once into frozen, typed objects.

`environments.NAME` is merged deeply over the rest. An unknown key is an error that names the nearest known one.
"""

from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings.app import Build
from edgepaas_tasks.settings.delivery import Email, Hook, Notify, Webhook
from edgepaas_tasks.settings.load import load, merge, nearest, shared
from edgepaas_tasks.settings.root import Settings

__all__ = [
    "Build",
    "Email",
    "Hook",
    "Notify",
    "Settings",
    "SettingsError",
    "Webhook",
    "load",
    "merge",
    "nearest",
    "shared",
]
