"""``gis-registry settings``: what is in force and where it comes from."""

import os
import tomllib

from gis_registry.cli.context import AsJson, read_settings
from gis_registry.cli.output import print_json, print_table
from gis_registry.settings import SETTINGS_FILE, Settings


def show(as_json: AsJson = False) -> None:
    """Show every setting, its value and where that comes from."""
    settings = read_settings()
    in_file = tomllib.loads(SETTINGS_FILE.read_text()) if SETTINGS_FILE.is_file() else {}
    environment = {name.upper() for name in os.environ}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"GIS_REGISTRY_{name.upper()}"
        if variable in environment:
            origin = "environment"
        elif name in in_file:
            origin = str(SETTINGS_FILE)
        else:
            origin = "default"
        value = getattr(settings, name)
        rows.append(
            {
                "setting": variable,
                "value": None if value is None else str(value),
                "from": origin,
                "meaning": field.description,
            }
        )
    if as_json:
        print_json(rows)
    else:
        print_table(["setting", "value", "from", "meaning"], (row.values() for row in rows))
