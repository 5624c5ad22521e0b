"""ssh's configuration with what paramiko does not know in it; ssh -G is the witness."""

import subprocess

import pytest

from edgepaas_tasks.remote.ssh import config as sshconfig
from edgepaas_tasks.remote.ssh.config import ConfigError, identities, unjudged


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home directory, and no file of the system's."""
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sshconfig, "SYSTEM", str(tmp_path / "etc" / "ssh_config"))
    return tmp_path


@pytest.fixture
def write(home):
    def write(text, name=".ssh/config"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def asked(path, host):
    """User and port as OpenSSH finds them."""
    words = ("ssh", "-G", "-F", str(path), host)
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    return found["user"], found["port"]


def ours(host):
    found = sshconfig.load().lookup(host)
    return found.get("user", "root"), found.get("port", "22")


FILES = {
    "plain": "User inner\n",
    "hosts": "User every\nHost web\n  User inner\nHost db\n  Port 2201\n",
    "match": "Match host web,db\n  User inner\nMatch all\n  Port 2202\n",
    "deep": "Host d*\n  Include {0}/hosts\n  Port 2203\n",
}


@pytest.mark.parametrize(
    "text",
    [
        "Include {0}/plain\n",
        "Host web\n  Include {0}/plain\n  Port 2200\nHost db\n  User outer\n",
        "Host db\n  Include {0}/hosts\n  Port 2200\nHost *\n  User outer\n",
        "Host web\n  Include {0}/match\nHost *\n  User outer\n",
        "Match host web\n  Include {0}/hosts\n  Port 2200\n",
        "Include {0}/hosts {0}/match\nHost web\n  Port 2200\n",
        "Include {0}/h* {0}/nowhere {0}\nPort 2200\n",
        'include = "{0}/plain" # don\'t\nPort 2200 # a "comment\n',
        "Include {0}/deep\nUser outer\n",
        "Host web\n  Include {0}/deep\nHost *\n  User outer\n",
        "Host * !web\n  Include {0}/hosts\n",
        "Host web,db\n  User outer\nHost web,db other\n  Include {0}/plain\n",
        "Match host=web\n  User outer\n",
        "Match host = web !user=nobody\n  User outer\n",
        "Match !host=web\n  User outer\n  Include {0}/match\n",
        "Match final all\n  User outer\n",
        "Match final all\n  Include {0}/plain {0}/match\nHost web\n  User outer\n",
        "Match !all\n  User outer\n",
        "Match Host web # all\n  User outer\n",
        'Match exec "test -e {0}/plain"\n  User outer\nMatch exec="test -e {0}/nowhere"\n  Port 2200\n',
    ],
)
def test_it_says_what_ssh_says(write, home, monkeypatch, text):
    monkeypatch.setattr("sys.stdin", None)  # Match exec looks at it
    for name, inner in FILES.items():
        write(inner.format(home), name)
    path = write(text.format(home))
    for host in ("web", "db", "other"):
        assert ours(host) == asked(path, host)


def test_relative_names_are_below_the_directory_of_the_first_file(write, home, monkeypatch):
    monkeypatch.setenv("WHERE", "conf.d")
    write("Include ${WHERE}/b* ~/elsewhere ~nobody-there/x\nInclude conf.d/a\n")
    write("Include conf.d/c\nUser b\n", ".ssh/conf.d/b")
    write("Port 2201\n", ".ssh/conf.d/c")
    write("User a\nCompression yes\n", ".ssh/conf.d/a")
    write("IdentityFile %d/key\n", "elsewhere")
    write("Include also\nUser system\n", "etc/ssh_config")
    write("ForwardAgent no\n", "etc/also")
    found = sshconfig.load().lookup("web")
    assert found == {
        "hostname": "web",
        "user": "b",
        "port": "2201",
        "compression": "yes",
        "identityfile": [f"{home}/key"],
        "forwardagent": "no",
        "canonicaldomains": "",
    }


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Host web\n  User\n", 2, "'User': expected a keyword and a value"),
        ("User # nobody\n", 1, "expected a keyword and a value"),
        ("\nMatch host\n", 2, "Match host: a value is missing"),
        ("Match ! host web\n", 1, "Match: expected criteria and their values"),
        ('Host "web\n', 1, "No closing quotation"),
        ("Include %d/more\n", 1, "%d/more: % in the name of a file is not understood"),
    ],
)
def test_a_line_that_can_not_be_understood_has_a_place(write, text, line, problem):
    path = write(text)
    write("Include config\n", ".ssh/other")
    with pytest.raises(ConfigError) as caught:
        sshconfig.load()
    assert caught.value.place == f"{path}:{line}"
    assert problem in caught.value.problem


def test_a_mistake_in_an_included_file_is_placed_there(write):
    write("Include more\n")
    path = write("# ours\nPort\n", ".ssh/more")
    with pytest.raises(ConfigError) as caught:
        sshconfig.load()
    assert caught.value.place == f"{path}:2"


def test_a_file_that_includes_itself_is_no_endless_loop(write):
    write("Include config\n")
    with pytest.raises(ConfigError, match="more than 16 deep"):
        sshconfig.load()


def test_a_file_that_can_not_be_read_is_named(write, monkeypatch):
    path = write("User x\n", ".ssh/more")
    write("Include more\n")
    read = type(path).read_text

    # Whoever may do everything, as root, is not stopped by a mode.
    def refuse(self, *words):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return read(self, *words)

    monkeypatch.setattr(type(path), "read_text", refuse)
    with pytest.raises(ConfigError, match="more: Permission denied"):
        sshconfig.load()


def test_a_block_that_we_can_not_judge_is_passed_over_and_known_to_those_hosts(write):
    path = write(
        "Match host web* localnetwork 10.0.0.0/8 tagged=x\n  User inside\n  Include more\n"
        "Host *\n  User ops\n"
    )
    write("Host *\n  User more\n", ".ssh/more")
    config = sshconfig.load()
    db, web = config.lookup("db"), config.lookup("web1")
    assert db["user"] == web["user"] == "ops"
    assert (unjudged(db), unjudged(web)) == ("", f"Match localnetwork ({path}:1)")


def test_canonicalization_without_domains_is_none(write):
    write("CanonicalizeHostname yes\nUser ops\n")
    assert sshconfig.load().lookup("web")["hostname"] == "web"


def test_other_encodings_and_line_ends_are_no_obstacle(write, home):
    path = write("")
    path.write_bytes("# für uns\r\nHost web\r\n  User ops\r\n".encode("latin-1"))
    assert ours("web") == ("ops", "22")


def test_identities_that_are_not_there_are_told_apart(write, home):
    write(
        "IdentityFile ~/there\nIdentityFile ~/.ssh/nowhere\nIdentityFile ~/.ssh\nIdentityFile none\n"
    )
    write("key\n", "there")
    assert identities(sshconfig.load().lookup("web")) == (
        [f"{home}/there"],
        [f"{home}/.ssh/nowhere", f"{home}/.ssh"],
    )
    assert identities({}) == ([], [])
