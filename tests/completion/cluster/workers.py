"""Workers that do what a test needs. They are sent to the processes of the cluster by value."""

import os
import signal
import time
from pathlib import Path

from completion.cluster.worker import Worker

POISON = "poison.png"


class NotingWorker(Worker):
    """Writes a file for each call: the pictures, under the number of the process. Every picture takes a while."""

    def _complete(self, items, count, batch_size):
        notes = Path(os.environ["NOTES"])
        names = [source.path.name for source, _ in items]
        (notes / f"{os.getpid()}-{time.time_ns()}").write_text("\n".join(names))
        if POISON in names:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05 * len(items))
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
