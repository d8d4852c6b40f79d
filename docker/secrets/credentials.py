"""Makes a site's secrets, once; what is there stays. On a Docker host they are files, on Kubernetes a trial's Secret.

credentials.py FOLDER UID     makes what FOLDER lacks, each a file of mode 0600 of that user; prints what it made
"""

import hashlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

GENERATED = ("secret_key", "postgres_password", "redis_password", "probe_secret")


def missing(known: Mapping[str, str]) -> dict[str, str]:
    """Values by name that `known` lacks. An address is made of the password that is known, where one is."""
    values = {name: secrets.token_urlsafe(48) for name in GENERATED} | {name: known[name].strip() for name in known}
    made = {name: values[name] for name in GENERATED} | {
        # Settings files that look at the scheme themselves know this one, the older.
        "database_url": f"postgres://app:{values['postgres_password']}@postgres:5432/app",
        "redis_url": f"redis://:{values['redis_password']}@redis:6379/0",
        "redis_acl": f"user default on #{_digest(values['redis_password'])} ~* &* +@all -@admin\n",
    }
    return {name: value for name, value in made.items() if name not in known}


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def write(folder: Path, uid: int) -> list[str]:
    """Makes the folder and the files that it lacks, closed to everybody but `uid`; their names."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chown(folder, uid, uid)
    made = missing({file.name: file.read_text() for file in folder.iterdir() if file.is_file()})
    for name, value in made.items():
        beside = folder / f".{name}.new"
        beside.touch(mode=0o600)
        beside.write_text(value)
        os.chown(beside, uid, uid)
        beside.rename(folder / name)
    return list(made)


if __name__ == "__main__":
    print("\n".join(write(Path(sys.argv[1]), int(sys.argv[2]))))
