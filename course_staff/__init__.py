"""The teachers' half: building labs, proving them, and grading."""

import sys

# jsonschema builds a grammar of international addresses when it is imported, which takes a second, and every import of
# nbformat imports it. No schema of a notebook has such an address; without this package jsonschema goes on without it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
