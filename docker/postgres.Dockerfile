# PostgreSQL for one machine: makes its cluster at first start, then is PostgreSQL and nothing else.
ARG BASE
FROM ${BASE}
SHELL ["/bin/sh", "-euc"]
RUN printf 'create_main_cluster = false\n' > /tmp/none \
 && mkdir -p /etc/postgresql-common \
 && mv /tmp/none /etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && apt-get install --yes --no-install-recommends pgbackrest postgresql-17 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /usr/lib/*/libLLVM*.so* /usr/lib/postgresql/17/lib/bitcode \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/postgresql/data
COPY start.py backup.py pg_hba.conf postgresql.conf /etc/twinpool/
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data PGBACKREST_CONFIG=/run/postgresql/pgbackrest.conf
STOPSIGNAL SIGINT
USER 10001:10001
ENTRYPOINT ["python3", "/etc/twinpool/start.py"]
