"""An event loop that waits for time alone: no grant here hands out a
descriptor that could become ready, and there are no threads."""
import asyncio
import time


class Timer:
    """Stands where a loop keeps its selector."""

    @staticmethod
    def select(timeout):
        if timeout is None:
            raise RuntimeError("the code awaits what nothing here completes")
        if timeout > 0:
            time.sleep(timeout)
        return ()

    @staticmethod
    def close():
        pass


class Loop(asyncio.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._selector = Timer

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def run_in_executor(self, executor, func, *args):
        """Runs `func` at once: there is no thread to give it to."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def install():
    asyncio.events._get_event_loop_policy()._loop_factory = Loop


def runner():
    return asyncio.Runner(loop_factory=Loop)
