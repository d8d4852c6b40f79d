"""Ansible module `files`: writes several files in one go, each only where it differs and all at once or not at all.

`copy` in a loop says the same, at two starts of a Python a file; a deploy writes ten.
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: files
short_description: writes several files in one go
description: Each is written beside its place and moved there; folders on the way are made, open to read.
options:
  files:
    description: what to write
    type: list
    elements: dict
    required: true
    suboptions:
      path: { type: path, required: true, description: where }
      content: { type: str, required: true, no_log: true, description: what }
      mode: { type: str, default: "0644", description: in octal digits }
"""


def differs(path: Path, content: bytes, mode: int) -> bool:
    return not path.is_file() or path.read_bytes() != content or path.stat().st_mode & 0o7777 != mode


def main() -> None:
    asked = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True, "no_log": True},  # it may hold what a project keeps to itself
        "mode": {"type": "str", "default": "0644"},
    }
    module = AnsibleModule(
        {"files": {"type": "list", "elements": "dict", "required": True, "options": asked}}, supports_check_mode=True
    )
    wanted = [(Path(one["path"]), one["content"].encode(), int(one["mode"], 8)) for one in module.params["files"]]
    changed = [one for one in wanted if differs(*one)]
    try:
        for path, content, mode in [] if module.check_mode else changed:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            beside = path.with_name(f".{path.name}.new")
            beside.touch(mode=0o600)
            beside.write_bytes(content)
            beside.chmod(mode)
        for path, _, _ in [] if module.check_mode else changed:
            path.with_name(f".{path.name}.new").rename(path)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or path} cannot be written: {error.strerror}")
    module.exit_json(changed=bool(changed), written=[str(path) for path, _, _ in changed])


if __name__ == "__main__":
    main()
