"""cameras and sensors, what they saw and measured; kinds of citizen reports"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply this migration."""
    op.create_table(
        "citizen_kinds",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(parent_code is null) = (matter is null)",
            name=op.f("ck_citizen_kinds_matter_of_minor"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["citizen_kinds.code"], name=op.f("fk_citizen_kinds_parent_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_citizen_kinds")),
    )
    op.create_index(
        op.f("ix_citizen_kinds_parent_code"), "citizen_kinds", ["parent_code"], unique=False
    )
    op.create_table(
        "sensor_rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sensor_kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("measured_in", sa.Text(), nullable=False),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("for_s", sa.Integer(), nullable=False),
        sa.Column("window_from", sa.Time(), nullable=True),
        sa.Column("window_to", sa.Time(), nullable=True),
        sa.Column("zone_code", sa.Text(), nullable=True),
        sa.Column("matter", sa.Text(), nullable=True),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "comparison in ('above', 'below', 'outside', 'unchanged_for', 'silent_for')",
            name=op.f("ck_sensor_rules_comparison"),
        ),
        sa.CheckConstraint(
            "(window_from is null) = (window_to is null)", name=op.f("ck_sensor_rules_window")
        ),
        sa.CheckConstraint("low < high", name=op.f("ck_sensor_rules_bounds")),
        sa.CheckConstraint("margin >= 0 and for_s >= 0", name=op.f("ck_sensor_rules_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_rules")),
        sa.UniqueConstraint("code", name=op.f("uq_sensor_rules_code")),
    )
    op.create_index(
        "ix_sensor_rules_sensor_kind", "sensor_rules", ["sensor_kind", "quantity"], unique=False
    )
    op.create_table(
        "video_kinds",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("min_confidence", sa.Double(), nullable=False),
        sa.Column("unseen_s", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "min_confidence between 0 and 1", name=op.f("ck_video_kinds_min_confidence")
        ),
        sa.CheckConstraint("unseen_s > 0", name=op.f("ck_video_kinds_unseen_s")),
        sa.PrimaryKeyConstraint("label", name=op.f("pk_video_kinds")),
    )
    op.create_geospatial_table(
        "cameras",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("height_m", sa.Double(), nullable=False),
        sa.Column("heading_deg", sa.Double(), nullable=False),
        sa.Column("field_of_view_deg", sa.Double(), nullable=False),
        sa.Column("pitch_deg", sa.Double(), nullable=True),
        sa.Column("image_width", sa.Integer(), nullable=False),
        sa.Column("image_height", sa.Integer(), nullable=False),
        sa.Column("range_m", sa.Double(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "field_of_view_deg > 0 and field_of_view_deg < 180",
            name=op.f("ck_cameras_field_of_view_deg"),
        ),
        sa.CheckConstraint(
            "heading_deg >= 0 and heading_deg < 360", name=op.f("ck_cameras_heading_deg")
        ),
        sa.CheckConstraint("height_m > 0", name=op.f("ck_cameras_height_m")),
        sa.CheckConstraint(
            "image_width > 0 and image_height > 0", name=op.f("ck_cameras_image_size")
        ),
        sa.CheckConstraint("pitch_deg between -90 and 90", name=op.f("ck_cameras_pitch_deg")),
        sa.CheckConstraint("range_m > 0", name=op.f("ck_cameras_range_m")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_cameras_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
        sa.UniqueConstraint("code", name=op.f("uq_cameras_code")),
    )
    op.create_geospatial_index(
        "ix_cameras_geom",
        "cameras",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_cameras_unit_id"), "cameras", ["unit_id"], unique=False)
    op.create_geospatial_table(
        "sensors",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("component_code", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(geom is null) = (accuracy_m is null)", name=op.f("ck_sensors_accuracy_m")
        ),
        sa.CheckConstraint(
            "num_nonnulls(component_code, geom) <= 1", name=op.f("ck_sensors_one_place")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_sensors_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensors")),
        sa.UniqueConstraint("code", name=op.f("uq_sensors_code")),
    )
    op.create_index("ix_sensors_component_code", "sensors", ["component_code"], unique=False)
    op.create_geospatial_index(
        "ix_sensors_geom",
        "sensors",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_sensors_unit_id"), "sensors", ["unit_id"], unique=False)
    op.create_geospatial_table(
        "sensor_readings",
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name=op.f("fk_sensor_readings_sensor_id")
        ),
        sa.PrimaryKeyConstraint("sensor_id", "quantity", "at", name=op.f("pk_sensor_readings")),
    )
    op.create_table(
        "sensor_alarms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=False),
        sa.Column("peak", sa.Double(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("report_id", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(report_id is null) = (refusal is not null)",
            name=op.f("ck_sensor_alarms_reported_or_not"),
        ),
        sa.ForeignKeyConstraint(
            ["division_code", "report_id"],
            ["reports.division_code", "reports.id"],
            name=op.f("fk_sensor_alarms_division_code_report_id"),
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["sensor_rules.id"], name=op.f("fk_sensor_alarms_rule_id")
        ),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name=op.f("fk_sensor_alarms_sensor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_alarms")),
    )
    op.create_index(
        "ix_sensor_alarms_open",
        "sensor_alarms",
        ["sensor_id", "rule_id"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_index("ix_sensor_alarms_report_id", "sensor_alarms", ["report_id"], unique=False)
    op.create_index(
        "ix_sensor_alarms_sensor_id", "sensor_alarms", ["sensor_id", "id"], unique=False
    )
    op.create_geospatial_table(
        "video_sightings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frame_count", sa.Integer(), nullable=False),
        sa.Column("best_confidence", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("report_id", sa.BigInteger(), nullable=True),
        sa.Column("not_reported", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(report_id is null) = (not_reported is not null)",
            name=op.f("ck_video_sightings_reported_or_not"),
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_video_sightings_camera_id")
        ),
        sa.ForeignKeyConstraint(
            ["division_code", "report_id"],
            ["reports.division_code", "reports.id"],
            name=op.f("fk_video_sightings_division_code_report_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_sightings")),
    )
    op.create_index(
        "ix_video_sightings_camera_id",
        "video_sightings",
        ["camera_id", "kind", "last_seen_at"],
        unique=False,
    )
    op.create_index("ix_video_sightings_report_id", "video_sightings", ["report_id"], unique=False)
    op.create_table(
        "video_frames",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sighting_id", sa.BigInteger(), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("frame_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frame_id", sa.Text(), nullable=True),
        sa.Column("box", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_video_frames_camera_id")
        ),
        sa.ForeignKeyConstraint(
            ["sighting_id"], ["video_sightings.id"], name=op.f("fk_video_frames_sighting_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_frames")),
    )
    op.create_index(
        "ix_video_frames_camera_id",
        "video_frames",
        ["camera_id", "kind", "frame_at", "box"],
        unique=True,
    )
    op.create_index("ix_video_frames_sighting_id", "video_frames", ["sighting_id"], unique=False)


def downgrade() -> None:
    """Take this migration back."""
    op.drop_index("ix_video_frames_sighting_id", table_name="video_frames")
    op.drop_index("ix_video_frames_camera_id", table_name="video_frames")
    op.drop_table("video_frames")
    op.drop_index("ix_video_sightings_report_id", table_name="video_sightings")
    op.drop_index("ix_video_sightings_camera_id", table_name="video_sightings")
    op.drop_geospatial_table("video_sightings")
    op.drop_index("ix_sensor_alarms_sensor_id", table_name="sensor_alarms")
    op.drop_index("ix_sensor_alarms_report_id", table_name="sensor_alarms")
    op.drop_index(
        "ix_sensor_alarms_open",
        table_name="sensor_alarms",
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.drop_table("sensor_alarms")
    op.drop_geospatial_table("sensor_readings")
    op.drop_index(op.f("ix_sensors_unit_id"), table_name="sensors")
    op.drop_geospatial_index(
        "ix_sensors_geom", table_name="sensors", postgresql_using="gist", column_name="geom"
    )
    op.drop_index("ix_sensors_component_code", table_name="sensors")
    op.drop_geospatial_table("sensors")
    op.drop_index(op.f("ix_cameras_unit_id"), table_name="cameras")
    op.drop_geospatial_index(
        "ix_cameras_geom", table_name="cameras", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("cameras")
    op.drop_table("video_kinds")
    op.drop_index("ix_sensor_rules_sensor_kind", table_name="sensor_rules")
    op.drop_table("sensor_rules")
    op.drop_index(op.f("ix_citizen_kinds_parent_code"), table_name="citizen_kinds")
    op.drop_table("citizen_kinds")
