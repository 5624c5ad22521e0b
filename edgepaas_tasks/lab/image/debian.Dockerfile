# A small cloud host: systemd, sshd, sudo. Bare on purpose: Docker and nginx are what `inv setup` brings.
ARG BASE
FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        systemd systemd-sysv dbus openssh-server sudo curl iproute2 procps kmod iptables \
        e2fsprogs xfsprogs ca-certificates python3-minimal \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /etc/ssh/ssh_host_*
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
COPY lab-devices /usr/local/sbin/lab-devices
COPY lab-devices.service /etc/systemd/system/lab-devices.service
COPY lab-mounts /lib/systemd/system-generators/lab-mounts
RUN chmod 755 /usr/local/sbin/lab-devices /lib/systemd/system-generators/lab-mounts \
    && useradd --create-home --shell /bin/bash ec2-user \
    && echo 'ec2-user ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/ec2-user \
    && chmod 440 /etc/sudoers.d/ec2-user \
    && printf 'PermitRootLogin no\nPasswordAuthentication no\nUseDNS no\n' >/etc/ssh/sshd_config.d/lab.conf \
    && systemctl mask systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
        systemd-logind.service getty.target console-getty.service systemd-resolved.service apt-daily.timer \
        apt-daily-upgrade.timer \
    # The keys come with the first admission; until then sshd would only fail, until systemd gives it up.
    && mkdir -p /etc/systemd/system/ssh.service.d \
    && printf '[Unit]\nConditionPathExists=/etc/ssh/ssh_host_ed25519_key\n' >/etc/systemd/system/ssh.service.d/lab.conf \
    && systemctl enable ssh.service lab-devices.service
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
