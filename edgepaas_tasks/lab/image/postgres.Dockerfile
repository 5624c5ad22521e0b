# A managed Postgres as a cloud has it: TLS only, a certificate of a private authority, one database and its user.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        postgresql openssl pgbouncer \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/lib/postgresql/*/main
COPY postgres-start /usr/local/sbin/postgres-start
RUN chmod 755 /usr/local/sbin/postgres-start
ENV PASSWORD=
STOPSIGNAL SIGINT
CMD ["/usr/local/sbin/postgres-start"]
