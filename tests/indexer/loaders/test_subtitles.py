from __future__ import annotations

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.subtitles import load
from indexer.places import place


def _cues(*cues: tuple[int, str]) -> bytes:
    """Cues of two seconds each, by their start."""
    return "\n\n".join(f"{n}\n00:{s // 60:02}:{s % 60:02},000 --> 00:{(s + 2) // 60:02}:{(s + 2) % 60:02},000\n{words}"
                       for n, (s, words) in enumerate(cues, 1)).encode()  # fmt: skip


def test_cues_are_joined_to_paragraphs_that_begin_with_their_time() -> None:
    extracted = load("talk.srt", _cues((1, "Gradients are"), (3, "slopes."), (65, "Now for\nthe loss.")))
    assert extracted.text == "[00:00:01] Gradients are slopes.\n\n[00:01:05] Now for the loss."
    assert [block.kind for block in extracted.blocks] == ["paragraph", "paragraph"]
    assert extracted.title == "talk"


def test_a_place_is_the_lines_of_the_cue_and_the_time_is_at_its_own_line() -> None:
    extracted = load("x.srt", _cues((1, "one"), (3, "two")))
    for words, line in (("[00:00:01]", 2), ("one", 3), ("two", 7)):
        start = extracted.text.index(words)
        assert place(extracted.anchors, start, start + len(words)).line_start == line


def test_a_paragraph_goes_on_until_a_sentence_ends_after_twenty_seconds_and_at_most_a_minute() -> None:
    ended = load("x.srt", _cues(*((2 * n, f"word{n}." if n % 4 == 3 else f"word{n}") for n in range(40)))).text
    assert [part[1:9] for part in ended.split("\n\n")] == ["00:00:00", "00:00:24", "00:00:48", "00:01:12"]
    never = load("x.srt", _cues(*((2 * n, f"word{n}") for n in range(40)))).text
    assert [part[1:9] for part in never.split("\n\n")] == ["00:00:00", "00:01:00"]


def test_marks_are_left_out_and_voices_named() -> None:
    text = b"WEBVTT - a talk\n\nSTYLE\n::cue { color: red }\n\nNOTE by hand\n\nintro\n01:02.500 --> 01:04.000 line:0\n" \
           b"<v.loud Ann Lee>Less &lt;than&gt; <00:01:03.000><c.x>this</c> <i>one</i>\n"  # fmt: skip
    extracted = load("x.vtt", text)
    assert extracted.text == "[00:01:02] Ann Lee: Less <than> this one"
    assert extracted.media_type == "text/vtt"


def test_a_line_that_rolls_up_is_said_once() -> None:
    assert load("x.srt", _cues((1, "first line"), (3, "first line\nsecond line"), (5, "second line"))).text == (
        "[00:00:01] first line second line"
    )


def test_a_file_without_times_is_none_and_one_without_words_is_empty() -> None:
    with pytest.raises(LoadError, match="no subtitles"):
        load("x.srt", b"words")
    with pytest.raises(EmptyDocument, match="no words"):
        load("x.srt", _cues((1, "<i></i>")))


def test_words_that_belong_to_no_time_are_told_by_their_lines() -> None:
    whole = load("x.srt", _cues((1, "first"), (3, "second")))
    assert whole.notices == ()
    text = "1\n00:00:01,000 --> 00:00:02,000\nfirst\n\nafter a blank line\n\n2\n00:00:03 -> 00:00:04\nbad time\n"
    extracted = load("x.srt", text.encode())
    assert extracted.text == "[00:00:01] first"
    assert extracted.notices == ("lines 5 and 9 left out: the words belong to no time",)


def test_notes_names_and_settings_of_a_subtitle_file_are_no_missing_words() -> None:
    text = b"WEBVTT\nKind: captions\n\nNOTE by\nhand\n\nSTYLE\n::cue { color: red }\n\nintro\n00:01.000 --> 00:02.000\nWords\n"
    assert load("x.vtt", text).notices == ()
