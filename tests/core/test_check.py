from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from desktop_app.core.check import Checked, check_answer
from desktop_app.core.errors import AnswerError

BOX = {"x": 20, "y": 30, "width": 50, "height": 60.0}
SQUARE = [[0, 0], [9, 0], [9, 9], [0, 9]]
MAPPED = frozenset({"a1", "b2"})
NAN = float("nan")

WARNED = [
    "objects[0].bounding-box, objects[1].bounding-box, objects[3].point and 1 more: reaches beyond the picture",
    'objects[0].schemaId "zz", classifications[0].schemaId "yy": not among the mapped ones',
    "objects[1].bounding-box, objects[4].rotated-bounding-box: a box without extent",
    "objects[2].polygon: a polygon that crosses itself",
    'objects[2].objectId "same": used before',
    "objects[5].polygon: a polygon without extent",
    "objects[6].ner: a span without extent",
    "objects[6].ner: a span that starts before 0",
    "objects[7], classifications[1]: neither schemaId nor title; the hub has to guess the tool",
    "classifications[0].answer: true or false where the hub expects text",
    ('relations[0].to "elsewhere", relations[1].group[0] "nowhere": points to an object that is not in the answer'),
    'relations[0].direction "both": neither "straight" nor "bidirectional"',
]


def theirs(raw: Any, **options: Any) -> Checked:
    return check_answer(raw, ours=False, **options)


def ours(raw: Any, **options: Any) -> Checked:
    return check_answer(raw, ours=True, **options)


