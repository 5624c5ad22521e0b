"""The tasks, a module a namespace: each is a signature, its work, and one printed answer.

Importing any of these costs nothing but Invoke: what a task needs is imported when it runs.
"""

from invoke import Collection

from edgepaas_tasks.namespaces import (
    build,
    db,
    deploy,
    docker,
    ec2,
    env,
    hosts,
    init,
    lab,
    lock,
    migrate,
    nginx,
    operations,
    setup,
    status,
    volume,
)

ns = Collection("edgepaas")
for _task in (
    *(deploy.deploy, deploy.rollback, status.status, status.releases),
    *(setup.setup, setup.preflight),
    *(operations.logs, operations.execute, operations.maintenance, init.init),
):
    ns.add_task(_task)
for _module in (build, docker, volume, migrate, db, nginx, env, ec2, hosts, lock, lab):
    ns.add_collection(_module.ns)

__all__ = ["ns"]
