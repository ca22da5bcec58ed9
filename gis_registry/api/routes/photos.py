"""Photos: taken in as evidence, shown without what the camera wrote into them."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response, status
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.preconditions import is_known
from gis_registry.api.problems import guarded
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import NotFound, PhotoStoreUnavailable, RequestTooLarge, UnusablePhoto
from gis_registry.photos import service
from gis_registry.photos.pictures import PhotoLimits
from gis_registry.photos.schemas import PhotoEntry, ShownSize
from gis_registry.photos.store import PhotoStore
from gis_registry.roles import Permission

PATH = "/api/photos"
router = APIRouter(prefix=PATH, tags=["photos"], route_class=CheckedRoute)

#: What a form adds to the photo in it.
FORM_BYTES = 10_000
#: One photo is decoded while another is checked or written.
TURNS = 2
LONGEST_WAIT_S = 30.0
_FIELD = "photo"
_FOREVER = "private, max-age=31536000, immutable"
_BINARY = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "properties": {_FIELD: _BINARY}, "required": [_FIELD]}
_BODIES = {
    "image/jpeg": {"schema": _BINARY},
    "image/png": {"schema": _BINARY},
    "image/webp": {"schema": _BINARY},
    "multipart/form-data": {"schema": _FORM},
}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": _BINARY}}, "description": "The picture alone"},
    304: {"description": "It is the one that If-None-Match names"},
}

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the photo sent")]
IfNoneMatch = Annotated[str | None, Header(description="The ETag of the copy that is there")]


class PhotoLinks(BaseModel):
    """Where a photo is shown."""

    image: str
    thumbnail: str


class ShownPhoto(PhotoEntry):
    """A photo, what the camera wrote into it, and where it is shown."""

    links: PhotoLinks


async def sent_photo(
    request: Request, content: Annotated[bytes, Body(media_type="image/jpeg")] = b""
) -> bytes:
    """Return the photo of a request: its body, or the file in its form.

    Being a body, it is read before a connection to the database is taken.

    Raises:
        UnusablePhoto: the form cannot be read, or has no single file.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return content
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get(_FIELD)
            if isinstance(file, UploadFile):
                return await file.read()
    except HTTPException as error:
        raise UnusablePhoto(f"The form cannot be read: {error.detail}") from error
    raise UnusablePhoto(f"The form needs one file, in the field `{_FIELD}`.")


async def take_photo_turn(request: Request) -> AsyncIterator[None]:
    """Let in as many photos as can be worked on, before they take a connection to the database.

    Raises:
        PhotoStoreUnavailable: too many are before this one.
    """
    turns: anyio.Semaphore = request.app.state.photo_turns
    try:
        with anyio.fail_after(LONGEST_WAIT_S):
            await turns.acquire()
    except TimeoutError as error:
        raise PhotoStoreUnavailable(
            "Too many photos arrive at once. Nothing was kept; try again in a moment."
        ) from error
    try:
        yield
    finally:
        turns.release()


def photo_store(request: Request) -> PhotoStore:
    """Return where photos are."""
    store: PhotoStore = request.app.state.photo_store
    return store


Store = Annotated[PhotoStore, Depends(photo_store)]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    dependencies=[
        Depends(take_photo_turn, scope="function"),
        requires(Permission.REPORT, Permission.HANDLE),
    ],
    responses={
        200: {"model": ShownPhoto, "description": "These bytes were kept before"},
        **guarded(UnusablePhoto, RequestTooLarge, PhotoStoreUnavailable),
    },
    openapi_extra={"requestBody": {"content": _BODIES, "required": True}},
)
def keep_photo(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    store: Store,
    content: Annotated[bytes, Depends(sent_photo)],
    response: Response,
) -> ShownPhoto:
    """Keep a photo, sent as the body or in a form; the same bytes twice are one photo.

    What it is, is told by its content. What the camera wrote into it (time, position, heading,
    make) is read as evidence, and is in none of the copies that are shown.
    """
    entry = service.keep(
        session,
        content,
        received_by=actor.name,
        store=store,
        limits=PhotoLimits.of(request.app.state.settings),
    )
    response.headers["Location"] = f"{PATH}/{entry.photo}"
    if entry.is_repeat:
        response.status_code = status.HTTP_200_OK
    return _shown(entry)


@router.get("/{sha256}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_photo(session: DatabaseSession, sha256: Sha256) -> ShownPhoto:
    """Show what is known of a photo."""
    return _shown(service.show(session, sha256))


@router.get(
    "/{sha256}/image",
    response_class=Response,
    dependencies=[requires(Permission.READ)],
    responses={**_JPEG, **guarded(NotFound, PhotoStoreUnavailable)},
)
def photo_image(
    session: DatabaseSession, store: Store, sha256: Sha256, if_none_match: IfNoneMatch = None
) -> Response:
    """Show a photo in full size, the right way up, without what the camera wrote into it."""
    return _copy(session, store, sha256, ShownSize.IMAGE, if_none_match)


@router.get(
    "/{sha256}/thumbnail",
    response_class=Response,
    dependencies=[requires(Permission.READ)],
    responses={**_JPEG, **guarded(NotFound, PhotoStoreUnavailable)},
)
def photo_thumbnail(
    session: DatabaseSession, store: Store, sha256: Sha256, if_none_match: IfNoneMatch = None
) -> Response:
    """Show a photo small, the right way up, without what the camera wrote into it."""
    return _copy(session, store, sha256, ShownSize.THUMBNAIL, if_none_match)


def _copy(
    session: DatabaseSession,
    store: PhotoStore,
    sha256: str,
    size: ShownSize,
    if_none_match: str | None,
) -> Response:
    tag = f'"{sha256}-{size}"'
    headers = {"ETag": tag, "Cache-Control": _FOREVER}
    if is_known(tag, if_none_match):
        service.show(session, sha256)
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    content = service.shown_bytes(session, sha256, size, store=store)
    return Response(content, media_type="image/jpeg", headers=headers)


def _shown(entry: PhotoEntry) -> ShownPhoto:
    address = f"{PATH}/{entry.photo}"
    links = PhotoLinks(image=f"{address}/image", thumbnail=f"{address}/thumbnail")
    return ShownPhoto(**entry.model_dump(), links=links)
