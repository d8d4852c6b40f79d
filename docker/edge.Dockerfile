# The edge: nginx, and the small parent that puts its files together, reloads it and ends it gently. They are mounted at /srv/edge.
ARG BASE
FROM ${BASE}
SHELL ["/bin/sh", "-euc"]
RUN apt-get update \
 && apt-get install --yes --no-install-recommends nginx \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /etc/nginx /var/www
COPY edge.py host.py /opt/twinpool/
USER 10001:10001
ENTRYPOINT ["python3", "/opt/twinpool/edge.py"]
