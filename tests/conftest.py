"""What several levels of tests need."""

import copy
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgepaas_tasks.console import ci
from edgepaas_tasks.console import task as boundary
from tests.ssh_server import SSHServer

# A shell starts what it puts into the background deaf to SIGINT, and its children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where the tests run decides nothing: neither a CI's own variables, nor a proxy, nor somebody's settings of git.
for _name in [*os.environ]:
    if _name in (*ci.RUNNERS, *ci.FILES) or _name.startswith("GITHUB_"):
        del os.environ[_name]
for _name in ("NO_PROXY", "no_proxy"):
    _there = os.environ.get(_name)
    os.environ[_name] = ",".join([*([_there] if _there else []), "127.0.0.1", "localhost"])
for _name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # as a hook of git has them
    os.environ.pop(_name, None)
# Whose the checkout is may stand in those settings only, as a CI in a container has it.
_trusted = {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": str(Path(__file__).parents[1])}
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ.update({f"GIT_CONFIG_{name}": text for name, text in _trusted.items()})


_redactor = boundary.redactor  # tests put others in its place


@pytest.fixture(autouse=True)
def forget():
    """What one test makes this process take for a secret is not taken out of what the next one reads."""
    yield
    _redactor.cache_clear()
    boundary._masked.clear()


@pytest.fixture(scope="session")
def aws_endpoint():
    """moto's server on this machine: AWS over HTTP, for boto3 as it is."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_server(aws_endpoint, monkeypatch, tmp_path):
    """An empty account at that server, and the environment that leads to it."""
    import urllib.request

    urllib.request.urlopen(
        urllib.request.Request(f"{aws_endpoint}/moto-api/reset", method="POST"), timeout=10
    ).close()
    for name, value in {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # None of the developer's own.
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    return aws_endpoint


@pytest.fixture
def run_tasks(monkeypatch, capfd):
    """Runs our tasks in a folder as `inv` would, in this process: a second less than in one of its own."""
    from edgepaas_tasks import ns
    from edgepaas_tasks.program import Program
    from edgepaas_tasks.service import inventory, service

    # A copy: Invoke hands out each help text once.
    program = Program(binary="edgepaas", namespace=copy.deepcopy(ns))

    def run(folder, *words, stdin=None, code=0):
        inventory.forget()
        service._asked.clear()
        with monkeypatch.context() as patch, open(stdin or os.devnull, closefd=True) as given:
            patch.chdir(folder)
            patch.setenv("HOME", str(folder))
            patch.delenv("SSH_AUTH_SOCK", raising=False)
            patch.setattr(sys, "stdin", given)
            capfd.readouterr()
            try:
                program.run(["edgepaas", *words])
                ended = 0
            except SystemExit as error:
                ended = error.code or 0
        out, err = capfd.readouterr()
        assert ended == code, f"exit {ended}\n{out}\n{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(words, ended, out, err)

    return run


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory):
    """Makes key pairs as OpenSSH writes them; the same name is the same key."""
    folder = tmp_path_factory.mktemp("keys")

    def make(name, kind="ed25519"):
        path = folder / f"{name}-{kind}"
        if not path.exists():
            words = ("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path))
            subprocess.run(words, check=True)
        return path

    return make


@pytest.fixture
def ssh_server(ssh_keys):
    """Starts SSH servers, each with host keys by name: `ssh_server("one")`, `ssh_server("two", "rsa")`."""
    from paramiko import PKey

    running = []

    def start(name, *kinds, **options):
        keys = [PKey.from_path(ssh_keys(name, kind)) for kind in kinds or ("ed25519",)]
        running.append(SSHServer(*keys, **options))
        return running[-1]

    yield start
    for server in running:
        server.close()
