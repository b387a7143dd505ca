"""The guest's clocks, as a client reads them."""

import re

from colo_harness.traffic.session import WrongAnswer
from colo_harness.traffic.tcp import TcpSession

_READING = re.compile(r"(\d+\.\d{9}) (\d+\.\d{9})")


class Clock(TcpSession):
    """Each record asks for the clock of the day and for the monotonic one, in seconds."""

    kind = what = "clock"
    port = 9007

    def _exchange_one(self, n: int) -> None:
        with self.operation("clock", n=n) as answer:
            self.stream.send(b"CLOCK\n")
            line = self.stream.line()
            reading = _READING.fullmatch(line)
            if not reading:
                raise WrongAnswer(f"no clocks: {line!r}")
            answer.update(day=float(reading[1]), monotonic=float(reading[2]))
