"""A project's category schema: tools, classifications and relations, as scripts build it for `create_label_set`."""

from __future__ import annotations

import random
import uuid
from copy import deepcopy
from enum import Enum
from typing import Any, Dict, List, Optional, Sequence


class Tool(Enum):
    BoundingBox = "bounding-box"
    Segmentation = "segmentation"
    Polyline = "polyline"
    Polygon = "polygon"
    RotatedBoundingBox = "rotated-bounding-box"
    boundingBox = "rotated-bounding-box"  # noqa: N815, PIE796 - the documented client's name
    Ner = "ner"
    Point = "point"
    Pdf = "pdf"
    Brush = "brush"
    PCT = "pct"


class Classification(Enum):
    Multi_dropdown = "multi-dropdown"
    Single_dropdown = "single-dropdown"
    Tree_dropdown = "tree-dropdown"
    Radio = "radio"
    Checkbox = "checkbox"
    Text = "text"
    Instance = "instance"
    Boolean = "boolean"


class Relation(Enum):
    Single = "one-to-one"
    Group = "group"
    Many = "one-to-many"


def random_color() -> str:
    """A colour such as "#A1B2C3"."""
    return "#%06X" % random.randrange(1 << 24)  # noqa: S311 - a colour


class LabelOption:
    """One choice of a classification."""

    def __init__(self, value: str, schemaId: Optional[str] = None) -> None:  # noqa: N803
        self.value = value
        self.schemaId = schemaId or uuid.uuid4().hex

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        return dict(self.__dict__)


class TreeOption:
    """One node of a tree dropdown."""

    def __init__(
        self,
        title: str,
        key: Optional[str] = None,
        value: Optional[str] = None,
        children: Optional[List["TreeOption"]] = None,
    ) -> None:
        new = uuid.uuid4().hex
        self.title = title
        self.children = children or []
        self.key = key or new
        self.value = value or new

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it, children included."""
        fields = dict(self.__dict__)
        fields["children"] = [child.toDict() for child in self.children]
        return fields


class Category:
    """What tools, classifications and relations have in common."""

    def __init__(
        self,
        tool: str,
        title: str = "",
        required: bool = False,
        schemaId: Optional[str] = None,  # noqa: N803
        columnField: bool = False,  # noqa: N803
        color: Optional[str] = None,
        shortcutKey: str = "",  # noqa: N803
        classifications: Optional[Sequence["Category"]] = None,
        options: Optional[List[LabelOption]] = None,
    ) -> None:
        self.tool = tool
        self.title = title
        self.required = required
        self.columnField = columnField
        self.color = color or random_color()
        self.shortcutKey = shortcutKey
        self.classifications = list(classifications or [])
        self.options = options or []
        self.schemaId = schemaId or uuid.uuid4().hex

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it, nested classifications and options included."""
        fields = deepcopy(self.__dict__)
        fields["classifications"] = [item.toDict() for item in self.classifications]
        fields["options"] = [item.toDict() for item in self.options]
        return fields


class ClassificationCategory(Category):
    """A question about an asset or an object."""

    def __init__(
        self,
        classification: Classification,
        title: str = "",
        required: bool = False,
        schemaId: Optional[str] = None,  # noqa: N803
        columnField: bool = False,  # noqa: N803
        color: Optional[str] = None,
        shortcutKey: str = "",  # noqa: N803
        classifications: Optional[Sequence[Category]] = None,
        options: Optional[List[LabelOption]] = None,
        treeOptions: Optional[List[TreeOption]] = None,  # noqa: N803
        frameSpecific: bool = False,  # noqa: N803
        parentOptionId: Optional[str] = None,  # noqa: N803
        regex: Optional[str] = None,
        showDropdown: bool = False,  # noqa: N803
        richText: bool = False,  # noqa: N803
        exportName: Optional[str] = None,  # noqa: N803
        displayName: Optional[str] = None,  # noqa: N803
        abbreviatedName: Optional[str] = None,  # noqa: N803
        attributeType: Optional[str] = None,  # noqa: N803
        defaultValue: Optional[bool] = None,  # noqa: N803
    ) -> None:
        if treeOptions:
            options = flatten(treeOptions)
        super().__init__(
            classification.value,
            title,
            required,
            schemaId,
            columnField,
            color,
            shortcutKey,
            classifications,
            options,
        )
        self.treeOptions = treeOptions or []
        self.regex = regex
        self.parentOptionId = parentOptionId
        self.frameSpecific = frameSpecific
        self.showDropdown = showDropdown
        self.richText = richText
        self.exportName = exportName
        self.displayName = displayName
        self.abbreviatedName = abbreviatedName
        self.attributeType = attributeType
        self.defaultValue = defaultValue

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        fields = super().toDict()
        fields["treeOptions"] = [option.toDict() for option in self.treeOptions]
        return fields


class RelationCategory(Category):
    """A kind of link between objects."""

    def __init__(self, relation: Relation, *args: Any, **kwargs: Any) -> None:
        super().__init__(relation.value, *args, **kwargs)


class ToolCategory(Category):
    """A labeling tool."""

    def __init__(self, tool: Tool, *args: Any, **kwargs: Any) -> None:
        super().__init__(tool.value, *args, **kwargs)


def flatten(options: Any, title: Optional[str] = None) -> List[LabelOption]:
    """The nodes of a tree as options named by their paths, "Trunk / Branch / Leaf"."""
    flat: List[LabelOption] = []
    for option in options if isinstance(options, list) else [options]:
        path = "%s / %s" % (title, option.title) if title else option.title
        flat.append(LabelOption(path, option.key))
        flat += flatten(option.children, path)
    return flat
