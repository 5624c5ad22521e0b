"""`inv volume.*` in a project of its own, against moto's server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inv(tmp_path, aws_server):
    """Runs a task of a project whose one host has the address of an instance."""
    (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")

    def inv(*words, hosts=("127.0.0.1",), **settings):
        entries = [{"address": address} for address in hosts]
        tree = {"app": "shop", "environments": {"test": {"hosts": entries, **settings}}}
        (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))
        aws = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words, "--env", "test"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **aws},
            capture_output=True,
            text=True,
        )

    return inv


@pytest.fixture
def volume():
    """A volume in the zone of the instance that has the address."""
    ec2 = boto3.client("ec2")
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, PrivateIpAddress="127.0.0.1"
    )["Instances"][0]
    zone = made["Placement"]["AvailabilityZone"]
    return ec2.create_volume(Size=4, AvailabilityZone=zone)["VolumeId"], made["InstanceId"]


def test_a_volume_is_attached_once(aws_server, inv, volume):
    name, instance = volume
    done = inv("volume.attach", volume={"id": name})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{name} attached to {instance} as /dev/sdf",
        "next: inv volume.setup --env test",
    ]
    done = inv("volume.attach", volume={"id": name})
    assert f"{name} was attached already to {instance}" in done.stdout


def test_without_a_volume_or_with_several_hosts_it_is_refused(inv):
    done = inv("volume.attach")
    assert done.returncode == 1
    assert "set edgepaas.volume.id and volume.size" in done.stderr
    hosts = ("127.0.0.1", "127.0.0.2")
    done = inv("volume.attach", hosts=hosts, volume={"id": "vol-0123456789abcdef0"})
    assert done.returncode == 1
    assert "has several hosts, and a volume belongs to one" in done.stderr


def test_an_id_that_is_none_is_refused(inv):
    done = inv("volume.status", volume={"id": "nvme1n1"})
    assert done.returncode == 2
    assert "edgepaas.volume.id" in done.stderr
