"""What a report's photos say of where and when: told beside its position, never instead of it.

A camera can have stood elsewhere than where the report was sent from, and its clock can be wrong:
people judge that. What contradicts the report is told as such.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from gis_registry.dispatch.schemas import Sentence
from gis_registry.photos.schemas import PhotoEntry
from gis_registry.places.datums import GROUND
from gis_registry.reports.questions import Question

#: How far off a phone's camera writes itself at most, and from how far away people take pictures.
_CAMERA_M = 50.0
#: A photo this much older than its report shows how it was then.
_OLD = timedelta(days=1)


def sentences(question: Question, *, zone: ZoneInfo) -> list[Sentence]:
    """Return a sentence for each photo whose camera wrote where or when it was.

    Args:
        question: what the report asks, with its photos.
        zone: the city's time zone, in which times are told.
    """
    told = [_sentence(n, one, question, zone) for n, one in enumerate(question.photos, start=1)]
    return [one for one in told if one is not None]


def _sentence(n: int, photo: PhotoEntry, question: Question, zone: ZoneInfo) -> Sentence | None:
    zh: list[str] = []
    en: list[str] = []
    if photo.lon is not None and photo.lat is not None:
        _, _, metres = GROUND.inv(question.lon, question.lat, photo.lon, photo.lat)
        is_far = metres > _CAMERA_M + 2 * question.accuracy_m
        zh.append(f"拍摄处距上报位置{metres:.0f}米{'，与上报位置不符，请核对' if is_far else ''}")
        far_en = ", which contradicts it: please check" if is_far else ""
        en.append(f"{metres:.0f} m from the reported position{far_en}")
    if photo.taken_at is not None:
        at = f"{photo.taken_at.astimezone(zone):%Y-%m-%d %H:%M}"
        is_old = question.reported_at - photo.taken_at > _OLD
        zh.append(f"拍摄于{at}{'，早于上报一天以上' if is_old else ''}")
        en.append(f"at {at}{', more than a day before the report' if is_old else ''}")
    if not zh:
        return None
    return Sentence(
        step="photo", zh=f"第{n}张照片{'，'.join(zh)}。", en=f"Photo {n} was taken {', '.join(en)}."
    )
