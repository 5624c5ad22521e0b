"""What an operator can ask for: one module a namespace. A task is a signature, one call and one printed answer.

Importing any of these costs nothing but Invoke: what a task needs is imported when it runs.
"""

from invoke import Collection

from edgepaas_tasks.namespaces import (
    build,
    ci,
    db,
    docker,
    ec2,
    env,
    hosts,
    lab,
    lock,
    migrate,
    nginx,
    root,
    volume,
)

ns = Collection("edgepaas")
for _task in root.TASKS:
    ns.add_task(_task)
ns.add_collection(build.ns)
ns.add_collection(docker.ns)
ns.add_collection(volume.ns)
ns.add_collection(migrate.ns)
ns.add_collection(db.ns)
ns.add_collection(nginx.ns)
ns.add_collection(env.ns)
ns.add_collection(ec2.ns)
ns.add_collection(hosts.ns)
ns.add_collection(ci.ns)
ns.add_collection(lock.ns)
ns.add_collection(lab.ns)

__all__ = ["ns"]
