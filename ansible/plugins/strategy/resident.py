"""Tasks run in a process that stays (mitogen), on every CPU of the machine.

Mitogen would pin each of its processes to one CPU, and whatever a task starts inherits that: an engine, and with it
every container, for as long as it runs.
"""

import ansible_mitogen.affinity
import ansible_mitogen.loaders
import ansible_mitogen.strategy

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()  # the one that leaves everything as it is


Linear = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, Linear):  # type: ignore[misc]
    """Ansible's own order of tasks, linear."""
