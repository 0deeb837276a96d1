"""An accelerate file that divides the weights is refused; the ones in the documentation work."""

from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.studio.training_start import launch_of
from fair_app.training.dividing import DIVIDING
from fair_app.training.processes import joined

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "accelerate").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_the_documented_files_are_accelerates_own(file: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    assert launch_of(None, str(file)) == {"config": str(file)}
    read = load_config_from_file(str(file))
    assert read.distributed_type == "MULTI_GPU"
    assert read.num_processes == 8 * read.num_machines


@pytest.mark.parametrize(
    ("content", "how"),
    [
        ("distributed_type: FSDP\nfsdp_config: {fsdp_version: 2}\n", "FSDP"),
        ("distributed_type: DEEPSPEED\n", "DEEPSPEED"),
        ('{"distributed_type": "MEGATRON_LM"}', "MEGATRON_LM"),
        ("distributed_type: MULTI_GPU\nparallelism_config: {tp_size: 2}\n", "a parallelism_config"),
    ],
)
def test_a_file_that_divides_the_weights_is_refused(tmp_path: Path, content: str, how: str) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(content)
    with pytest.raises(BadInput, match=f"asks for {how}, which divides the weights"):
        launch_of(None, str(file))


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(content)
    with pytest.raises(BadInput, match="`accelerate config` writes such a file"):
        launch_of(None, str(file))


@pytest.mark.parametrize("variable", DIVIDING)
def test_processes_that_were_told_to_divide_them_do_not_begin(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(variable, "true")
    with pytest.raises(BadInput, match="set distributed_type to MULTI_GPU"), joined():
        pass
