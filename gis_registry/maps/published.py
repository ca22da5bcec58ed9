"""What is published now: the collections by their names, for whoever may read them."""

from collections.abc import Mapping
from difflib import get_close_matches

from gis_registry.db.reading import Reading
from gis_registry.errors import NotFound
from gis_registry.maps import collections
from gis_registry.maps.collections import Collection
from gis_registry.users.service import Actor

_STATE = "SELECT token FROM reference_state"
_CLASSES = (
    "SELECT id, code, name_zh, name_en FROM component_classes WHERE is_in_profile ORDER BY code"
)


class Published:
    """Finds collections; those of the classes are made again when the catalogue changed."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._token: object = None
        self._of_classes: dict[str, Collection] = {}
        self._always = {one.name: one for one in collections.always()}

    async def find(self, name: str, *, actor: Actor) -> Collection:
        """Return a collection by its name.

        Raises:
            NotFound: there is none of this name, or it is not for this actor.
        """
        found = self._always.get(name)
        if found is None:
            everything = await self.all(actor=actor)
            found = everything.get(name)
            if found is None:
                close = get_close_matches(name[:100], everything, n=3)
                hint = f" Did you mean {' or '.join(close)}?" if close else ""
                raise NotFound(f"There is no collection {name[:100]!r}.{hint}")
        return found

    async def all(self, *, actor: Actor) -> Mapping[str, Collection]:
        """Return every collection that an actor may read, by its name."""
        ((token,),) = await self._reading.rows(_STATE)
        if token != self._token:
            classes = await self._reading.rows(_CLASSES)
            made = [collections.components_of_class(*one) for one in classes]
            self._of_classes, self._token = {one.name: one for one in made}, token
        return {
            name: one
            for name, one in {**self._always, **self._of_classes}.items()
            if one.roles is None or actor.role in one.roles
        }