def refused(raw: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        theirs(raw)
    return caught.value


def objects(*items: Any) -> dict[str, Any]:
    return {"objects": list(items), "classifications": [], "relations": []}


class TestWhatAScriptAnswered:
    def test_a_right_answer_comes_back_byte_for_byte(self) -> None:
        raw = {
            "relations": [{"from": "o1", "to": "o2", "schemaId": "r", "direction": "straight", "mine": 1}],
            "data": "https://example.com/a.jpg?x=1",
            "objects": [
                {"zz": None, "bounding-box": {"height": 60.0, "y": 30, "x": 20, "width": 50}, "objectId": "o1"},
                {
                    "polygon": [[1, 2.0], [3, 4], [5.5, 1]],
                    "objectId": "o2",
                    "schemaId": None,
                    "metadata": {"b": 1, "a": 2},
                },
            ],
        }
        checked = theirs(raw, schema_ids=MAPPED)
        assert checked.answer is raw
        assert checked.repairs == ()
        assert "classifications" not in checked.answer
        assert list(checked.lists) == ["objects", "classifications", "relations"]
        assert checked.lists["classifications"] == []

    def test_the_documented_sample_needs_no_word(self) -> None:
        assert theirs(objects({"bounding-box": BOX})) == Checked(objects({"bounding-box": BOX}))
        sample = objects({"schemaId": "a1", "bounding-box": BOX})
        assert theirs(sample, size=(810, 1080), schema_ids=MAPPED).notes == ()

    def test_geometry_and_ids_are_the_authors_business(self) -> None:
        raw = objects(
            {"schemaId": "zz", "bounding-box": {"x": -50, "y": 0, "width": 100, "height": 900}},
            {"schemaId": "a1", "bounding-box": {"x": 5000, "y": 0, "width": 0, "height": 9}, "objectId": "same"},
            {"schemaId": "a1", "polygon": [[0, 0], [9, 9], [9, 0], [0, 9]], "objectId": "same"},
            {"schemaId": "a1", "point": [9999, 9999]},
            {"schemaId": "a1", "rotated-bounding-box": {"x": 630, "y": 470, "width": 90, "height": 0, "rotation": 4}},
            {"schemaId": "a1", "polygon": [[0, 0], [5, 5], [9, 9]]},
            {"schemaId": "a1", "ner": {"start": -4, "end": -4}},
            {"point": [1, 2]},
        )
        raw["relations"] = [{"from": "same", "to": "elsewhere", "direction": "both"}, {"group": ["nowhere"]}]
        raw["classifications"] = [{"schemaId": "yy", "answer": True}, {"answer": "x"}]
        checked = theirs(raw, size=(640, 480), schema_ids=MAPPED)
        assert checked.answer is raw
        assert checked.repairs == ()
        assert checked.dropped == 0
        assert list(checked.warnings) == WARNED

    def test_less_than_a_pixel_beyond_is_rounding(self) -> None:
        raw = objects({"bounding-box": {"x": -0.4, "y": 0, "width": 640.9, "height": 480}})
        assert theirs(raw, size=(640, 480)).notes == ()

    def test_the_same_id_on_other_pages_is_a_track(self) -> None:
        track = [{"bounding-box": BOX, "objectId": "t", "page": page} for page in range(3)]
        assert theirs(objects(*track)).notes == ()
        assert theirs(objects(*track, track[0])).warnings == ('objects[3].objectId "t": used before',)

    @pytest.mark.parametrize(
        "shape",
        [
            {"bounding-box": {"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.5}},
            {"rotated-bounding-box": {"x": 0.5, "y": 0.2, "width": 0.2, "height": 0.2, "rotation": 10}},
            {"polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.5]]},
            {"segmentation": {"zones": [{"region": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.5]]}]}},
            {"point": [0.5, 1]},
        ],
    )
    def test_fractions_for_pixels_are_noticed_and_left(self, shape: dict[str, Any]) -> None:
        raw = objects(shape, shape)
        for size in (None, (640, 480)):
            checked = theirs(raw, size=size)
            assert checked.answer is raw
            assert checked.warnings == ("objects: all coordinates lie between 0 and 1; pixels of the asset are needed",)
        assert theirs(objects(shape, {"bounding-box": BOX})).notes == ()

    def test_whole_numbers_up_to_one_are_pixels(self) -> None:
        assert theirs(objects({"bounding-box": {"x": 0, "y": 0, "width": 1, "height": 1}})).notes == ()

    def test_a_shape_unknown_to_us_goes_through(self) -> None:
        raw = objects({"schemaId": "a1", "cuboid": {"center": [1, 2, 3]}})
        checked = theirs(raw)
        assert checked.answer is raw
        assert checked.warnings == ("objects[0]: no shape that Plugdeck knows; sent as it is",)


class TestRepairs:
    @pytest.mark.parametrize(
        ("given", "read", "note"),
        [
            ({"bounding-box": {"x": "20", "y": 30, "width": " 5e1 ", "height": [60.5]}},
             {"bounding-box": {"x": 20, "y": 30, "width": 50.0, "height": 60.5}}, "written as text"),
            ({"bounding-box": {"x": 70, "y": 90, "width": -50, "height": -60}},
             {"bounding-box": {"x": 20, "y": 30, "width": 50, "height": 60}}, "turned round to the top left"),
            ({"rotated-bounding-box": {"x": 10, "y": 10, "width": -4, "height": 2, "rotation": 0, "corners": []}},
             {"rotated-bounding-box": {"x": 6.0, "y": 10.0, "width": 4, "height": 2, "rotation": 0}}, "turned round"),
            ({"rotated-bounding-box": {"x": 1, "y": 1, "width": 4, "height": 2, "rotation": 270}},
             {"rotated-bounding-box": {"x": 1, "y": 1, "width": 4, "height": 2, "rotation": -90.0}}, "±180"),
            ({"polygon": [[[1, 2]], [[3, 4]], [[5, 0]]]}, {"polygon": [[1, 2], [3, 4], [5, 0]]}, "one more list"),
            ({"polygon": [[[1, 2], [3, 4], [5, 0]]]}, {"polygon": [[1, 2], [3, 4], [5, 0]]}, "one more list"),
            ({"polygon": [1, 2, 3, 4, 5, 0]}, {"polygon": [[1, 2], [3, 4], [5, 0]]}, "x and y in turn"),
            ({"polygon": [{"x": 1, "y": "2"}, [3, 4], [5, 0]]}, {"polygon": [[1, 2], [3, 4], [5, 0]]}, "x and y"),
            ({"polyline": [1, 2, 3, 4]}, {"polyline": [[1, 2], [3, 4]]}, "x and y in turn"),
            ({"point": {"x": 1, "y": 2.5}}, {"point": [1, 2.5]}, "read as [x, y]"),
            ({"point": [[1, 2]]}, {"point": [1, 2]}, "one more list"),
            ({"segmentation": {"region": SQUARE, "holes": []}},
             {"segmentation": {"zones": [{"region": SQUARE, "holes": []}]}}, "read as the only one"),
            ({"segmentation": {"zones": {"region": SQUARE}}},
             {"segmentation": {"zones": [{"region": SQUARE}]}}, "read as the only one"),
            ({"segmentation": [{"region": SQUARE}]}, {"segmentation": {"zones": [{"region": SQUARE}]}}, "put into one"),
            ({"segmentation": {"zones": [{"region": SQUARE, "holes": None}]}},
             {"segmentation": {"zones": [{"region": SQUARE, "holes": []}]}}, "empty list"),
            ({"segmentation": {"zones": [{"region": SQUARE, "holes": [SQUARE, [[1, 2]]]}, {"region": [[1, 1]]}]}},
             {"segmentation": {"zones": [{"region": SQUARE, "holes": [SQUARE]}]}}, "fewer than 3 points"),
            ({"ner": {"start": 9, "end": 4}}, {"ner": {"start": 4, "end": 9}}, "ends before"),
            ({"pdf": {"x1": "1", "y1": 2, "x2": 3, "y2": 4}}, {"pdf": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}, "text"),
            ({"pdf": {"position": {"boundingRect": {"x1": "1", "y1": 2, "x2": 3, "y2": 4}, "p": 1}, "c": 1}},
             {"pdf": {"position": {"boundingRect": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}, "p": 1}, "c": 1}}, "text"),
            ({"boundingBox": BOX, "title": "t"}, {"bounding-box": BOX, "title": "t"}, "another spelling"),
            ({"title": "t", "BOUNDING_BOX": BOX}, {"title": "t", "bounding-box": BOX}, "another spelling"),
            ({"bounding-box": BOX, "polygon": None, "ner": None}, {"bounding-box": BOX}, "null; removed"),
            ({"point": [1, 2], "page": 3.0}, {"point": [1, 2], "page": 3}, "whole number"),
            ({"point": [1, 2], "page": "12"}, {"point": [1, 2], "page": 12}, "whole number"),
            ({"point": [1, 2], "schemaId": 7, "title": 1.5, "objectId": 3},
             {"point": [1, 2], "schemaId": "7", "title": "1.5", "objectId": "3"}, "written as text"),
            ({"point": [1, 2], "classifications": None}, {"point": [1, 2], "classifications": []}, "empty list"),
            ({"point": [1, 2], "classifications": {"answer": "x"}},
             {"point": [1, 2], "classifications": [{"answer": "x"}]}, "list of one"),
            ({"point": (np.float32(1.5), np.int64(2)), "metadata": {"s": np.float64(0.5)}},
             {"point": [1.5, 2], "metadata": {"s": 0.5}}, "another library"),
            ({"polygon": np.array([[[1, 2]], [[3, 4]], [[5, 0]]])}, {"polygon": [[1, 2], [3, 4], [5, 0]]}, "library"),
            ({"point": [1, 2], "metadata": {"score": NAN}}, {"point": [1, 2], "metadata": {"score": None}}, "as null"),
        ],
    )  # fmt: skip
    def test_what_has_one_right_reading(self, given: Any, read: Any, note: str) -> None:
        checked = theirs(objects(given))
        assert json.dumps(checked.answer) == json.dumps(objects(read))
        assert note in " ".join(checked.repairs)
        assert "objects[0]" in " ".join(checked.repairs)
        assert checked.dropped == 0

    @pytest.mark.parametrize(
        "raw",
        [
            [{"bounding-box": BOX}],
            ({"bounding-box": BOX},),
            {"bounding-box": BOX},
            {"answer": {"objects": [{"bounding-box": BOX}], "classifications": [], "relations": []}},
            {"tools": [{"bounding-box": BOX}], "classifications": [], "relations": []},
            {"objects": [{"bounding-box": BOX}, None], "classifications": None, "relations": None},
            {"objects": {"bounding-box": BOX}, "classifications": [], "relations": []},
        ],
    )
    def test_the_whole_in_another_form(self, raw: Any) -> None:
        checked = theirs(raw)
        assert checked.answer == objects({"bounding-box": BOX})
        assert checked.repairs

    def test_nothing_at_all_in_an_object_is_an_empty_answer(self) -> None:
        assert theirs({}).answer == objects()
        assert theirs({}).repairs == ("the answer: empty; read as an answer without annotations",)
        assert theirs([]).answer == objects()

    def test_unknown_keys_stay_in_place_beside_a_repair(self) -> None:
        checked = theirs({"a": 1, "tools": [], "z": {"k": (1,)}, "relations": None})
        assert json.dumps(checked.answer) == '{"a": 1, "objects": [], "z": {"k": [1]}, "relations": []}'

    @pytest.mark.parametrize(
        ("answer", "read"),
        [(3, "3"), (0.5, "0.5"), (["a", 2, None], ["a", "2"]), ("x", "x"), ([], []), ([True], [True])],
    )
    def test_classification_answers(self, answer: Any, read: Any) -> None:
        raw = {"classifications": [{"schemaId": "q", "answer": answer, "classifications": [{"answer": answer}]}]}
        read_as = {"schemaId": "q", "answer": read, "classifications": [{"answer": read}]}
        assert theirs(raw).answer == {"classifications": [read_as]}

    def test_numbers_as_ids_stay_linked(self) -> None:
        raw = objects({"point": [1, 2], "objectId": 1}, {"point": [3, 4], "objectId": 2})
        raw["relations"] = [{"from": 1, "to": 2}, {"group": [1, 2]}]
        checked = theirs(raw)
        assert checked.answer["relations"] == [{"from": "1", "to": "2"}, {"group": ["1", "2"]}]
        assert checked.warnings == ()

    def test_a_wrapped_answer_that_gets_too_deep_is_refused(self) -> None:
        inner: Any = 1
        for _ in range(97):
            inner = [inner]
        fits = {"objects": [{"point": [1, 2], "metadata": inner}]}
        assert theirs(fits).repairs == ()
        with pytest.raises(AnswerError, match="deeper"):
            theirs({"objects": fits["objects"][0]} | {"objects": {"point": [1, 2], "metadata": [inner]}})


class TestLeftOut:
    @pytest.mark.parametrize(
        ("item", "note"),
        [
            (
                {"bounding-box": {"x": NAN, "y": 1, "width": 2, "height": 3}},
                "bounding-box.x: a coordinate is not a finite",
            ),
            ({"bounding-box": {"x": 1, "y": 1, "width": float("inf"), "height": 3}}, "width: a coordinate is not"),
            ({"bounding-box": {"x": 1, "y": 1, "width": 10**400, "height": 3}}, "width: a coordinate is not"),
            ({"bounding-box": {"x": -1e12, "y": 1, "width": -1e12, "height": 3}}, "a coordinate is not"),
            (
                {"rotated-bounding-box": {"x": -1e12, "y": 1, "width": -1e12, "height": 3, "rotation": 0}},
                "not a finite",
            ),
            ({"rotated-bounding-box": {"x": 1, "y": 1, "width": 1, "height": 3, "rotation": NAN}}, "not a finite"),
            ({"polygon": [[1, 2], [3, NAN], [5, 6]]}, "polygon: a coordinate is not"),
            ({"polygon": [[1, 2], [3, 4]]}, "fewer than 3 points"),
            ({"polygon": []}, "fewer than 3 points"),
            ({"polyline": [[1, 2]]}, "fewer than 2 points"),
            ({"polyline": [[1, 2], [1, float("-inf")]]}, "not a finite"),
            ({"point": [NAN, 1]}, "not a finite"),
            ({"segmentation": {"zones": []}}, "without zones"),
            ({"segmentation": {"zones": None}}, "without zones"),
            ({"segmentation": {"zones": [{"region": [[1, 2]]}]}}, "without zones"),
            ({"ner": {"start": NAN, "end": 3}}, "not a finite"),
            ({"pdf": {"x1": NAN, "y1": 2, "x2": 3, "y2": 4}}, "not a finite"),
            ({"pdf": {"position": {"boundingRect": {"x1": NAN, "y1": 2, "x2": 3, "y2": 4}}}}, "not a finite"),
        ],
    )
    def test_an_object_without_a_reading_costs_itself_only(self, item: dict[str, Any], note: str) -> None:
        good = {"bounding-box": BOX}
        checked = theirs(objects(good, {**item, "objectId": "lost"}, good))
        assert checked.answer["objects"] == [good, good]
        assert note in " ".join(checked.repairs)
        assert checked.dropped == 1

    def test_relations_to_what_was_left_out_go_too(self) -> None:
        lost, kept = {"point": [NAN, 1], "objectId": "lost"}, {"point": [1, 1], "objectId": "kept"}
        raw = objects(lost, kept, {**kept, "objectId": "other"})
        raw["relations"] = [
            {"from": "lost", "to": "kept"},
            {"from": "kept", "to": "other"},
            {"group": ["lost", "kept", "other"]},
            {"group": ["lost", "kept"]},
        ]
        checked = theirs(raw)
        assert checked.answer["relations"] == [{"from": "kept", "to": "other"}, {"group": ["kept", "other"]}]
        assert 'relations[0].from "lost"' in " ".join(checked.repairs)

    def test_classifications_without_an_answer(self) -> None:
        inner = [{"answer": None}, {"answer": "y"}]
        raw = {"classifications": [{"answer": None}, {"answer": NAN}, {"answer": "x", "classifications": inner}, None]}
        checked = theirs(raw)
        assert checked.answer == {"classifications": [{"answer": "x", "classifications": [{"answer": "y"}]}]}
        assert checked.dropped == 3


class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "where"),
        [
            (None, "answer"),
            ("done", "answer"),
            (3, "answer"),
            ({"message": "ok"}, "answer"),
            ({"answer": None}, "answer"),
            ({"answer": {"answer": 3}}, "answer"),
            ({"objects": "none"}, "objects"),
            ({"objects": {"a": 1}}, "objects"),
            ({"objects": [[]]}, "objects[0]"),
            ({"objects": [{"title": "x"}]}, "objects[0]"),
            ({"objects": [{"point": [1, 2], "polygon": SQUARE}]}, "objects[0]"),
            ({"objects": [{"point": None, "polygon": None}]}, "objects[0]"),
            ({"objects": [{}, {}]}, "objects[0]"),
            ({"classifications": [{"schemaId": "q"}]}, "classifications[0].answer"),
            ({"classifications": [{"answer": {}}]}, "classifications[0].answer"),
            ({"classifications": [{"answer": [["x"]]}]}, "classifications[0].answer[0]"),
            ({"classifications": [{"answer": "x", "tool": []}]}, "classifications[0].tool"),
            ({"classifications": [{"answer": "x", "classifications": [{}]}]},
             "classifications[0].classifications[0].answer"),
            ({"relations": [{}]}, "relations[0].from"),
            ({"relations": [{"from": "a", "to": True}]}, "relations[0].to"),
            ({"relations": [{"from": "a", "to": "b", "direction": 3}]}, "relations[0].direction"),
            ({"relations": [{"group": "a"}]}, "relations[0].group"),
            ({"relations": [{"group": [None]}]}, "relations[0].group[0]"),
            ({"objects": [], "x": object()}, "x"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_an_answer(self, raw: Any, where: str) -> None:
        assert refused(raw).where == where

    @pytest.mark.parametrize(
        ("item", "where"),
        [
            ({"bounding-box": {"x": 1, "y": 2, "height": 3}}, "bounding-box.width"),
            ({"bounding-box": {"x": 1, "y": 2, "width": "wide", "height": 3}}, "bounding-box.width"),
            ({"bounding-box": {"x": 1, "y": 2, "width": None, "height": 3}}, "bounding-box.width"),
            ({"bounding-box": {"x": 1, "y": 2, "width": True, "height": 3}}, "bounding-box.width"),
            ({"bounding-box": [1, 2, 3, 4]}, "bounding-box"),
            ({"bounding-box": None}, "bounding-box"),
            ({"rotated-bounding-box": {"x": 1, "y": 2, "width": 3, "height": 3}}, "rotated-bounding-box.rotation"),
            ({"polygon": [[1, 2], [3, 4, 5], [6, 7]]}, "polygon[1]"),
            ({"polygon": [[1, 2], [3, "a"], [6, 7]]}, "polygon[1][1]"),
            ({"polygon": [1, 2, 3]}, "polygon[0]"),
            ({"polygon": {"x": 1}}, "polygon"),
            ({"point": [1]}, "point"),
            ({"point": 4}, "point"),
            ({"segmentation": SQUARE}, "segmentation"),
            ({"segmentation": {"zones": "x"}}, "segmentation.zones"),
            ({"segmentation": {"zones": [1]}}, "segmentation.zones[0]"),
            ({"segmentation": {"zones": [{}]}}, "segmentation.zones[0].region"),
            ({"segmentation": {"zones": [{"region": SQUARE, "holes": 3}]}}, "segmentation.zones[0].holes"),
            ({"segmentation": {"zones": [{"region": SQUARE, "holes": [3]}]}}, "segmentation.zones[0].holes[0]"),
            ({"ner": {"start": 1}}, "ner.end"),
            ({"ner": "x"}, "ner"),
            ({"pdf": []}, "pdf"),
            ({"pdf": {"position": 1}}, "pdf.position"),
            ({"pdf": {"position": {}}}, "pdf.position.boundingRect"),
            ({"point": [1, 2], "page": -1}, "page"),
            ({"point": [1, 2], "page": 1.5}, "page"),
            ({"point": [1, 2], "page": "first"}, "page"),
            ({"point": [1, 2], "page": -3.0}, "page"),
            ({"point": [1, 2], "page": True}, "page"),
            ({"point": [1, 2], "schemaId": {}}, "schemaId"),
            ({"point": [1, 2], "objectId": NAN}, "objectId"),
        ],
    )  # fmt: skip
    def test_the_field_is_named(self, item: dict[str, Any], where: str) -> None:
        error = refused(objects({"point": [1, 2]}, item))
        assert error.where == f"objects[1].{where}"
        assert str(error).startswith("The answer")

    def test_the_message_says_what_stood_there(self) -> None:
        error = refused(objects({"bounding-box": {**BOX, "width": "wi\nde" + "x" * 500}}))
        assert error.what.startswith('The answer has the text "wi�dexx')
        assert error.what.endswith("where a number belongs")
        assert len(error.what) < 120

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (None, "nothing (null)"),
            (True, "true"),
            (12, "the number 12"),
            ([1, 2], "a list of 2"),
            ("x", 'the text "x"'),
        ],
    )
    def test_the_message_says_what_kind_stood_there(self, value: Any, words: str) -> None:
        assert refused(objects({"pdf": {"position": value}})).what == (
            f"The answer has {words} where an object with boundingRect belongs"
        )

    def test_an_object_stood_there(self) -> None:
        assert refused({"classifications": [{"answer": {}}]}).what.startswith("The answer has an object where text")


