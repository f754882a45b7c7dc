"""What the report says about the machine and its packages."""

import platform
import sys

_PACKAGES = ("livecam", "numpy", "opencv-python-headless", "onnxruntime", "av", "pyvirtualcam")


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in MiB."""
    import psutil  # not before there is something to report

    info = psutil.Process().memory_info()
    if sys.platform == "win32":
        return float(info.peak_wset) / 2**20
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def cpu_s() -> float:
    """Processor time of this process so far, user and system, all threads, in s."""
    import psutil

    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def versions() -> dict[str, str]:
    """Versions of Python, the system and the packages that matter."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
