"""``gis-registry report cameras``, ``sensors`` and ``kinds``: devices, and what citizens report."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cli.context import (
    AsJson,
    Before,
    DryRun,
    actor,
    city_profile,
    city_zone,
    transaction,
)
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.reports import alarms, citizen_kinds, video
from gis_registry.reports import sensors as service
from gis_registry.reports.alarming import Event
from gis_registry.reports.device_schemas import Alarm

if TYPE_CHECKING:
    from gis_registry.reports.device_loading import FileKind

cameras = typer.Typer(help="Cameras and what they saw.", no_args_is_help=True)
sensors = typer.Typer(help="Sensors, their rules and alarms.", no_args_is_help=True)
kinds = typer.Typer(help="What citizens can choose to report.", no_args_is_help=True)

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="CSV files, told apart by their columns; left out: the city profile's."),
]


@cameras.command("load")
def load_cameras(files: Files = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Load cameras and kinds of video matters; what is there is brought up to date."""
    from gis_registry.reports.device_loading import FileKind

    _load(files, [FileKind.CAMERAS, FileKind.VIDEO_KINDS], dry_run=dry_run, as_json=as_json)


@cameras.command("list")
def list_cameras(as_json: AsJson = False) -> None:
    """List cameras."""
    with transaction() as session:
        found = video.list_cameras(session)
    if as_json:
        print_json(found)
        return
    print_table(
        ["code", "name", "lon", "lat", "heading", "pitch", "range"],
        (
            (
                one.code,
                f"{one.name_zh} {one.name_en}",
                f"{one.lon:.6f}",
                f"{one.lat:.6f}",
                f"{one.heading_deg:g}°",
                None if one.pitch_deg is None else f"{one.pitch_deg:g}°",
                f"{one.range_m:g} m",
            )
            for one in found
        ),
    )
    tell(f"{len(found)} in all, {sum(one.is_synthetic for one in found)} of them synthetic.")


