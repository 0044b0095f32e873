"""Workers that do what a test needs. They are sent to the processes of the cluster by value."""

import os
import signal
import time
from pathlib import Path

from completion.cluster.worker import Worker

POISON = "poison.png"
HELD = "20.png"


def waiting_file():
    return Path(os.environ["NOTES"]).with_name("waiting")


class NotingWorker(Worker):
    """Writes a file for each call: the pictures, under the number of the process. Every picture takes a while."""

    @staticmethod
    def note(items):
        names = [source.path.name for source, _ in items]
        Path(os.environ["NOTES"], f"{os.getpid()}-{time.time_ns()}").write_text("\n".join(names))
        return names

    def _complete(self, items, count, batch_size):
        names = self.note(items)
        if POISON in names:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05 * len(items))
        return super()._complete(items, count, batch_size)


class WaitingWorker(NotingWorker):
    """Waits in the first call with the picture HELD, to be killed there; the number of its process is in a file."""

    def _complete(self, items, count, batch_size):
        held = waiting_file()
        if not held.exists() and HELD in {source.path.name for source, _ in items}:
            part = held.with_suffix(".part")
            part.write_text(str(os.getpid()))
            part.rename(held)
            NotingWorker.note(items)
            time.sleep(60.0)
        return super()._complete(items, count, batch_size)


class DyingWorker(Worker):
    """Ends while it loads the model."""

    def ready(self, task):
        os.kill(os.getpid(), signal.SIGKILL)


class ForeignWorker(Worker):
    """Has another version installed."""

    def ready(self, task):
        import dataclasses

        return super().ready(dataclasses.replace(task, version="0.0.1"))
