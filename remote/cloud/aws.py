"""Every call of AWS. Region, profile and credentials as boto3 users expect; errors in the operator's words."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import RemoteError
from .instances import Instance

PAGE = 100  # instances an answer: AWS recommends pages, and gives at most 1,000 in one
WAIT = 120.0  # seconds for a volume to be attached
PAUSE = 2.0
CONNECT, ANSWER = 10, 30  # seconds


class AwsError(RemoteError):
    """AWS could not be asked, or said no."""


@dataclass(frozen=True)
class Account:
    """Whom to ask; empty means what boto3 finds in the environment and ~/.aws."""

    region: str = ""
    profile: str = ""


@dataclass(frozen=True)
class Attached:
    """Where a volume is now. `changed` when this call attached it."""

    volume: str
    instance: str
    device: str
    changed: bool


def client(account: Account, service: str) -> Any:
    """A boto3 client. Raises AwsError."""
    import boto3
    from botocore.config import Config

    with told(service, "connect"):
        session = boto3.Session(
            profile_name=account.profile or None, region_name=account.region or None
        )
        deadlines = Config(connect_timeout=CONNECT, read_timeout=ANSWER)
        return session.client(service, config=deadlines)


@contextmanager
def told(service: str, what: str) -> Iterator[None]:
    """boto3's errors as AwsError: credentials, permission, region and the rest told apart."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = f"AWS {service}"
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        said = error.response.get("Error", {}).get("Message", str(error))
        then = "aws sts get-caller-identity tells who you are"
        if "Unauthorized" in code or "AccessDenied" in code:
            then = f"let this identity call {error.operation_name}; {then}"
        elif "Throttl" in code or "RequestLimit" in code:
            then = "run the command again in a minute"
        raise AwsError(name, f"could not {what} ({code})", got=said, next_step=then) from None
    except BotoCoreError as error:
        then = "set edgepaas.aws.region and credentials (AWS_PROFILE, or OIDC in CI)"
        raise AwsError(name, f"could not {what}", got=str(error), next_step=then) from None


def parameters(account: Account, path: str) -> dict[str, str]:
    """The parameters right below a path, decrypted, by their full names. Raises AwsError, also when there are none."""
    ssm = client(account, "ssm")
    found: dict[str, str] = {}
    with told("ssm", f"read the parameters below {path}"):
        pages = ssm.get_paginator("get_parameters_by_path")
        for page in pages.paginate(Path=path, WithDecryption=True, Recursive=False):
            found |= {one["Name"]: one["Value"] for one in page["Parameters"]}
    if not found:
        raise AwsError(
            "AWS ssm",
            f"there is no parameter below {path}",
            got=f"an empty answer, from {ssm.meta.region_name}",
            next_step="correct edgepaas.ssm.path or edgepaas.aws.region",
        )
    return found


def region(account: Account) -> str:
    """The region that is asked, as boto3 finds it; with no credentials asked for. Raises AwsError."""
    return str(client(account, "ec2").meta.region_name)


def instances(account: Account, tags: Iterable[tuple[str, str]]) -> list[Instance]:
    """All instances, in any state, that have every tag; EC2 understands * and ? in values. Raises AwsError."""
    ec2 = client(account, "ec2")
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags]
    found = []
    with told("ec2", "look up the instances"):
        for page in _pages(ec2, filters):
            found += [_described(one) for one in page]
    return sorted(found, key=lambda one: (one.name, one.id))


def console(account: Account, where: str, host: str) -> str:
    """What an instance, by its id or an address, wrote to its console; empty for the first minutes. Raises AwsError."""
    ec2 = client(account, "ec2")
    name = where if where.startswith("i-") else _instance(ec2, where, host)["InstanceId"]
    with told("ec2", f"read the console of {name}"):
        answer = ec2.get_console_output(InstanceId=name)
    return str(answer.get("Output", ""))


