"""file: a YAML file to its keys with what stands behind each, and to the words of a value.

Nothing is turned into a number, a date or a truth: a value is the words that were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tailrace.config.values import Raw

_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Key:
    """One key of a mapping. where: `file:line`."""

    name: str
    node: yaml.Node
    where: str


def keys_of_file(file: Path, errors: list[str]) -> Iterator[Key]:
    """The keys at the left margin of a file; why it can't be read, and keys that are set twice, go to `errors`."""
    try:
        root = yaml.compose(text_of(file), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        errors.append(f"{file}{line}: not YAML: {error.problem}; mend that line")
        return
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        errors.append(f"{file}: cannot be read as YAML: {str(error).splitlines()[0]}")
        return
    if root is None or root.tag == _NULL:
        return
    if not isinstance(root, yaml.MappingNode):
        errors.append(f"{file}: not a mapping; write one `name: value` a line")
        return
    yield from keys_of(root, "", file, errors)


def keys_of(mapping: yaml.MappingNode, path: str, file: Path, errors: list[str]) -> Iterator[Key]:
    """The keys of a mapping. path: what errors call it, `sinks.`."""
    seen: dict[str, str] = {}
    for key, node in mapping.value:
        where = f"{file}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            errors.append(f"{where}: a key that is not a word; write `name: value`")
            continue
        name = str(key.value)
        if name in seen:
            errors.append(f"{path}{name} (file {where}): is set twice, first at {seen[name]}; remove one")
        seen.setdefault(name, where)
        yield Key(name, node, where)


def raw_of(node: yaml.Node) -> Raw:
    """The words of a value. Raises ValueError, which continues the sentence `<the setting> …`."""
    if isinstance(node, yaml.SequenceNode):
        return [_word(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        raise ValueError("has keys below it, but it is a flat setting; write `name: value`")
    return _word(node)


def _word(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("has a list or a mapping inside; write words")
    if node.tag == _NULL:
        raise ValueError("has no value; write one, or remove the line to get the default")
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise ValueError(f"has the tag {node.tag}, which means nothing here; remove it")
    return str(node.value)


def text_of(file: Path) -> str:
    """The text of a file. Raises ValueError if it can't be read."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}); name a file that can") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8; write it in UTF-8") from None
