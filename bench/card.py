"""A data set's card: what it is, where its bytes come from, and how they are verified."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Base of every file format we read: unknown fields are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=120)]
"""A plain file name: no folder, no "..", nothing hidden."""
FolderName = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*)?$")]
"""A relative folder with "/" between its parts, or "" for none."""


class FileRef(Strict):
    """A file whose content is known beforehand."""

    name: FileName
    sha256: Sha256
    size_bytes: int = Field(gt=0)


class Source(Strict):
    """One form in which a data set exists, and where it can be had.

    Without `url` and `package` it is only looked for in the cache and in folders that the user names.
    """

    title: str
    """What it is called when we say which source served."""
    kind: Literal["zip", "files"]
    """One zip archive (a wheel is one), or loose files."""
    layout: str
    """Which of the loader's formats the content has."""
    files: tuple[FileRef, ...] = Field(min_length=1)
    """The archive, or the loose files."""
    folder: FolderName = ""
    """Where the content lies inside the archive; loose files may lie in a subfolder of this name."""
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where the archive is downloaded from."""
    package: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+]+$")
    """The release on a package index whose wheel is the archive, as "name==version"."""

    @model_validator(mode="after")
    def _one_way_to_fetch(self) -> Self:
        if self.url and self.package:
            raise ValueError("should have a url or a package, not both")
        if (self.kind == "zip" or self.url or self.package) and len(self.files) != 1:
            raise ValueError("should name exactly one file: its archive")
        return self


class Counts(Strict):
    """How large a data set is."""

    users: int = Field(ge=0)
    items: int = Field(ge=0)
    interactions: int = Field(ge=0)


class Card(Strict):
    """Identity of a data set. Anything that changes its content bumps `version`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)
    version: int = Field(ge=1)
    title: str
    description: str
    licence: str
    citation: str
    homepage: str
    fingerprint: Sha256 | None = None
    """What `Dataset.fingerprint` must be, whichever source served."""
    counts: Counts | None = None
    rating_scale: tuple[float, float] | None = None
    """The lowest and the highest rating."""
    sources: tuple[Source, ...] = ()
    """Tried in this order."""
