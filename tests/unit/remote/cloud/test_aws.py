"""A volume on its way to an instance, against moto's server over HTTP: what EC2 would say, and what we make of it."""

import boto3
import pytest

from edgepaas_tasks.remote.cloud import aws
from edgepaas_tasks.remote.cloud.aws import AwsError

ACCOUNT = aws.Account(region="us-east-1")


@pytest.fixture
def ec2(aws_server):
    return boto3.client("ec2", region_name="us-east-1")


@pytest.fixture
def instance(ec2):
    """An instance with the address that the inventory names."""
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, PrivateIpAddress="127.0.0.1"
    )["Instances"][0]
    yield made["InstanceId"], made["Placement"]["AvailabilityZone"]
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def attach(volume, account=ACCOUNT):
    told = []
    done = aws.attach(account, volume, "localhost", "web1", told.append)
    return done, told


def test_a_free_volume_is_attached_and_a_second_time_left_alone(ec2, instance):
    name, zone = instance
    volume = ec2.create_volume(Size=4, AvailabilityZone=zone)["VolumeId"]
    done, told = attach(volume)
    assert done == aws.Attached(volume, name, "/dev/sdf", changed=True)
    assert told == [f"attaching {volume}: 4 GiB, available, in {zone} to {name} as /dev/sdf"]
    (seen,) = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert seen["Attachments"][0]["InstanceId"] == name
    again, told = attach(volume)
    assert (again.changed, told) == (False, [])


def test_a_second_volume_gets_a_name_of_its_own(ec2, instance):
    _, zone = instance
    names = [
        attach(ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"])[0].device
        for _ in range(2)
    ]
    assert names == ["/dev/sdf", "/dev/sdg"]


def test_a_volume_of_another_zone_is_refused_with_both(ec2, instance):
    name, zone = instance
    other = "us-east-1b" if zone != "us-east-1b" else "us-east-1a"
    volume = ec2.create_volume(Size=4, AvailabilityZone=other)["VolumeId"]
    with pytest.raises(AwsError) as caught:
        attach(volume)
    assert f"{volume} lies in {other}, the instance {name} in {zone}" in str(caught.value)
    (seen,) = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert seen["State"] == "available"


def test_a_volume_of_another_instance_is_refused_with_its_name(ec2, instance):
    _, zone = instance
    other = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]
    volume = ec2.create_volume(Size=4, AvailabilityZone=zone)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=other["InstanceId"], Device="/dev/sdf")
    with pytest.raises(AwsError, match=f"attached to another instance, {other['InstanceId']}"):
        attach(volume)


class Slow:
    """EC2, whose attachments take a number of looks; every other call goes through."""

    def __init__(self, ec2, looks):
        self.ec2 = ec2
        self.looks = looks
        self.attached = False

    def __getattr__(self, name):
        return getattr(self.ec2, name)

    def attach_volume(self, **words):
        self.attached = True
        return self.ec2.attach_volume(**words)

    def describe_volumes(self, **words):
        found = self.ec2.describe_volumes(**words)
        if self.attached and self.looks:
            self.looks -= 1
            found["Volumes"][0]["Attachments"][0]["State"] = "attaching"
        return found


@pytest.mark.parametrize("looks", [3, 10_000])
def test_it_waits_until_the_volume_is_attached_and_not_for_ever(ec2, instance, monkeypatch, looks):
    _, zone = instance
    volume = ec2.create_volume(Size=4, AvailabilityZone=zone)["VolumeId"]
    slow = Slow(ec2, looks)
    monkeypatch.setattr(aws, "client", lambda *_: slow)
    monkeypatch.setattr(aws, "PAUSE", 0.01)
    if looks == 3:
        assert attach(volume)[0].changed
        assert slow.looks == 0
        return
    monkeypatch.setattr(aws, "WAIT", 0.5)
    with pytest.raises(AwsError) as caught:
        attach(volume)
    assert f"{volume} was not attached within" in str(caught.value)
    assert "attaching" in str(caught.value)


def test_no_such_volume(instance):
    with pytest.raises(AwsError) as caught:
        attach("vol-00000000000000000")
    assert "InvalidVolume.NotFound" in str(caught.value)


def test_an_address_that_no_instance_has(aws_server):
    with pytest.raises(AwsError, match="0 instances have the address localhost, expected one"):
        attach("vol-00000000000000000")


def test_without_a_region_the_message_says_what_to_set(aws_server, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(AwsError, match=r"(?s)region.*set edgepaas.aws.region"):
        attach("vol-00000000000000000", aws.Account())


def test_without_credentials_the_message_says_what_to_set(aws_server, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError, match=r"(?s)credentials.*AWS_PROFILE"):
        attach("vol-00000000000000000")