class TestOurs:
    SIZE = (640, 480)

    def test_boxes_are_clipped(self) -> None:
        raw = objects({"bounding-box": {"x": -10, "y": 400.5, "width": 100, "height": 200}, "title": "a"})
        checked = ours(raw, size=self.SIZE)
        assert checked.answer["objects"] == [
            {"bounding-box": {"x": 0, "y": 400.5, "width": 90, "height": 79.5}, "title": "a"}
        ]
        assert checked.repairs == ("objects[0].bounding-box: reached beyond the picture; clipped",)

    def test_a_sliver_is_clipped_without_a_word(self) -> None:
        raw = objects({"bounding-box": {"x": -0.25, "y": 0, "width": 640.25, "height": 480}})
        assert ours(raw, size=self.SIZE) == Checked(
            objects({"bounding-box": {"x": 0, "y": 0, "width": 640, "height": 480}})
        )

    @pytest.mark.parametrize(
        "item",
        [
            {"bounding-box": {"x": 700, "y": 1, "width": 10, "height": 10}},
            {"bounding-box": {"x": 1, "y": -20, "width": 10, "height": 20}},
            {"bounding-box": {"x": 1, "y": 1, "width": 0, "height": 10}},
            {"rotated-bounding-box": {"x": 900, "y": 1, "width": 10, "height": 10, "rotation": 5}},
            {"rotated-bounding-box": {"x": 9, "y": 1, "width": 10, "height": 0, "rotation": 5}},
            {"polygon": [[700, 1], [800, 1], [800, 9]]},
            {"polygon": [[1, 1], [2, 2], [3, 3]]},
            {"polyline": [[700, 1], [800, 1]]},
            {"point": [700, 1]},
            {"segmentation": {"zones": [{"region": [[700, 1], [800, 1], [800, 9]], "holes": []}]}},
            {"ner": {"start": 3, "end": 3}},
        ],
    )
    def test_outside_or_empty_is_left_out(self, item: dict[str, Any]) -> None:
        checked = ours(objects(item), size=self.SIZE)
        assert checked.answer == objects()
        assert checked.dropped == 1
        assert checked.repairs

    @pytest.mark.parametrize(
        ("item", "clipped"),
        [
            ({"polygon": [[600, 10], [700, 10], [700, 20], [600, 20]]},
             {"polygon": [[600, 10], [640, 10], [640, 20], [600, 20]]}),
            ({"polyline": [[600, 10], [700, 10]]}, {"polyline": [[600, 10], [640, 10]]}),
            ({"point": [640.5, -0.5]}, {"point": [640, 0]}),
            ({"rotated-bounding-box": {"x": 630, "y": 9, "width": 90, "height": 9, "rotation": 4}},) * 2,
            ({"segmentation": {"zones": [{"region": [[0, 0], [9, 0], [9, 9]],
                                          "holes": [[[-9, -9], [-2, -9], [-2, -2]]]}]}},
             {"segmentation": {"zones": [{"region": [[0, 0], [9, 0], [9, 9]], "holes": []}]}}),
        ],
    )  # fmt: skip
    def test_other_shapes_at_the_edge(self, item: dict[str, Any], clipped: dict[str, Any]) -> None:
        (found,) = ours(objects(item), size=self.SIZE).answer["objects"]
        (key,) = clipped
        if key == "polygon":
            assert sorted(found[key]) == sorted(clipped[key])
        else:
            assert found == clipped

    def test_an_eight_has_no_area_and_stays(self) -> None:
        raw = objects({"polygon": [[0, 0], [9, 9], [9, 0], [0, 9]]})
        assert ours(raw, size=self.SIZE).answer == raw

    def test_unmapped_goes_and_missing_lists_come(self) -> None:
        raw = {
            "objects": [{"schemaId": "a1", "point": [1, 2]}, {"schemaId": "no", "point": [1, 2]}, {"point": [1, 2]}],
            "classifications": [{"schemaId": "b2", "answer": "x"}, {"schemaId": "no", "answer": "x"}],
        }
        checked = ours(raw, schema_ids=MAPPED)
        assert checked.answer == {
            "objects": [{"schemaId": "a1", "point": [1, 2]}],
            "classifications": [{"schemaId": "b2", "answer": "x"}],
            "relations": [],
        }
        assert checked.dropped == 3
        fields = 'objects[1].schemaId "no", objects[2].schemaId, classifications[1].schemaId "no"'
        assert checked.repairs == (f"{fields}: not among the mapped ones; left out",)
        assert ours(raw, schema_ids=frozenset()).dropped == 0

    def test_doubled_ids_and_dangling_relations(self) -> None:
        raw = objects({"point": [1, 2], "objectId": "p"}, {"point": [3, 4], "objectId": "p"})
        raw["relations"] = [{"from": "p", "to": "q"}]
        checked = ours(raw)
        assert checked.answer == objects({"point": [1, 2], "objectId": "p"}, {"point": [3, 4]})
        assert len(checked.repairs) == 2


