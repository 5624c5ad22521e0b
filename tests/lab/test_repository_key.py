"""Docker's repository and its key: the right one, and two wrong ones."""

import subprocess

from .conftest import make


def test_a_wrong_key_is_refused(docker, tmp_path):
    for project in make(tmp_path, 2, system="centos"):
        # The second host of the other family: each has its own way with keys.
        right = project.repository("centos")
        wrong = "0" * 40
        project.configure(docker={"origin": "auto", "repository": {**right, "fingerprint": wrong}})
        done = project.inv("setup", "--env", "lab", code=1)
        assert f"has the fingerprint {right['fingerprint']}, expected {wrong}" in done.stderr
        for witness in project.hosts:
            kept = witness.run(
                "rpm -qa 'gpg-pubkey*' | wc -l; ls /etc/pki/rpm-gpg; ls /etc/yum.repos.d; "
                "command -v dockerd || echo none"
            )
            assert kept.split() == ["1", "RPM-GPG-KEY-os", "os.repo", "none"]
        # The fingerprint of a key that did not sign the packages: the package manager refuses.
        name = f"{project.state.network}-packages"
        other = subprocess.run(
            ["docker", "exec", name, "cat", "/srv/wrong/fingerprint"],
            capture_output=True,
            text=True,
        ).stdout.strip()
        repository = {**right, "key": "http://packages/wrong/gpg", "fingerprint": other}
        project.configure(docker={"origin": "auto", "repository": repository})
        done = project.inv("setup", "--env", "lab", code=1)
        assert "GPG" in done.stderr
        assert project.host.run("command -v dockerd || echo none") == "none"
        # And the right one afterwards: nothing of the refusals is in the way.
        project.configure(docker={"origin": "auto", "repository": right})
        assert "installed docker-ce" in project.inv("setup", "--env", "lab").stdout
