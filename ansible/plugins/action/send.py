"""Ansible action `send`: images of this machine's engine to that of a server, by ssh, compressed, each layer once."""

import subprocess
import time
from typing import IO, Any

import hosts
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible.plugins.action import ActionBase

PIECE = 1 << 20  # bytes
EVERY = 5  # seconds between two lines of progress
display = Display()


class ActionModule(ActionBase):
    """Arguments: images, a list of names. Raises AnsibleActionFail with what docker or ssh said."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        images, variables = self._task.args["images"], task_vars or {}
        if self._task.check_mode:
            return {"changed": True}
        name = variables["inventory_hostname"]
        of_host = variables["hostvars"][name]
        reach = {f"ansible_{word}" for word in hosts.READ}
        resolved = {key: self._templar.template(of_host[key]) for key in of_host if key in reach}
        load = hosts.Host(name, hosts.ssh(name, resolved)).command("docker", "load", "--quiet")
        display.display(f"           sending {', '.join(images)}")
        pipe = subprocess.PIPE
        with (
            subprocess.Popen(["docker", "save", *images], stdout=pipe, stderr=pipe) as saved,
            subprocess.Popen(["gzip", "-1"], stdin=saved.stdout, stdout=pipe) as packed,
            subprocess.Popen(load, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as loaded,
        ):
            sent = pour(packed.stdout, loaded.stdin) if packed.stdout and loaded.stdin else 0
            told, _ = loaded.communicate()
            reason = saved.stderr.read() if saved.stderr else b""
        if saved.returncode or loaded.returncode:
            said = (reason + told).decode(errors="replace").strip()
            raise AnsibleActionFail(f"The images could not be brought to {name}:\n{said}\nNothing was changed there.")
        return {"changed": True, "sent": sent}


def pour(source: IO[bytes], target: IO[bytes]) -> int:
    """Everything from one to the other, telling how far it is; the bytes. That the other side ends is no error here."""
    sent, told = 0, time.monotonic()
    try:
        while piece := source.read(PIECE):
            target.write(piece)
            sent += len(piece)
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                display.display(f"           {sent >> 20} MiB")
    except BrokenPipeError:
        source.close()
    return sent