@cameras.command("sightings")
def list_sightings(
    unreported: Annotated[
        bool, typer.Option("--unreported", help="Only those without a report.")
    ] = False,
    before: Before = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List what cameras saw, the newest first, and why some of it was not reported."""
    with transaction() as session:
        page = video.page(
            session, is_reported=False if unreported else None, before=before, limit=limit
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["sighting", "camera", "kind", "frames", "confidence", "report", "not reported"],
        (
            (
                one.id,
                one.camera,
                one.kind,
                one.frame_count,
                f"{one.best_confidence:.0%}",
                one.report_id,
                f"{one.not_reported.zh} {one.not_reported.en}" if one.not_reported else None,
            )
            for one in page.sightings
        ),
    )
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")


@sensors.command("load")
def load_sensors(files: Files = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Load sensors and their rules; what is there is brought up to date."""
    from gis_registry.reports.device_loading import FileKind

    _load(files, [FileKind.SENSORS, FileKind.SENSOR_RULES], dry_run=dry_run, as_json=as_json)


@sensors.command("list")
def list_sensors(
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    after: Annotated[str | None, typer.Option(help="Those after this code.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List sensors, and how many alarms of each are open."""
    with transaction() as session:
        page = service.page(session, kind=kind, after=after, limit=limit)
    if as_json:
        print_json(page)
        return
    print_table(
        ["code", "kind", "name", "component", "open alarms"],
        (
            (
                one.code,
                one.kind + (" · synthetic" if one.is_synthetic else ""),
                f"{one.name_zh} {one.name_en}",
                one.component_code,
                one.open_alarms,
            )
            for one in page.sensors
        ),
    )
    if page.next_after:
        tell(f"There are more: --after {page.next_after}")


@sensors.command("show")
def show_sensor(
    code: Annotated[str, typer.Argument(help="Code of the sensor.")], as_json: AsJson = False
) -> None:
    """Show a sensor, its newest values and open alarms."""
    with transaction() as session:
        found = service.show_sensor(session, code)
        zone = city_zone(session)
    if as_json:
        print_json(found)
        return
    readings = [(one.quantity, f"{one.value:g} at {_time(one.at, zone)}") for one in found.readings]
    print_facts(
        [
            ("sensor", found.code),
            ("name", f"{found.name_zh} {found.name_en}"),
            ("kind", found.kind + (" · synthetic" if found.is_synthetic else "")),
            ("component", found.component_code),
            *(readings or [("readings", "none yet")]),
            *(
                ("alarm", f"{one.rule} since {_time(one.raised_at, zone)}, {_came_to(one)}")
                for one in found.alarms
            ),
        ]
    )


@sensors.command("alarms")
def list_alarms(
    only_open: Annotated[
        bool, typer.Option("--open", help="Only those that have not cleared.")
    ] = False,
    unreported: Annotated[
        bool, typer.Option("--unreported", help="Only those without a report.")
    ] = False,
    before: Before = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List alarms, the newest first, and why some of them were not reported."""
    with transaction() as session:
        page = service.alarm_page(
            session,
            only_open=only_open,
            is_reported=False if unreported else None,
            before=before,
            limit=limit,
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["alarm", "device", "rule", "raised", "cleared", "peak", "report", "not reported"],
        (
            (
                one.id,
                one.device,
                one.rule,
                one.raised_at.isoformat(),
                one.cleared_at.isoformat() if one.cleared_at else None,
                f"{one.peak:g}",
                one.report_id,
                one.refusal,
            )
            for one in page.alarms
        ),
    )
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")


@sensors.command("check")
def check_sensors(as_json: AsJson = False) -> None:
    """Raise alarms for silent sensors, and report refused ones again; run it every few minutes."""
    with transaction() as session:
        done = alarms.check_silence(session, now=datetime.now(UTC), reported_by=actor())
    if as_json:
        print_json(done)
        return
    if not done:
        tell("No sensor fell silent.")
        return
    print_table(
        ["device", "rule", "event", "report", "not reported"],
        ((one.device, one.rule, one.event, one.report_id, one.refusal) for one in done),
    )
    raised = sum(one.event is Event.RAISED for one in done)
    tell(f"{raised} alarms raised; {len(done) - raised} reported that were refused before.")


@kinds.command("load")
def load_kinds(files: Files = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Load kinds of citizen reports; what is there is brought up to date."""
    from gis_registry.reports.device_loading import FileKind

    _load(files, [FileKind.CITIZEN_KINDS], dry_run=dry_run, as_json=as_json)


@kinds.command("list")
def list_kinds(as_json: AsJson = False) -> None:
    """List what citizens can choose to report, each with its matter."""
    with transaction() as session:
        found = citizen_kinds.list_kinds(session)
    if as_json:
        print_json(found)
        return
    print_table(
        ["major", "code", "name", "matter"],
        (
            (
                f"{major.name_zh} {major.name_en}",
                one.code,
                f"{one.name_zh} {one.name_en}",
                one.matter,
            )
            for major in found
            for one in major.kinds
        ),
    )


def _time(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _came_to(alarm: Alarm) -> str:
    return alarm.refusal or f"report {alarm.report_id}"


def _load(
    files: list[Path] | None, allowed: list["FileKind"], *, dry_run: bool, as_json: bool
) -> None:
    from gis_registry.errors import UnreadableFile
    from gis_registry.reports import device_loading

    with transaction() as session:
        if files:
            paths: dict[FileKind, list[Path]] = {kind: [] for kind in allowed}
            for path in files:
                kind = device_loading.kind_of_file(path)
                if kind not in paths:
                    raise UnreadableFile(
                        f"{path} holds {kind}; this command loads {' and '.join(allowed)}."
                    )
                paths[kind].append(path)
        else:
            paths = device_loading.files_of(city_profile(session), *allowed)
        counts = device_loading.load(session, paths)
        if dry_run:
            session.rollback()
    if as_json:
        print_json({str(kind): count for kind, count in counts.items()})
        return
    read = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print_sentence(f"{'Would load' if dry_run else 'Loaded'} {read}.".replace("_", " "))
