# The one image of both pools: the project, its dependencies and the runtime.
# The context is staged by ansible/plugins/action/image.py: project/ (theirs), kit/ (docker/ and pyproject.toml of ours).
ARG BASE
FROM ${BASE} AS build
SHELL ["/bin/sh", "-euc"]
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
# The host's own package index and authorities are mounted while a step runs; no layer holds them.
ENV UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy
COPY kit/docker/build/requirements.txt /kit/docker/build/requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m pip install --quiet --no-cache-dir --root-user-action=ignore --break-system-packages --require-hashes \
        --requirement /kit/docker/build/requirements.txt
# What the image needs from Debian is needed here too: to build a dependency, and to import the project for its files.
COPY packages.txt /usr/share/twinpool/packages.txt
RUN if [ -s /usr/share/twinpool/packages.txt ]; then \
        apt-get update \
     && xargs -a /usr/share/twinpool/packages.txt apt-get install --yes --no-install-recommends \
     && rm -rf /var/lib/apt/lists/*; \
    fi
# Dependencies before code: a changed view does not install them again.
COPY kit/docker/build/*.py /kit/docker/build/
COPY kit/docker/requirements.txt /kit/docker/
COPY kit/pyproject.toml /kit/
COPY dependencies /dependencies
ARG WORKDIR=/app
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 /kit/docker/build/install.py /dependencies /opt/venv "${WORKDIR}"
COPY kit/docker/twinpool /kit/docker/twinpool
RUN uv pip install --quiet --offline --no-deps --compile-bytecode --python /opt/venv/bin/python /kit
COPY project /app
WORKDIR ${WORKDIR}
ARG SETTINGS=
ARG OVERLAY=on
ENV TWINPOOL_SETTINGS=${SETTINGS} TWINPOOL_OVERLAY=${OVERLAY} TWINPOOL_PROJECT=${WORKDIR} TWINPOOL_STATIC=/srv/static
# Files that do not compile (templates of code, say) are no reason to fail.
RUN mkdir -p /srv/static \
 && /opt/venv/bin/python -m twinpool.static collect \
 && { /opt/venv/bin/python -m compileall -q /app > /dev/null || true; }

FROM ${BASE}
SHELL ["/bin/sh", "-euc"]
COPY packages.txt /usr/share/twinpool/packages.txt
COPY --from=build /tmp/install/libraries.txt /usr/share/twinpool/libraries.txt
RUN if [ -s /usr/share/twinpool/packages.txt ] || [ -s /usr/share/twinpool/libraries.txt ]; then \
        apt-get update \
     && xargs -r -a /usr/share/twinpool/packages.txt apt-get install --yes --no-install-recommends \
     && xargs -r -a /usr/share/twinpool/libraries.txt apt-get install --yes --no-install-recommends \
     && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; \
    fi
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/static /srv/static
COPY --from=build /app /app
ARG WORKDIR=/app
WORKDIR ${WORKDIR}
ENV PATH=/opt/venv/bin:$PATH TWINPOOL_PROJECT=${WORKDIR} TWINPOOL_STATIC=/srv/static
USER 10001:10001
ENTRYPOINT ["twinpool"]
CMD ["serve", "wsgi"]
