"""The clients of a day: few threads that do what is due by the simulated clock, or at once if late.

What a case goes through is a generator of tasks (:mod:`day_ways`): each has its time, is done by
one request, and its answer says how the case goes on.
"""

from __future__ import annotations

import heapq
import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gis_registry.clock import SimulatedClock

_JSON = "application/json"
_RETRY_S = 0.25
_GIVE_UP_S = 120.0
#: What a request can end with while the server or its database is away.
_AWAY = frozenset({500, 502, 503, 504})


@dataclass(frozen=True)
class Request:
    """One request, by whom; ``kind`` is what its time is counted under."""

    kind: str
    method: str
    path: str
    key: str
    body: bytes = b""
    media_type: str = _JSON
    if_match: int | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a request; ``is_repeat``: after a try of which no answer came."""

    status: int
    body: Any
    at: datetime
    is_repeat: bool = False


@dataclass(frozen=True)
class Task:
    """What a case goes on with: a request, or being filed with others; at or after a moment."""

    at: datetime
    request: Request | None
    case_id: int = 0


Way = Generator[Task, Answer, None]


class Refused(Exception):
    """The server said no where it had to say yes."""


@dataclass
class Timings:
    """How long requests took, by kind, and how many had to be sent again."""

    taken_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    repeated: Counter[str] = field(default_factory=Counter)


class Connection:
    """A connection that is kept, and made again when it is lost."""

    def __init__(self, port: int, clock: SimulatedClock, timings: Timings) -> None:
        self._port = port
        self._clock = clock
        self._timings = timings
        self._http: http.client.HTTPConnection | None = None

    def __call__(self, request: Request) -> Answer:
        """Send a request until it is answered.

        Raises:
            Refused: nobody answered for minutes.
        """
        gives_up_s = time.monotonic() + _GIVE_UP_S
        is_repeat = False
        while True:
            began_s = time.perf_counter()
            try:
                status, body = self._send(request)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                status, body = 0, repr(error)
            if status not in _AWAY and status != 0:
                took_ms = (time.perf_counter() - began_s) * 1000
                self._timings.taken_ms[request.kind].append(took_ms)
                return Answer(status, body, self._clock.now(), is_repeat)
            if time.monotonic() > gives_up_s:
                raise Refused(f"{request.kind}: no answer ({status} {body})")
            self._timings.repeated[f"{request.kind} ({status or body})"] += 1
            is_repeat = True
            time.sleep(_RETRY_S)

    def close(self) -> None:
        """Let the connection go."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def __enter__(self) -> Connection:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the connection go."""
        self.close()

    def _send(self, request: Request) -> tuple[int, Any]:
        if self._http is None:
            self._http = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Bearer {request.key}", "Content-Type": request.media_type}
        if request.if_match is not None:
            headers["If-Match"] = f'"{request.if_match}"'
        self._http.request(request.method, request.path, request.body or None, headers)
        response = self._http.getresponse()
        content = response.read()
        is_json = "json" in (response.getheader("Content-Type") or "")
        return response.status, json.loads(content) if is_json else content


class Desk:
    """Where cases wait to be filed together: for so many, or for so long (simulated)."""

    def __init__(
        self,
        file: Callable[[list[int]], Request],
        *,
        most: int = 25,
        longest: timedelta = timedelta(minutes=8),
    ) -> None:
        self.file = file
        self.most = most
        self.longest = longest
        self.waiting: list[tuple[Way, int]] = []


class Clients:
    """Some clients that go the ways of all cases together."""

    def __init__(self, port: int, clock: SimulatedClock, desk: Desk) -> None:
        self.timings = Timings()
        self.done: list[Exception | None] = []
        self._port = port
        self._clock = clock
        self._desk = desk
        self._due: list[tuple[datetime, int, Callable[[Connection], None]]] = []
        self._count = 0
        self._open = 0
        self._changed = threading.Condition()
        self.latest = timedelta(0)
        self.steps = 0

    def run(self, ways: Iterable[Way], clients: int) -> None:
        """Go all ways to their ends; how each ended is in ``done``."""
        for way in ways:
            self._open += 1
            self._advance(way, None)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def _work(self) -> None:
        with Connection(self._port, self._clock, self.timings) as connection:
            while (work := self._next()) is not None:
                work(connection)

    def _next(self) -> Callable[[Connection], None] | None:
        """Return what is due, after waiting for it; None: everything is done."""
        with self._changed:
            while self._open:
                wait_s = None
                if self._due:
                    late = self._clock.now() - self._due[0][0]
                    if late >= timedelta(0):
                        self.latest = max(self.latest, late)
                        return heapq.heappop(self._due)[2]
                    wait_s = -late.total_seconds() / self._clock.speed
                self._changed.wait(wait_s)
            return None

    def _push(self, at: datetime, work: Callable[[Connection], None]) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._due, (at, self._count, work))
            if self._due[0][1] == self._count:
                self._changed.notify()

    def _advance(self, way: Way, answer: Answer | None) -> None:
        """Let a way take an answer and say what is next."""
        self.steps += 1
        try:
            task = next(way) if answer is None else way.send(answer)
        except StopIteration:
            self._end(None)
        except Exception as error:  # told at the end, with all others
            self._end(error)
        else:
            self._push(task.at, lambda connection: self._take(connection, way, task))

    def _end(self, error: Exception | None) -> None:
        with self._changed:
            self.done.append(error)
            self._open -= 1
            self._changed.notify_all()

    def _take(self, connection: Connection, way: Way, task: Task) -> None:
        if task.request is None:
            self._wait_at_desk(connection, way, task.case_id)
            return
        try:
            answer = connection(task.request)
        except Refused as error:
            way.close()
            self._end(error)
            return
        self._advance(way, answer)

    def _wait_at_desk(self, connection: Connection, way: Way, case_id: int) -> None:
        desk = self._desk
        with self._changed:
            desk.waiting.append((way, case_id))
            count = len(desk.waiting)
        if count == 1:
            self._push(self._clock.now() + desk.longest, self._file)
        elif count >= desk.most:
            self._file(connection)

    def _file(self, connection: Connection) -> None:
        """File all that wait at the desk, and let each go on with its own answer."""
        with self._changed:
            waiting, self._desk.waiting = self._desk.waiting, []
        if not waiting:
            return
        try:
            answer = connection(self._desk.file([case_id for _, case_id in waiting]))
        except Refused as error:
            for way, _ in waiting:
                way.close()
                self._end(error)
            return
        for way, _ in waiting:
            self._advance(way, answer)
