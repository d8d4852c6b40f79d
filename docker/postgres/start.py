"""Makes the database cluster at first start, then becomes PostgreSQL. Entry point of the postgres image.

With a word it does what backup.py does instead.

Idempotent and safe to kill: a cluster is made beside its place and moved there when it is whole.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import backup

DATA = Path(os.environ["PGDATA"])
CLUSTER = DATA / "cluster"
FRESH = DATA / "cluster.new"
CONFIG = "/etc/twinpool/postgresql.conf"
PASSWORD = Path("/run/secrets/postgres_password")


def make() -> None:
    """initdb, then one role and one database of the project's own; the superuser has no password and no network."""
    shutil.rmtree(FRESH, ignore_errors=True)
    superuser = ["--username=twinpool", "--auth-local=peer", "--auth-host=scram-sha-256"]
    subprocess.run(["initdb", "--pgdata", FRESH, "--encoding=UTF8", "--locale=C.UTF-8", *superuser], check=True)
    password = PASSWORD.read_text().strip().replace("'", "''")
    # By standard input: a command line can be read by every process.
    statements = f"CREATE ROLE app LOGIN PASSWORD '{password}';\nCREATE DATABASE app OWNER app;\n"
    single = ["postgres", "--single", "-D", str(FRESH), "postgres"]
    subprocess.run(single, input=statements, text=True, check=True, stdout=subprocess.DEVNULL)
    FRESH.rename(CLUSTER)


if __name__ == "__main__":
    os.umask(0o077)
    if sys.argv[1:]:
        sys.exit(backup.main(*sys.argv[1:]))
    if not CLUSTER.exists():
        make()
    options = []
    if backup.KEY.exists():
        backup.configure(backup.CONFIG, CLUSTER)
        options = [f"--{name.replace('_', '-')}={value}" for name, value in backup.ARCHIVING.items()]
    os.execvp("postgres", ["postgres", f"--config-file={CONFIG}", f"--data-directory={CLUSTER}", *options])
