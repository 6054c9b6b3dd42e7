"""All attacks and all unusual honest submissions, family by family."""

from __future__ import annotations

from tests.grading.attacks import honest, html, machine, machinery, structure, wire
from tests.grading.attacks.lab import Attack

ATTACKS: tuple[Attack, ...] = tuple(
    attack for module in (structure, machinery, wire, machine, html) for attack in module.CASES)
HONEST: tuple[Attack, ...] = tuple(honest.CASES)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(attack.family for attack in ATTACKS))
