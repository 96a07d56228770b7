"""The workers of a loader outlive signals to all processes of a job: the main process, which saves first, ends them."""

import os
import signal
import threading


def outlive_signals(worker: int) -> None:  # noqa: ARG001
    """Ignore Ctrl-C and the signals of schedulers in a worker of a DataLoader, its worker_init_fn.

    SIGTERM still ends the worker if it comes from its parent.
    """
    for name in ("SIGINT", "SIGUSR1"):
        if hasattr(signal, name):  # Windows has no SIGUSR1
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # Linux; elsewhere torch's own handler ends the worker
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
