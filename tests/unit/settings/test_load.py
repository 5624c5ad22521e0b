"""Settings: typed, merged deeply, unknown keys refused with a suggestion."""

import pytest

from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings import Settings, load, merge

TREE = {
    "app": "shop",
    "container": {"port": 9000, "memory": "256m"},
    "environments": {
        "lab": {"lab": {}, "container": {"memory": "1g"}},
        "prod": {"hosts": [{"address": "192.0.2.1"}, {"address": "192.0.2.2", "port": 2222}]},
    },
}


def test_an_environment_is_merged_deeply_over_the_rest():
    settings = load(TREE, "lab")
    assert settings.container.port == 9000
    assert settings.container.memory == "1g"
    assert settings.service == "shop-lab"


def test_merging_replaces_lists_and_keeps_siblings():
    merged = merge({"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"c": [2]}})
    assert merged == {"a": {"b": 1, "c": [2]}, "d": 2}


def test_hosts_come_typed():
    hosts = load(TREE, "prod").hosts
    assert [(host.address, host.port) for host in hosts] == [
        ("192.0.2.1", None),
        ("192.0.2.2", 2222),
    ]


@pytest.mark.parametrize(
    ("change", "environment", "message"),
    [
        ({"contaner": {}}, "lab", "edgepaas.contaner: unknown key; did you mean 'container'?"),
        (
            {"health": {"pth": "/x"}},
            "lab",
            "edgepaas.health.pth: unknown key; did you mean 'path'?",
        ),
        (
            {"container": {"port": 70000}},
            "lab",
            "edgepaas.container.port: .*less than or equal to 65535",
        ),
        ({"container": {"port": "x"}}, "lab", "edgepaas.container.port: .*valid integer.*got 'x'"),
        ({"slots": {"blue": 8082}}, "lab", "edgepaas.slots: blue and green are both 8082"),
        ({"app": "No Good"}, "lab", "edgepaas.app: "),
        ({"app": ""}, "lab", "edgepaas.app is not set"),
        ({}, "lbb", "--env lbb: no such environment; did you mean 'lab'"),
        ({}, "", "which environment"),
        ({"default_env": "prod"}, "", "production-like environment is never a default"),
        ({"hosts": [{"address": "192.0.2.9"}]}, "lab", "hosts and lab are both set"),
        ({"hosts": [{"address": "h"}, {"address": "h"}]}, "prod2", "h stands twice"),
        (
            {"maintenance": {"allow": ["office"]}},
            "lab",
            "maintenance.allow: 'office' is no address",
        ),
        ({"maintenance": {"allow": ["127.0.0.0/8"]}}, "lab", "the host itself is let in anyway"),
        ({"database": {"mode": "mysql"}}, "lab", "edgepaas.database.mode: .*postgres_only"),
    ],
)
def test_mistakes_are_one_line_with_their_place(change, environment, message):
    tree = merge(TREE, {"environments": {"prod2": {}}})
    with pytest.raises(SettingsError, match=message):
        load(merge(tree, change), environment)


def test_all_mistakes_are_told_at_once():
    tree = merge(TREE, {"container": {"port": 0}, "slots": {"blue": 0}, "nope": 1})
    with pytest.raises(SettingsError) as caught:
        load(tree, "lab")
    assert len(str(caught.value).splitlines()) == 3


def test_values_of_variables_are_not_shown_in_errors():
    with pytest.raises(SettingsError) as caught:
        load(merge(TREE, {"variables": ["hunter2"]}), "lab")
    assert "hunter2" not in str(caught.value)


def test_settings_are_frozen():
    settings = load(TREE, "lab")
    with pytest.raises(ValueError, match="frozen"):
        settings.app = "other"


def test_production_like_environments_are_known_by_name():
    assert load(TREE, "prod").production_like
    assert not load(TREE, "lab").production_like
    assert isinstance(load(TREE, "lab"), Settings)


HOSTS = [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}]


@pytest.mark.parametrize("mode", ["sqlite_only", "try_postgres"])
def test_several_hosts_share_no_file(mode):
    tree = {**TREE, "environments": {"prod": {"hosts": HOSTS, "database": {"mode": mode}}}}
    with pytest.raises(SettingsError, match="there are 2 hosts: each would have rows of its own"):
        load(tree, "prod")
    tree["environments"]["prod"]["database"]["per_host"] = True
    assert load(tree, "prod").database.mode == mode
    tree["environments"]["prod"]["database"] = {"mode": "postgres_only"}
    assert load(tree, "prod").hosts


def test_a_fallback_needs_the_program_that_decides_it():
    tree = {**TREE, "database": {"mode": "try_postgres", "per_host": True}}
    tree["container"] = {"runtime": "none"}
    with pytest.raises(SettingsError, match=r"container\.runtime decides it, and is none"):
        load(tree, "prod")
