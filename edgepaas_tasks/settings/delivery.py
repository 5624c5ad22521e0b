"""How traffic moves and who may change it; what accompanies a change."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.settings.base import Part, Port, Seconds


class Flip(Part):
    """After the flip: seconds of probing the public path (`bake`), and of waiting for old requests (`drain`).

    The probe asks for `path` (default: health.path) and wants `status` (default: any 2xx), the release's header and,
    if set, the text `expect` in the body. With `keep_warm` the old slot runs on, so that a rollback is one flip.
    """

    bake: float = Field(default=5, ge=0, le=600)
    drain: float = Field(default=30, ge=0, le=600)
    path: str = Field(default="", pattern=r"^(/[^\s]*)?$")
    status: int = Field(default=0, ge=0, le=599)
    expect: str = Field(default="", pattern=r"^[^\n]*$")
    keep_warm: bool = False

    @field_validator("status")
    @classmethod
    def _status(cls, value: int) -> int:
        if 0 < value < 100:
            raise ValueError("expected an HTTP status, or 0 for any 2xx")
        return value


class Maintenance(Part):
    """What `inv maintenance --on` shows: `page`, an HTML file (default: a few words), and Retry-After in seconds.

    `allow` are addresses and networks that see the app all the same. The host's own probes always do.
    """

    allow: tuple[str, ...] = ()
    retry_after: int = Field(default=300, ge=1, le=604800)
    page: str = ""

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        for one in value:
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(
                    f"{one!r} is no address and no network like 192.0.2.0/24"
                ) from None
            if network.is_loopback:
                raise ValueError(f"{one}: the host itself is let in anyway")
            found.append(str(network))
        return tuple(dict.fromkeys(found))


class Hook(Part):
    """What runs on this machine around a deploy: a command for sh, or a Python function as `module:function`.

    `secrets` are declared variables that it gets; without being named none is in its environment. `timeout` in seconds.
    """

    run: str = Field(min_length=1)
    secrets: tuple[str, ...] = ()
    timeout: Seconds = 60

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"run": value} if isinstance(value, str) else value


class Hooks(Part):
    """Before any host is touched; after a success; after a failure; when traffic went back to an earlier release."""

    before: tuple[Hook, ...] = ()
    after: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_rollback: tuple[Hook, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that some hook asks for."""
        hooks = (*self.before, *self.after, *self.on_failure, *self.on_rollback)
        return tuple(dict.fromkeys(name for hook in hooks for name in hook.secrets))


Occasions = tuple[Literal["success", "failure", "rollback"], ...]


EVERY: Occasions = ("success", "failure", "rollback")


class Webhook(Part):
    """A Slack-compatible webhook. Its address is a secret: `url_variable` names a variable of this process."""

    url: str = ""
    url_variable: str = ""
    on: Occasions = EVERY
    timeout: Seconds = 5

    @model_validator(mode="after")
    def _one_address(self) -> Webhook:
        if bool(self.url) == bool(self.url_variable):
            raise ValueError("set one of url and url_variable")
        return self


class Email(Part):
    """A mail server, with TLS from the first byte (`tls`) or after STARTTLS. The password is in `password_variable`."""

    server: str
    port: Port = 587
    tls: Literal["starttls", "tls"] = "starttls"
    user: str = ""
    password_variable: str = ""
    sender: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    to: tuple[Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")], ...] = Field(min_length=1)
    on: Occasions = EVERY
    timeout: Seconds = 10


class Notify(Part):
    """Who is told what a deploy came to. A notice that fails is a warning."""

    webhook: Webhook | None = None
    email: Email | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables of the process environment that hold what is secret of these."""
        found = (
            self.webhook.url_variable if self.webhook else "",
            self.email.password_variable if self.email else "",
        )
        return tuple(name for name in found if name)


class FailureReport(Part):
    """Where a failed deploy leaves all that was found out, and how many lines of the app's log it has."""

    folder: str = ".edgepaas/reports"
    lines: int = Field(default=50, ge=1, le=1000)


class Lease(Part):
    """`ttl`: seconds after which a silent holder counts as gone. `wait`: seconds to wait for another one.

    Without `wait`, a holder that gives signs of life is not waited for, and a silent one until its `ttl` is over.
    """

    ttl: int = Field(default=60, ge=2, le=86400)
    wait: float | None = Field(default=None, ge=0, le=86400)
