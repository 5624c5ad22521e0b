"""W as an Ansible playbook (JSON is YAML), with inventory and configuration: playbook.py HOSTS FOLDER."""

import json
import sys
from pathlib import Path

import work


def tasks():
    def shell(name, text, **more):
        return {"name": name, "ansible.builtin.shell": text, "changed_when": False, **more}

    yield shell("lease", work.TAKE)
    for path, mode in work.DIRECTORIES.items():
        yield {
            "name": path,
            "ansible.builtin.file": {"path": path, "state": "directory", "mode": f"0{mode}"},
        }
    for number, (path, (mode, text)) in enumerate(work.FILES.items()):
        copy = {"dest": path, "content": text, "mode": f"0{mode}"}
        yield {"name": path, "ansible.builtin.copy": copy, "register": f"file{number}"}
    path, line = work.LINE
    yield {"name": path, "ansible.builtin.lineinfile": {"path": path, "line": line, "create": True}}
    link, target = work.LINK
    yield {"name": link, "ansible.builtin.file": {"path": link, "src": target, "state": "link"}}
    for check in work.CHECKS:
        yield shell(check, check)
    changed = " or ".join(f"file{number} is changed" for number in range(len(work.FILES)))
    yield shell("service", work.RESTART, when=changed)
    yield shell("health", work.POLL)
    yield shell("lease back", work.GIVE_BACK)


def main():
    hosts = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    # Facts are gathered, as W has it; only the parts that every plan needs.
    play = {
        "hosts": "all",
        "gather_facts": True,
        "gather_subset": ["!all", "min"],
        "tasks": list(tasks()),
    }
    (folder / "playbook.yml").write_text(json.dumps([play], indent=1))
    (folder / "hosts").write_text("\n".join(hosts["addresses"]) + "\n")
    (folder / "ansible.cfg").write_text(
        "[defaults]\n"
        f"inventory = {folder}/hosts\nremote_user = root\nprivate_key_file = {hosts['key']}\n"
        f"forks = {len(hosts['addresses'])}\ninterpreter_python = /usr/bin/python3\n"
        "[ssh_connection]\npipelining = True\n"
        f"control_path_dir = {folder}/cp\n"
        f"ssh_args = -F /dev/null -o UserKnownHostsFile={hosts['known_hosts']} "
        "-o ControlMaster=auto -o ControlPersist=60s\n"
    )


main()
