# Redis as the channel layer: nothing is kept on disk, and nobody enters without the password.
ARG BASE
FROM ${BASE}
SHELL ["/bin/sh", "-euc"]
RUN apt-get update \
 && apt-get install --yes --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY redis.conf /etc/twinpool/redis.conf
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["redis-server", "/etc/twinpool/redis.conf"]
