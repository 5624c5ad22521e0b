"""Programs of ours inside a container of the app's image: how they are called on a host."""

from edgepaas_tasks import settings
from edgepaas_tasks.database import one_off
from edgepaas_tasks.env.values.secret import Secret
from edgepaas_tasks.service.service import describe
from edgepaas_tasks.variables.environment import Environment

TREE = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
NOTHING = Environment(Secret(""), (), "")


def called(module, changes):
    service = describe(settings.load(TREE, "test"))
    command = one_off.command(service, "sha256:1", NOTHING, module, ("status",), changes=changes)
    values = dict(command.values)
    return values["name"], values["alone"]


def test_whoever_only_reads_has_a_container_of_its_own():
    first, second = (called("reach", changes=False) for _ in range(2))
    assert first != second
    assert first[0].startswith("shop-test-reach-")
    assert first[1] == second[1] == ""


def test_all_that_change_the_schema_share_one_name():
    found = {called(last, changes=True) for last in ("migrations.migrate", "migrations.reset")}
    assert found == {("shop-test-migrate", "yes")}
