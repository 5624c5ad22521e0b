"""What other services claim, read from their sites."""

from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service.claims import Claim, parse
from edgepaas_tasks.remote.service.nginx import Site

from .conftest import elsewhere


def test_claims_are_those_of_the_sites_as_we_write_them(run, tmp_path):
    folder = tmp_path / "nginx" / "conf.d"
    folder.mkdir(parents=True)
    for name, blue, server_name in (
        ("shop", 8081, "_"),
        ("blog", 8083, "blog.example *.b.example"),
    ):
        site = Site(Layout(f"{name}-prod"), name, blue, blue + 1, 80, server_name, "10m", 60)
        (folder / site.file_name).write_text(site.render())
    (folder / "edgepaas-odd name.conf").write_text("    listen 80;\n")
    (folder / "theirs.conf").write_text("    listen 8080;\n")

    def claims(service):
        command = elsewhere("claims", service, places=(("/etc/nginx/", tmp_path / "nginx"),))
        return parse(run.host.read(command)[0].stdout)

    shop = Claim([8081, 8082], 80, [], True)
    blog = Claim([8083, 8084], 80, ["blog.example", "*.b.example"])
    assert claims("new-prod") == {"shop-prod": shop, "blog-prod": blog}
    assert claims("shop-prod") == {"blog-prod": blog}
