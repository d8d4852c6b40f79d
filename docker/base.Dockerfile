# What every image of the kit stands on: Debian trixie, Python, one numeric user. ROOTFS is made from the host's own
# Debian mirror (ansible/roles/images), or is the image that BASE_IMAGE names.
ARG ROOTFS
FROM ${ROOTFS}
SHELL ["/bin/sh", "-euc"]
# The archive's own fixes come with every build; docs and locales are of no use in a container.
RUN printf 'path-exclude=/usr/share/%s/*\n' doc man locale info > /etc/dpkg/dpkg.cfg.d/docs \
 && apt-get update \
 && apt-get upgrade --yes \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin twinpool
ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
