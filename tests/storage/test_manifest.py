"""Names of backups, which of them are kept, and what their lists of files may say."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.storage.manifest import (
    Entry,
    Manifest,
    backups_among,
    database_of,
    kept,
    manifest_of,
    name_at,
    object_of,
    removable,
    taken_at,
)

MOMENTS = st.datetimes(
    datetime(2020, 1, 1),
    datetime(2099, 1, 1),
    timezones=st.just(UTC),
)
SHA = "ab" * 32


def manifest(name: str, *paths: str) -> Manifest:
    files = tuple(Entry(path, f"{number:064x}", 3, 1) for number, path in enumerate(paths))
    return Manifest(name, 5.0, False, Entry("fair.db", SHA, 4096, 0), files)


@settings(max_examples=40)
@given(st.lists(MOMENTS, min_size=2, max_size=8))
def test_names_sort_as_their_moments_and_say_them(moments: list[datetime]) -> None:
    names = [name_at(moment) for moment in moments]
    assert [taken_at(name) for name in sorted(names)] == sorted(taken_at(name) for name in names)
    for moment, name in zip(moments, names, strict=True):
        assert timedelta(0) <= moment - taken_at(name) < timedelta(milliseconds=1)


@settings(max_examples=40)
@given(st.lists(MOMENTS, max_size=60), st.integers(1, 12), st.integers(0, 7))
def test_the_newest_and_the_newest_of_each_day_are_kept(
    moments: list[datetime], recent: int, daily: int
) -> None:
    names = {name_at(moment) for moment in moments}
    stay = kept(names, recent, daily)
    newest = sorted(names, reverse=True)
    assert stay <= names
    assert set(newest[:recent]) <= stay
    assert len(stay) <= recent + daily
    days = sorted({name[:8] for name in names}, reverse=True)[:daily]
    assert {max(name for name in names if name[:8] == day) for day in days} <= stay
    # what goes is older than the recent ones, and not the last of one of these days
    for gone in names - stay:
        assert sum(name > gone for name in names) >= recent
    assert kept(stay, recent, daily) == stay


def test_backups_every_five_minutes_for_a_week() -> None:
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    names = [name_at(start + timedelta(minutes=5 * number)) for number in range(12 * 24 * 7)]
    stay = sorted(kept(names))
    assert len(stay) == 12 + 6  # the newest of the last day is among the recent
    assert stay[-12:] == names[-12:]


@given(st.text(max_size=30))
def test_only_a_backups_name_is_one(text: str) -> None:
    assert backups_among([f"{text}.json", f"{text}.db", text]) in ([], [text])
    assert backups_among(
        ["20261121T172814.123Z.json", "notes.json", "20269999T172814.123Z.json"]
    ) == ["20261121T172814.123Z"]


def test_what_it_says_is_read_again() -> None:
    one = manifest("20261121T172814.123Z", "checkpoints/first/lineage.json", "uploads/ä b.csv")
    assert Manifest.from_json(one.to_json()) == one
    assert one.bytes == 4096 + 6


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "checkpoints/../../x", "", "checkpoints\\..\\x", "uploads/\0"]
)
def test_a_path_out_of_the_home_makes_it_unreadable(path: str) -> None:
    values = json.loads(manifest("20261121T172814.123Z", "uploads/a").to_json())
    values["files"][0]["path"] = path
    with pytest.raises(BadInput, match="cannot be read"):
        Manifest.from_json(json.dumps(values))


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "minutes", "at_stop", "database", "files", "path"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=8,
    )
)
def test_anything_else_cannot_be_read(values: object) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Manifest.from_json(json.dumps(values))


def test_only_what_no_kept_backup_needs_is_removed() -> None:
    old, new = (
        manifest("20261120T000000.000Z", "uploads/a", "uploads/b"),
        manifest("20261121T000000.000Z", "uploads/a"),
    )
    shared, own = (object_of(one) for one in old.files)
    names = {
        *(of(one.name) for one in (old, new) for of in (manifest_of, database_of)),
        shared,
        own,
        "README.md",
        ".gitattributes",
        "objects/notes.txt",
        database_of("20261119T000000.000Z"),  # half of one
    }
    assert removable(names, [old, new]) == {database_of("20261119T000000.000Z")}
    assert removable(names, [new]) == {
        own,
        manifest_of(old.name),
        database_of(old.name),
        database_of("20261119T000000.000Z"),
    }
