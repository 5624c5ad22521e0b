"""What is live where, and what was released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.console.task import answer, task
from edgepaas_tasks.namespaces.options import ENV_HELP, JSON_HELP

if TYPE_CHECKING:
    from edgepaas_tasks.fleet.status import HostStatus
    from edgepaas_tasks.service.service import Service


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show what is live where, and how it is."""
    from edgepaas_tasks.report import fleet as report

    answer(report.status, report.status_json, *query_status(c, env), json=json)


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def releases(c: Any, env: str = "", json: bool = False) -> None:
    """Show what was released, when, by whom, and its result."""
    from edgepaas_tasks.fleet import journal
    from edgepaas_tasks.report import journal as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        journals = journal.read(service, hosts)
    answer(report.journals, report.journals_json, service, journals, json=json)


def query_status(c: Any, env: str) -> tuple[Service, Sequence[HostStatus]]:
    """The service and the status of each of its hosts, in one round trip a host."""
    from edgepaas_tasks.fleet import status as statuses
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        return service, statuses.status(service, hosts)
