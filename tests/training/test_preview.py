"""The preview of a run's examples: the very tokens that the trainer would have."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.loading import load_tokenizer
from fair_app.student.registry import parse_ref
from fair_app.studio.training import train_params, training_questions
from fair_app.studio.training_preview import KEPT, example_preview
from fair_app.training.frozen import thaw, work_folder
from fair_app.training.lessons import Lessons
from fair_app.training.preview import preview
from fair_app.training.settings import TrainingSettings
from tests.browser.taught import taught
from tests.training.tiny import END, questions, tiny_tokenizer
from tests.training.tiny_home import tiny, tiny_home


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return tiny_home(tmp_path_factory.mktemp("home"))


def test_the_offline_students_preview_is_what_its_trainer_has(
    settings: Settings, student_folder: Path
) -> None:
    """With SmolLM2: through the process of its own, against a run's frozen examples."""
    project = taught(settings, "⚑ 1,234.5 · \\frac{1}{2}")
    given = {"max_tokens": 110, "quantization": "none"}
    found = example_preview(
        settings, project, student=str(student_folder), settings_given=given, count=99
    )

    params = train_params(
        settings, project, name="x", student=str(student_folder), settings_given=given
    )
    tokenizer = load_tokenizer(parse_ref(params["student"], settings.checkpoints, settings.models))
    frozen = thaw(work_folder(settings.checkpoints, "x"))
    lessons = Lessons(tokenizer, frozen, TrainingSettings(**params["settings"]))
    drawn = lessons.pairs(0)
    assert [one.question_id for one in found.examples] == [pair.question_id for pair in drawn]
    for shown, examples in zip(found.examples, lessons.pool.examples(drawn), strict=True):
        assert len(examples) == 2
        for example in examples:
            side = shown.feedback if example.part == "feedback" else shown.rationale
            assert side is not None
            prompt, response = (
                tokenizer.decode(part)
                for part in (
                    example.tokens[: example.prompt_length],
                    example.tokens[example.prompt_length :],
                )
            )
            assert (side.prompt, side.response) == (prompt, response)
            assert side.prompt_tokens + side.response_tokens == len(example.tokens)
            assert (side.response_tokens, side.cut) == (example.response_length, example.cut)
    assert "<|im_start|>user" in (found.examples[0].rationale.prompt)  # type: ignore[union-attr]
    assert found.totals.shortened == lessons.pool.shortened > 0


def test_totals_count_all_that_can_be_drawn() -> None:
    asked = questions(6)
    lines = list(
        preview(
            tiny_tokenizer(),
            asked,
            TrainingSettings(max_tokens=100, validation_share=0.2, batch_size=2, epochs=3),
        )
    )
    totals, examples = lines[0], lines[1:]
    assert (totals["questions"], totals["held_out"], len(examples)) == (5, 1, 5)
    assert totals["texts"] + totals["left_out"] == 6 * 4
    assert totals["longest"] <= 100
    assert totals["learned"] < totals["tokens"] <= 24 * 100
    assert totals["steps"] == 9
    one = examples[0]
    assert one["rationale"]["prompt"].endswith("]>")
    assert one["rationale"]["response"].endswith(END)
    assert sum(side["cut"] > 0 for one in examples for side in (one["feedback"],)) > 0
    assert totals["cut"] >= sum(one["feedback"]["cut"] for one in examples) > 0


def test_a_question_without_feedback_has_one_side() -> None:
    (first,) = questions(1)
    line = list(preview(tiny_tokenizer(), [replace(first, feedback=())], TrainingSettings()))[1]
    assert line["feedback"] is None
    assert line["rationale"]["teacher"] in ("ann", "bob")


def test_it_is_found_out_once_for_the_same_settings(settings: Settings) -> None:
    project = taught(settings)
    asked: dict[str, Any] = {"student": tiny(settings)}
    folder = settings.checkpoints / ".previews"

    def files() -> int:
        return len(list(folder.glob("*.jsonl")))

    before = files()
    first = example_preview(settings, project, **asked, count=2)
    assert files() == before + 1 <= KEPT
    last = example_preview(
        settings, project, **asked, first=10_000, settings_given={"learning_rate": 1e-4}
    )
    assert files() == before + 1
    assert last.totals == first.totals
    assert last.first == first.totals.questions == len(training_questions(settings, project))
    assert [one.question_id for one in last.examples] != [one.question_id for one in first.examples]
    with pytest.raises(BadInput, match=r"longest question takes \d+ tokens"):
        example_preview(settings, project, **asked, settings_given={"max_tokens": 9})
    assert not list(folder.glob("*.partial"))


def test_the_command_line_shows_and_trains_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    project = taught(settings)
    asked = ["train", "--project", project.name, "--home", str(settings.home)]
    student = ["--student", tiny(settings)]
    assert main([*asked, *student, "--preview", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["examples"]) == 2
    assert found["examples"][0]["feedback"]["response"].endswith(END)
    assert main([*asked, *student, "--preview", "1"]) == 0
    assert "Point out the mistake" in capsys.readouterr().out
    for wrong, complaint in (
        (["--preview", "0"], "at least 1"),
        (["--preview", "2", "--resume"], "leave out"),
        ([], "--name"),
    ):
        assert main([*asked, *student, *wrong]) == 2
        assert complaint in capsys.readouterr().err
    assert main(["jobs", "list", "--home", str(settings.home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": []}
