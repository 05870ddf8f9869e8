"""What a callback of the current generation returns."""

from __future__ import annotations

from typing import Any, Dict, List, Optional


class Answer:
    """Objects, classifications and relations of one asset, in the hub's annotation format."""

    def __init__(
        self,
        objects: Optional[List[Dict[str, Any]]] = None,
        classifications: Optional[List[Dict[str, Any]]] = None,
        relations: Optional[List[Dict[str, Any]]] = None,
    ) -> None:
        self.objects = objects or []
        self.classifications = classifications or []
        self.relations = relations or []

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """The answer as the hub takes it."""
        return {
            "objects": self.objects,
            "classifications": self.classifications,
            "relations": self.relations,
        }


class AnnotationPayload:
    """An answer and its masks: addresses of uploaded ones, or arrays still to be uploaded."""

    def __init__(
        self,
        answer: Optional[Answer] = None,
        brush_data_url: Optional[str] = None,
        medical_brush_data_url: Optional[str] = None,
        brush_data: Any = None,
        medical_brush_data: Any = None,
    ) -> None:
        self.answer = answer
        self.brush_data_url = brush_data_url
        self.medical_brush_data_url = medical_brush_data_url
        self.brush_data = brush_data
        self.medical_brush_data = medical_brush_data

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """The body of a call that annotates a task."""
        answer = self.answer if self.answer is not None else Answer()
        return {
            "answer": answer.toDict(),
            "brushDataUrl": self.brush_data_url,
            "medicalBrushDataUrl": self.medical_brush_data_url,
            "duration": 0,
        }
