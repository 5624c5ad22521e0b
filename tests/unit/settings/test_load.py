"""Settings: typed, merged deeply, unknown keys refused with a suggestion."""

import pytest
from pydantic import BaseModel

from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings import Settings, load, merge
from edgepaas_tasks.settings.base import MEANINGS

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


CONTROLS = {
    "health.path": {"health": {"path": "/x\x01"}},
    "flip.expect": {"flip": {"expect": "a\x00b"}},
    "build.dockerfile": {"build": {"dockerfile": "a\nb"}},
    "build.args.BASE": {"build": {"args": {"BASE": "a\x1b[2Jb"}}},
    "report.folder": {"report": {"folder": "a\rb"}},
    "ssh.user": {"ssh": {"user": "a\nb"}},
    "ssh.proxy_command": {"ssh": {"proxy_command": "a\nb"}},
    "maintenance.page": {"maintenance": {"page": "a\x7fb"}},
    "hooks.before": {"hooks": {"before": ["a\x00b"]}},
    "aws.region": {"aws": {"region": "e\x85u"}},
    r"docker.daemon.a\nb": {"docker": {"daemon": {"a\nb": 1}}},
    "docker.daemon.a.b": {"docker": {"daemon": {"a": {"b": ["\x02"]}}}},
}


@pytest.mark.parametrize(("place", "change"), CONTROLS.items(), ids=CONTROLS)
def test_control_characters_are_part_of_no_setting(place, change):
    with pytest.raises(SettingsError) as raised:
        load(merge(TREE, change), "lab")
    assert str(raised.value).startswith(f"edgepaas.{place}: has the control character ")
    assert str(raised.value).isprintable()


def test_commands_and_values_may_have_several_lines():
    change = {
        "hooks": {"before": ["a\nb\n"]},
        "database": {"backup": "a\n\tb"},
        "variables": {"KEY": {"default": "one\ntwo"}},
        "health": {"path": "/ready\n"},
    }
    assert load(merge(TREE, change), "lab").health.path == "/ready"


def test_no_message_shows_a_pattern():
    def patterns(model):
        for field in model.model_fields.values():
            for one in (field.annotation, *_inner(field.annotation)):
                if isinstance(one, type) and issubclass(one, BaseModel):
                    yield from patterns(one)
            holders = [
                field.metadata,
                *(getattr(a, "__metadata__", ()) for a in _inner(field.annotation)),
            ]
            for metadata in holders:
                for one in metadata:
                    yield from filter(None, [getattr(one, "pattern", None)])
                    yield from (
                        m.pattern for m in getattr(one, "metadata", ()) if hasattr(m, "pattern")
                    )

    found = set(patterns(Settings))
    assert len(found) > 15
    assert found == set(MEANINGS)
    with pytest.raises(
        SettingsError, match=r"^edgepaas.nginx.max_body: expected a size such as 10m, or 0"
    ):
        load(merge(TREE, {"nginx": {"max_body": "lots"}}), "lab")


def _inner(annotation):
    for one in getattr(annotation, "__args__", ()):
        yield one
        yield from _inner(one)


@pytest.mark.parametrize("name", ["tls", "processes", "cron", "redis", "x"])
def test_what_is_far_from_every_key_gets_no_guess(name):
    with pytest.raises(SettingsError, match=rf"^edgepaas.{name}: unknown key$"):
        load(merge(TREE, {name: {}}), "lab")
