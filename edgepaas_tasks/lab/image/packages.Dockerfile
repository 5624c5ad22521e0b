# A package server in the layout of Docker's own, for both families of systems: what dnf hosts install from, and what
# stands in for download.docker.com where that cannot be reached. The files are Debian's, the keys are made here.
ARG BASE
FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        python3-minimal libpython3-stdlib rpm createrepo-c gnupg gpg-agent dpkg-dev apt-utils
COPY packages /usr/local/sbin/packages
RUN sh /usr/local/sbin/packages /srv && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
WORKDIR /srv
CMD ["python3", "-m", "http.server", "80"]
