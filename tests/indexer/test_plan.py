"""Every file and every document ends in exactly one place of the plan."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import LoadError
from indexer.plan import Plan, make_plan
from indexer.records import Known
from indexer.scan import Found, Scan
from indexer.types import Failure


def plan(files: dict[str, tuple[str, int]], known: dict[str, tuple[str, int]], *failed: str) -> Plan:
    """`files` and `known` map a path to (content, time); `failed` are paths that the walk could not see."""
    seen = Scan(
        tuple(Found(path, len(content), time) for path, (content, time) in sorted(files.items())),
        tuple(Failure(path, "permission denied") for path in failed),
    )
    documents = [
        Known(f"id of {path}", path, f"sha of {content}", len(content), time, False)
        for path, (content, time) in sorted(known.items())
    ]

    def digest(found: Found) -> str:
        if files[found.path][0] == "unreadable":
            raise LoadError("permission denied")
        return f"sha of {files[found.path][0]}"

    return make_plan(seen, documents, digest)


def summary(plan: Plan) -> dict[str, list[str]]:
    """The paths in each part of a plan that is not empty."""
    parts = {
        "unchanged": [found.path for found in plan.unchanged],
        "removed": [document.path for document in plan.removed],
        "failed": [failure.path for failure in plan.failed],
    }
    for name in ("touched", "renamed", "updated", "added"):
        parts[name] = [step.found.path for step in getattr(plan, name)]
    return {name: paths for name, paths in parts.items() if paths}


def test_the_same_size_and_time_are_enough_to_leave_a_file_unread() -> None:
    assert summary(plan({"a": ("unreadable", 1)}, {"a": ("10 letters", 1)})) == {"unchanged": ["a"]}


def test_another_time_and_the_same_content_is_a_touch() -> None:
    assert summary(plan({"a": ("x", 2)}, {"a": ("x", 1)})) == {"touched": ["a"]}


def test_what_an_earlier_version_has_read_is_read_again_though_the_file_is_the_same() -> None:
    known = Known("id", "a", "sha of x", 1, 1, uploaded=0, outdated=1)
    seen = Scan((Found("a", 1, 1),), ())
    assert summary(make_plan(seen, [known], lambda found: "sha of x")) == {"updated": ["a"]}


def test_another_content_is_an_update_in_the_place_of_the_document() -> None:
    todo = plan({"a": ("new", 2)}, {"a": ("old", 1)})
    assert summary(todo) == {"updated": ["a"]}
    assert todo.updated[0].document_id == "id of a"


def test_a_new_path_with_the_content_of_a_vanished_one_is_a_rename() -> None:
    todo = plan({"b": ("x", 1), "c": ("y", 1)}, {"a": ("x", 1)})
    assert summary(todo) == {"renamed": ["b"], "added": ["c"]}
    assert todo.renamed[0].document_id == "id of a"


def test_a_copy_is_an_addition() -> None:
    assert summary(plan({"a": ("x", 1), "b": ("x", 1)}, {"a": ("x", 1)})) == {"unchanged": ["a"], "added": ["b"]}


def test_each_vanished_document_is_renamed_once() -> None:
    todo = plan({"c": ("x", 1), "d": ("x", 1), "e": ("x", 1)}, {"a": ("x", 1), "b": ("x", 1)})
    assert [(step.found.path, step.document_id) for step in todo.renamed] == [("c", "id of a"), ("d", "id of b")]
    assert summary(todo)["added"] == ["e"]


def test_two_files_that_swap_their_names_are_two_updates() -> None:
    assert summary(plan({"a": ("y", 1), "b": ("x", 1)}, {"a": ("x", 0), "b": ("y", 0)})) == {"updated": ["a", "b"]}


def test_a_file_that_cannot_be_read_is_reported_and_its_document_kept() -> None:
    assert summary(plan({"a": ("unreadable", 2)}, {"a": ("old", 1)})) == {"failed": ["a"]}


def test_documents_of_a_folder_that_cannot_be_read_are_kept_and_others_not() -> None:
    known = {"notes/closed/a": ("x", 1), "notes/closed-2/b": ("y", 1)}
    assert summary(plan({}, known, "notes/closed")) == {"failed": ["notes/closed"], "removed": ["notes/closed-2/b"]}


paths = st.sampled_from("abcdefgh")
contents = st.sampled_from(["one", "two", "three", "unreadable"])
states = st.dictionaries(paths, st.tuples(contents, st.integers(0, 1)))


@settings(max_examples=150, deadline=None)
@given(states, states)
def test_nothing_is_forgotten_and_nothing_is_done_twice(
    files: dict[str, tuple[str, int]], known: dict[str, tuple[str, int]]
) -> None:
    todo = plan(files, known)
    parts = summary(todo)
    in_files = [path for name, part in parts.items() if name != "removed" for path in part]
    assert sorted(in_files) == sorted(files)
    ids = [step.document_id for step in (*todo.touched, *todo.renamed, *todo.updated)]
    ids += [document.document_id for document in todo.removed]
    ids += [f"id of {found.path}" for found in todo.unchanged]
    ids += [f"id of {failure.path}" for failure in todo.failed if failure.path in known]
    assert sorted(map(str, ids)) == sorted(f"id of {path}" for path in known)
