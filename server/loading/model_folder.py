"""The folder of models: NAME/VERSION/bundle.json, or NAME/bundle.json for a single version.

Looking reads names, sizes and times only; what lies in a bundle is checked when it is loaded.
Names that come with requests are looked up in what was found here: they never become a path.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.bundle import NAME
from models.bundle_folder import MANIFEST

MAX_FILES = 1000  # of one bundle; ours have four


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A bundle on disk, as it looked when we looked."""

    name: str
    """Of the folder. Empty for --bundle: its bundle.json says."""
    label: str
    """The version's folder. Empty where bundle.json lies in the model's own: it says."""
    folder: Path
    fingerprint: str
    """Another one when a file came, went, or was written."""

    @property
    def key(self) -> tuple[str, str]:
        """The same for all contents that this place ever had."""
        return self.name, self.label

    def __str__(self) -> str:
        return "@".join(part for part in self.key if part) or str(self.folder)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What lies in a model folder."""

    candidates: tuple[Candidate, ...]
    """By name, newest version first."""
    problems: Mapping[str, str]
    """Why something that lies there is no candidate, by its path below the folder."""


def list_models(root: Path) -> Listing:
    """Every bundle below `root`, links out of it and names that URLs cannot hold left out.

    Raises:
        OSError: the folder itself cannot be read.
    """
    found: list[Candidate] = []
    problems: dict[str, str] = {}
    inside = root.resolve(strict=True)
    for path in _folders(root, inside, problems):
        try:
            _add_model(path, inside, found, problems)
        except OSError as error:  # one that this user may not read must not hide the others
            problems[path.name] = (
                f"{error.filename or path} cannot be read ({error.strerror}): let the server's "
                f"user read it"
            )
    found.sort(key=lambda candidate: version_key(candidate.label), reverse=True)
    found.sort(key=lambda candidate: candidate.name)
    return Listing(candidates=tuple(found), problems=problems)


def fingerprint(folder: Path) -> str:
    """Of names, sizes, times and identities of a bundle's files. Contents are not read.

    Raises:
        OSError: it went away while we looked.
    """
    digest = hashlib.sha256()
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count == MAX_FILES:
            digest.update(b"and more")
            break
        state = path.lstat()
        line = f"{path.relative_to(folder)}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ino}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """To sort versions: numbers as numbers, an end above a suffix.

    >>> sorted(["1.0", "0.10", "1.0.1", "0.9", "1.0-rc2", "1.0-rc10"], key=version_key)
    ['0.9', '0.10', '1.0-rc2', '1.0-rc10', '1.0', '1.0.1']
    """
    pieces = re.findall(r"[0-9]+|[^0-9._-]+", version)
    keys = [(2, int(piece), "") if piece.isdigit() else (0, 0, piece) for piece in pieces]
    return (*keys, (1, 0, ""))


def _folders(
    root: Path, inside: Path, problems: dict[str, str], *, below: str = ""
) -> Iterator[Path]:
    """Folders that may be models or versions, by name."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue  # hidden ones are those of copies under way, and of mounted volumes
        name = below + path.name
        if not NAME.fullmatch(path.name):
            problems[name] = (
                f"{path.name!r:.80} is no name for a model or a version, expected letters, digits "
                f"and ._- (1 to 64): rename it, it becomes a part of URLs"
            )
        elif not path.resolve().is_relative_to(inside):
            problems[name] = f"{path} is a link out of {inside}: copy what it points to"
        else:
            yield path


def _add_model(path: Path, inside: Path, found: list[Candidate], problems: dict[str, str]) -> None:
    versions = list(_folders(path, inside, problems, below=f"{path.name}/"))
    if not (path / MANIFEST).exists():
        for version in versions:
            _add(found, problems, name=path.name, label=version.name, folder=version)
        if not versions:
            problems.setdefault(path.name, f"{path} holds no {MANIFEST} yet")
    elif any((version / MANIFEST).exists() for version in versions):
        problems[path.name] = (
            f"{path} holds a {MANIFEST} and versions in folders, expected one of the two: "
            f"move it into a folder named after its version"
        )
    else:
        _add(found, problems, name=path.name, label="", folder=path)


def _add(
    found: list[Candidate], problems: dict[str, str], *, name: str, label: str, folder: Path
) -> None:
    manifest = folder / MANIFEST
    where = f"{name}/{label}" if label else name
    try:
        if manifest.is_symlink():
            problems[where] = (
                f"{manifest} is a link; a bundle holds plain files: copy it with cp -L"
            )
        elif not manifest.is_file():
            problems[where] = f"{folder} holds no {MANIFEST} yet"
        else:
            print_ = fingerprint(folder)
            found.append(Candidate(name=name, label=label, folder=folder, fingerprint=print_))
    except OSError as error:
        problems[where] = f"{folder} cannot be read ({error.strerror}): look again"
