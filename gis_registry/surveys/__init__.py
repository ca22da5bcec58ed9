"""Surveys: read a file, check every row, match, decide, apply, undo.

What a notebook or another program needs::

    from gis_registry import surveys

    staged = surveys.stage(session, surveys.SurveyFile(path), actor="me")
    frame = surveys.rows_frame(session, staged.survey, verdicts=["moved"])
    surveys.decide(session, staged.survey, ...)
    surveys.apply(session, staged.survey, actor="me")

These take a session and never commit. The modules behind them: ``loading`` (stage, match),
``service`` (apply, revert, show), ``inspecting``, ``mapping``, ``selecting``, ``deciding``,
``correcting`` and ``frames``. ``notebooks/survey.ipynb`` goes through all of it.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "Correction": "correcting",
    "Decision": "tables",
    "Mapping": "mapping",
    "Selection": "selecting",
    "SurveyFile": "loading",
    "Verdict": "tables",
    "apply": "service",
    "choose": "deciding",
    "correct": "correcting",
    "decide": "deciding",
    "drop": "deciding",
    "inspect": "inspecting",
    "mapping_text": "inspecting",
    "match": "loading",
    "read_mapping": "mapping",
    "retry": "correcting",
    "revert": "service",
    "rows_frame": "frames",
    "selected_rows": "selecting",
    "show": "service",
    "stage": "loading",
    "surveys": "service",
    "undo": "deciding",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: the program itself needs little of it at once."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
