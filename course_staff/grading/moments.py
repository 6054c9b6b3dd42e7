"""Points in time, always with their zone: a due date that is an hour off costs marks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from course_staff.paths import CourseError

_OFFSET = re.compile(r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)$", re.IGNORECASE)


def zone(name: str) -> tzinfo:
    """A time zone by its name ("Europe/Berlin"). Raises CourseError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except Exception:  # ZoneInfo raises ValueError, OSError or KeyError, depending on what the name looks like
        raise CourseError(f"There is no time zone {name!r}. Name one like Europe/Berlin, America/New_York or UTC.") \
            from None


def parsed(text: str, what: str, naive_in: tzinfo | None = None) -> datetime:
    """A time in ISO form, "2026-11-20 18:00 +0100", in UTC.

    what: names it in the error. naive_in: the zone of a time that has none. Raises CourseError for what is no time, for
    one without a zone where `naive_in` is None, and for one that its zone does not have or has twice.
    """
    text = text.strip()
    found = _OFFSET.search(text)
    bare = text[: found.start()] if found else text
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError:
        raise CourseError(f"{what}: {text!r} is no time. Write it as 2026-11-20 18:00 +0100.") from None
    if len(bare) <= 10:
        raise CourseError(f"{what}: {text!r} has no time of day. Write it as 2026-11-20 18:00 +0100.")
    if found:
        offset = found["zone"].upper()
        moment = moment.replace(tzinfo=UTC) if offset in ("Z", "UTC") else datetime.strptime(
            f"{moment.isoformat()}{offset}", f"%Y-%m-%dT%H:%M:%S{'.%f' if moment.microsecond else ''}%z")
    if moment.tzinfo is None:
        if naive_in is None:
            raise CourseError(f"{what}: {text!r} has no time zone. Write the offset behind it, {text} +0100, or name "
                              "the zone with --timezone.")
        moment = located(moment, naive_in, what)
    return moment.astimezone(UTC).replace(microsecond=0)


def located(moment: datetime, place: tzinfo, what: str) -> datetime:
    """A time without zone in that zone. Raises CourseError where the clocks of the zone skip it or show it twice."""
    first, second = moment.replace(tzinfo=place, fold=0), moment.replace(tzinfo=place, fold=1)
    if first.utcoffset() != second.utcoffset():
        raise CourseError(f"{what}: at {moment:%Y-%m-%d %H:%M} the clocks in {place} are put on or back. Write the "
                          "offset behind the time.")
    return first


def stored(moment: datetime | None) -> datetime | None:
    """A time as nbgrader keeps it: UTC, without zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None


def line(moment: datetime) -> str:
    """A time as nbgrader's timestamp.txt has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(length: timedelta) -> str:
    """A length of time in words, to the minute: "2 days 3 h 5 min"."""
    minutes = int(length.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} day{'s' if days > 1 else ''}"] * bool(days) + [f"{hours} h"] * bool(hours)
    parts += [f"{rest} min"] * bool(rest)
    return " ".join(parts) or "less than a minute"
