"""The answers that an author writes down for `course verify`: mistakes, alternatives, and equivalent mutants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import jupytext

from course_staff.lab import Lab
from course_staff.paths import CourseError


@dataclass(frozen=True)
class Variant:
    """A whole answer cell. `says`: for a mistake, what its message must match, case ignored."""

    exercise: str
    label: str
    source: str
    says: str = ""


@dataclass
class Variants:
    """All of a lab's written-down answers. `equivalents`: reason by (exercise, change of the mutant)."""

    mistakes: list[Variant] = field(default_factory=list)
    alternatives: list[Variant] = field(default_factory=list)
    equivalents: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, lab: Lab) -> Variants:
        """Read `tests/mistakes/NN_topic.py`. Raises CourseError where a header is wrong."""
        if not path.is_file():
            raise CourseError(f"{path.name}: write the typical mistakes of {lab.name} first, in tests/mistakes/.")
        found = cls()
        for cell in jupytext.read(path, fmt="py:percent").cells:
            data = cell.metadata
            exercise = next((data[role] for role in ("mistake", "alternative", "equivalent") if role in data), None)
            if exercise is None:
                continue
            if exercise not in lab.answers:
                raise CourseError(f"{path.name}: {exercise!r} is no exercise of {lab.name}.")
            if "mistake" in data:
                if "slip" not in data or "says" not in data:
                    raise CourseError(f'{path.name}: mistake="{exercise}" needs slip="…" and says="…".')
                try:
                    re.compile(data["says"])
                except re.error as error:
                    raise CourseError(f"{path.name}: says={data['says']!r} is no pattern: {error}.") from None
                found.mistakes.append(Variant(exercise, data["slip"], cell.source, data["says"]))
            elif "alternative" in data:
                found.alternatives.append(Variant(exercise, data.get("note", ""), cell.source))
            else:
                if not cell.source.strip() or "mutant" not in data:
                    raise CourseError(
                        f'{path.name}: equivalent="{exercise}" needs mutant="…" and a reason as its text.'
                    )
                found.equivalents[exercise, data["mutant"]] = cell.source.strip()
        return found

    def of(self, exercise: str) -> tuple[list[Variant], list[Variant]]:
        """(mistakes, alternatives) of one exercise."""
        return (
            [variant for variant in self.mistakes if variant.exercise == exercise],
            [variant for variant in self.alternatives if variant.exercise == exercise],
        )
