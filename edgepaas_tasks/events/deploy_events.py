"""Everything that accompanies a deploy: hooks before and after, notices, the failure report, the CI's summary.

None of it changes the result of a deploy, except a hook `before` that fails: then nothing is deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from edgepaas_tasks.console import ci
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.events import hooks
from edgepaas_tasks.events.hooks import Event, HookFailed
from edgepaas_tasks.release.deploy import Outcome
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.report import ci_summary as summary
from edgepaas_tasks.report import releases as report
from edgepaas_tasks.service.service import Service, who
from edgepaas_tasks.settings import Hook
from edgepaas_tasks.variables import environment

if TYPE_CHECKING:
    from edgepaas_tasks.release.findings import Findings
    from edgepaas_tasks.release.plan import Plan

Answer = TypeVar("Answer")


class DeployEvents:
    """One deploy, rollback or push of variables. `given` are the values of --set."""

    def __init__(
        self,
        service: Service,
        hosts: Sequence[Host],
        progress: Progress,
        action: str,
        given: Sequence[str] = (),
    ) -> None:
        self.service = service
        self.hosts = hosts
        self.progress = progress
        self.action = action
        self.given = given
        self.version = ""
        self._begun = False
        self._values: Resolution | None = None
        declared = (
            environment.schema(service.settings).names if service.settings.hooks.secrets else ()
        )
        for name in service.settings.hooks.secrets:
            if name not in declared:
                raise SettingsError(f"edgepaas.hooks: secrets: {name} is not a declared variable")

    def begin(self, version: str = "", values: Resolution | None = None) -> None:
        """Run the hooks `before`; no host has been touched yet. Raises Refused when one of them fails."""
        self.version, self._values, self._begun = version, values, True
        before = self.service.settings.hooks.before
        if not before:
            return
        with self.progress.phase("before") as phase:
            for hook in before:
                try:
                    self._run(hook, self._event("before"))
                except HookFailed as error:
                    raise Refused(
                        f"hook before {error}",
                        next_step="fix the hook and run this again; no host was touched",
                    ) from None
            phase.outcome = f"hooks: {len(before)}"

    def planned(self, plan: Plan) -> None:
        """Write the plan to the CI's summary before it is carried out."""
        self._try("the summary", lambda: summary.write(summary.intended(self.service, plan)))

    def succeeded(self, outcome: Outcome) -> None:
        self._begun = False  # it is done: what goes wrong from here on is no failure of it
        release = outcome.release
        self.version = release.version
        phases = self.progress.phases
        self._try(
            "the summary", lambda: summary.write(summary.succeeded(self.service, outcome, phases))
        )
        event = {"result": "success", "release": release.number}
        self._hooks("after", event)
        rolled_back = self.action == "rollback"
        if rolled_back:
            self._hooks("on_rollback", event)
        where = ", ".join(host.name for host in self.hosts)
        self._notify(
            {"rollback" if rolled_back else "success"},
            f"{report.VERBS[self.action]} {release.version} as release {release.number} "
            f"on {where} in {self.progress.seconds:.0f} s",
        )

    def failed(self, error: BaseException) -> None:
        """Report a failure to hooks and notices. The error itself is raised by the caller."""
        if not self._begun:
            return  # refused for what was asked, or done: nobody waits to hear of it
        from edgepaas_tasks.release.findings import gather

        found = gather(self.service, self.hosts, error)
        self.version = found.version or self.version
        interrupted = not isinstance(error, Exception)
        told = "interrupted" if interrupted else str(error)
        self._keep_log(getattr(error, "log", ""))
        result = "unfinished" if found.live else "failure"
        event = {
            "result": "interrupted" if interrupted else result,
            "release": found.release,
            "flipped_back": found.flipped_back,
            "error": redactor()(told).partition("\n")[0],
            "report": self._report(told, found),
        }
        self._hooks("on_failure", event)
        if found.flipped_back:
            self._hooks("on_rollback", event)
        cause = f"\nlikely cause: {found.cause}" if found.cause else ""
        came = "is live, and was NOT FINISHED" if found.live else "FAILED"
        self._notify(
            {"failure", *(("rollback",) if found.flipped_back else ())},
            f"{self.action} of {self.version or 'an earlier release'} {came}: {event['error']}{cause}",
        )

    def _keep_log(self, log: str) -> None:
        """All that a failed build said: the message has its first errors and its end."""
        from edgepaas_tasks.report import failure_report

        if log:
            path = self._try("the log", lambda: failure_report.write_log(self.service, log))
            if path is not None:
                self.progress.say(f"  the whole log: {path}")

    def _report(self, told: str, found: Findings) -> str:
        """The path of the failure report; "" if no host was reached, or another deploy holds the lease."""
        from edgepaas_tasks.report import failure_report

        came = "is live, and was not finished" if found.live else "failed"
        title = f"{self._place()}: {self.action} of {self.version or 'an earlier release'} {came}"
        phases = self.progress.phases
        page = summary.failed(title, told, found.serving, phases)
        self._try("the summary", lambda: summary.write(page))
        if not found.serving:
            return ""
        text = failure_report.text(title, told, found, phases)
        path = self._try(
            "the failure report", lambda: failure_report.write(self.service, found.release, text)
        )
        if path is None:
            return ""
        self.progress.say(f"  report: {path}")
        return str(path)

    def _hooks(self, when: str, event: dict[str, Any]) -> None:
        for hook in getattr(self.service.settings.hooks, when):
            try:
                self._run(hook, self._event(when, **event))
            except (HookFailed, SettingsError) as error:
                self.progress.note(f"hook {when} {error}")
            except (
                Exception
            ) as error:  # what it comes to is settled: the next hook and the notices have to know
                self.progress.note(f"hook {when} {hook.run!r}: {type(error).__name__}: {error}")

    def _run(self, hook: Hook, event: Event) -> None:
        settings = self.service.settings
        if self._values is None:
            # A rollback has not looked at them; what is secret has to be known to be kept from a hook.
            try:
                self._values = environment.collect(settings, self.given)
            except Exception:
                if hook.secrets:
                    raise
        if hook.secrets and self._values is not None:
            environment.require(settings, self._values)
        values = self._values.values if self._values is not None else {}
        given = {name: values[name].text for name in hook.secrets if name in values}
        schema = environment.schema(settings)
        secret = [one.name for one in schema.variables if one.secret]
        hidden = [*secret, *settings.notify.secrets, settings.image.password]
        for line in hooks.run(hook, event, hooks.scrubbed(hidden, given)):
            self.progress.say(f"    {line}")

    def _event(self, when: str, **more: Any) -> Event:
        return Event(
            hook=when,
            action=self.action,
            app=self.service.settings.app,
            environment=self.service.settings.environment,
            hosts=tuple(host.name for host in self.hosts),
            version=self.version,
            seconds=round(self.progress.seconds, 1),
            **more,
        )

    def _notify(self, kinds: set[str], said: str) -> None:
        notify = self.service.settings.notify
        if notify.webhook is None and notify.email is None:
            return
        from edgepaas_tasks.events import notices

        text = f"{self._place()}: {said} (by {who()})"
        text += f"\n{url}" if (url := ci.detect().run_url) else ""
        subject = text.partition("\n")[0]
        for line in notices.send(notify, kinds, subject, text):
            self.progress.note(line)

    def _place(self) -> str:
        return f"{self.service.settings.app} in {self.service.settings.environment}"

    def _try(self, what: str, work: Callable[[], Answer]) -> Answer | None:
        try:
            return work()
        except OSError as error:
            self.progress.note(f"{what} could not be written: {error}")
            return None


@contextmanager
def deploy_events(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    action: str,
    given: Sequence[str] = (),
) -> Iterator[DeployEvents]:
    """Events around one change. The caller calls `begin` and `succeeded`; an exception counts as the failure."""
    one = DeployEvents(service, hosts, progress, action, given)
    try:
        yield one
    except BaseException as error:
        try:
            one.failed(error)
        except Exception as other:  # must not hide the first
            progress.note(f"after the failure: {type(other).__name__}: {other}")
        raise
