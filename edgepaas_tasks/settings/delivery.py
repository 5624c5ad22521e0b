"""How traffic moves and who may change it; what accompanies a change."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.settings.base import Networks, Part, Port, Seconds


class Flip(Part):
    """What happens right after the flip, while the old release can still take over."""

    bake: float = Field(default=5, ge=0, le=600)
    """Seconds after the flip during which the public path is probed. A failed probe takes the traffic back to the
    release before."""
    drain: float = Field(default=30, ge=0, le=600)
    """The most seconds to wait for requests that the old release is still answering."""
    path: str = Field(default="", pattern=r"^(/[^\s]*)?$")
    """The path that is probed through nginx. Empty means `health.path`."""
    status: int = Field(default=0, ge=0, le=599)
    """The HTTP status that a probe must get. 0 means any 2xx."""
    expect: str = Field(default="", pattern=r"^[^\n]*$")
    """Text that the body of a probe's answer must contain. Empty means any body."""
    keep_warm: bool = False
    """Whether the old container runs on after a deploy, so that a rollback is one flip. It is stopped anyway when the
    host has less free memory than `container.memory`."""

    @field_validator("status")
    @classmethod
    def _status(cls, value: int) -> int:
        if 0 < value < 100:
            raise ValueError("expected an HTTP status, or 0 for any 2xx")
        return value


class Maintenance(Part):
    """What `inv maintenance --on` shows, and to whom."""

    allow: Networks = ()
    """Addresses and networks that see the app during maintenance, such as `192.0.2.0/24`. The host's own probes always
    do."""
    retry_after: int = Field(default=300, ge=1, le=604800)
    """Seconds that visitors are told to wait, in the header `Retry-After`. The upper limit is a week."""
    page: str = ""
    """An HTML file on this machine, at most 1 MiB, that is shown during maintenance. It cannot use other files of its
    own. Empty means a few plain words."""


class Hook(Part):
    """What runs on this machine around a deploy."""

    run: str = Field(min_length=1)
    """A command for `sh`, or a Python function as `module:function`. A hook that is only this text can be written
    without the key."""
    secrets: tuple[str, ...] = ()
    """The declared secret variables that the hook gets in its environment. It gets none of the others."""
    timeout: Seconds = 60
    """Seconds after which the hook is ended and counts as failed."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"run": value} if isinstance(value, str) else value


class Hooks(Part):
    """What runs on this machine around a deploy, by occasion."""

    before: tuple[Hook, ...] = ()
    """Hooks that run before any host is touched. One that fails ends the deploy."""
    after: tuple[Hook, ...] = ()
    """Hooks that run after a success. One that fails is reported and changes nothing else."""
    on_failure: tuple[Hook, ...] = ()
    """Hooks that run after a failure or an interruption. One that fails is reported and changes nothing else."""
    on_rollback: tuple[Hook, ...] = ()
    """Hooks that run when traffic went back to an earlier release, by `inv rollback` or by itself. One that fails is
    reported and changes nothing else."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that some hook asks for."""
        hooks = (*self.before, *self.after, *self.on_failure, *self.on_rollback)
        return tuple(dict.fromkeys(name for hook in hooks for name in hook.secrets))


Occasions = tuple[Literal["success", "failure", "rollback"], ...]


EVERY: Occasions = ("success", "failure", "rollback")


class Webhook(Part):
    """A Slack-compatible webhook."""

    url: str = ""
    """The address, where it is no secret. Set this or `notify.webhook.url_variable`, not both."""
    url_variable: str = ""
    """The name of the variable of the process environment that holds the address. Slack's addresses are secrets, so
    this is the usual form."""
    on: Occasions = EVERY
    """What to tell: any of `success`, `failure` and `rollback`."""
    timeout: Seconds = 5
    """Seconds after which the notice is given up, with a warning."""

    @model_validator(mode="after")
    def _one_address(self) -> Webhook:
        if bool(self.url) == bool(self.url_variable):
            raise ValueError("set one of url and url_variable")
        return self


class Email(Part):
    """A mail server, and who gets mail."""

    server: str
    """The host name of the mail server. Its certificate must be trusted."""
    port: Port = 587
    """The port of the mail server. 587 is the port for submission (RFC 6409); use 465 with `tls: tls` (RFC 8314)."""
    tls: Literal["starttls", "tls"] = "starttls"
    """How TLS begins: `starttls` upgrades a plain connection, `tls` is encrypted from the first byte. Mail is never
    sent without TLS."""
    user: str = ""
    """The user to log in as. Empty means no login."""
    password_variable: str = ""
    """The name of the variable of the process environment that holds the password of `notify.email.user`."""
    sender: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    """The address that mail comes from."""
    to: tuple[Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")], ...] = Field(min_length=1)
    """The addresses that mail goes to. At least one."""
    on: Occasions = EVERY
    """What to tell: any of `success`, `failure` and `rollback`."""
    timeout: Seconds = 10
    """Seconds after which the mail is given up, with a warning."""


class Notify(Part):
    """Who is told what a deploy came to. A notice that fails is a warning."""

    webhook: Webhook | None = None
    """A Slack-compatible webhook: it is sent `{"text": …}` by POST. Not set means none."""
    email: Email | None = None
    """A mail server, and who gets mail. Not set means no mail."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables of the process environment that hold what is secret of these."""
        found = (
            self.webhook.url_variable if self.webhook else "",
            self.email.password_variable if self.email else "",
        )
        return tuple(name for name in found if name)


class FailureReport(Part):
    """Where a failed deploy leaves what was found out."""

    folder: str = ".edgepaas/reports"
    """The folder for reports. Its files are readable by their owner only (0600)."""
    lines: int = Field(default=50, ge=1, le=1000)
    """How many of the last lines of the app's log a report contains."""


class Lease(Part):
    """How two deploys are kept apart."""

    ttl: int = Field(default=60, ge=2, le=86400)
    """Seconds after its last sign of life at which a holder counts as gone, by the host's clock."""
    wait: float | None = Field(default=None, ge=0, le=86400)
    """Seconds to wait for another holder, alive or not. Not set means: a living holder is not waited for, and a silent
    one until its `lease.ttl` is over."""
