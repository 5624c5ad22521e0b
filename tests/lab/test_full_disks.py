"""A disk without room, and one without inodes."""

import os

from .conftest import make


def test_a_deploy_to_a_full_disk_prunes_by_the_ledger_or_refuses_with_numbers(docker, tmp_path):
    for project in make(tmp_path, 1):
        volume = {"id": project.host.host.volume, "size": 4}
        project.configure(volume=volume, keep_releases=3)
        project.inv("setup", "--env", "lab")
        run = project.host.run
        ballast = project.app / "guestbook" / "ballast"
        for version in ("one", "two"):
            # A layer of its own size each, so that pruning frees something.
            ballast.write_bytes(os.urandom(60 * 2**20))
            project.deploy("--version", version)
        ballast.write_bytes(os.urandom(60 * 2**20))
        project.inv("docker.push", "--env", "lab", "--version", "pushed")
        project.change("# what is pushed is kept while there is room")
        project.deploy("--version", "after")
        assert "pushed" in run("docker images --format '{{.Tag}}'").split()
        free = "df --output=avail -B1M /var/lib/docker | tail -1"
        # Too little for one more, enough once the oldest are gone.
        run(f"fallocate -l $(( $({free}) - 150 ))M /var/lib/docker/filler")
        ballast.write_bytes(os.urandom(60 * 2**20))
        project.deploy("--version", "five")
        assert project.get("/version")["version"] == "five"
        images = run("docker images --format '{{.Tag}}'").split()
        assert not {"one", "pushed"} & set(images)
        assert {"after", "five"} <= set(images)

        run(f"fallocate -l $(( $({free}) - 20 ))M /var/lib/docker/filler2")
        ballast.write_bytes(os.urandom(60 * 2**20))
        before = without_history(project)
        said = project.deploy("--version", "six", code=1).stderr
        assert "/var/lib/docker has" in said
        assert "this image takes" in said
        told = project.inv("preflight", "--env", "lab", code=1).stdout
        assert "MB free under /var/lib/docker, a deploy takes" in told
        # What the ledger could spare is gone; nothing came that was not there before.
        assert not set(without_history(project)) - set(before)
        assert run("ls -A /var/lib/docker/tmp") == ""
        assert project.host.leases() == ""
        assert project.get("/version")["version"] == "five"
        run("rm /var/lib/docker/filler /var/lib/docker/filler2")

        # A full inode table, on a disk with bytes enough.
        run(
            "mkdir /var/lib/docker/many; cd /var/lib/docker/many; "
            "n=$(($(df --output=iavail . | tail -1) - 500)); seq $n | xargs touch"
        )
        told = project.inv("preflight", "--env", "lab", code=1).stdout
        assert "inodes free under /var/lib/docker" in told
        assert "inodes free" in project.deploy("--version", "seven", code=1).stderr
        run("rm -rf /var/lib/docker/many")
        project.deploy("--version", "eight")


def without_history(project) -> list[str]:
    """A host's picture without the journal, which tells of a refused deploy."""
    return [line for line in project.host.picture().splitlines() if "history.jsonl" not in line]
