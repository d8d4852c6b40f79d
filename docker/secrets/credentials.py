"""Makes a site's secrets, once; what is there stays. On a Docker host they are files, on Kubernetes a trial's Secret.

credentials.py FOLDER UID         makes what FOLDER lacks, each a file of mode 0600 of that user; prints what it made.
                                  What standard input, a JSON object, has of them is taken and not made
credentials.py FOLDER UID NAME…   writes those of standard input's, as they are there; prints what changed
credentials.py FOLDER             prints them as a JSON object
"""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

GENERATED = ("secret_key", "postgres_password", "redis_password", "probe_secret", "backup_key")


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


def there(folder: Path) -> dict[str, str]:
    files = folder.iterdir() if folder.is_dir() else ()
    return {file.name: file.read_text() for file in files if file.is_file() and not file.name.startswith(".")}


def write(folder: Path, uid: int, given: Mapping[str, str] | None = None) -> list[str]:
    """Makes what the folder lacks, of what is given where it is; their names."""
    known = there(folder)
    lacking = {name: value for name, value in (given or {}).items() if name not in known}
    return put(folder, uid, lacking | missing(known | lacking))


def put(folder: Path, uid: int, values: Mapping[str, str]) -> list[str]:
    """Writes those that differ from what is there, closed to everybody but `uid`; their names."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chown(folder, uid, uid)
    known = there(folder)
    changed = [name for name in values if values[name] != known.get(name)]
    for name in changed:
        beside = folder / f".{name}.new"
        beside.touch(mode=0o600)
        beside.write_text(values[name])
        os.chown(beside, uid, uid)
        beside.rename(folder / name)
    return changed


def main(folder: Path, *words: str) -> str:
    if not words:
        return json.dumps(there(folder))
    uid, *names = words
    given = json.loads(("" if sys.stdin.isatty() else sys.stdin.read()) or "{}")
    if names:
        return "\n".join(put(folder, int(uid), {name: given[name] for name in names}))
    return "\n".join(write(folder, int(uid), given))


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), *sys.argv[2:]))
