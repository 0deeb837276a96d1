"""Projects with a mentor: a model that guesses small numbers, and rationales as it leaves them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from db import calls, exams, mentors, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.student.fingerprint import fingerprint
from fair_app.student.registry import parse_ref
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.projects import create_project, open_project
from fair_app.tasks.base import Question

END = "<end>"
WORDS = (END, "<unknown>", "so", "it", "2", "4")


def guesser(folder: Path) -> Path:
    """A real model folder whose every next word is as likely as the others."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END, unk_token="<unknown>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=1,
            num_attention_heads=4,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
            tie_word_embeddings=False,
        )
    )
    with torch.no_grad():
        model.lm_head.weight.zero_()
    model.bfloat16().save_pretrained(folder)
    return folder


def examined(settings: Settings, questions: int = 5, name: str = "mentored") -> Project:
    """A project whose exam has so many mistakes, with gold answers that a guesser may guess."""
    project = create_project(settings, name, "arithmetic", "smollm2-135m")
    store = connect(settings.database)
    asked = [
        Question(f"Round {n}: what is {half} + {half}?", str(2 * half), f"<<{half}+{half}>>")
        for n in range(1, questions + 1)
        for half in [n % 2 + 1]
    ]
    with writing(store):
        exam_id = exams.add(
            store,
            project.id,
            purpose="exam",
            student="smollm2-135m",
            task=project.task,
            split="train",
            settings={"decoding": {"name": "greedy", "max_new_tokens": 12}},
            question_ids=store_questions(store, project.id, project.task, "train", asked),
        )
        for row in exams.unanswered(store, exam_id):
            wrong = {"text": "The answer is 99.", "prediction": "99", "correct": 0}
            exams.save_answer(store, row.id, {**wrong, "truncated": 0, "tokens": 5})
        projects.set_exam(store, project.id, exam_id, "smollm2-135m")
    return open_project(settings, name)


def evaluated(settings: Settings, project: Project, student: str, right: int, of: int = 10) -> int:
    """A finished test of a student on the test split; its id."""
    store = connect(settings.database)
    asked = [Question(f"Test {n}?", str(n), str(n)) for n in range(of)]
    with writing(store):
        exam_id = exams.add(
            store,
            project.id,
            purpose="evaluation",
            student=student,
            task=project.task,
            split="test",
            settings={
                "quantization": "none",
                "decoding": {"name": "greedy"},
                "put": "alike",
                **files_of(settings, student),
            },
            question_ids=store_questions(store, project.id, project.task, "test", asked),
        )
        for place, row in enumerate(exams.unanswered(store, exam_id)):
            exams.save_answer(store, row.id, {"text": "…", "correct": int(place < right)})
    return exam_id


def files_of(settings: Settings, student: str) -> dict[str, str]:
    """What an evaluation says of the files of a student that is a folder."""
    found = fingerprint(parse_ref(student, settings.checkpoints, settings.models))
    return {"fingerprint": found} if found else {}


def with_mentor(settings: Settings, project: Project, folder: Path, right: int = 6) -> str:
    """Make a guesser the project's tested mentor; its REF."""
    ref = str(guesser(folder))
    choose_mentor(settings, project, ref)
    evaluated(settings, project, ref, right)
    return ref


def writes(
    settings: Settings, project: Project, number: int, *texts: str, correct: bool = True
) -> list[int]:
    """Let the mentor have written these rationales of the mistake with this number, from 1."""
    store = connect(settings.database)
    mentor = mentors.of_project(store, project.id)
    assert mentor is not None and project.exam_id is not None
    question_id = exams.question_ids(store, project.exam_id, "wrong")[number - 1]
    with writing(store):
        for place, text in enumerate(texts):
            call = calls.add_imported(
                store,
                {
                    "key": f"{project.name} {question_id} {text}",
                    "teacher": mentor.name,
                    "provider": "mentor",
                    "model": str(mentor.spec["model"]),
                    "role": "rationale",
                    "text": text,
                    "finish": "complete",
                },
            )
            sample = {
                "teacher_id": mentor.id,
                "question_id": question_id,
                "call_id": call,
                "number": place,
                "prediction": "1",
                "correct": int(correct),
            }
            mentors.add_sample(store, sample)
            for row in mentors.unsettled(store, mentor.id, question_id):
                mentors.settle(store, row, mentor.id, "kept", text)
    found = mentors.rationales_on(store, project.id, question_id)
    return [one.id for one in found]
