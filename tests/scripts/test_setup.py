"""What setup runs on a host, where no host of the lab can show it: SELinux, yum, keys, instance types."""

import hashlib
import json
import shutil
import subprocess

import pytest

from .conftest import elsewhere


@pytest.fixture
def selinux(stubs, tmp_path):
    """A host where SELinux enforces; contexts are what `stat -c %C` says."""

    def make(boolean="off", context="system_u:object_r:usr_t:s0", managed=""):
        stubs.add("getenforce", "echo Enforcing")
        stubs.add("getsebool", f'echo "httpd_can_network_connect --> {boolean}"')
        stubs.add("setsebool")
        stubs.add("semanage", f"echo '{managed}'")
        stubs.add("chcon")
        stubs.add("stat", f"echo {context}")

    return make


def test_where_selinux_enforces_nginx_may_connect_and_read_the_flag(selinux, stubs, run, service):
    selinux()
    said = run("selinux", str(service)).stdout
    assert "let nginx connect to the app" in said
    assert f"labelled {service}/live for nginx" in said
    assert "setsebool -P httpd_can_network_connect on" in stubs.said
    assert f"chcon -h -t httpd_sys_content_t {service}/live" in stubs.said
    assert f"semanage fcontext -a -t httpd_sys_content_t {service}(/(slots|live).*)?" in stubs.said
    # Secrets keep what they have.
    assert not any("releases" in line for line in stubs.said)


def test_a_host_that_is_labelled_already_is_left_alone(selinux, stubs, run, service):
    selinux("on", "system_u:object_r:httpd_sys_content_t:s0")
    assert run("selinux", str(service)).stdout == ""
    assert not [line for line in stubs.said if line.startswith(("setsebool", "chcon", "semanage"))]


@pytest.mark.parametrize("mode", ["Permissive", "Disabled"])
def test_where_selinux_does_not_enforce_nothing_is_changed(selinux, stubs, run, service, mode):
    selinux()
    stubs.add("getenforce", f"echo {mode}")
    assert run("selinux", str(service)).stdout == ""


def test_dnf_installs_what_is_missing_and_nothing_else(stubs, run):
    stubs.add("rpm", '[ "$2" = nginx ]')
    stubs.add("dnf")
    stubs.add("there")
    said = run("packages-dnf", "nginx", "docker-ce=27.5", "there:a-package", "gone-1:iproute").text
    assert said == "installed docker-ce\ninstalled iproute"
    (call,) = [line for line in stubs.said if line.startswith("dnf ")]
    assert call.endswith("install docker-ce-27.5* iproute")


def test_where_there_is_only_yum_it_is_used(stubs, run, tmp_path):
    stubs.add("rpm", "exit 1")
    stubs.add("yum")
    if shutil.which("dnf"):
        pytest.skip("this machine has a dnf of its own")
    run("packages-dnf", "nginx")
    assert stubs.said[-1] == "yum -q -y --setopt=install_weak_deps=False install nginx"


