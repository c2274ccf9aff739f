"""YAML as plain data: no duplicate keys, no aliases, and no guesses about what a value means.

`010`, `1:30`, `yes` and `2024-01-31` stay the texts that they are; only decimal integers, floats,
`true`, `false` and `null` are anything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

# The C parser is about ten times faster; not every platform's PyYAML is built with it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 50
_GUESSES = tuple(f"tag:yaml.org,2002:{name}" for name in ("int", "bool", "timestamp", "merge"))


class _StrictLoader(_Base):  # type: ignore[misc]
    """The safe loader; on its own it takes the last of duplicate keys in silence."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and kind that PyYAML looks for
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSES]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str):
                if key.value in seen:
                    raise _problem(f"the key {key.value!r} stands twice in one object", key.start_mark)
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tf"))


class _Dumper(yaml.SafeDumper):
    """The safe dumper, which writes some line breaks in a way that it reads back as spaces."""

    def represent_text(self, text: str) -> ScalarNode:
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


#: Categories of characters that are not seen: they are written as escapes.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def dump_yaml_document(document: Any) -> str:
    """Returns plain data as YAML that load_yaml reads back, keys in their order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    if any(unicodedata.category(character) in _HIDDEN for character in text if character != "\n"):
        # Marks that turn a line round, or are not seen, would show a reader what is not there.
        text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=110)
    return text


def load_yaml(text: str) -> Any:
    """Returns the one document of `text`. Raises yaml.YAMLError, mostly with a place."""
    _refuse_bombs(text)
    return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - it derives from the safe loader


def positions(text: str) -> dict[str, tuple[int, int]]:
    """Returns line and column, from 1, of every part of a document: `blocks[0].jobs[1].args.site`.

    A member stands where its name does. JSON is read as the YAML that it is. Empty where the text is
    neither.
    """
    places: dict[str, tuple[int, int]] = {}
    # Tabs between JSON's tokens are nothing to YAML; a blank leaves every column as it is.
    spaced = text.replace("\t", " ")
    try:
        _refuse_bombs(spaced)
        root = yaml.compose(spaced, Loader=_Base)
    except (yaml.YAMLError, RecursionError):
        return places
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        for name, mark, part in _parts(node):
            below = f"{path}.{name}" if path and not name.startswith("[") else path + name
            places[below] = (mark.line + 1, mark.column + 1)
            waiting.append((below, part))
    return places


def _parts(node: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yields name, mark and node of what a node holds."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark, value
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield f"[{number}]", item.start_mark, item


def _refuse_bombs(text: str) -> None:
    """A few aliases of aliases stand for gigabytes, and deep nesting for the end of the C stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, AliasEvent):
            raise _problem("aliases are not accepted: write it out", event.start_mark)
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST:
            raise _problem("it is nested too deeply", event.start_mark)


def _problem(what: str, mark: Any) -> ConstructorError:
    return ConstructorError(None, None, what, mark)
