"""Waits for what was applied, and says why it will not come.

watch.py HELPERS KUBECTL KUBECONFIG CONTEXT NAMESPACE VERB SECONDS NAME…
rolled SECONDS deployment/NAME…    each has all its pods of the new kind, ready
ended SECONDS job/NAME             it has completed; prints its log
ready SECONDS job/NAME…            the pod of each is ready
gone SECONDS SELECTOR…             no pod of these is ending any more
Ends with 1 and the reason, with the last log lines of the pod, as soon as it is clear, or when the time is over.
"""

import json
import subprocess
import sys
import time
from typing import Any

# A registry may fail once (ErrImagePull); the back-off comes after the second time.
HOPELESS = {"ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "ImagePullBackOff", "CrashLoopBackOff"}


class Watch:
    def __init__(self, kubectl: list[str], seconds: float) -> None:
        self.kubectl, self.end, self.seconds = kubectl, time.monotonic() + seconds, seconds
        self.last = ""

    def get(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [*self.kubectl, "get", *words, "--output=json"], check=False, capture_output=True, text=True
        )
        if done.returncode:
            self.last = done.stderr.strip()
            return {}
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def log(self, pod: str) -> str:
        for options in (["--previous"], []):
            done = subprocess.run(
                [*self.kubectl, "logs", pod, "--tail=200", *options], check=False, capture_output=True, text=True
            )
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout
        return ""

    def pods(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        return list(self.get("pods", selector(labels)).get("items", []))

    def ending(self, words: str) -> bool:
        found = self.get("pods", f"--selector={words}").get("items", [])
        return any("deletionTimestamp" in pod["metadata"] for pod in found)

    def wait(self) -> bool:
        """False when the time is over."""
        time.sleep(0.5)
        return time.monotonic() < self.end

    def rolled(self, *names: str) -> int:
        for name in names:
            while True:
                told = self.get(name)
                if told and is_rolled(told):
                    break
                newest = self.newest(told) if told else []
                if why := next((reason for pod in newest if (reason := failing(pod))), ""):
                    return self.fail(newest, why)
                if not self.wait():
                    return self.fail(newest, f"{name} is not ready after {self.seconds:.0f} s. {self.last}")
        return 0

    def newest(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        """Pods of the ReplicaSet of its newest revision."""
        if not is_seen(deployment):
            return []
        sets = self.get("replicasets", selector(deployment["spec"]["selector"]["matchLabels"])).get("items", [])
        mine = [one for one in sets if revision(one) == revision(deployment)]
        return self.pods(mine[0]["spec"]["selector"]["matchLabels"]) if mine else []

    def ended(self, name: str) -> int:
        while True:
            told = self.get(name)
            counts = told.get("status", {})
            pods = self.pods({"batch.kubernetes.io/job-name": name.partition("/")[2]}) if told else []
            conditions = {one["type"] for one in counts.get("conditions", []) if one["status"] == "True"}
            if conditions & {"Complete", "SuccessCriteriaMet"}:
                print(self.log(newest_of(pods)["metadata"]["name"]) if pods else "")
                return 0
            failed = [pod for pod in pods if pod["status"].get("phase") == "Failed"]
            if "Failed" in conditions or counts.get("failed", 0) > told.get("spec", {}).get("backoffLimit", 0):
                return self.fail(failed or pods, f"{name} failed")
            if why := next((reason for pod in pods if (reason := failing(pod))), ""):
                return self.fail(pods, why)
            if not self.wait():
                return self.fail(pods, f"{name} has not ended after {self.seconds:.0f} s. {self.last}")

    def ready(self, *names: str) -> int:
        for name in names:
            while not (told := self.get(name)).get("status", {}).get("ready"):
                pods = self.pods({"batch.kubernetes.io/job-name": name.partition("/")[2]}) if told else []
                if told.get("status", {}).get("failed"):
                    return self.fail(pods, f"{name} has ended instead of becoming ready")
                if why := next((reason for pod in pods if (reason := failing(pod))), ""):
                    return self.fail(pods, why)
                if not self.wait():
                    return self.fail(pods, f"{name} is not ready after {self.seconds:.0f} s. {self.last}")
        return 0

    def gone(self, *selectors: str) -> int:
        for selector in selectors:
            while any(
                "deletionTimestamp" in pod["metadata"]
                for pod in self.get("pods", f"--selector={selector}").get("items", [])
            ):
                if not self.wait():
                    print(f"pods of {selector} are still ending after {self.seconds:.0f} s")
                    return 1
        return 0

    def fail(self, pods: list[dict[str, Any]], why: str) -> int:
        from ready import last_lines

        print(why)
        if pods:
            pod = next((pod for pod in pods if failing(pod)), newest_of(pods))
            name = pod["metadata"]["name"]
            if log := self.log(name):
                print(f"Last log lines of {name}:\n{last_lines(log)}")
            else:
                events = self.get("events", f"--field-selector=involvedObject.name={name}").get("items", [])
                print("\n".join([f"{name} has written nothing.", *(one.get("message", "") for one in events[-3:])]))
        return 1


def selector(labels: dict[str, str]) -> str:
    return "--selector=" + ",".join(f"{name}={value}" for name, value in labels.items())


def revision(told: dict[str, Any]) -> str:
    return str(told["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", ""))


def newest_of(pods: list[dict[str, Any]]) -> dict[str, Any]:
    return max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])


def is_seen(told: dict[str, Any]) -> bool:
    """Its controller has acted on what was applied last."""
    return bool(told.get("status", {}).get("observedGeneration", 0) >= told["metadata"]["generation"])


def is_rolled(told: dict[str, Any]) -> bool:
    """As `kubectl rollout status` has it: seen, all of the new kind, available, none of the old kind."""
    want, status = told["spec"].get("replicas", 1), told.get("status", {})
    return bool(
        is_seen(told)
        and status.get("updatedReplicas", 0) >= want
        and status.get("availableReplicas", 0) >= want
        and status.get("replicas", 0) == status.get("updatedReplicas", 0)
    )


def failing(pod: dict[str, Any]) -> str:
    """Why its container will not run; empty while it still may."""
    name = pod["metadata"]["name"]
    for one in pod["status"].get("containerStatuses", []):
        waiting, ended = one["state"].get("waiting", {}), one.get("lastState", {}).get("terminated", {})
        reason = waiting.get("reason", "")
        if ended and (reason in HOPELESS or one.get("restartCount", 0) >= 2):
            return f"{name}: its container ended with exit code {ended['exitCode']}, {one['restartCount']} times"
        if reason in HOPELESS:
            return f"{name}: {reason}: {waiting.get('message', '')}"
    return ""


def main(words: list[str]) -> int:
    helpers, kubectl, kubeconfig, context, namespace, verb, seconds, *names = words
    sys.path.append(helpers)
    command = [kubectl, f"--namespace={namespace}"]
    command += [f"--kubeconfig={kubeconfig}"] if kubeconfig != "-" else []
    command += [f"--context={context}"] if context != "-" else []
    watch = Watch(command, float(seconds))
    code: int = {"rolled": watch.rolled, "ended": watch.ended, "ready": watch.ready, "gone": watch.gone}[verb](*names)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