def test_extras_of_amazon_linux_2_are_switched_on_once(stubs, run):
    # As `amazon-linux-extras list` prints it.
    listed = (
        " 20  docker=latest            enabled      [ =17.12.1  =18.03.1 ]\\n"
        " 38  nginx1                   available    [ =stable ]"
    )
    stubs.add("amazon-linux-extras", f'[ "$1" != list ] || printf "{listed}\\n"')
    assert run("extras", "docker", "nginx1").text == "enabled nginx1 of Amazon's extras"
    assert "amazon-linux-extras enable nginx1" in stubs.said
    assert "amazon-linux-extras enable docker" not in stubs.said


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A key as a repository publishes it, and its fingerprint."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)

    def gpg(*words):
        done = subprocess.run(
            ["gpg", "--batch", "--homedir", str(home), *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    gpg(
        *("--pinentry-mode", "loopback", "--passphrase", ""),
        *("--quick-gen-key", "test <test@lab.test>", "rsa2048", "sign", "never"),
    )
    file = home / "published.asc"
    file.write_text(gpg("--armor", "--export", "test"))
    listed = gpg("--show-keys", "--with-colons", str(file))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return file, next(line.split(":")[9] for line in listed.splitlines() if line[:3] == "fpr")


def test_a_repository_is_written_with_its_key_once(run, tmp_path, key):
    file, fingerprint = key
    repository = tmp_path / "docker.repo"
    values = {
        "key_file": str(tmp_path / "keys" / "docker.asc"),
        "key_url": file.as_uri(),
        "fingerprint": fingerprint,
        "repository_file": str(repository),
    }
    first = run("repository", **values, stdin=b"[docker]\n").text
    assert first == f"wrote {values['key_file']}\nwrote {repository}"
    assert repository.read_text() == "[docker]\n"
    assert run("repository", **values, stdin=b"[docker]\n").text == ""
    assert run("repository", **values, stdin=b"[other]\n").text == (f"wrote {repository}")


@pytest.mark.parametrize(
    ("published", "said"),
    [("the key", "has the fingerprint"), ("no key", "it is no key"), (None, "cannot be fetched")],
)
def test_another_key_is_refused_and_nothing_is_written(run, tmp_path, key, published, said):
    file, _ = key
    served = tmp_path / "served"
    if published:
        served.write_text(file.read_text() if published == "the key" else "<html>Not found</html>")
    kept, repository = tmp_path / "docker.asc", tmp_path / "docker.repo"
    result = run(
        "repository",
        key_file=str(kept),
        key_url=served.as_uri(),
        fingerprint="A" * 40,
        repository_file=str(repository),
        codes=(30,),
        stdin=b"[docker]\n",
    )
    assert result.code == 30
    assert said in result.stderr
    assert not kept.exists()
    assert not repository.exists()


def test_a_key_that_was_changed_on_the_host_is_fetched_anew(run, tmp_path, key):
    file, fingerprint = key
    kept = tmp_path / "docker.asc"
    kept.write_text("garbage")
    said = run(
        "repository",
        stdin=b"",
        key_file=str(kept),
        key_url=file.as_uri(),
        fingerprint=fingerprint,
        repository_file=str(tmp_path / "r"),
    ).text
    assert f"wrote {kept}" in said
    assert kept.read_text() == file.read_text()


def test_daemon_json_is_not_written_over_a_change_of_somebody_else(run, tmp_path, stubs):
    stubs.add("dockerd", "echo nothing to say")
    file = tmp_path / "daemon.json"
    file.write_text('{"debug": true}')
    result = run("daemon-json", str(file), "none", codes=(31,), stdin=b"{}")
    assert result.code == 31
    assert json.loads(file.read_text()) == {"debug": True}


def test_an_engine_that_can_validate_refuses_before_anything_is_written(run, tmp_path, stubs):
    stubs.add("dockerd", 'case $1 in --help) echo "  --validate" ;; *) echo no >&2; exit 1 ;; esac')
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    seen = hashlib.sha256(b"{}").hexdigest()
    result = run("daemon-json", str(file), seen, codes=(31,), stdin=b'{"nonsense": 1}')
    assert result.code == 31
    assert "does not accept" in result.stderr
    assert file.read_text() == "{}"
    assert not list(tmp_path.glob("*.new"))


NGINX_CONF = """\
http {
    include /etc/nginx/conf.d/*.conf;
    server {
        listen 80;
        root /usr/share/nginx/html;
        location /x { return 200; } # {
    }
    server {
        listen 8080;
        root /srv/own;
    }
}
"""


def test_a_default_server_inside_nginx_conf_is_commented_out_restorably(run, tmp_path, stubs):
    conf = tmp_path / "nginx.conf"
    conf.write_text(NGINX_CONF)
    stubs.add("nginx")
    command = elsewhere("nginx-default", places=[("/etc/nginx/", tmp_path)])
    (result,) = run.host.read(command)
    assert "disabled nginx's default site" in result.text
    lines = conf.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#edgepaas#")] == [
        "http {",
        "    include /etc/nginx/conf.d/*.conf;",
        "    server {",
        "        listen 8080;",
        "        root /srv/own;",
        "    }",
        "}",
    ]
    assert (tmp_path / "nginx.conf.before-edgepaas").read_text() == NGINX_CONF
    (again,) = run.host.read(command)
    assert again.text == ""


def test_an_id_leads_to_its_device_by_link_or_by_serial(run, tmp_path):
    def look(volume):
        command = elsewhere(
            "volume-look",
            places=(("/dev/disk/", tmp_path / "disk"), ("/sys/block/", tmp_path / "block")),
            id=volume,
            device="",
            where="/var/lib/docker",
        )
        (result,) = run.host.read(command)
        return [line for line in result.stdout.splitlines() if line.startswith("candidate=")]

    # By serial alone: a system without udev's links.
    for name, serial in (("nvme0n1", "vol0def"), ("nvme1n1", "vol0abc")):
        (tmp_path / "block" / name / "device").mkdir(parents=True)
        (tmp_path / "block" / name / "device" / "serial").write_text(f"{serial}             \n")
    assert look("vol-0abc") == ["candidate=/dev/nvme1n1"]
    # By link, with the namespace at its end.
    by_id = tmp_path / "disk" / "by-id"
    by_id.mkdir(parents=True)
    (by_id / "nvme-Amazon_Elastic_Block_Store_vol0fff_1").symlink_to("/dev/null")
    assert look("vol-0fff") == ["candidate=/dev/null"]
    assert look("vol-0eee") == []


def test_a_look_waits_for_what_runs_after_dockers_start(run, stubs, tmp_path):
    """It may be restarting Docker."""
    stubs.add("sleep", f"touch {tmp_path}/waited")
    stubs.add("docker", f"[ ! -e {tmp_path}/waited ] || echo 27.0.0")
    stubs.add(
        "systemctl",
        f"[ $2 != edgepaas-docker-ports ] || [ -e {tmp_path}/waited ] || echo activating",
    )
    assert "docker=27.0.0" in run("facts").stdout.splitlines()
    assert len([line for line in stubs.said if line.startswith("sleep")]) == 1


def test_a_look_does_not_wait_for_ever(run, stubs):
    stubs.add("sleep")
    stubs.add("systemctl", "echo activating")
    assert "kernel=Linux" in run("facts").stdout.splitlines()
    assert len([line for line in stubs.said if line.startswith("sleep")]) == 50


def test_the_room_on_each_disk_is_that_of_its_own_path(run, stubs):
    stubs.add(
        "df",
        """
kind=$1
shift
echo "Filesystem head head Available Use% Mounted"
for path in "$@"; do
    case $kind$path in
    -Pk/) free=70000000 ;; -Pi/) free=700 ;;
    -Pk/opt) free=3 ;; -Pi/opt) free=- ;;
    *) free=9 ;;
    esac
    echo "/dev/x 1 1 $free 1% $path"
done""",
    )
    lines = run("facts").stdout.splitlines()
    disks = [line for line in lines if line.startswith("disk=")]
    assert disks[:2] == ["disk=/ 71680000000 700", "disk=/opt 3072 -"]


@pytest.mark.parametrize(
    ("there", "named"),
    [("psql", ["psql"]), ("postgres", ["postgres"]), ("library", ["libpq"]), ("", [])],
)
def test_a_local_postgres_is_named_by_its_parts(run, stubs, tmp_path, there, named):
    # No Postgres of this machine's own.
    needed = ("sh", "awk", "date", "df", "env", "grep", "head", "id", "ls", "sed", "sort", "uname")
    for name in needed:
        (stubs.folder / name).symlink_to(shutil.which(name))
    run.environment["PATH"] = str(stubs.folder)
    for name in ("psql", "postgres"):
        if there == name:
            stubs.add(name)
    library = "libpq.so.5 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libpq.so.5"
    stubs.add("ldconfig", f'echo "	{library if there == "library" else "libc.so.6"}"')
    (result,) = run.host.read(
        elsewhere("facts", places=[("/usr/lib/postgresql/", tmp_path / "none")])
    )
    lines = result.stdout.splitlines()
    assert [line.removeprefix("postgres=") for line in lines if line[:9] == "postgres="] == named


GIB = 2**30
# As dumpe2fs -h and xfs_info print a file system of 4 GiB.
DUMPE2FS = "Block count:              1048576\\nReserved block count:     52428\\nBlock size:               4096\\n"
XFS_INFO = "meta-data=/dev/x isize=512 agcount=4\\ndata     =         bsize=4096   blocks=1048576, imaxpct=25\\n"


@pytest.mark.parametrize("type_", ["ext4", "xfs"])
@pytest.mark.parametrize("gib", [4, 5])
def test_a_file_system_follows_a_volume_that_grew(run, stubs, tmp_path, type_, gib):
    where, etc = tmp_path / "docker", tmp_path / "etc"
    drop_in = etc / "systemd/system/docker.service.d"
    for folder in (where, drop_in, tmp_path / "lib"):
        folder.mkdir(parents=True)
    (drop_in / "10-volume.conf").write_text(f"RequiresMountsFor={where}\n")
    options = "defaults,noatime,nofail,x-systemd.device-timeout=30s 0 2"
    (etc / "fstab").write_text(f"UUID=u-1 {where} {type_} {options}\n")
    (where / ".edgepaas-volume").write_text("vol-1 u-1\n")
    stubs.add("blkid", "echo u-1")
    # It is mounted where it belongs, and nowhere else.
    stubs.add("mountpoint", f'case "$*" in "-q {where}") ;; -q*) exit 1 ;; *) echo 7:0 ;; esac')
    stubs.add("blockdev", f"echo {gib * GIB}")
    stubs.add("dumpe2fs", f"printf '{DUMPE2FS}'")
    stubs.add("xfs_info", f"printf '{XFS_INFO}'")
    for name in ("resize2fs", "xfs_growfs", "systemctl"):
        stubs.add(name)
    command = elsewhere(
        "volume-setup",
        uses=("quiet",),
        places=(("/etc/", etc), ("state=/var/lib/", f"state={tmp_path}/lib")),
        device="/dev/x",
        type=type_,
        where=str(where),
        what="adopt",
        id="vol-1",
        services=str(tmp_path),
    )
    (result,) = run.host.read(command)
    assert result.code == 0, result.stderr
    grown = [line for line in stubs.said if line.startswith(("resize2fs", "xfs_growfs"))]
    if gib == 4:
        assert (result.text, grown) == ("", [])
    else:
        assert result.text == "grew the file system from 4096 to 5120 MB"
        assert grown == ["resize2fs /dev/x" if type_ == "ext4" else f"xfs_growfs {where}"]
