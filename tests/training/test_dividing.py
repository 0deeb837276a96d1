"""What accelerate says of dividing the weights: FSDP2 is done, the rest refused in a sentence."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.studio.training_start import launch_of
from fair_app.training.dividing import (
    FSDP,
    NOT_DONE,
    Sharding,
    check_accelerate,
    check_method,
    shares,
    told,
)
from fair_app.training.processes import joined

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "accelerate").glob("*.yaml"))
LAUNCHED = {FSDP: "true", "FSDP_VERSION": "2", "FSDP_RESHARD_AFTER_FORWARD": "true"}


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_the_documented_files_are_accelerates_own(file: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    assert launch_of(None, str(file)) == {"config": str(file)}
    read = load_config_from_file(str(file))
    divides = file.stem == "fsdp"
    assert read.distributed_type == ("FSDP" if divides else "MULTI_GPU")
    assert read.num_processes == 8 * read.num_machines
    assert shares({"config": str(file)}) == (8 if divides else 1)


@pytest.mark.parametrize(
    ("content", "how"),
    [
        ("distributed_type: DEEPSPEED\n", "DEEPSPEED"),
        ('{"distributed_type": "MEGATRON_LM"}', "MEGATRON_LM"),
        ("distributed_type: MULTI_GPU\nparallelism_config: {tp_size: 2}\n", "a parallelism_config"),
    ],
)
def test_other_ways_to_divide_the_weights_are_refused(
    tmp_path: Path, content: str, how: str
) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(content)
    with pytest.raises(BadInput, match=f"asks for {how}, which divides the weights in a way"):
        launch_of(None, str(file))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"fsdp_version": 1}, "set fsdp_version to 2"),
        ({"fsdp_version": None}, "set fsdp_version to 2"),
        ({"fsdp_offload_params": True}, "fsdp_offload_params.*set it to false"),
        ({"fsdp_activation_checkpointing": "true"}, "comes by itself"),
        ({"fsdp_auto_wrap_policy": "SIZE_BASED_WRAP"}, "SIZE_BASED_WRAP.*TRANSFORMER_BASED_WRAP"),
        ({"fsdp_reshard_after_forward": "FULL_SHARD"}, "full_shard: give true or false"),
    ],
)
def test_what_fsdp_is_asked_for_and_not_done_is_said(
    tmp_path: Path, changed: dict[str, object], says: str
) -> None:
    file = tmp_path / "accelerate.yaml"
    content = {
        "distributed_type": "FSDP",
        "num_processes": 2,
        "fsdp_config": {"fsdp_version": 2, **changed},
    }
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput, match=says):
        launch_of(None, str(file))


@pytest.mark.parametrize(
    "content",
    ["distributed_type: FSDP\nfsdp_config: yes\n", "distributed_type: FSDP\nnum_processes: many\n"],
)
def test_a_file_whose_numbers_are_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(content)
    with pytest.raises(BadInput, match="that is none: correct it"):
        check_accelerate(file)


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(content)
    with pytest.raises(BadInput, match="`accelerate config` writes such a file"):
        launch_of(None, str(file))


@given(
    st.sampled_from(["true", "True", "1", "false", "False", "no"]),
    st.lists(st.sampled_from(["LlamaDecoderLayer", "Qwen2DecoderLayer"]), max_size=2),
    st.booleans(),
)
def test_file_and_environment_say_the_same(reshard: str, layers: list[str], in_turns: bool) -> None:
    found = told(
        {
            **LAUNCHED,
            "FSDP_RESHARD_AFTER_FORWARD": reshard,
            "FSDP_TRANSFORMER_CLS_TO_WRAP": ", ".join(layers),
            "FSDP_CPU_RAM_EFFICIENT_LOADING": str(in_turns).lower(),
        }
    )
    assert found == Sharding(tuple(layers), reshard.lower() in ("true", "1"), in_turns)


def test_processes_are_told_by_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told({}) is None
    assert told({FSDP: "false", "FSDP_VERSION": "1"}) is None
    assert shares(None) == 1
    for name, value in LAUNCHED.items():
        monkeypatch.setenv(name, value)
    assert shares(None) == 1  # with one process there is nothing to divide
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert shares(None) == 4
    assert shares({"processes": 2}) == 1


@pytest.mark.parametrize("variable", NOT_DONE)
def test_processes_that_were_told_otherwise_do_not_begin(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(variable, "true")
    with pytest.raises(BadInput, match="set distributed_type to MULTI_GPU"), joined():
        pass


def test_what_trains_all_weights_has_none_to_divide() -> None:
    check_method("full", 1)
    check_method("dora", 8)
    with pytest.raises(BadInput, match="method full freezes none"):
        check_method("full", 2)