class TestLargeAnswers:
    """They end at all; how fast is the benchmark's business."""

    def test_ten_thousand_boxes(self) -> None:
        raw = objects(
            *(
                {"schemaId": "a1", "bounding-box": {"x": i * 0.5, "y": 2, "width": 30, "height": 40}}
                for i in range(10_000)
            )
        )
        checked = theirs(raw, size=(9000, 9000), schema_ids=MAPPED)
        json.dumps(checked.answer, allow_nan=False)
        assert checked.notes == ()

    def test_ten_thousand_polygons_of_a_hundred_points(self) -> None:
        ring = [[float(k % 10 * 9 + 1), float(k // 10 * 9 + k % 10)] for k in range(100)]
        raw = objects(*({"polygon": list(ring)} for _ in range(10_000)))
        theirs(raw, size=(900, 900))

    def test_ten_thousand_faults_are_few_sentences(self) -> None:
        checked = theirs(objects(*({"point": [NAN, i]} for i in range(10_000))))
        assert checked.dropped == 10_000
        assert len(checked.repairs) == 1
        assert "9,997 more" in checked.repairs[0]

    def test_a_scribble_of_many_points_is_not_searched_for_ever(self) -> None:
        comb = [[index % 2 * 1000, index] for index in range(100_000)]
        theirs(objects({"polygon": comb}, {"polygon": comb[:5000]}))
