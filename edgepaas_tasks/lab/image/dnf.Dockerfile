# The same host as one of the dnf family: real rpm transactions, from the lab's package server.
ARG PACKAGES
ARG HOST
FROM ${PACKAGES} AS packages
FROM ${HOST}
ARG ID
ARG VERSION
ARG LIKE
ARG NAME
ENV DEBIAN_FRONTEND=noninteractive
COPY --from=packages /srv/os /tmp/os
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends dnf rpm gnupg \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb \
    # else root, sudo and units have a database each
    && mkdir -p /etc/rpm /etc/yum.repos.d /etc/pki/rpm-gpg \
    && echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros \
    # RHEL's policy; without it a preset enables every unit
    && echo 'disable *' >/usr/lib/systemd/system-preset/99-default-disable.preset \
    # Debian's default would hide a repository that cannot be reached
    && printf '[main]\ngpgcheck=1\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n' >/etc/dnf/dnf.conf \
    && ln -sf dnf-3 /usr/bin/yum \
    && cp /tmp/os/gpg /etc/pki/rpm-gpg/RPM-GPG-KEY-os && rpm --import /tmp/os/gpg \
    && printf '[os]\nname=os\nbaseurl=http://packages/os/%s/$basearch\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-os\n' "$VERSION" >/etc/yum.repos.d/os.repo \
    && rm -f /etc/os-release \
    && printf 'NAME="%s"\nVERSION="%s"\nID="%s"\nID_LIKE="%s"\nVERSION_ID="%s"\nPRETTY_NAME="%s %s (lab)"\n' "$NAME" "$VERSION" "$ID" "$LIKE" "$VERSION" "$NAME" "$VERSION" >/etc/os-release \
    && rpm -i /tmp/os/"$VERSION"/x86_64/*-release-*.rpm \
    # last: a host of this family has no apt
    && mkdir /var/lib/lab-hidden && mv /usr/bin/apt* /usr/bin/dpkg* /var/lib/lab-hidden/ \
    && rm -rf /tmp/os
