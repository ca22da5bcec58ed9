"""Everything that can go wrong and be explained, in one tree.

    RegistryError
    ├── InvalidInput                 422  the input itself cannot be used
    │   ├── BadRequest           400
    │   ├── UnreadableFile
    │   ├── MissingCrs
    │   ├── InvalidProfile
    │   ├── InvalidPosition
    │   └── UnusablePhoto
    ├── NotFound                     404
    │   ├── UnknownClass
    │   ├── UnknownMatterType
    │   └── UnknownIdentifier
    ├── Conflict                     409  right in itself, but not now
    │   ├── Ambiguous
    │   ├── Outdated             412
    │   └── SerialsExhausted
    ├── NotAuthenticated             401
    ├── NotPermitted                 403
    ├── MethodNotAllowed             405
    ├── RequestTooLarge              413
    ├── PhotoStoreUnavailable        503
    ├── FontMissing                  503
    ├── TooManyStreams               503
    ├── TooBusy                      503
    └── DatabaseUnavailable          503
        ├── TookTooLong
        ├── ServerProgramsMissing
        └── DatabaseUnsuitable

Each class carries its HTTP status, a stable code for programs, and a title; the message of an
instance says what was found and what to do about it. The command line exits with 1 on any of them.
"""


class RegistryError(Exception):
    """Something the user can understand and act on went wrong."""

    status = 500
    code = "registry-error"
    title = "The registry could not do this"


class InvalidInput(RegistryError):
    """The input cannot be used as it is."""

    status = 422
    code = "invalid-input"
    title = "The input cannot be used as it is"


class BadRequest(InvalidInput):
    """A request has a parameter that there is not, or one that cannot be."""

    status = 400
    code = "bad-request"
    title = "The request cannot be understood"


class UnreadableFile(InvalidInput):
    """A file is missing, damaged or in no format that is read."""

    code = "unreadable-file"
    title = "The file cannot be read"


class MissingCrs(InvalidInput):
    """A file does not say in which coordinate reference system it is."""

    code = "missing-crs"
    title = "The file does not say its coordinate reference system"


class InvalidProfile(InvalidInput):
    """A city profile or one of its files is incomplete or contradicts itself."""

    code = "invalid-profile"
    title = "The city profile cannot be used"


class InvalidPosition(InvalidInput):
    """A position is no place on the ground, or not one in this city."""

    code = "invalid-position"
    title = "The position is not in the city"


class UnusablePhoto(InvalidInput):
    """A file is no photo that can be kept: of another type, damaged, animated or too large."""

    code = "unusable-photo"
    title = "The photo cannot be used"


class NotFound(RegistryError):
    """What was asked for does not exist."""

    status = 404
    code = "not-found"
    title = "There is no such thing here"


class UnknownClass(NotFound):
    """No component class has this code in the edition."""

    code = "unknown-class"
    title = "There is no such component class"


class UnknownMatterType(NotFound):
    """No matter type has this code in the edition."""

    code = "unknown-matter-type"
    title = "There is no such matter type"


class UnknownIdentifier(NotFound):
    """The identifier was never issued here."""

    code = "unknown-identifier"
    title = "This identifier was never issued here"


class Conflict(RegistryError):
    """The request contradicts the present state."""

    status = 409
    code = "conflict"
    title = "This contradicts the present state"


class Ambiguous(Conflict):
    """What was asked for stands for several things."""

    code = "ambiguous"
    title = "It stands for several components"


class Outdated(Conflict):
    """The change was made for a version that somebody has replaced since."""

    status = 412
    code = "outdated"
    title = "It was changed in the meantime"


class SerialsExhausted(Conflict):
    """All 999,999 serials of a class in a division are issued."""

    code = "serials-exhausted"
    title = "No identifiers are left for this class in this division"


class NotAuthenticated(RegistryError):
    """No key, or one that is not known."""

    status = 401
    code = "not-authenticated"
    title = "A valid API key is needed"


class NotPermitted(RegistryError):
    """The key's role does not include the permission."""

    status = 403
    code = "not-permitted"
    title = "Your role does not allow this"


class MethodNotAllowed(RegistryError):
    """The address exists, but not for this method."""

    status = 405
    code = "method-not-allowed"
    title = "This address does not answer this method"


class RequestTooLarge(RegistryError):
    """The request's body is larger than the settings allow."""

    status = 413
    code = "request-too-large"
    title = "The request is too large"


class PhotoStoreUnavailable(RegistryError):
    """The files of photos cannot be written or read."""

    status = 503
    code = "photo-store-unavailable"
    title = "The store of photos does not answer"


class FontMissing(RegistryError):
    """No font with Chinese letters is installed on this machine."""

    status = 503
    code = "font-missing"
    title = "A font for PDF files is missing"


class TooManyStreams(RegistryError):
    """As many live streams are open as the settings allow."""

    status = 503
    code = "too-many-streams"
    title = "Too many live streams are open"


class TooBusy(RegistryError):
    """Others ask for the same long work, and it is done for so many at a time."""

    status = 503
    code = "too-busy"
    title = "Too many ask for this at once"


class DatabaseUnavailable(RegistryError):
    """The database does not answer."""

    status = 503
    code = "database-unavailable"
    title = "The database does not answer"


class TookTooLong(DatabaseUnavailable):
    """The database was stopped, since the answer took longer than the settings allow."""

    code = "took-too-long"
    title = "The answer took too long"

    @classmethod
    def after(cls, limit_s: float) -> "TookTooLong":
        """Return the error of a statement that was stopped after so long."""
        return cls(
            f"The database needed more than {limit_s:g} s. Nothing was changed; ask for less (a "
            "smaller limit, radius or box), or try again when it is less busy."
        )


class ServerProgramsMissing(DatabaseUnavailable):
    """PostgreSQL, PostGIS or pgRouting is not installed on this machine."""

    code = "server-programs-missing"
    title = "Programs of the database server are missing"


class DatabaseUnsuitable(DatabaseUnavailable):
    """The database lacks a version, an extension or a setting that is needed."""

    code = "database-unsuitable"
    title = "The database cannot be used as it is"
