"""Students in memory: one base below many adapters, and what goes when memory is short."""

import json
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.base import Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.lent import LentModels, Wanted
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from tests.student.lending import adapter, whole

PROMPTS = ["What is 2 plus 3?", "Name a colour."]
SHORT = Decoding(max_new_tokens=24)
PLENTY = 10**12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def said(models: LentModels, wanted: Wanted, prompt: str = PROMPTS[0]) -> str:
    *_, last = models.stream(wanted, prompt, SHORT)
    return last.text


def apart(settings: Settings, ref: str, prompt: str = PROMPTS[0]) -> str:
    """What a student answers that is loaded alone, as an exam does it."""
    found = parse_ref(ref, settings.checkpoints, settings.models)
    student = TransformersStudent(load(found), batch_size=1)
    ((_, completion),) = student.answer([prompt], SHORT)
    return completion.text


def test_a_stream_ends_with_the_answer_of_an_exam(settings: Settings, tiny_folder: Path) -> None:
    student = TransformersStudent(load(parse_ref(str(tiny_folder), Path(), Path())), batch_size=1)
    for prompt in PROMPTS:
        grown = list(student.stream(prompt, SHORT))
        ((_, whole_answer),) = student.answer([prompt], SHORT)
        assert grown[-1] == whole_answer
        assert [one.tokens for one in grown[:-1]] == list(range(1, len(grown)))
        assert not any(one.truncated for one in grown[:-1])


def test_a_base_and_its_adapters_answer_in_turns_from_one_model(
    settings: Settings, tiny_folder: Path
) -> None:
    refs = [str(tiny_folder), *(adapter(settings, tiny_folder, f"a{n}", n) for n in (1, 2))]
    models = LentModels(settings, lambda: PLENTY)
    wanted = [Wanted(ref) for ref in refs]
    assert models.fit_together(wanted)
    models.load(wanted)
    alone = [said(models, one) for one in wanted]
    assert len(set(alone)) == 3
    assert len(models) == 1
    assert alone[0] == apart(settings, refs[0])

    streams = {one.student: models.stream(one, PROMPTS[0], SHORT) for one in wanted}
    last: dict[str, str] = {}
    while streams:
        for ref, stream in list(streams.items()):
            written = next(stream, None)
            if written is None:
                del streams[ref]
            else:
                last[ref] = written.text
    assert [last[ref] for ref in refs] == alone


def test_another_adapter_may_come_later(settings: Settings, tiny_folder: Path) -> None:
    base = Wanted(str(tiny_folder))
    models = LentModels(settings, lambda: PLENTY)
    models.load([base])
    before = said(models, base)
    first = Wanted(adapter(settings, tiny_folder, "first", 1))
    models.load([base, first])
    said_first = said(models, first)
    second = Wanted(adapter(settings, tiny_folder, "second", 2))
    models.load([base, second])
    models.load([base, first])
    assert (said(models, base), said(models, first)) == (before, said_first)
    assert said(models, second) not in (before, said_first)
    assert len(models) == 1


def test_an_adapter_that_needs_the_weights_norms_is_a_model_of_its_own(
    settings: Settings, tiny_folder: Path
) -> None:
    base, dora = (
        Wanted(str(tiny_folder)),
        Wanted(adapter(settings, tiny_folder, "dora", use_dora=True)),
    )
    models = LentModels(settings, lambda: PLENTY)
    models.load([base, dora])
    assert len(models) == 2
    assert said(models, dora) == apart(settings, dora.student) != said(models, base)


def test_two_models_are_held_only_where_there_is_room(
    settings: Settings, tiny_folder: Path
) -> None:
    base, other = Wanted(str(tiny_folder)), Wanted(whole(settings, tiny_folder, "whole"))
    size = sum(file.stat().st_size for file in tiny_folder.glob("*.safetensors"))
    free = size * 2
    models = LentModels(settings, lambda: free - len(models) * size)
    assert not models.fit_together([base, other])
    models.load([base])
    assert not models.fit_together([base, other])
    models.load([other])
    assert len(models) == 1
    assert said(models, other) == apart(settings, other.student)
    free = size * 4
    assert models.fit_together([base, other])
    models.load([base, other])
    assert len(models) == 2
    assert said(models, base) != said(models, other)


def test_what_is_not_there_or_does_not_fit_is_said(settings: Settings, tiny_folder: Path) -> None:
    models = LentModels(settings, lambda: PLENTY)
    with pytest.raises(BadInput, match="There is no checkpoint 'gone'"):
        models.fit_together([Wanted("checkpoint:gone")])
    ref = adapter(settings, tiny_folder, "odd")
    config = settings.checkpoints / "odd" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 7}))
    with pytest.raises(BadInput, match="does not fit its base student"):
        models.load([Wanted(str(tiny_folder)), Wanted(ref)])
    models.load([Wanted(str(tiny_folder))])
    assert said(models, Wanted(str(tiny_folder)))
