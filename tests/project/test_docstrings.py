"""Docstrings: complete for what the pages of the API show, and right wherever there are any."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest

import gdnet
import gdnet.activations
from gdnet.errors import DataError
from tests.support.checkout import ROOT
from tests.support.raised import raised

pytest.importorskip("numpydoc")  # of the extra `docs` and not of `test`: it brings Sphinx
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

pytestmark = pytest.mark.sources

# Not asked for: a longer description (ES01), where a line says it all; links to other objects
# (SA01), because the pages order them by subject; and an example (EX01) of each method, because the
# pages and the README show whole tasks, which the tests run. Before 1.11 numpydoc wanted the first
# line below the quotes (GL01).
NOT_ASKED_FOR = {"ES01", "SA01", "EX01", "GL01"}
# What a docstring lacks: of no weight for what the pages do not show.
LACKING = {"GL08", "PR01", "RT01", "YD01"}

COMPUTED = (property, functools.cached_property)
METHODS = (*COMPUTED, classmethod, staticmethod, FunctionType)
PAGES = "\n".join(page.read_text() for page in sorted((ROOT / "docs/api").glob("*.md")))


class Name(NamedTuple):
    """Where an object is: its module, and the way to it from there."""

    module: str
    qualified: str

    def __str__(self) -> str:
        return ".".join(self)


class FieldsAreParameters(Validator):  # type: ignore[misc]
    """A validator that takes the attributes of a NamedTuple or dataclass for its parameters."""

    # Files are not searched for comments that switch checks off, which takes most of the time.
    source_file_name = source_file_def_line = None

    def __init__(self, obj_name: str) -> None:
        super().__init__(get_doc_object(self._load_obj(obj_name)))

    @property
    def signature_parameters(self) -> tuple[str, ...]:
        if getattr(self.obj, "_is_protocol", False):  # nobody makes one
            return ()
        found: tuple[str, ...] = super().signature_parameters
        return found

    @property
    def doc_all_parameters(self) -> dict[str, Any]:
        sections = ["Parameters", "Other Parameters"]
        if has_fields(self.obj) and "Attributes" in self.section_titles:
            sections.append("Attributes")
        found = self._doc_parameters(sections)
        return {
            name: described
            for name, described in found.items()
            if not isinstance(getattr(self.obj, name, None), COMPUTED)
        }


def has_fields(value: object) -> bool:
    return inspect.isclass(value) and (hasattr(value, "_fields") or is_dataclass(value))


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(gdnet.__path__, "gdnet."):
        if not found.name.endswith((".__main__", ".libgdnet_cpu")):  # a command, and no module
            yield importlib.import_module(found.name)


def members(module: ModuleType) -> Iterator[Any]:
    """Yield the functions and classes that a module makes, or has in ``__all__``."""
    offered = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        made = value.__module__ == module.__name__ and not name.startswith("_")
        if made if offered is None else name in offered:
            yield value


def with_methods(value: Any) -> Iterator[Name]:
    """Yield the name of an object and, of a class, of its public methods and properties."""
    yield Name(value.__module__, value.__qualname__)
    for owner in value.__mro__ if inspect.isclass(value) else ():
        for name, member in vars(owner).items() if owner.__module__.startswith("gdnet.") else ():
            own = getattr(member, "__module__", owner.__module__) == owner.__module__
            if own and isinstance(member, METHODS) and not name.startswith("_"):
                yield Name(owner.__module__, f"{owner.__qualname__}.{name}")


@functools.cache
def of_the_pages() -> list[Name]:
    shown: list[Any] = []
    for name in re.findall(r"automodule:: (\S+)", PAGES):
        shown += members(importlib.import_module(name))
    for path in re.findall(r"auto(?:class|function):: (\S+)", PAGES):
        module, _, name = path.rpartition(".")
        shown.append(getattr(importlib.import_module(module), name))
    return sorted({name for value in shown for name in with_methods(value)})


@functools.cache
def everywhere() -> frozenset[Name]:
    return frozenset(
        name for module in modules() for each in members(module) for name in with_methods(each)
    )


def violations(names: Iterable[Name], ignored: set[str]) -> list[str]:
    return [
        f"{name}: {code} {message}"
        for name in names
        for code, message in validate(str(name), FieldsAreParameters)["errors"]
        if code not in ignored
    ]


def test_the_pages_show_what_gdnet_offers() -> None:
    index = (ROOT / "docs/api/index.md").read_text()
    for name in gdnet.__all__:
        value = getattr(gdnet, name)
        assert Name(value.__module__, value.__qualname__) in of_the_pages()
        assert re.search(rf"`~gdnet\.[a-z_.]+\.{name}`", index), name


def test_what_the_pages_show_is_documented_in_full() -> None:
    assert len(of_the_pages()) > 250
    assert violations(of_the_pages(), NOT_ASKED_FOR) == []


def test_what_is_documented_elsewhere_is_right() -> None:
    others = sorted(everywhere() - {*of_the_pages()})
    assert len(others) > 500
    assert violations(others, NOT_ASKED_FOR | LACKING) == []


def test_fields_are_documented_everywhere() -> None:
    records = [name for name in everywhere() if has_fields(Validator._load_obj(str(name)))]
    assert len(records) > 50
    assert violations(sorted(records), NOT_ASKED_FOR) == []


def test_what_is_raised_is_said_everywhere() -> None:
    wrong = []
    for name in sorted(everywhere()):
        section = get_doc_object(Validator._load_obj(str(name)))["Raises"]
        said = set(re.findall(r"\w+", " ".join(f"{error} {kind}" for error, kind, _ in section)))
        for error in raised(*name):
            if not said & {base.__name__ for base in error.__mro__}:
                wrong.append(f"{name}: {error.__name__}")
    assert wrong == []


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    name = Name("gdnet.activations", "sigmoid")
    monkeypatch.setattr(gdnet.activations.sigmoid, "__doc__", "Return it.")
    found = violations([name], NOT_ASKED_FOR)
    assert [each.split()[1] for each in found] == ["PR01", "RT01"]
    assert violations([name], NOT_ASKED_FOR | LACKING) == []
    assert raised("gdnet.descent.callbacks", "TimeLimit") == {DataError}
    assert raised("gdnet.data.columns.arrow_parts", "ArrowParts") == {DataError}  # by its helpers
