from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.core.mapping import ClassMapping

CLASSES = ("car", "traffic light", "Person")


def entry(name: Any, schema_id: Any = "a1") -> dict[str, Any]:
    return {"schemaId": schema_id, "modelClass": name}


def test_exact_names_map() -> None:
    mapping = ClassMapping.from_job([entry("car"), entry("Person", "b2")], CLASSES)
    assert mapping.schema_id("car", 0) == "a1"
    assert mapping.schema_id("Person") == "b2"
    assert mapping.schema_id("traffic light", 1) is None
    assert mapping.schema_id("truck", 7) is None
    assert mapping.schema_ids == {"a1", "b2"}
    assert mapping.unmapped == ("traffic light",)
    assert mapping.notes == ()
    assert not mapping.is_empty


def test_several_classes_may_share_a_tool() -> None:
    mapping = ClassMapping.from_job([entry(name) for name in CLASSES], CLASSES)
    assert [mapping.schema_id(name, index) for index, name in enumerate(CLASSES)] == ["a1"] * 3
    assert mapping.notes == ()
    assert mapping.unmapped == ()


@pytest.mark.parametrize(
    "typed", ["CAR", " car ", "Car\n", "ｃａｒ", "0", "class_0", "Class 0", "class0", " CLASS-0 ", 0]
)
def test_the_ways_people_write_a_class(typed: Any) -> None:
    mapping = ClassMapping.from_job([entry(typed)], CLASSES)
    assert mapping.schema_id("car", 0) == "a1"
    assert mapping.schema_id("car") == "a1"
    assert mapping.unmapped == CLASSES[1:]
    assert mapping.notes == ()


@pytest.mark.parametrize("typed", ["Traffic_Light", "traffic-light", "TRAFFIC   LIGHT", "1"])
def test_spaces_and_underscores(typed: str) -> None:
    assert ClassMapping.from_job([entry(typed)], CLASSES).schema_id("traffic light", 1) == "a1"


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_mapped(nothing: Any) -> None:
    mapping = ClassMapping.from_job(nothing, CLASSES)
    assert mapping.is_empty
    assert mapping.schema_ids == frozenset()
    assert mapping.schema_id("car", 0) is None
    assert mapping.unmapped == CLASSES
    assert mapping.notes == ()


@pytest.mark.parametrize("wrong", ["car", 3, {"schemaId": "a1", "modelClass": "car"}, True])
def test_a_mapping_that_is_no_list(wrong: Any) -> None:
    mapping = ClassMapping.from_job(wrong, CLASSES)
    assert mapping.is_empty
    assert mapping.notes == ("categorySchema: no list; read as if nothing were mapped",)


def test_malformed_entries_are_named_and_the_others_count() -> None:
    wrong = [None, "car", [], {}, entry(None), entry("car", None), entry(""), entry("car", " "), entry(1.5), entry([])]
    mapping = ClassMapping.from_job([*wrong, entry("car", "b2"), entry("Person", 7)], CLASSES)
    assert mapping.schema_id("car", 0) == "b2"
    assert mapping.schema_id("Person", 2) == "7"
    fields = "categorySchema[0], categorySchema[1], categorySchema[2] and 7 more"
    assert mapping.notes == (f"{fields}: an entry without modelClass or schemaId; ignored",)


def test_a_class_the_model_does_not_have() -> None:
    mapping = ClassMapping.from_job(
        [entry("trafic light"), entry("zebra"), entry("class_9"), entry("9999999")], CLASSES
    )
    assert mapping.unmapped == CLASSES
    assert not mapping.is_empty
    (note,) = mapping.notes
    assert note.startswith('modelClass "trafic light" (did you mean "traffic light"?), modelClass "zebra",')
    assert note.endswith('modelClass "class_9" and 1 more: no class of the model; ignored')


def test_classes_that_differ_in_case_only() -> None:
    names = ("Car", "car", "bus")
    ambiguous = ClassMapping.from_job([entry("CAR")], names)
    assert ambiguous.unmapped == names
    assert ambiguous.notes == ('modelClass "CAR": may mean several classes of the model; ignored',)
    exact = ClassMapping.from_job([entry("Car")], names)
    assert exact.unmapped == ("car", "bus")
    assert exact.notes == ()


def test_one_class_with_two_tools_is_not_mapped() -> None:
    mapping = ClassMapping.from_job([entry("car", "a1"), entry("car", "b2"), entry("Person")], CLASSES)
    assert mapping.schema_id("car", 0) is None
    assert mapping.schema_id("Person", 2) == "a1"
    assert mapping.notes == ('class "car": mapped to several tools; treated as not mapped',)
    assert ClassMapping.from_job([entry("car"), entry("car")], CLASSES).notes == ()


def test_the_name_counts_before_the_spelling_and_the_number() -> None:
    mapping = ClassMapping.from_job([entry("0", "n"), entry("CAR", "loose"), entry("car", "exact")], CLASSES)
    assert mapping.schema_id("car", 0) == "exact"
    assert mapping.notes == ('class "car": mapped again in another spelling or by number; the nearest counts',)


def test_classes_that_are_named_by_numbers() -> None:
    mapping = ClassMapping.from_job([entry("1", "one"), entry("0", "zero")], ("1", "0"))
    assert mapping.schema_id("1", 0) == "one"
    assert mapping.schema_id("0", 1) == "zero"
    assert mapping.notes == ()


def test_classes_of_the_same_name_are_told_apart_by_number_only() -> None:
    names = ("part", "part", "whole")
    mapping = ClassMapping.from_job([entry("class_1", "b2")], names)
    assert mapping.schema_id("part", 1) == "b2"
    assert mapping.schema_id("part", 0) is None
    assert mapping.schema_id("part") is None
    assert mapping.unmapped == ("part", "whole")
    assert ClassMapping.from_job([entry("part")], names).unmapped == ("whole",)


def test_unknown_classes_match_as_they_come() -> None:
    mapping = ClassMapping.from_job([entry("Vehicle"), entry("3", "b2"), entry("a", "x"), entry("A", "y")])
    assert mapping.schema_id("vehicle") == "a1"
    assert mapping.schema_id("anything", 3) == "b2"
    assert mapping.schema_id("anything") is None
    assert mapping.schema_id("a") == "x"
    assert mapping.schema_id("Å") is None
    assert mapping.notes == ()
    twice = ClassMapping.from_job([entry("b", "x"), entry("b", "y")])
    assert twice.schema_id("b") is None
    assert twice.notes == ('class "b": mapped to several tools; treated as not mapped',)
    loose = ClassMapping.from_job([entry("a b", "x"), entry("A_B", "y")])
    assert loose.schema_id("a-b") is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["schemaId", "modelClass", "x"]), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.lists(st.text(max_size=5), max_size=4),
)
def test_nothing_raises(schema: Any, names: list[str]) -> None:
    mapping = ClassMapping.from_job(schema, names)
    for index, name in enumerate(names):
        found = mapping.schema_id(name, index)
        assert found is None or found in mapping.schema_ids
        assert (found is None) == (name in mapping.unmapped) or names.count(name) > 1
    assert mapping.schema_id("nobody", 10**9) is None or mapping.schema_id("nobody", 10**9) in mapping.schema_ids
    assert all("\n" not in note for note in mapping.notes)


def test_a_megabyte_of_entries_is_read_in_a_moment() -> None:
    mapping = ClassMapping.from_job([entry(f"class of number {index}") for index in range(20_000)], CLASSES * 100)
    assert len(mapping.notes) == 1
