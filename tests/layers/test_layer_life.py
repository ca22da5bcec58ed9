"""What happens to a layer: read again, taken back, described, removed; and who sees what when."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from delivered import point, write_geojson
from publishing import LAT, LON, features, publish
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.layers import queries, service, showing
from gis_registry.layers.origins import moved_origin
from gis_registry.layers.periods import next_time
from gis_registry.layers.refreshing import late_layers, refresh_due

NOON = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)  # by the city's clock


def written(path: Path, count: int, *, seconds: float = 0) -> Path:
    """Write so many features, at a time that differs from others'."""
    write_geojson(path, [(point(LON, LAT), {"n": n}) for n in range(count)])
    os.utime(path, (1_750_000_000 + seconds, 1_750_000_000 + seconds))
    return path


def shown_at(moment: datetime) -> None:
    """Let the clock show a moment."""
    real = datetime.now(UTC)
    clock.simulate(clock.SimulatedClock(moment, real, 1.0))


def happened(session: Session, name: str = "things") -> list[str]:
    return [one.kind for one in reversed(showing.history(session, name))]


def test_a_file_is_loaded_again_when_it_changed(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", 2)
    publish(session, path)
    assert service.refresh(session, "things", actor="me") is None
    os.utime(path)  # touched, but the same
    assert service.refresh(session, "things", actor="me") is None
    written(path, 3, seconds=60)
    event = service.refresh(session, "things", actor="me")
    assert event is not None
    assert (event.kind, event.sentence, event.actor) == ("loaded", "3 features.", "me")
    entry = showing.show(session, "THINGS")
    assert (entry.version, len(features(session, entry))) == (2, 3)
    forced = service.refresh(session, "things", actor="me", is_forced=True)
    assert forced is not None
    assert forced.number == 3
    assert happened(session) == ["added", "loaded", "loaded"]


def test_what_fails_is_kept_in_the_history_and_changes_nothing(
    session: Session, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.geojson", 2)
    publish(session, path, refresh="daily")
    token = session.scalar(text("SELECT token FROM layers_state"))
    for content in ("{", '{"type": "FeatureCollection", "features": []}'):
        path.write_text(content)
        event = service.refresh(session, "things", actor="me")
        assert event is not None
        assert event.kind == "failed"
    path.unlink()
    event = service.refresh(session, "things", actor="me")
    assert event is not None
    assert "any more" in event.sentence
    entry = showing.show(session, "things")
    assert (entry.version, entry.problem) == (1, event.sentence)
    assert len(features(session, entry)) == 2
    assert [one.problem for one in late_layers(session)] == [event.sentence]
    assert session.scalar(text("SELECT token FROM layers_state")) == token


def test_another_file_takes_the_place_of_the_first_only_if_it_can_be_published(
    session: Session, tmp_path: Path
) -> None:
    before = publish(session, written(tmp_path / "a.geojson", 2)).origin
    (tmp_path / "bad.geojson").write_text("{")
    for name, kind, features_now in (("bad", "failed", 2), ("good", "loaded", 3)):
        path = tmp_path / f"{name}.geojson"
        if name == "good":
            written(path, 3)
        origin = moved_origin(session, before, str(path))
        event = service.refresh(session, "things", actor="me", origin=origin)
        assert event is not None
        assert event.kind == kind
        entry = showing.show(session, "things")
        assert entry.origin == (origin if name == "good" else before)
        assert len(features(session, entry)) == features_now


def test_going_back_and_on(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", 1)
    publish(session, path)
    with pytest.raises(Conflict, match=r"earlier version: published is 1, kept besides: none"):
        service.revert(session, "things", actor="me")
    for count in (2, 3, 4):
        written(path, count, seconds=count)
        service.refresh(session, "things", actor="me", kept=3)
    kept = [one.number for one in showing.show(session, "things").versions if one.is_kept]
    assert kept == [4, 3, 2]
    assert happened(session)[-2:] == ["loaded", "dropped"]
    assert service.revert(session, "things", actor="me").version == 3
    assert len(features(session, showing.show(session, "things"))) == 3
    assert service.refresh(session, "things", actor="me") is None  # the file is what it was
    with pytest.raises(Conflict, match="version 1"):
        service.revert(session, "things", actor="me", to=1)
    service.revert(session, "things", actor="me", to=2)
    with pytest.raises(Conflict) as refused:
        service.revert(session, "things", actor="me")
    assert str(refused.value) == (
        "The layer things cannot go back to an earlier version: published is 2, kept besides: "
        "4, 3 (gis-registry layer revert things --to 4)."
    )
    assert service.revert(session, "things", actor="me", to=4).version == 4
    written(path, 5, seconds=5)
    service.refresh(session, "things", actor="me", kept=3)
    assert showing.show(session, "things").version == 5


def test_a_version_is_read_from_what_it_was_read_from(session: Session, tmp_path: Path) -> None:
    before = publish(session, written(tmp_path / "a.geojson", 2)).origin
    origin = moved_origin(session, before, str(written(tmp_path / "b.geojson", 3)))
    service.refresh(session, "things", actor="me", origin=origin)
    service.revert(session, "things", actor="me")
    assert showing.show(session, "things").origin == before
    assert service.refresh(session, "things", actor="me") is None
    service.revert(session, "things", actor="me", to=2)
    assert showing.show(session, "things").origin == origin
    assert service.refresh(session, "things", actor="me") is None
    service.revert(session, "things", actor="me", to=1)
    written(tmp_path / "a.geojson", 4, seconds=60)
    service.refresh(session, "things", actor="me")
    entry = showing.show(session, "things")
    assert (entry.version, entry.origin, entry.quality.features) == (3, before, 4)


def test_a_removed_layer_can_be_published_again(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", 1)
    publish(session, path)
    with pytest.raises(Conflict, match="already"):
        publish(session, path, "Things")
    service.remove(session, "things", actor="me")
    assert showing.layers(session) == []
    with pytest.raises(NotFound, match="layer revert things"):
        service.refresh(session, "things", actor="me")
    with pytest.raises(Conflict, match="--for-good"):
        publish(session, path)
    service.revert(session, "things", actor="me")
    assert [one.name for one in showing.layers(session)] == ["things"]
    service.remove(session, "things", actor="me", is_for_good=True)
    assert session.scalar(text("SELECT count(*) FROM layer_versions")) == 0
    assert session.scalar(text("SELECT to_regclass('layers.things_1')")) is None
    with pytest.raises(NotFound, match="no layer 'thing'"):
        service.find(session, "thing")
    assert publish(session, path).version == 1


def test_what_is_said_of_a_layer(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", 1)
    publish(session, path, department="市园林和林业局", field="园林绿化", keywords=["公园"])
    changed = {"licence": "CC BY 4.0", "department": "", "keywords": ["绿地"]}
    service.describe(session, "things", changed, actor="me")
    entry = showing.show(session, "things")
    assert (entry.licence, entry.department, entry.field) == ("CC BY 4.0", None, "园林绿化")
    assert entry.keywords == ["绿地"]
    said = {"department": "市园林和林业", "field": "园林绿化"}
    assert service.hints(session, **said) == []  # the department was taken away
    service.describe(session, "things", {"department": "市园林和林业局"}, actor="me")
    (hint,) = service.hints(session, **said)
    assert "'市园林和林业局'" in hint
    with pytest.raises(InvalidInput, match="what is to change"):
        service.describe(session, "things", {}, actor="me")


@pytest.mark.parametrize("period", ["now", "* * *", "61 * * * *", "", "@daily", "0 0 30 2 *"])
def test_how_often_must_be_said_so_that_it_is_understood(
    session: Session, tmp_path: Path, period: str
) -> None:
    path = written(tmp_path / "a.geojson", 1)
    with pytest.raises(InvalidInput, match="how often"):
        publish(session, path, refresh=period)


def test_periods_go_by_the_citys_clock() -> None:
    assert next_time("daily", NOON, "Asia/Shanghai") == datetime(2026, 6, 30, 18, 20, tzinfo=UTC)
    assert next_time("30 6 * * 1", NOON, "Asia/Shanghai") == datetime(
        2026, 7, 5, 22, 30, tzinfo=UTC
    )


def test_the_worker_reads_what_is_due(session: Session, tmp_path: Path) -> None:
    shown_at(NOON)
    path = written(tmp_path / "a.geojson", 1)
    publish(session, path, refresh="hourly")
    assert refresh_due(session, kept=5) is False
    written(path, 2, seconds=60)
    shown_at(NOON + timedelta(minutes=30))
    assert [one.name for one in late_layers(session)] == ["things"]
    assert "worker" in late_layers(session)[0].problem
    assert refresh_due(session, kept=5) is True
    assert showing.show(session, "things").version == 2
    assert refresh_due(session, kept=5) is False
    assert late_layers(session) == []
    service.describe(session, "things", {"refresh": None}, actor="me")
    assert showing.show(session, "things").next_refresh_at is None


def test_the_worker_leaves_a_layer_to_whoever_loads_it(
    own_database: Database, tmp_path: Path
) -> None:
    shown_at(NOON)
    paths = {name: written(tmp_path / f"{name}.geojson", 1) for name in ("first", "second")}
    for hour, (name, path) in enumerate(paths.items(), start=1):
        with own_database.session() as session:
            publish(session, path, name, refresh=f"0 {NOON.hour + 8 + hour} * * *")
        written(path, 2, seconds=60)
    shown_at(NOON + timedelta(hours=1, minutes=30))
    with own_database.session() as command:
        queries.lock_name(command, "first")
        with own_database.session() as worker:
            worker.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert refresh_due(worker, kept=5) is False
            event = service.refresh(command, "first", actor="me")
            assert event is not None
            assert event.kind == "loaded"
    shown_at(NOON + timedelta(days=1, hours=3))
    with own_database.session() as command:
        queries.lock_name(command, "First")
        with own_database.session() as worker:
            assert refresh_due(worker, kept=5) is True
    with own_database.session() as session:
        assert happened(session, "first") == happened(session, "second") == ["added", "loaded"]


def test_the_worker_does_not_repeat_what_was_just_done(
    own_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_at(NOON)
    path = written(tmp_path / "a.geojson", 1)
    with own_database.session() as session:
        publish(session, path, refresh="hourly")
    shown_at(NOON + timedelta(hours=1))
    try_lock_name = queries.try_lock_name

    def after_the_command(session: Session, name: str) -> bool:
        with own_database.session() as command:
            service.refresh(command, name, actor="me")
        return try_lock_name(session, name)

    monkeypatch.setattr(queries, "try_lock_name", after_the_command)
    with own_database.session() as session:
        assert refresh_due(session, kept=5) is False


def test_the_city_is_where_its_areas_are_on_a_date(session: Session) -> None:
    before = queries.city_box(session, NOON.date())
    session.execute(
        text(
            "INSERT INTO division_areas (division_code, geom, valid_from, source)"
            " SELECT division_code, ST_Translate(geom, 10, 0), :day, source FROM division_areas"
        ),
        {"day": NOON.date() + timedelta(days=1)},
    )
    later = queries.city_box(session, NOON.date() + timedelta(days=1))
    assert queries.city_box(session, NOON.date()) == before
    assert before is not None
    assert later is not None
    assert later[2] == pytest.approx(before[2] + 10)


def test_times_of_features(session: Session, tmp_path: Path) -> None:
    rows = [(point(LON, LAT), {"day": day, "n": 1}) for day in ("2024-01-31", "2025-02-01")]
    path = write_geojson(tmp_path / "a.geojson", rows)
    with pytest.raises(InvalidInput, match="type integer; --time names"):
        publish(session, path, time_field="n")
    with pytest.raises(InvalidInput, match="no field 'month', which --time names"):
        publish(session, path, time_field="month")
    entry = publish(session, path, time_field="day")
    day = next(one for one in entry.columns if one.name == "day")
    assert (day.type, day.least, day.greatest) == ("date", "2024-01-31", "2025-02-01")


def test_readers_see_before_or_after(own_database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.geojson", 1000)
    with own_database.session() as session:
        publish(session, path)
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with own_database.session() as session:
                (row,) = queries.summaries(session)
                table = row["table_name"]
                count = session.scalar(text(f'SELECT count(*) FROM layers."{table}"'))
                seen.append((row["version"], int(count or 0)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in (2, 3, 4):
        written(path, 1000 * number, seconds=number)
        with own_database.session() as session:
            event = service.refresh(session, "things", actor="me", kept=2)
            assert event is not None
    stop.set()
    reader.join()
    assert {count for _, count in seen} <= {1000, 2000, 3000, 4000}
    assert all(count == 1000 * version for version, count in seen)
    assert [version for version, _ in seen] == sorted(version for version, _ in seen)
