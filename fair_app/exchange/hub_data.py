"""The curated training set as a data set of the hub: a parquet file, and its card."""

from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from fair_app.report import card as common
from fair_app.report.card import METHOD, TAGS, facts, front_matter
from fair_app.report.markdown import line

FILE = "data/train-00000-of-00001.parquet"
COLUMNS = {
    "messages": "the user's message, then the assistant's: what is learned",
    "part": "rationale: the question is answered; feedback: a mistake is explained",
    "teacher": "who wrote the assistant's message",
    "simulated": "whether the teacher is a rule-based program",
    "question_id": "the texts of one question bear the same number",
}
FEATURES: list[dict[str, Any]] = [
    {
        "name": "messages",
        "list": [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}],
    },
    {"name": "part", "dtype": "string"},
    {"name": "teacher", "dtype": "string"},
    {"name": "simulated", "dtype": "bool"},
    {"name": "question_id", "dtype": "int64"},
]
"""The columns as `datasets` has them, in the head of the card."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))

Row = Mapping[str, Any]


def as_parquet(rows: Sequence[Row]) -> bytes:
    """The rows of `sft.chats` as a parquet file with the columns of FEATURES."""
    import pyarrow
    from pyarrow import parquet

    def fields(features: Sequence[Mapping[str, Any]]) -> list[tuple[str, pyarrow.DataType]]:
        return [(one["name"], kind(one)) for one in features]

    def kind(feature: Mapping[str, Any]) -> pyarrow.DataType:
        if "list" in feature:
            return pyarrow.list_(pyarrow.struct(fields(feature["list"])))
        return pyarrow.type_for_alias(feature["dtype"])

    table = pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(fields(FEATURES)))
    file = BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def data_card(
    repository: str, lineage: Mapping[str, Any], source: Mapping[str, Any], rows: Sequence[Row]
) -> str:
    """A card in the hub's form.

    `lineage` says where the texts are from, as a checkpoint's does; `source` where the questions
    are, as an exam has it.
    """
    sections = [
        front_matter(_head(rows)),
        f"# {line(repository)}",
        "What a committee of teachers wrote about the mistakes of a student, and what of it was "
        "accepted: rationales, each scored by the other teachers, and feedback on the student's "
        f"own answers ({METHOD}).",
        common.simulated(lineage),
        facts("", _origin(lineage, source)),
        common.teachers_table(lineage),
        common.table("Columns", ("Column", "What it is"), COLUMNS.items()),
        facts("Texts", _counted(rows)),
        f"## Loading it\n\n```python\nfrom datasets import load_dataset\n\n"
        f'data = load_dataset("{repository}", split="train")\n```',
        "`lineage.json` says by which prompts, rule and decisions the texts came to be here. No "
        "licence is given: the questions have that of the data set that they are from, and the "
        "terms of the teachers' providers hold for what they wrote.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "task_categories": ["text-generation"],
        "tags": TAGS,
        "size_categories": [next((words for most, words in SIZES if len(rows) < most), "1M<n<10M")],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": FILE}]},
        ],
        "dataset_info": {"features": FEATURES},
    }


def _origin(lineage: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "Task": lineage.get("task"),
        "Questions from": ", ".join(f"{name} {value}" for name, value in source.items()),
        "Student": lineage.get("student"),
        "Acceptance threshold": lineage.get("threshold"),
        "Beside the threshold": common.beside_threshold(lineage),
        "Texts (SHA-256)": lineage.get("data_sha256"),
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def _counted(rows: Sequence[Row]) -> dict[str, Any]:
    parts = Counter(row["part"] for row in rows)
    by_teacher = Counter((row["part"], row["teacher"]) for row in rows)
    return {
        "Questions": f"{len({row['question_id'] for row in rows}):,}",
        **{
            part.capitalize(): f"{parts[part]:,} ("
            + ", ".join(
                f"{teacher} {number:,}"
                for (of, teacher), number in sorted(by_teacher.items())
                if of == part
            )
            + ")"
            for part in ("rationale", "feedback")
            if parts[part]
        },
    }
