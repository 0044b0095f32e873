"""Settings of the engines that complete a list of pictures, for the command line. Pure standard library."""

import dataclasses

__all__ = ["ENGINES", "GPUS_MAX", "ClusterOptions"]

ENGINES = ("local", "ray")
GPUS_MAX = 64  # of one worker


@dataclasses.dataclass(frozen=True)
class ClusterOptions:
    """What the user says about the cluster.

    Attributes
    ----------
    address : str, optional
        Of a running cluster, "HOST:PORT", "ray://HOST:PORT" or "auto"; None starts one on this computer.
    workers : int, optional
        Processes that complete pictures; by default as many as the cluster has room for.
    gpus_per_worker : int
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: int = 0
