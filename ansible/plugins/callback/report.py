"""Ansible callback `report`: the log of a play as a report. A line a step that did something, with its time."""

import os
import sys
import time
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: report
type: stdout
short_description: a line a step, with its time; a failure says what to do
description: Steps that had nothing to do are not shown, unless -v asks for them.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "report"

    def __init__(self) -> None:
        super().__init__()
        self.began = time.monotonic()
        self.step_began = self.began
        self.shown = ""
        self.many = False  # hosts in this play: then each line names its own
        self.speaker = ""

    def v2_playbook_on_play_start(self, play: Any) -> None:
        manager = play.get_variable_manager()
        self.many = len(manager._inventory.get_hosts(play.hosts)) > 1 and not play.serial
        self.speaker = ""

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self.step_began = time.monotonic()
        if "announce" in task.tags and os.isatty(1):
            self._display.display(f"           {task.get_name().rpartition(' : ')[2]} …")

    def v2_runner_on_ok(self, result: Any) -> None:
        outcome, task = result._result, result._task
        if task.action.rpartition(".")[2] == "debug":
            self._say(outcome, "" if task.run_once or not self.many else result._host.get_name())
        elif outcome.get("changed") or "step" in task.tags or self._display.verbosity:
            name = task.get_name().rpartition(" : ")[2]
            seconds = time.monotonic() - self.step_began
            would = "would change: " if context.CLIARGS.get("check") and outcome.get("changed") else ""
            self._display.display(
                f"[{time.monotonic() - self.began:6.1f} s] {would}{name}"
                + (f"  ({seconds:.1f} s)" if seconds >= 1 else "")
                + (f"  {result._host.get_name()}" if self.many and not task.run_once else "")
            )

    def _say(self, outcome: dict[str, Any], speaker: str) -> None:
        if speaker and speaker != self.speaker:
            self._display.display(f"{speaker}:")
        self.speaker = speaker
        message = outcome.get("msg", "")
        for line in message if isinstance(message, list) else str(message).splitlines():
            self._display.display(str(line))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if ignore_errors:
            return
        outcome = result._result
        name = result._task.get_name().rpartition(" : ")[2]
        told = "\n".join(
            str(part).strip()
            for part in (outcome.get("msg"), outcome.get("stdout"), outcome.get("stderr"))
            if part and part != "non-zero return code"
        )
        if outcome.get("censored") or result._task.no_log:
            told = "What it says is not shown, since it holds secrets."
        if told in (self.shown, "One or more items failed"):  # said already, by a rescue or by the item
            return
        self.shown = told
        self._display.display(f"[{time.monotonic() - self.began:6.1f} s] {name}: failed", color="red", stderr=True)
        self._display.display(told, stderr=True)
        sys.stdout.flush()

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._display.display(
            f"{result._host.get_name()} cannot be reached: {result._result.get('msg', '')}", stderr=True
        )

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self.v2_runner_on_failed(result)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._display.display("No host matches; see the inventory.", stderr=True)
