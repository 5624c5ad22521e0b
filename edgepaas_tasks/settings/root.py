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
    """The app's name. It is part of the name of everything on a host, together with the environment's."""
    environment: Name = "default"
    """The environment's name. It comes from `--env` or `default_env`; a value that is written here is replaced."""
    default_env: str = ""
    """The environment that is used without `--env`. Empty means that `--env` is required. A name that contains `prod`
    or `live` is refused."""
    build: Build = Build()
    """How the image is built on this machine."""
    image: Image = Image()
    """The image's name, and how it reaches the hosts."""
    container: Container = Container()
    """How the app's container runs."""
    health: Health = Health()
    """When a release counts as healthy."""
    slots: Slots = Slots()
    """The two ports on the host between which deploys alternate."""
    nginx: Nginx = Nginx()
    """The public side."""
    flip: Flip = Flip()
    """What happens right after traffic was moved, while the old release can still take over."""
    maintenance: Maintenance = Maintenance()
    """What `inv maintenance --on` shows, and to whom."""
    hooks: Hooks = Hooks()
    """What runs on this machine around a deploy, a rollback and `inv env.push`."""
    notify: Notify = Notify()
    """Who is told the result of a deploy. A notice that fails is a warning."""
    report: FailureReport = FailureReport()
    """The report that a failed deploy leaves on this machine."""
    database: Database = Database()
    """Where the app's data is, and how its schema is migrated."""
    docker: Docker = Docker()
    """The Docker engine of the hosts."""
    volume: Volume | None = None
    """The EBS volume for Docker's data. Not set means that Docker's data is on the root disk."""
    aws: Aws = Aws()
    """How AWS is asked. What is not set comes from where boto3 looks."""
    ssh: Ssh = Ssh()
    """How the hosts are reached. What is not set comes from `~/.ssh/config`, then from OpenSSH's defaults."""
    lease: Lease = Lease()
    """How two deploys to the same hosts are kept apart."""
    hosts: tuple[HostEntry, ...] = ()
    """The hosts, written down. An environment has one of `hosts`, `ec2` and `lab`."""
    lab: Lab | None = None
    """The hosts that `inv lab.up` made on this machine. An environment has one of `hosts`, `ec2` and `lab`."""
    ec2: Ec2 | None = None
    """The hosts, found by EC2 tags. An environment has one of `hosts`, `ec2` and `lab`."""
    keep_releases: int = Field(default=5, ge=2, le=100)
    """How many good releases a host keeps. The live one, the one that a rollback goes to and the newest are kept in any
    case."""
    strict_variables: bool = False
    """Whether a variable that is set in a file but not declared is an error. Without it, it is a warning."""
    variables: dict[str, Any] | str = {}
    """The variables that the app is given, or the path of a YAML file with the same content.
    [environment.md](environment.md) has the keys of a declaration."""
    ssm: Ssm | None = None
    """AWS Systems Manager Parameter Store as a source of variables. Not set means that it is not asked."""

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
        own_rows = self.database.mode in ("sqlite_only", "try_postgres")
        if hosts < 2 or not own_rows or self.database.per_host:
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
