"""Everything for one environment."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from edgepaas_tasks.env.values.names import production_like
from edgepaas_tasks.settings.app import Build, Container, Database, Health, Image, Nginx, Slots, Ssm
from edgepaas_tasks.settings.base import Name, Part
from edgepaas_tasks.settings.delivery import FailureReport, Flip, Hooks, Lease, Maintenance, Notify
from edgepaas_tasks.settings.hosts import Aws, Docker, Ec2, HostEntry, Lab, Ssh, Volume


class Settings(Part):
    """Everything for one environment."""

    app: Name
    environment: Name = "default"
    default_env: str = ""
    build: Build = Build()
    image: Image = Image()
    container: Container = Container()
    health: Health = Health()
    slots: Slots = Slots()
    nginx: Nginx = Nginx()
    flip: Flip = Flip()
    maintenance: Maintenance = Maintenance()
    hooks: Hooks = Hooks()
    notify: Notify = Notify()
    report: FailureReport = FailureReport()
    database: Database = Database()
    docker: Docker = Docker()
    volume: Volume | None = None
    aws: Aws = Aws()
    ssh: Ssh = Ssh()
    lease: Lease = Lease()
    hosts: tuple[HostEntry, ...] = ()
    lab: Lab | None = None
    ec2: Ec2 | None = None
    keep_releases: int = Field(default=5, ge=2, le=100)
    strict_variables: bool = False
    variables: dict[str, Any] | str = {}
    ssm: Ssm | None = None

    @model_validator(mode="after")
    def _one_inventory(self) -> Settings:
        named = {"hosts": self.hosts, "lab": self.lab, "ec2": self.ec2}
        given = [name for name, value in named.items() if value]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} are both set: an environment has one inventory"
            )
        names = [host.name or host.address for host in self.hosts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"hosts: {', '.join(twice)} stands twice; give each a name")
        return self

    @model_validator(mode="after")
    def _one_set_of_rows(self) -> Settings:
        problem = self.shared_rows(len(self.hosts))
        if problem:
            raise ValueError(problem)
        if self.database.mode == "try_postgres" and self.container.runtime == "none":
            raise ValueError(
                "database.mode is try_postgres: container.runtime decides it, and is none"
            )
        return self

    def shared_rows(self, hosts: int) -> str:
        """Why so many hosts cannot share the rows of this database; "" where they can."""
        if hosts < 2 or self.database.mode == "postgres_only" or self.database.per_host:
            return ""
        return (
            f"database.mode is {self.database.mode}, and there are {hosts} hosts: each would have rows of its own. "
            "Use postgres_only; or set database.per_host: true, if that is what you want"
        )

    @property
    def service(self) -> str:
        """App and environment: what everything on a host is named after."""
        return f"{self.app}-{self.environment}"

    @property
    def image_name(self) -> str:
        return self.image.name or self.app

    @property
    def production_like(self) -> bool:
        return production_like(self.environment)
