# The Debian host with what `inv setup` installs there already, as on a machine image of one's own.
ARG HOST
FROM ${HOST}
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io nginx \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
