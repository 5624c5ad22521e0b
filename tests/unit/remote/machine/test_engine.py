"""daemon.json: what a host says stays, what it lacks is added, what is broken is refused."""

import json

import pytest

from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.machine import engine
from edgepaas_tasks.remote.machine.facts import Facts

INSTALLED = Facts(engine="docker-ce")


def configured(text, wanted=None, facts=INSTALLED):
    commands = engine.configure(wanted or engine.Wanted(), "web1", text, facts)
    return json.loads(commands[0].stdin) if commands else None


def test_a_host_without_a_file_gets_the_defaults():
    assert configured("") == dict(engine.DEFAULTS)


def test_a_users_settings_stay():
    own = {"live-restore": False, "log-driver": "local", "dns": ["10.0.0.2"]}
    merged = configured(json.dumps(own))
    assert merged == {**own, "userland-proxy": False}


def test_options_for_our_log_driver_do_not_go_to_another():
    assert "log-opts" not in configured('{"log-driver": "journald"}')
    assert configured('{"log-driver": "json-file"}')["log-opts"]["max-size"] == "10m"


def test_a_file_that_has_it_all_is_left_alone():
    assert configured(json.dumps({**engine.DEFAULTS, "debug": True})) is None


def test_settings_of_the_project_come_before_the_defaults_and_after_the_hosts():
    wanted = engine.Wanted(daemon={"debug": True, "live-restore": False})
    merged = configured('{"debug": false}', wanted)
    assert (merged["debug"], merged["live-restore"]) == (False, False)


def test_the_store_is_chosen_only_where_there_is_no_engine_yet():
    assert configured("", facts=Facts())["features"] == {"containerd-snapshotter": False}
    assert "features" not in configured("")


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "{'a': 1}"])
def test_an_invalid_file_is_refused(text):
    with pytest.raises(RemoteError, match="daemon.json is not valid; nothing was changed"):
        configured(text)
