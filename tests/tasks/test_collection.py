"""What `inv --list` and `inv --help` show, for every task there is."""

import inspect

import pytest

from edgepaas_tasks import ns

READS = {
    "hosts",
    "ps",
    "show",
    "status",
}


def tasks():
    return {name: ns[name] for name in ns.task_names}


@pytest.mark.parametrize("name", sorted(tasks()))
def test_every_task_has_a_one_line_summary_and_help_for_every_option(name):
    task = tasks()[name]
    summary = (task.__doc__ or "").strip()
    assert summary.endswith(".")
    assert "\n" not in summary
    assert len(summary) <= 60
    for argument in task.get_arguments():
        assert argument.help, f"{name} --{argument.name}"
        assert len(argument.names) == 1, "long flags only"


@pytest.mark.parametrize("name", sorted(tasks()))
def test_numbers_are_text_that_we_parse(name):
    for parameter in inspect.signature(tasks()[name].body).parameters.values():
        assert not isinstance(parameter.default, int) or isinstance(parameter.default, bool)


@pytest.mark.parametrize("name", sorted(ns.collections))
def test_the_default_of_a_namespace_only_reads(name):
    # None for build: `inv build` would be taken for something that builds.
    assert ns.collections[name].default in (READS if name != "build" else (None,))


OF_THIS_MACHINE = ("lab.", "init")


@pytest.mark.parametrize(
    "name", sorted(name for name in tasks() if not name.startswith(OF_THIS_MACHINE))
)
def test_every_task_for_hosts_takes_an_environment(name):
    assert "env" in inspect.signature(tasks()[name].body).parameters


# What neither reads nor changes a host's state for good, or has an answer that is not ours.
OTHERS = {"exec", "logs", "migrate.sql", "docker.build", "build.version"}
LOCAL_FILES = {"env.render", "env.example", "hosts.trust"}  # written on this machine
READING = {
    *("status", "releases", "preflight", "nginx.status", "docker.ps", "db.status", "ec2.hosts"),
    *("env.check", "env.show", "env.diff", "hosts.show", "lock.status", "migrate.status"),
    *("volume.status", "lab.status"),
}


@pytest.mark.parametrize("name", sorted(READING))
def test_every_task_that_reads_can_answer_in_json(name):
    assert "json" in inspect.signature(tasks()[name].body).parameters


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name in tasks()
        if not name.startswith(OF_THIS_MACHINE) and name not in READING | OTHERS | LOCAL_FILES
    ),
)
def test_every_task_that_changes_hosts_has_a_dry_run(name):
    assert "dry_run" in inspect.signature(tasks()[name].body).parameters


def test_what_is_done_in_spite_of_a_check_is_allowed_by_name():
    options = {
        option for task in tasks().values() for option in inspect.signature(task.body).parameters
    }
    assert not {name for name in options if "force" in name}
    assert {"allow_older", "allow_destructive", "allow_replace"} <= options
