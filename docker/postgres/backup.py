"""Backups of the cluster in this container, by pgBackRest: base backups and every segment of the WAL, encrypted.

backup.py ready           a store for this cluster, and a first backup where it has none
backup.py run             a backup: a full one where the last is a week old, else what changed since
backup.py prove           restores the newest into a scratch cluster, asks it, and writes down that it could
backup.py tell            one JSON object: backups (type, end as seconds since 1970), proven (seconds since 1970 or 0)
backup.py restore TIME [over]   makes the cluster as it was at TIME (with its time zone), or `latest`, beside its place;
                          refused where there is one, unless told so
backup.py take            puts it there, for a postgres that does not run; the one before stays, as cluster.before

Where a host has no place for backups (BACKUP), there is no key and nothing is archived.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

DATA = Path(os.environ["PGDATA"])
CLUSTER = DATA / "cluster"
FRESH = DATA / "cluster.restored"
BEFORE = DATA / "cluster.before"
SCRATCH = DATA / "cluster.proof"
STORE = Path("/srv/backup")
PROVEN = STORE / "proven"
KEY = Path("/run/secrets/backup_key")
# On a file system in memory: it holds the key.
RUN = Path("/run/postgresql")
CONFIG = RUN / "pgbackrest.conf"
PROOF = RUN / "proof.conf"
POSTGRES = "/etc/twinpool/postgresql.conf"
FULL_EVERY = 6.5 * 86400  # seconds; a daily run finds the last full one a week old, give or take its own time
ARCHIVING = {
    "archive_mode": "on",
    "archive_command": "pgbackrest --stanza=main archive-push %p",
    "archive_timeout": "60",  # seconds: what a restore can lose of a quiet hour
}


def configure(file: Path, cluster: Path) -> None:
    """What pgBackRest has to know, for a cluster at this place."""
    days = os.environ.get("BACKUP_KEEP") or "14"
    file.touch(mode=0o600)
    file.write_text(f"""[global]
repo1-path={STORE}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={KEY.read_text().strip()}
repo1-bundle=y
repo1-retention-full-type=time
repo1-retention-full={days}
compress-type=zst
start-fast=y
lock-path={RUN}/lock
spool-path={RUN}/spool
log-level-file=off
log-level-console=warn
[main]
pg1-path={cluster}
pg1-socket-path={RUN}
pg1-user=twinpool
pg1-database=postgres
""")


def pgbackrest(*words: str, config: Path = CONFIG) -> str:
    """What it prints. Ends the program with its own words where it fails."""
    told = subprocess.run(
        ["pgbackrest", "--stanza=main", *words], check=False, capture_output=True, text=True,
        env=os.environ | {"PGBACKREST_CONFIG": str(config)},
    )  # fmt: skip
    if told.returncode:
        sys.exit(f"pgBackRest could not {words[-1]}:\n{(told.stdout + told.stderr).strip()}")
    return told.stdout


def backups() -> list[dict[str, object]]:
    """The oldest first."""
    stanzas = json.loads(pgbackrest("--output=json", "info"))
    found = stanzas[0].get("backup", []) if stanzas else []
    return [{"type": one["type"], "end": one["timestamp"]["stop"]} for one in found]


def ready() -> None:
    pgbackrest("stanza-create")
    if not backups():
        run()


def run() -> None:
    pgbackrest("stanza-create")
    full = [float(str(one["end"])) for one in backups() if one["type"] == "full"]
    kind = "full" if not full or time.time() - full[-1] > FULL_EVERY else "diff"
    pgbackrest(f"--type={kind}", "backup")
    print(f"a {kind} backup was made, and is kept")


def prove() -> None:
    shutil.rmtree(SCRATCH, ignore_errors=True)
    configure(PROOF, SCRATCH)
    own = RUN / "proof"
    own.mkdir(exist_ok=True)
    options = ["-c", "archive_mode=off", "-c", "listen_addresses=", "-c", f"unix_socket_directories={own}",
               "-c", f"config_file={POSTGRES}", "-c", "shared_buffers=16MB"]  # fmt: skip
    try:
        SCRATCH.mkdir(mode=0o700)
        pgbackrest("--archive-mode=off", "restore", config=PROOF)
        control = ["pg_ctl", "--pgdata", str(SCRATCH), "--wait", "--timeout=3600"]
        environment = os.environ | {"PGBACKREST_CONFIG": str(PROOF)}
        quiet = ["--log", "/dev/null", "--options", " ".join(options)]
        subprocess.run([*control, *quiet, "start"], check=True, env=environment, stdout=subprocess.DEVNULL)
        try:
            asked = ["psql", "--host", str(own), "--username=twinpool", "--dbname=app", "--no-align", "--tuples-only",
                     "--command", "SELECT count(*) FROM pg_stat_user_tables"]  # fmt: skip
            tables = int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
        finally:
            subprocess.run([*control, "--mode=immediate", "stop"], check=True, stdout=subprocess.DEVNULL)
        if not tables:
            sys.exit("The restored database has no table of the project's.")
        PROVEN.write_text(str(int(time.time())))
        print(f"the newest backup was restored into a scratch cluster: {tables} tables")
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        PROOF.unlink(missing_ok=True)


def tell() -> None:
    proven = int(PROVEN.read_text()) if PROVEN.exists() else 0
    print(json.dumps({"backups": backups(), "proven": proven}))


def restore(moment: str, over: str = "") -> None:
    if CLUSTER.exists() and not over:
        sys.exit("There is a database here already.")
    shutil.rmtree(FRESH, ignore_errors=True)
    FRESH.mkdir(mode=0o700)
    configure(CONFIG, FRESH)
    target = [] if moment == "latest" else ["--type=time", f"--target={moment}", "--target-action=promote"]
    pgbackrest(*target, "restore")


def take() -> None:
    if CLUSTER.exists():
        shutil.rmtree(BEFORE, ignore_errors=True)
        CLUSTER.rename(BEFORE)
    FRESH.rename(CLUSTER)


def main(verb: str, *words: str) -> None:
    os.umask(0o077)
    if not KEY.exists():
        sys.exit("This host has no place for backups. Name one: BACKUP=…")
    configure(CONFIG, CLUSTER)
    verbs: dict[str, Callable[..., None]] = {
        "ready": ready, "run": run, "prove": prove, "tell": tell, "restore": restore, "take": take
    }  # fmt: skip
    verbs[verb](*words)


if __name__ == "__main__":
    main(*sys.argv[1:])
