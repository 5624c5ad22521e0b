# A registry of images as a company has it: TLS with a certificate of a private authority, and a login.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        docker-registry apache2-utils openssl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
COPY registry-start /usr/local/sbin/registry-start
RUN chmod 755 /usr/local/sbin/registry-start
CMD ["/usr/local/sbin/registry-start"]
