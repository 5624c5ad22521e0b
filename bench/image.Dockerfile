# A host of the bench: the lab's, with the Python that other tools need on a host, the load generator, and W's service.
ARG HOST
FROM ${HOST}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 wrk \
    && rm -rf /var/lib/apt/lists/*
COPY work-service work-server /usr/local/sbin/
RUN chmod 755 /usr/local/sbin/work-service /usr/local/sbin/work-server && mkdir -p /run/sshd /srv/bench \
    && printf 'PermitRootLogin prohibit-password\nMaxStartups 100\n' >/etc/ssh/sshd_config.d/bench.conf && rm -f /etc/ssh/sshd_config.d/lab.conf
CMD ["/usr/sbin/sshd", "-D", "-e"]
