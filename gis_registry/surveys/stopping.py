"""What is found about a whole delivery: how it is kept, and stopping a file that is wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.batch_checks import missing_findings
from gis_registry.surveys.checked import Refusal, Severity
from gis_registry.surveys.comparison import Comparison
from gis_registry.surveys.delivery import Delivery
from gis_registry.surveys.findings import BatchCheck, BatchContext, Finding
from gis_registry.surveys.judging import missing_by_class
from gis_registry.surveys.tables import Survey, Verdict

#: Findings about other surveys, which come and go with these.
OF_NEIGHBOURS = (BatchCheck.SAME_FILE, BatchCheck.OTHER_STAGED)


def has_error(findings: Sequence[Finding]) -> bool:
    """Return whether something was found that stops the file."""
    return any(one.severity is Severity.ERROR for one in findings)


def stored(finding: Finding) -> dict[str, Any]:
    """Return a finding as the survey keeps it."""
    return {
        "check": finding.check.value,
        "severity": finding.severity.value,
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "figures": dict(finding.figures),
    }


def lacking(comparison: Comparison, context: BatchContext, city: City) -> list[Finding]:
    by_class = missing_by_class(comparison.registered, comparison.judgement)
    return missing_findings(
        {class_id: missing for class_id, missing, _ in by_class},
        {class_id: covered for class_id, _, covered in by_class},
        max_share=city.max_missing_share,
        labels=context.labels,
    )


def neighbours(session: Session, survey: Survey) -> list[Finding]:
    """Find what other surveys have to do with this one."""
    findings = []
    earlier = queries.applied_with(session, survey.file_sha256)
    if earlier is not None:
        findings.append(
            Finding(
                BatchCheck.SAME_FILE,
                Severity.NOTE,
                f"The same file was applied as survey {earlier.id} by {earlier.actor}.",
                "nothing needs to be done",
            )
        )
    findings += [
        Finding(
            BatchCheck.OTHER_STAGED,
            Severity.WARNING,
            f"Survey {other.id} ({other.file_name}) by {other.actor} is staged as well. Where both "
            "are about the same components, the one that is applied second must be matched again "
            "first.",
            f"look at it: gis-registry survey show {other.id}",
        )
        for other in queries.other_staged(session, survey.id)[:3]
    ]
    return findings


def stopped(delivery: Delivery, findings: Sequence[Finding]) -> dict[str, NDArray[np.generic]]:
    """Return what is said of each row of a file that is wrong as a whole."""
    error = next(one for one in findings if one.severity is Severity.ERROR)
    refusal = np.full(len(delivery), None, dtype=object)
    reason = refusal.copy()
    refusal[delivery.is_good] = Refusal.BATCH_STOPPED.value
    reason[delivery.is_good] = f"The whole file was stopped ({error.check}): {error.sentence}"
    verdict = np.full(len(delivery), Verdict.REFUSED.value, dtype=object)
    return {"verdict": verdict, "refusal": refusal, "reason": reason}
