"""Instances by tags, against moto's server over HTTP: which are the hosts, and what is said when they are not."""

import copy

import boto3
import pytest

from edgepaas_tasks.remote.cloud import aws
from edgepaas_tasks.remote.cloud.instances import Instance, NotThose, Query, choose

ACCOUNT = aws.Account(region="us-east-1")
TAGS = (("Name", "shop"), ("stage", "prod"))


@pytest.fixture
def ec2(aws_server):
    return boto3.client("ec2", region_name="us-east-1")


@pytest.fixture
def run(ec2):
    """Runs instances with our tags, the same for all; their ids."""

    def run(count=1, tags=TAGS, **more):
        named = [{"Key": key, "Value": value} for key, value in tags]
        made = ec2.run_instances(
            ImageId="ami-12345678",
            MinCount=count,
            MaxCount=count,
            TagSpecifications=[{"ResourceType": "instance", "Tags": named}],
            **more,
        )["Instances"]
        return [one["InstanceId"] for one in made]

    return run


def found(expect=1, address="public", tags=TAGS):
    query = Query(tags, expect, address)
    return choose(aws.instances(ACCOUNT, tags), query, "us-east-1")


def test_the_one_that_runs_is_found_among_stopped_and_terminated_ones(ec2, run):
    (running,), (stopped,), (ended,) = run(PrivateIpAddress="10.0.0.7"), run(), run()
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[ended])
    run(tags=(("Name", "shop"), ("stage", "test")))
    assert {one.id for one in aws.instances(ACCOUNT, TAGS)} == {running, stopped, ended}
    ((one, address),) = found(address="private")
    assert (one.id, one.name, one.state, address) == (running, "shop", "running", "10.0.0.7")


def test_each_kind_of_address(ec2, run):
    (name,) = run()
    (one,) = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"]
    wanted = {
        "public": one["PublicIpAddress"],
        "private": one["PrivateIpAddress"],
        "dns": one["PublicDnsName"],
        "id": name,
    }
    assert {kind: found(address=kind)[0][1] for kind in wanted} == wanted
    assert len(set(wanted.values())) == 4


def test_none_is_an_error_that_says_where_it_looked(ec2):
    with pytest.raises(NotThose) as caught:
        found()
    assert str(caught.value).splitlines() == [
        "AWS ec2: 0 running instances with Name=shop, stage=prod, expected 1",
        "  tried: instances with Name=shop, stage=prod, in us-east-1",
        "  got:   none, in any state",
        "  next:  start them, or correct edgepaas.ec2.tags, region or profile",
    ]


def test_two_with_the_tags_are_an_error_that_lists_both(run):
    both = run(2)
    with pytest.raises(NotThose) as caught:
        found()
    said = str(caught.value)
    assert "2 running instances with Name=shop, stage=prod, expected 1" in said
    for name in both:
        assert f"{name}  shop  running  public " in said
    assert "edgepaas.ec2.expect: 2" in caught.value.next_step
    assert len(found(expect=2)) == 2


def test_a_stopped_one_does_not_count_and_is_listed(ec2, run):
    (running,), (stopped,) = run(), run()
    ec2.stop_instances(InstanceIds=[stopped])
    with pytest.raises(NotThose) as caught:
        found(expect=2)
    assert "1 running instance with" in str(caught.value)
    assert f"{stopped}  shop  stopped" in str(caught.value)
    assert f"{running}  shop  running" in str(caught.value)


def test_a_terminated_one_alone_is_none(ec2, run):
    (ended,) = run()
    ec2.terminate_instances(InstanceIds=[ended])
    with pytest.raises(NotThose, match=rf"(?s)0 running instances.*{ended}  shop  terminated"):
        found()


def test_one_without_a_public_address_is_an_error_unless_the_private_one_is_meant(ec2, run):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    inside = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    (name,) = run(NetworkInterfaces=[inside])
    with pytest.raises(NotThose) as caught:
        found()
    assert f"{name} with Name=shop, stage=prod has no public address" in str(caught.value)
    assert "edgepaas.ec2.address" in caught.value.next_step
    assert found(address="private")[0][1]
    with pytest.raises(NotThose, match="has no public DNS name"):
        found(address="dns")


def fleet(run, reservations):
    """Reservations of ten in moto's books, the first one made by a call; 1,000 calls would take a minute."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.ec2.models import ec2_backends

    run(10, tags=(("fleet", "one"),))
    books = ec2_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    (first,) = books.reservations.values()
    for number in range(reservations - 1):
        other = copy.copy(first)
        other.id = f"r-{number:017x}"
        other.instances = [copy.copy(one) for one in first.instances]
        for place, one in enumerate(other.instances):
            one.id = f"i-{number * 10 + place:017x}"
        books.create_tags([one.id for one in other.instances], {"fleet": "one"})
        books.reservations[other.id] = other


def test_more_than_a_thousand_come_in_pages(ec2, run):
    fleet(run, aws.PAGE + 1)  # moto counts reservations
    every = aws.instances(ACCOUNT, (("fleet", "one"),))
    assert len({one.id for one in every}) == 1010
    with pytest.raises(NotThose) as caught:
        choose(every, Query((("fleet", "one"),)), "us-east-1")
    assert "1010 running instances with fleet=one, expected 1" in str(caught.value)
    assert "and 990 more" in caught.value.got


def test_a_wildcard_in_a_value_is_that_of_ec2(run):
    (name,) = run()
    ((one, _),) = found(tags=(("Name", "sh*"),))
    assert one.id == name


def test_an_instance_reads_as_one_line():
    one = Instance("i-1", "", "pending", private="10.0.0.1")
    assert str(one) == "i-1  (no name)  pending  private 10.0.0.1"
    assert str(Instance("i-2", "shop", "stopped")) == "i-2  shop  stopped  no address"