def attach(
    account: Account, volume: str, where: str, host: str, say: Callable[[str], None]
) -> Attached:
    """Attaches a volume to an instance, by its id or an address, and waits until it is there.

    Refuses one that is attached elsewhere or lies in another zone. Raises AwsError.
    """
    ec2 = client(account, "ec2")
    instance = _instance(ec2, where, host)
    with told("ec2", f"look up {volume}"):
        (found,) = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    name, zone = instance["InstanceId"], instance["Placement"]["AvailabilityZone"]
    described = f"{volume}: {found['Size']} GiB, {found['State']}, in {found['AvailabilityZone']}"
    for attachment in found.get("Attachments", []):
        if attachment["InstanceId"] != name:
            raise AwsError(
                host,
                f"{volume} is attached to another instance, {attachment['InstanceId']}",
                got=described,
                next_step="detach it there first, or correct edgepaas.volume.id",
            )
        if attachment["State"] in ("attached", "in-use"):
            return Attached(volume, name, attachment["Device"], changed=False)
    if found["AvailabilityZone"] != zone:
        raise AwsError(
            host,
            f"{volume} lies in {found['AvailabilityZone']}, the instance {name} in {zone}",
            got=described,
            next_step="a volume reaches instances of its own zone only: use one of that zone",
        )
    device = _free_name(instance)
    say(f"attaching {described} to {name} as {device}")
    with told("ec2", f"attach {volume} to {name}"):
        ec2.attach_volume(VolumeId=volume, InstanceId=name, Device=device)
    deadline = time.monotonic() + WAIT
    while True:
        with told("ec2", f"look up {volume}"):
            (found,) = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        states = [one["State"] for one in found.get("Attachments", [])]
        if "attached" in states or "in-use" in states:
            return Attached(volume, name, device, changed=True)
        if time.monotonic() > deadline:
            raise AwsError(
                host,
                f"{volume} was not attached within {WAIT:.0f} s",
                got=f"{found['State']}, {', '.join(states) or 'no attachment'}",
                next_step="look at it in the EC2 console; a rerun is safe",
            )
        time.sleep(PAUSE)


def _instance(ec2: Any, where: str, host: str) -> dict[str, Any]:
    """The one running or stopped instance of that id, or that has the address."""
    if where.startswith("i-"):
        ways = {"instance-id": [where]}
    else:
        try:
            ips = sorted({str(info[4][0]) for info in socket.getaddrinfo(where, None)})
        except OSError:
            ips = [where]
        ways = {"private-ip-address": ips, "ip-address": ips}
    seen: dict[str, dict[str, Any]] = {}
    for key, values in ways.items():
        filters = [
            {"Name": key, "Values": values},
            {"Name": "instance-state-name", "Values": ["running", "stopped"]},
        ]
        with told("ec2", "look up the instance"):
            for page in _pages(ec2, filters):
                seen |= {one["InstanceId"]: one for one in page}
    if len(seen) != 1:
        raise AwsError(
            host,
            f"{len(seen)} instances have the address {where}, expected one",
            got=", ".join(seen) or f"none, in {ec2.meta.region_name}",
            next_step="correct the host's address, or edgepaas.aws.region",
        )
    return next(iter(seen.values()))


def _pages(ec2: Any, filters: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    pages = ec2.get_paginator("describe_instances")
    for page in pages.paginate(Filters=filters, PaginationConfig={"PageSize": PAGE}):
        for reservation in page["Reservations"]:
            yield reservation["Instances"]


def _described(one: dict[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
    return Instance(
        id=one["InstanceId"],
        name=tags.get("Name", ""),
        state=one["State"]["Name"],
        zone=one.get("Placement", {}).get("AvailabilityZone", ""),
        public=one.get("PublicIpAddress", ""),
        private=one.get("PrivateIpAddress", ""),
        dns=one.get("PublicDnsName", ""),
    )


def _free_name(instance: dict[str, Any]) -> str:
    """A device name for a data volume: EC2 recommends /dev/sdf to /dev/sdp."""
    taken = {one["DeviceName"] for one in instance.get("BlockDeviceMappings", [])}
    return next(f"/dev/sd{letter}" for letter in "fghijklmnop" if f"/dev/sd{letter}" not in taken)
