"""The items and prompts of an evaluation as a task of lm-evaluation-harness, and both compared.

`python benchmarks/harness.py write --project P --evaluation N --output DIR` writes the rows and the
task, and prints the command that runs the harness on them. `python benchmarks/harness.py compare
--project P --evaluation N --samples FILE` sets the samples that it wrote beside our answers.
For tasks whose answers are numbers, asked greedily: docs/evaluation.md.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.student.registry import parse_ref
from fair_app.studio.evaluations import find_evaluation
from fair_app.studio.projects import open_project
from fair_app.tasks.asking import put
from fair_app.tasks.grading import grade

TASK = "fair_rows"
FLEXIBLE = "flexible-extract"
# The filter and the comparison are those of the harness's own tasks/gsm8k/gsm8k.yaml.
YAML = r"""task: {task}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {rows}
output_type: generate_until
test_split: test
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{gold_answer}}}}"
num_fewshot: 0
generation_kwargs:
  until: []
  do_sample: false
  max_gen_toks: {tokens}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    ignore_punctuation: false
    regexes_to_ignore: [",", "\\$", "(?s).*#### ", "\\.$"]
filter_list:
  - name: {flexible}
    filter:
      - function: regex
        group_select: -1
        regex_pattern: "(-?[$0-9.,]{{2,}})|(-?[0-9]+)"
      - function: take_first
"""


def main() -> None:
    """Write or compare, as the command says."""
    parser = argparse.ArgumentParser(description="Our evaluations in lm-evaluation-harness.")
    parser.add_argument("step", choices=["write", "compare"])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--project", required=True)
    parser.add_argument("--evaluation", required=True, metavar="N")
    parser.add_argument("--output", type=Path, default=Path("harness"), metavar="DIR")
    parser.add_argument("--samples", type=Path, metavar="FILE")
    given = parser.parse_args()
    settings = Settings(home=given.home) if given.home else Settings()
    project = open_project(settings, given.project)
    exam = find_evaluation(settings, project, given.evaluation)
    if given.step == "write":
        write(settings, project, exam, given.output)
    elif given.samples is None:
        parser.error("compare needs --samples FILE, which the harness wrote")
    else:
        compare(settings, exam, given.samples)


def write(settings: Settings, project: Project, exam: Exam, folder: Path) -> None:
    """Write rows and task into a folder, and print the harness's command."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = (folder / "rows.jsonl").resolve()
    with rows.open("w", encoding="utf-8") as file:
        for row in exams.answers(connect(settings.database), exam.id):
            prompt = put(as_question(row), "number")
            line = {"id": row.question_id, "prompt": prompt, "gold_answer": row.gold_answer}
            file.write(json.dumps(line) + "\n")
    tokens = exam.settings["decoding"]["max_new_tokens"]
    content = YAML.format(task=TASK, rows=rows, tokens=tokens, flexible=FLEXIBLE)
    (folder / f"{TASK}.yaml").write_text(content, encoding="utf-8")
    ref = parse_ref(exam.student, settings.checkpoints, settings.models)
    model = f"pretrained={ref.source},dtype={exam.description.get('dtype', 'auto')}"
    if ref.adapter is not None:
        model += f",peft={ref.adapter}"
    chat = " --apply_chat_template" if exam.description.get("chat_template") else ""
    print(
        f"lm_eval --model hf --model_args {model} --tasks {TASK} --include_path {folder}{chat} "
        f"--batch_size 16 --log_samples --output_path {folder}"
    )


def compare(settings: Settings, exam: Exam, samples: Path) -> None:
    """Print both accuracies on the items that the harness had, and where the readings differ.

    Its own answers are read by our grader too: the two differ there by their reading alone.
    """
    theirs: dict[int, dict[str, Any]] = {}
    for line in samples.read_text(encoding="utf-8").splitlines():
        sample = json.loads(line)
        if sample["filter"] == FLEXIBLE:
            theirs[sample["doc"]["id"]] = sample
    found = exams.answers(connect(settings.database), exam.id)
    ours = {row.question_id: row for row in found if row.question_id in theirs}
    if not theirs or ours.keys() != theirs.keys():
        raise SystemExit(f"{samples} is not of the items of evaluation {exam.id}.")
    texts = {item: sample["resps"][0][0] for item, sample in theirs.items()}
    same = sum((row.text or "").strip() == texts[item].strip() for item, row in ours.items())
    right = {item: sample["exact_match"] == 1 for item, sample in theirs.items()}
    reread = {item: grade(texts[item], row.gold_answer, "number") for item, row in ours.items()}
    print(f"{len(ours)} items, {same} of the answers the same text in both")
    print(f"our answers, our grader: {sum(bool(row.correct) for row in ours.values())} right")
    print(f"its answers, {FLEXIBLE}: {sum(right.values())} right")
    print(f"its answers, our grader: {sum(one.correct for one in reread.values())} right")
    for item, row in ours.items():
        if reread[item].correct != right[item]:
            print(
                f"item {item}, gold {row.gold_answer}: we read {reread[item].prediction!r}, "
                f"{FLEXIBLE} reads {theirs[item]['filtered_resps'][0]!r} in …{texts[item][-80:]!r}"
            )


if __name__ == "__main__":
    main()
